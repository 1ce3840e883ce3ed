// Text as the full-text index sees it: NFC, case folded, and Hangul, Han and Kana as pairs of
// characters that overlap, so that a word is found wherever it stands in a longer one.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure::store {

/// Words for the index, separated by spaces.
std::string IndexWords(std::string_view text);

/// A query in FTS5's language for what a person typed: all words, each from its beginning; "in
/// quotes": exactly so. "" when there is nothing to look for.
std::string SearchQuery(std::string_view typed);

struct TextPart {
  std::string text;
  bool match = false;
};

/// About `most_characters` of the text around its first match, matches marked; without a match, its
/// beginning.
std::vector<TextPart> Highlight(std::string_view text, std::string_view typed,
                                size_t most_characters);

}  // namespace dure::store
