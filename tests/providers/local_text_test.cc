// Texts continued by a local engine with a tiny model: echo, log-probabilities, fill in the middle.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "providers/local_provider.h"
#include "tests/models/tiny_model.h"

namespace dure::providers {
namespace {

using ::testing::HasSubstr;

struct Collected {
  std::vector<std::string> texts = std::vector<std::string>(4);
  std::vector<std::vector<TokenInfo>> tokens = std::vector<std::vector<TokenInfo>>(4);
  int ends = 0;
  Result<ChatUsage> usage;
};

class CollectingSink : public ChatSink {
 public:
  void OnDelta(ChatDelta delta) override {
    const auto choice = static_cast<size_t>(delta.choice);
    collected_.texts[choice] += delta.text;
    for (TokenInfo& token : delta.tokens) collected_.tokens[choice].push_back(std::move(token));
  }
  void OnChoiceEnd(int, const ChoiceEnd&) override { ++collected_.ends; }
  void OnEnd(const Result<ChatUsage>& usage) override {
    collected_.usage = usage;
    done_.set_value(std::move(collected_));
  }
  std::future<Collected> done() { return done_.get_future(); }

 private:
  Collected collected_;
  std::promise<Collected> done_;
};

class LocalTextTest : public ::testing::Test {
 protected:
  void SetUp() override {
    models::testing::TinyShape shape = {
        .layers = 1, .width = 64, .head_dim = 16, .ff_width = 64, .context = 128};
    path_ = models::testing::WriteTinyModel(shape);
    ASSERT_FALSE(path_.empty());
    LocalProviderOptions options;
    options.models = {{path_, true, false}};
    options.threads = 1;
    options.engine.kv_bytes = 1 << 20;
    options.random_seed = [] { return uint64_t{7}; };
    options.unix_time = [] { return int64_t{1}; };
    provider_ = std::make_unique<LocalProvider>(std::move(options));
    std::promise<Result<void>> loaded;
    provider_->StartLoading([&](Result<void> result) { loaded.set_value(std::move(result)); });
    ASSERT_TRUE(loaded.get_future().get());
    request_.model = provider_->models()[0].id;
    request_.prompt = std::string("abc");
    request_.max_tokens = 5;
    request_.sampling.temperature = 0;
  }
  void TearDown() override {
    provider_.reset();
    std::filesystem::remove(path_);
  }

  Result<Collected> Run(const TextRequest& request) {
    auto sink = std::make_shared<CollectingSink>();
    auto done = sink->done();
    auto started = provider_->CompleteText(request, sink);
    if (!started) return tl::unexpected(started.error());
    return done.get();
  }

