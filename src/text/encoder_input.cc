#include "text/encoder_input.h"

#include <string>

namespace dure::text {

Result<std::vector<TokenId>> EncoderInput(const Tokenizer& tokenizer, std::string_view text,
                                          int max_tokens) {
  return EncoderInput(tokenizer, tokenizer.Encode(text, ControlTokens::kAsText), max_tokens);
}

Result<std::vector<TokenId>> EncoderInput(const Tokenizer& tokenizer, std::vector<TokenId> tokens,
                                          int max_tokens) {
  if (!tokenizer.bos() || !tokenizer.eos()) {
    return Fail(ErrorCode::kUnsupported, "the vocabulary has no tokens that frame a text");
  }
  for (const TokenId id : tokens) {
    if (id >= 0 && id < tokenizer.vocab_size()) continue;
    return Fail(ErrorCode::kInvalidArgument, "token " + std::to_string(id) +
                                                 " does not exist; the vocabulary has " +
                                                 std::to_string(tokenizer.vocab_size()));
  }
  if (tokens.empty() || tokens.front() != *tokenizer.bos()) {
    tokens.insert(tokens.begin(), *tokenizer.bos());
    tokens.push_back(*tokenizer.eos());
  }
  if (tokens.size() > static_cast<size_t>(max_tokens)) {
    return Fail(ErrorCode::kContextLengthExceeded, "the text has " + std::to_string(tokens.size()) +
                                                       " tokens, the model takes at most " +
                                                       std::to_string(max_tokens));
  }
  return tokens;
}

}  // namespace dure::text
