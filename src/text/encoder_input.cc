#include "text/encoder_input.h"

#include <string>

namespace dure::text {

Result<std::vector<TokenId>> EncoderInput(const Tokenizer& tokenizer, std::string_view text,
                                          int max_tokens) {
  if (!tokenizer.bos() || !tokenizer.eos()) {
    return Fail(ErrorCode::kUnsupported, "the vocabulary has no tokens that frame a text");
  }
  std::vector<TokenId> tokens = {*tokenizer.bos()};
  const std::vector<TokenId> inner = tokenizer.Encode(text, ControlTokens::kAsText);
  tokens.insert(tokens.end(), inner.begin(), inner.end());
  tokens.push_back(*tokenizer.eos());
  if (tokens.size() > static_cast<size_t>(max_tokens)) {
    return Fail(ErrorCode::kContextLengthExceeded, "the text has " + std::to_string(tokens.size()) +
                                                       " tokens, the model takes at most " +
                                                       std::to_string(max_tokens));
  }
  return tokens;
}

}  // namespace dure::text
