// A choice's text as deltas, and how it ends.
#include "providers/answer_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dure::providers {
namespace {

AnswerReading Reading() {
  AnswerReading reading;
  reading.format.tools = text::FindToolFormat("hermes");
  reading.format.names = {"f"};
  reading.format.reasoning = text::AllReasoningMarks().front();
  reading.random = [value = uint64_t{0}]() mutable { return value += 0x9E3779B97F4A7C15u; };
  return reading;
}

constexpr char kCall[] = "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>";

TEST(AnswerReader, OrderIsKeptInDeltas) {
  AnswerReader reader(2, Reading());
  const auto deltas = reader.Push(std::string("<think>Hm</think>Yes") + kCall + kCall + "Done");
  ASSERT_EQ(deltas.size(), 2u);
  EXPECT_EQ(deltas[0].choice, 2);
  EXPECT_EQ(deltas[0].reasoning, "Hm");
  EXPECT_EQ(deltas[0].text, "Yes");
  ASSERT_EQ(deltas[0].tool_calls.size(), 2u);
  EXPECT_EQ(deltas[0].tool_calls[1].index, 1);
  EXPECT_EQ(deltas[0].tool_calls[1].arguments, "{\"a\": 1}");
  EXPECT_TRUE(deltas[0].tool_calls[0].id.starts_with("call_"));
  EXPECT_EQ(deltas[0].tool_calls[0].id.size(), 29u);
  EXPECT_NE(deltas[0].tool_calls[0].id, deltas[0].tool_calls[1].id);
  EXPECT_EQ(deltas[1].text, "Done");
  EXPECT_TRUE(reader.Finish().empty());
  EXPECT_EQ(reader.Reason(FinishReason::kStop), FinishReason::kToolCalls);
}

TEST(AnswerReader, ArgumentsGoOnInLaterDeltas) {
  AnswerReader reader(0, Reading());
  EXPECT_TRUE(reader.Push("<tool_call>{\"name\": \"f\", \"arguments\": ").empty());
  const auto begin = reader.Push("{\"a\"");
  ASSERT_EQ(begin.size(), 1u);
  EXPECT_EQ(begin[0].tool_calls.at(0).name, "f");
  const auto more = reader.Push(": 1}}");
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].tool_calls.at(0).index, 0);
  EXPECT_TRUE(more[0].tool_calls[0].id.empty());
  EXPECT_EQ(more[0].tool_calls[0].arguments, ": 1}");
}

TEST(AnswerReader, TokensGoWithTheTextTheyArePartOf) {
  AnswerReader reader(0, Reading());
  reader.Hold({{"<tool", -1}, {}});
  EXPECT_TRUE(reader.Push("<tool").empty());
  reader.Hold({{"s>", -2}, {}});
  const auto deltas = reader.Push("s>");
  ASSERT_EQ(deltas.size(), 1u);
  EXPECT_EQ(deltas[0].text, "<tools>");
  EXPECT_EQ(deltas[0].tokens.size(), 2u);
  reader.Hold({{"x", -1}, {}});
  ASSERT_EQ(reader.Finish().size(), 1u);
}

TEST(AnswerReader, AHalfCallIsAnErrorUnlessALimitCutIt) {
  for (const auto& [text, malformed] :
       {std::pair("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": ", false),
        std::pair("<tool_call>{\"name\": \"f\", \"arguments\": {a}}", true)}) {
    AnswerReader reader(0, Reading());
    EXPECT_FALSE(reader.Push(text).empty());
    reader.Finish();
    const auto stopped = reader.Reason(FinishReason::kStop);
    ASSERT_FALSE(stopped.has_value());
    EXPECT_EQ(stopped.error().code, ErrorCode::kModelOutput);
    EXPECT_EQ(reader.Reason(FinishReason::kLength).has_value(), !malformed);
  }
}

}  // namespace
}  // namespace dure::providers
