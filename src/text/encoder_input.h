// The token sequence an encoder (BERT) reads for one text.
#pragma once

#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace dure::text {

/// [CLS], the tokens of the text (control tokens spelled in it are text), [SEP].
/// Errors: kContextLengthExceeded when these are more than max_tokens (the message holds both
/// numbers), kUnsupported when the vocabulary has no [CLS] or [SEP].
Result<std::vector<TokenId>> EncoderInput(const Tokenizer& tokenizer, std::string_view text,
                                          int max_tokens);

/// The same for the tokens of a text; where they begin with [CLS] they are taken as they are. More
/// errors: kInvalidArgument (an id that is no token).
Result<std::vector<TokenId>> EncoderInput(const Tokenizer& tokenizer, std::vector<TokenId> tokens,
                                          int max_tokens);

}  // namespace dure::text
