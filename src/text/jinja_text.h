// Operations on strings that keep the provenance of every byte; shared by filters and string
// methods.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/jinja_value.h"

namespace dure::text::jinja {

enum class Side { kLeft, kRight, kBoth };

/// Without `characters`: white space. Otherwise any of its characters.
TaintedString Strip(const TaintedString& text, Side side, const TaintedString* characters);
TaintedString ToUpperCase(const TaintedString& text);
TaintedString ToLowerCase(const TaintedString& text);
/// First character upper, the rest lower.
TaintedString Capitalize(const TaintedString& text);
/// Every first letter of a word upper; a word is a run of letters (Python's str.title), or, with
/// `jinja_words`, what stands between white space, hyphens and opening brackets (the filter).
TaintedString TitleCase(const TaintedString& text, bool jinja_words);
/// At most `count` replacements, all when it is negative.
TaintedString Replace(const TaintedString& text, const TaintedString& from, const TaintedString& to,
                      int64_t count);
/// Python's str.split and str.rsplit: at white space without a separator, at most `count` cuts when
/// not negative.
std::vector<TaintedString> Split(const TaintedString& text, const TaintedString* separator,
                                 int64_t count, bool from_right);
std::vector<TaintedString> SplitLines(const TaintedString& text, bool keep_ends);
TaintedString EscapeHtml(const TaintedString& text);

}  // namespace dure::text::jinja
