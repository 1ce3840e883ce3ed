// Guessing tokens changes how many steps an answer takes, and no bit of it.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "tests/engine/tiny_engine.h"

namespace dure::engine {
namespace {

using testing::EventBits;
using testing::MakeTinyEngine;
using testing::RandomTokens;
using testing::RecordingSink;
using testing::Start;
using testing::TinyEngine;
using testing::TinyModelPath;

/// A prompt that says everything twice, so that there is always something to guess from.
std::vector<TokenId> Repetitive(int length, uint32_t seed) {
  std::vector<TokenId> tokens = RandomTokens(length, seed);
  for (int i = 0; i < length; ++i) tokens.push_back(tokens[static_cast<size_t>(i)]);
  return tokens;
}

struct Case {
  const char* name;
  std::function<void(GenerateRequest&)> set;
  bool repeats;  // its answer surely repeats itself
};

/// Three tokens at random: guesses are right now and then, and wrong now and then.
void FewTokens(GenerateRequest& request) {
  request.sampling.temperature = 10;
  for (TokenId id = 65; id < 68; ++id) request.sampling.logit_bias.emplace_back(id, 1000.0f);
}

std::vector<Case> Cases() {
  return {{"greedy", [](GenerateRequest& r) { r.sampling.temperature = 0; }, false},
          {"greedy_one_token",
           [](GenerateRequest& r) {
             r.sampling.temperature = 0;
             r.sampling.logit_bias = {{65, 1e6f}};
           },
           true},
          {"seeded",
           [](GenerateRequest& r) {
             r.sampling.seed = 5;
             FewTokens(r);
           },
           true},
          {"penalised",
           [](GenerateRequest& r) {
             r.sampling.seed = 6;
             r.sampling.repetition_penalty = 1.1f;
             r.sampling.frequency_penalty = 0.2f;
             r.sampling.presence_penalty = 0.3f;
             FewTokens(r);
           },
           true},
          {"stopped",
           [](GenerateRequest& r) {
             r.sampling.seed = 7;
             r.stop = {"ABCA"};
             FewTokens(r);
           },
           true}};
}

GenerateRequest Request(const Case& c, int max_tokens) {
  GenerateRequest request;
  request.prompt = Repetitive(20, 3);
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  request.top_logprobs = 3;
  c.set(request);
  return request;
}

struct Answer {
  std::vector<uint32_t> bits;
  std::string text;
  FinishReason reason;
  int completion_tokens;
  bool operator==(const Answer&) const = default;
};

Answer AnswerOf(RecordingSink& sink) {
  const FinishEvent& finish = sink.WaitForFinish();
  return {EventBits(sink.events()), sink.text(), finish.reason, finish.usage.completion_tokens};
}

class SpeculationTest : public ::testing::TestWithParam<Case> {};

TEST_P(SpeculationTest, GivesTheSameBits) {
  EngineOptions off;
  off.speculation = Speculation::kOff;
  const TinyEngine plain = MakeTinyEngine(TinyModelPath(), 2, off);
  const TinyEngine guessing = MakeTinyEngine(TinyModelPath(), 2);
  for (const int max_tokens : {1, 2, 7, 120, -1}) {
    const GenerateRequest request = Request(GetParam(), max_tokens);
    EXPECT_EQ(AnswerOf(*Start(*guessing.engine, request)), AnswerOf(*Start(*plain.engine, request)))
        << max_tokens;
  }
  EXPECT_EQ(plain->stats().drafted_tokens, 0u);
  if (GetParam().repeats) {
    const EngineStats stats = guessing->stats();
    EXPECT_GT(stats.accepted_tokens, 0u);
    EXPECT_LT(stats.steps, plain->stats().steps);
    EXPECT_EQ(stats.tokens_generated, plain->stats().tokens_generated);
  }
  EXPECT_EQ(guessing->stats().blocks_used, 0);
}

TEST_P(SpeculationTest, GivesTheSameBitsAmongOthersAndInASmallCache) {
  EngineOptions off;
  off.speculation = Speculation::kOff;
  const TinyEngine plain = MakeTinyEngine(TinyModelPath(), 1, off);
  EngineOptions options;
  options.max_draft = 5;
  options.max_sequences = 3;
  const TinyEngine guessing = MakeTinyEngine(TinyModelPath(), 2, options);
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  std::vector<GenerateRequest> requests;
  for (uint32_t i = 0; i < 6; ++i) {
    requests.push_back(Request(GetParam(), 60));
    requests.back().prompt = Repetitive(static_cast<int>(10 + 9 * i), i);
    requests.back().sampling.seed += i;
    sinks.push_back(Start(*guessing.engine, requests.back()));
  }
  for (size_t i = 0; i < sinks.size(); ++i) {
    EXPECT_EQ(AnswerOf(*sinks[i]), AnswerOf(*Start(*plain.engine, requests[i]))) << i;
  }
}

TEST_P(SpeculationTest, AnExpectedAnswerChangesNoBitRightOrWrong) {
  EngineOptions off;
  off.speculation = Speculation::kOff;
  const TinyEngine plain = MakeTinyEngine(TinyModelPath(), 2, off);
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, off);
  GenerateRequest request = Request(GetParam(), 100);
  const auto original = Start(*plain.engine, request);
  const Answer answer = AnswerOf(*original);
  request.expected = original->ids();
  const uint64_t before = tiny->stats().steps;
  EXPECT_EQ(AnswerOf(*Start(*tiny.engine, request)), answer);
  EXPECT_LE(tiny->stats().steps - before, 2 + request.expected.size() / 60);
  // Wrong at its beginning, in the middle, at the end; too short; too long.
  for (const size_t at : {size_t{0}, request.expected.size() / 2, request.expected.size() - 1}) {
    GenerateRequest wrong = request;
    wrong.expected[at] = (wrong.expected[at] + 1) % 256;
    EXPECT_EQ(AnswerOf(*Start(*tiny.engine, wrong)), answer) << at;
  }
  GenerateRequest shorter = request;
  shorter.expected.resize(request.expected.size() / 2);
  EXPECT_EQ(AnswerOf(*Start(*tiny.engine, shorter)), answer);
  GenerateRequest longer = request;
  longer.expected.insert(longer.expected.end(), 200, 65);
  EXPECT_EQ(AnswerOf(*Start(*tiny.engine, longer)), answer);
  EXPECT_EQ(tiny->stats().drafted_tokens, 0u);
}

TEST_P(SpeculationTest, ExpectedAnswersGoTogetherWithPromptsAndOthers) {
  const TinyEngine plain = MakeTinyEngine(TinyModelPath(), 1);
  EngineOptions options;
  options.max_sequences = 4;
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2, options);
  std::vector<GenerateRequest> requests;
  std::vector<Answer> answers;
  for (uint32_t i = 0; i < 8; ++i) {
    requests.push_back(Request(GetParam(), 40));
    requests.back().prompt = Repetitive(static_cast<int>(10 + 9 * i), i);
    const auto sink = Start(*plain.engine, requests.back());
    answers.push_back(AnswerOf(*sink));
    if (i % 2 == 0) requests.back().expected = sink->ids();
  }
  std::vector<std::shared_ptr<RecordingSink>> sinks;
  for (const GenerateRequest& request : requests) sinks.push_back(Start(*tiny.engine, request));
  for (size_t i = 0; i < sinks.size(); ++i) EXPECT_EQ(AnswerOf(*sinks[i]), answers[i]) << i;
  EXPECT_EQ(tiny->stats().blocks_used, 0);
}

