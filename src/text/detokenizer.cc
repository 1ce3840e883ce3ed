#include <algorithm>
#include <utility>

#include "text/tokenizer.h"
#include "text/unicode.h"

namespace dure::text {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool render_control,
                         std::vector<TokenId> shown)
    : tokenizer_(tokenizer), render_control_(render_control), shown_(std::move(shown)) {}

std::string Detokenizer::Push(TokenId id) {
  const bool shown = std::find(shown_.begin(), shown_.end(), id) != shown_.end();
  pending_ += tokenizer_.TokenBytes(id, render_control_ || shown);
  return TakeCompleteUtf8(pending_);
}

std::string Detokenizer::Flush() {
  std::string rest = ReplaceInvalidUtf8(pending_);
  pending_.clear();
  return rest;
}

}  // namespace dure::text
