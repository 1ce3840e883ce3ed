// Embeddings by a local model: the line of requests, their limits, and that company does not show.
#include "providers/local_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "providers/local_provider.h"
#include "tests/formats/temp_folder.h"
#include "tests/models/tiny_bert.h"

namespace dure::providers {
namespace {

using ::testing::HasSubstr;
using Tokens = std::vector<int32_t>;

class LocalEncoderTest : public ::testing::Test {
 protected:
  void Start(EncoderLimits limits = {}, bool preload = true) {
    path_ = folder_.path() + "/tiny";
    models::testing::TinyBertWriter({}).WriteFolder(path_);
    LocalProviderOptions options;
    options.models = {{path_, preload, false, ModelKindOf(path_)}};
    options.threads = 2;
    options.encoders = limits;
    options.random_seed = [] { return uint64_t{7}; };
    options.unix_time = [] { return int64_t{1}; };
    provider_ = std::make_unique<LocalProvider>(std::move(options));
    std::promise<Result<void>> loaded;
    provider_->StartLoading([&](Result<void> result) { loaded.set_value(std::move(result)); });
    const auto result = loaded.get_future().get();
    ASSERT_TRUE(result) << result.error().message;
  }
  using Inputs = decltype(EmbeddingRequest::inputs);

  std::future<Result<Embeddings>> Ask(Inputs inputs,
                                      std::shared_ptr<Completion>* running = nullptr) {
    auto promise = std::make_shared<std::promise<Result<Embeddings>>>();
    EmbeddingRequest request;
    request.model = "tiny";
    request.inputs = std::move(inputs);
    auto started = provider_->Embed(
        request, [promise](Result<Embeddings> done) { promise->set_value(std::move(done)); });
    if (!started) promise->set_value(tl::unexpected(started.error()));
    if (running != nullptr && started) *running = *started;
    return promise->get_future();
  }
  static std::string Text(int words) {
    std::string text;
    for (int i = 0; i < words; ++i) text += "w" + std::to_string(4 + i * 7 % 46) + " ";
    return text;
  }

  formats::TempFolder folder_;
  std::string path_;
  std::unique_ptr<LocalProvider> provider_;
};

TEST_F(LocalEncoderTest, AFolderIsAModelForEmbeddings) {
  Start();
  const ModelInfo info = provider_->models()[0];
  EXPECT_EQ(info.id, "tiny");
  EXPECT_EQ(info.kind, ModelKind::kEmbedding);
  EXPECT_EQ(info.context_length, 160);
  EXPECT_EQ(info.state, ModelState::kReady);
  EXPECT_TRUE(provider_->stats().empty()) << "it has no engine";
  EXPECT_EQ(LocalModelId(path_ + "/"), "tiny");
}

TEST_F(LocalEncoderTest, CompanyDoesNotShow) {
  EncoderLimits limits;
  limits.rows_at_once = 64;
  Start(limits);
  Inputs together;
  for (int words = 0; words < 40; ++words) together.emplace_back(Text(words));
  std::vector<std::future<Result<Embeddings>>> waiting;
  for (int i = 0; i < 4; ++i) waiting.push_back(Ask(together));
  std::vector<Embeddings> answers;
  for (auto& one : waiting) {
    auto answer = one.get();
    ASSERT_TRUE(answer) << answer.error().message;
    answers.push_back(*std::move(answer));
  }
  EXPECT_EQ(answers[0].prompt_tokens, 40 * 39 / 2 + 2 * 40);
  for (size_t i = 0; i < together.size(); ++i) {
    const auto alone = Ask({together[i]}).get();
    ASSERT_TRUE(alone);
    for (const Embeddings& answer : answers) {
      EXPECT_EQ(answer.vectors[i], alone->vectors[0]) << i << ": in its place, bit for bit";
    }
  }
}

TEST_F(LocalEncoderTest, TokensAreTheTextsTheyComeFrom) {
  Start();
  std::promise<std::shared_ptr<const ModelText>> made;
  provider_->WithText("tiny", [&](auto text) { made.set_value(*text); });
  const auto text = made.get_future().get();
  const Tokens tokens = text->Encode("w5 w9", false);
  EXPECT_EQ(tokens, (Tokens{5, 9}));
  EXPECT_FALSE(text->Decode({5, 1000}));
  EXPECT_FALSE(text->Render({}, true));
  const auto vectors = Ask({std::string("w5 w9"), tokens, Tokens{2, 5, 9, 3}}).get();
  ASSERT_TRUE(vectors);
  EXPECT_EQ(vectors->vectors[0], vectors->vectors[1]);
  EXPECT_EQ(vectors->vectors[0], vectors->vectors[2]) << "framed already";
}

TEST_F(LocalEncoderTest, RefusesWithNumbers) {
  EncoderLimits limits;
  limits.max_request_tokens = 200;
  Start(limits);
  const auto error = [&](Inputs inputs) { return Ask(std::move(inputs)).get().error(); };
  const Error too_long = error({std::string("w5"), Text(159)});
  EXPECT_EQ(too_long.code, ErrorCode::kContextLengthExceeded);
  EXPECT_EQ(too_long.message, "input 1: the text has 161 tokens, the model takes at most 160");
  EXPECT_TRUE(Ask({Text(158)}).get());
  const Error too_many = error({Text(150), Text(150)});
  EXPECT_EQ(too_many.code, ErrorCode::kContextLengthExceeded);
  EXPECT_THAT(too_many.message, HasSubstr("304 tokens together; at most 200"));
  EXPECT_EQ(error({Tokens{-1}}).code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(error({Tokens{50}}).code, ErrorCode::kInvalidArgument);
}

TEST_F(LocalEncoderTest, WritesNoText) {
  Start();
  struct NoSink : ChatSink {
    void OnDelta(ChatDelta) override { ADD_FAILURE(); }
    void OnChoiceEnd(int, const ChoiceEnd&) override { ADD_FAILURE(); }
    void OnEnd(const Result<ChatUsage>&) override { ADD_FAILURE(); }
  };
  ChatRequest chat;
  chat.model = "tiny";
  EXPECT_EQ(provider_->Complete(chat, std::make_shared<NoSink>()).error().code,
            ErrorCode::kUnsupported);
  TextRequest text;
  text.model = "tiny";
  EXPECT_EQ(provider_->CompleteText(text, std::make_shared<NoSink>()).error().code,
            ErrorCode::kUnsupported);
}

TEST_F(LocalEncoderTest, EveryRequestGetsItsEnd) {
  EncoderLimits limits;
  limits.rows_at_once = 8;
  Start(limits);
  std::vector<std::future<Result<Embeddings>>> waiting;
  std::vector<std::shared_ptr<Completion>> running(8);
  for (auto& one : running) waiting.push_back(Ask(Inputs(100, Text(30)), &one));
  for (size_t i = 0; i < 4; ++i) running[i]->Cancel();
  for (size_t i = 0; i < 4; ++i) {
    const auto ended = waiting[i].get();
    if (!ended) EXPECT_EQ(ended.error().code, ErrorCode::kCancelled);
  }
  provider_.reset();
  for (size_t i = 4; i < 8; ++i) {
    const auto ended = waiting[i].get();
    if (!ended) EXPECT_EQ(ended.error().code, ErrorCode::kUnavailable);
  }
  running[0]->Cancel();  // harmless after the end
}

}  // namespace
}  // namespace dure::providers
