#include "engine/answer.h"

#include <algorithm>
#include <utility>

namespace dure::engine {
namespace {

int TokensAllowed(const GenerateRequest& request, int context_length) {
  if (!request.forced.empty()) return static_cast<int>(request.forced.size());
  const int room = context_length - static_cast<int>(request.prompt.size());
  return request.max_tokens < 0 ? room : std::min(room, request.max_tokens);
}

std::vector<std::string> Stops(const GenerateRequest& request) {
  return request.forced.empty() ? request.stop : std::vector<std::string>();
}

}  // namespace

Answer::Answer(const text::Tokenizer& tokenizer, const GenerateRequest& request, int context_length)
    : tokenizer_(tokenizer),
      detokenizer_(tokenizer, /*render_control=*/false, request.shown_tokens),
      matcher_(Stops(request)),
      stops_(Stops(request)),
      ignore_eos_(request.ignore_eos),
      forced_(!request.forced.empty()),
      remaining_(TokensAllowed(request, context_length)) {}

std::optional<Answer::End> Answer::Push(TokenId id, std::string& text) {
  --remaining_;
  if (!forced_ && !ignore_eos_ && tokenizer_.IsEndOfGeneration(id)) {
    return End{FinishReason::kStop, Flush(), std::nullopt, id};
  }
  StopMatcher::Output output = matcher_.Push(detokenizer_.Push(id));
  text = std::move(output.text);
  if (output.matched) return End{FinishReason::kStop, "", stops_[*output.matched], std::nullopt};
  if (remaining_ == 0) return End{FinishReason::kLength, Flush(), std::nullopt, std::nullopt};
  return std::nullopt;
}

std::string Answer::Flush() {
  // An unfinished character becomes U+FFFD, which is text like any other: a stop string may end in
  // it.
  StopMatcher::Output output = matcher_.Push(detokenizer_.Flush());
  return output.matched ? output.text : output.text + matcher_.Flush();
}

}  // namespace dure::engine