  std::string path_;
  std::unique_ptr<LocalProvider> provider_;
  TextRequest request_;
};

TEST_F(LocalTextTest, EchoPutsThePromptInFront) {
  const auto text = Run(request_);
  ASSERT_TRUE(text) << text.error().message;
  ASSERT_TRUE(text->usage);
  TextRequest echo = request_;
  echo.echo = true;
  const auto echoed = Run(echo);
  ASSERT_TRUE(echoed);
  EXPECT_EQ(echoed->texts[0], "abc" + text->texts[0]);
  EXPECT_EQ(echoed->usage->prompt_tokens, text->usage->prompt_tokens);
}

TEST_F(LocalTextTest, EchoComesWithTheLogprobsOfThePrompt) {
  TextRequest request = request_;
  request.echo = true;
  request.top_logprobs = 2;
  request.choices = 2;
  const auto answer = Run(request);
  ASSERT_TRUE(answer) << answer.error().message;
  ASSERT_TRUE(answer->usage) << answer->usage.error().message;
  EXPECT_EQ(answer->ends, 2);
  for (const size_t choice : {0u, 1u}) {
    const std::vector<TokenInfo>& tokens = answer->tokens[choice];
    ASSERT_GE(tokens.size(), 4u);
    EXPECT_EQ(tokens[0].chosen.bytes + tokens[1].chosen.bytes + tokens[2].chosen.bytes, "abc");
    EXPECT_TRUE(std::isnan(tokens[0].chosen.logprob)) << "nothing stands before it";
    EXPECT_TRUE(tokens[0].top.empty());
    for (size_t i = 1; i < tokens.size(); ++i) {
      EXPECT_LE(tokens[i].chosen.logprob, 0) << i;
      ASSERT_EQ(tokens[i].top.size(), 2u) << i;
      EXPECT_GE(tokens[i].top[0].logprob, tokens[i].chosen.logprob) << i;
    }
    // Drawn at temperature 0: the best one, with the same number as without the echo.
    EXPECT_EQ(tokens[3].top[0].bytes, tokens[3].chosen.bytes);
  }
  TextRequest plain = request;
  plain.echo = false;
  const auto without = Run(plain);
  ASSERT_TRUE(without);
  EXPECT_EQ(without->tokens[0][0].chosen.logprob, answer->tokens[0][3].chosen.logprob);
}

TEST_F(LocalTextTest, ScoresATextWithoutAnAnswer) {
  TextRequest request = request_;
  request.echo = true;
  request.top_logprobs = 0;
  request.max_tokens = 0;
  const auto score = Run(request);
  ASSERT_TRUE(score) << score.error().message;
  EXPECT_EQ(score->texts[0], "abc");
  ASSERT_EQ(score->tokens[0].size(), 3u);
  EXPECT_EQ(score->ends, 1);
  EXPECT_EQ(score->usage->completion_tokens, 0);
  EXPECT_EQ(score->usage->prompt_tokens, 3);
  // The same numbers as along an answer: what follows "a" is scored as it is when drawn.
  TextRequest longer = request;
  longer.prompt = std::string("abcdef");
  const auto more = Run(longer);
  ASSERT_TRUE(more);
  EXPECT_EQ(more->tokens[0][2].chosen.logprob, score->tokens[0][2].chosen.logprob);
}

TEST_F(LocalTextTest, NoTokensAtAllIsAnEmptyAnswer) {
  TextRequest request = request_;
  request.max_tokens = 0;
  const auto answer = Run(request);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->texts[0], "");
  EXPECT_EQ(answer->ends, 1);
}

TEST_F(LocalTextTest, RefusesWhatCannotBe) {
  TextRequest request = request_;
  request.suffix = "x";
  auto refused = Run(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(refused.error().message, HasSubstr("suffix"));
  request = request_;
  for (const bool echo : {false, true}) {
    request.echo = echo;
    request.prompt = std::vector<int32_t>{};
    EXPECT_EQ(Run(request).error().code, ErrorCode::kInvalidArgument);
    request.prompt = std::vector<int32_t>{1'000'000};
    EXPECT_EQ(Run(request).error().code, ErrorCode::kInvalidArgument);
    request.prompt = std::string(500, 'a');
    request.top_logprobs = 1;
    EXPECT_EQ(Run(request).error().code, ErrorCode::kContextLengthExceeded);
  }
  request.max_tokens = 0;
  EXPECT_EQ(Run(request).error().code, ErrorCode::kContextLengthExceeded);
  request.model = "none";
  EXPECT_EQ(Run(request).error().code, ErrorCode::kNotFound);
}

TEST_F(LocalTextTest, CancellingEndsBothHalves) {
  TextRequest request = request_;
  request.echo = true;
  request.top_logprobs = 1;
  request.prompt = std::string(100, 'a');
  request.max_tokens = -1;
  auto sink = std::make_shared<CollectingSink>();
  auto done = sink->done();
  const auto running = provider_->CompleteText(request, sink);
  ASSERT_TRUE(running);
  (*running)->Cancel();
  const Collected ended = done.get();
  if (!ended.usage) {
    EXPECT_EQ(ended.usage.error().code, ErrorCode::kCancelled);
  }
}

}  // namespace
}  // namespace dure::providers
