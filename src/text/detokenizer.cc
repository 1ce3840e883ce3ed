#include "text/tokenizer.h"
#include "text/unicode.h"

namespace dure::text {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool render_control)
    : tokenizer_(tokenizer), render_control_(render_control) {}

std::string Detokenizer::Push(TokenId id) {
  pending_ += tokenizer_.TokenBytes(id, render_control_);
  return TakeCompleteUtf8(pending_);
}

std::string Detokenizer::Flush() {
  std::string rest = ReplaceInvalidUtf8(pending_);
  pending_.clear();
  return rest;
}

}  // namespace dure::text
