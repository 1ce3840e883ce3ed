#include "providers/answer_reader.h"

#include <utility>

namespace dure::providers {
namespace {

using Kind = text::AnswerPart::Kind;

/// Parts of a delta are read in this order: what comes later in it cannot come before.
int StageOf(Kind kind) {
  switch (kind) {
    case Kind::kReasoning:
      return 0;
    case Kind::kText:
      return 1;
    case Kind::kCall:
    case Kind::kArguments:
      break;
  }
  return 2;
}

}  // namespace

std::string AnswerReader::NewCallId() const {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  std::string id = "call_";
  for (int word = 0; word < 3; ++word) {
    uint64_t random = random_();
    for (int i = 0; i < 8; ++i, random /= kLetters.size()) id += kLetters[random % kLetters.size()];
  }
  return id;
}

std::vector<ChatDelta> AnswerReader::Deltas(const std::vector<text::AnswerPart>& parts) {
  std::vector<ChatDelta> deltas;
  int stage = 0;
  for (const text::AnswerPart& part : parts) {
    if (deltas.empty() || StageOf(part.kind) < stage) {
      deltas.emplace_back();
      deltas.back().choice = choice_;
    }
    stage = StageOf(part.kind);
    ChatDelta& delta = deltas.back();
    switch (part.kind) {
      case Kind::kReasoning:
        delta.reasoning += part.text;
        break;
      case Kind::kText:
        delta.text += part.text;
        break;
      case Kind::kCall:
        delta.tool_calls.push_back({calls_++, NewCallId(), part.text, ""});
        break;
      case Kind::kArguments:
        if (delta.tool_calls.empty()) delta.tool_calls.push_back({calls_ - 1, "", "", ""});
        delta.tool_calls.back().arguments += part.text;
        break;
    }
  }
  if (!deltas.empty()) deltas.front().tokens = std::exchange(held_tokens_, {});
  return deltas;
}

std::vector<ChatDelta> AnswerReader::Finish() {
  std::vector<ChatDelta> deltas = Deltas(parser_.Finish());
  if (!held_tokens_.empty()) {
    deltas.emplace_back();
    deltas.back().choice = choice_;
    deltas.back().tokens = std::exchange(held_tokens_, {});
  }
  return deltas;
}

Result<FinishReason> AnswerReader::Reason(FinishReason of_text) const {
  using End = text::AnswerParser::End;
  if (parser_.end() == End::kMalformedCall) {
    return Fail(ErrorCode::kModelOutput, "the model wrote a tool call whose arguments are no JSON");
  }
  if (of_text == FinishReason::kLength) return of_text;
  if (parser_.end() == End::kHalfCall) {
    return Fail(ErrorCode::kModelOutput, "the model's answer ended in the middle of a tool call");
  }
  return calls_ > 0 ? FinishReason::kToolCalls : of_text;
}

}  // namespace dure::providers