INSTANTIATE_TEST_SUITE_P(Sampling, SpeculationTest, ::testing::ValuesIn(Cases()),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(Speculation, WrongGuessesLeaveNothingBehindInTheSharedCache) {
  const TinyEngine tiny = MakeTinyEngine(TinyModelPath(), 2);
  GenerateRequest request = Request(Cases()[2], 100);
  const auto first = Start(*tiny.engine, request);
  const Answer answer = AnswerOf(*first);
  // The whole answer as a prompt: its keys and values come from the cache.
  GenerateRequest next = request;
  next.prompt = request.prompt;
  for (const TokenId id : first->ids()) next.prompt.push_back(id);
  next.max_tokens = 10;
  EngineOptions plain;
  plain.speculation = Speculation::kOff;
  plain.prefix_cache = false;
  const TinyEngine fresh = MakeTinyEngine(TinyModelPath(), 1, plain);
  const auto sink = Start(*tiny.engine, next);
  EXPECT_EQ(AnswerOf(*sink), AnswerOf(*Start(*fresh.engine, next)));
  EXPECT_EQ(sink->WaitForFinish().usage.cached_tokens, 139);
  EXPECT_GT(tiny->stats().drafted_tokens, tiny->stats().accepted_tokens);
}

}  // namespace
}  // namespace dure::engine
