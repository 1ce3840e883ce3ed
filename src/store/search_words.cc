#include "store/search_words.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace dure::store {

namespace {

using CodePoints = std::u32string;

// NFC, and case folded where asked for. Bytes that are no UTF-8 become spaces.
CodePoints Normal(std::string_view text, bool fold) {
  CodePoints raw;
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code_point = 0;
    const auto size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()) + at,
                         static_cast<utf8proc_ssize_t>(text.size() - at), &code_point);
    at += size > 0 ? static_cast<size_t>(size) : 1;
    raw += size > 0 ? static_cast<char32_t>(code_point) : U' ';
  }
  std::vector<utf8proc_int32_t> buffer(raw.begin(), raw.end());
  auto count = static_cast<utf8proc_ssize_t>(buffer.size());
  count = utf8proc_normalize_utf32(
      buffer.data(), count, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  CodePoints normal;
  for (utf8proc_ssize_t i = 0; i < count; ++i) {
    const utf8proc_int32_t one = buffer[static_cast<size_t>(i)];
    normal += static_cast<char32_t>(fold ? utf8proc_tolower(one) : one);
  }
  return normal;
}

bool IsWord(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO);
}

// Hangul, Han, Kana: no spaces between words, or endings glued to them.
bool IsDense(char32_t c) {
  return (c >= 0x1100 && c <= 0x11FF) || (c >= 0x3040 && c <= 0x318F) ||
         (c >= 0x3400 && c <= 0x9FFF) || (c >= 0xA960 && c <= 0xA97F) ||
         (c >= 0xAC00 && c <= 0xD7FF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x20000 && c <= 0x3FFFF);
}

std::string Utf8(const CodePoints& text) {
  std::string out;
  for (const char32_t c : text) {
    utf8proc_uint8_t bytes[4];
    const auto size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(std::max<long>(size, 0)));
  }
  return out;
}

/// Runs of characters of one sort.
std::vector<CodePoints> Runs(const CodePoints& text) {
  std::vector<CodePoints> runs;
  bool in_run = false;
  for (const char32_t c : text) {
    if (!IsWord(c)) {
      in_run = false;
      continue;
    }
    if (!in_run || IsDense(c) != IsDense(runs.back().back())) runs.emplace_back();
    runs.back() += c;
    in_run = true;
  }
  return runs;
}

// "abc" as "ab bc", and with the end "ab bc c": what begins at each character.
CodePoints Pairs(const CodePoints& run, bool with_end) {
  CodePoints out;
  for (size_t i = 0; i + (with_end ? 0 : 1) < run.size(); ++i) {
    if (!out.empty()) out += U' ';
    out += run.substr(i, 2);
  }
  return out;
}

struct Term {
  CodePoints text;  // one run, or what stood in quotes
  bool exact = false;
};

std::vector<Term> Terms(std::string_view typed) {
  const CodePoints text = Normal(typed, true);
  std::vector<Term> terms;
  bool quoted = false;
  for (size_t at = 0; at <= text.size();) {
    const size_t quote = std::min(text.find(U'"', at), text.size());
    const CodePoints piece = text.substr(at, quote - at);
    if (quoted && !Runs(piece).empty()) {
      terms.push_back({piece, true});
    } else {
      for (CodePoints& run : Runs(piece)) terms.push_back({std::move(run), false});
    }
    quoted = !quoted;
    at = quote + 1;
  }
  constexpr size_t kMostTerms = 16;
  if (terms.size() > kMostTerms) terms.resize(kMostTerms);
  return terms;
}

}  // namespace

std::string IndexWords(std::string_view text) {
  CodePoints out;
  for (const CodePoints& run : Runs(Normal(text, true))) {
    if (!out.empty()) out += U' ';
    out += IsDense(run[0]) ? Pairs(run, true) : run;
  }
  return Utf8(out);
}

std::string SearchQuery(std::string_view typed) {
  std::string query;
  for (const Term& term : Terms(typed)) {
    std::string phrase;
    bool prefix = false;
    for (const CodePoints& run : Runs(term.text)) {
      const bool dense = IsDense(run[0]);
      if (!phrase.empty()) phrase += ' ';
      phrase += Utf8(dense && run.size() > 1 ? Pairs(run, false) : run);
      prefix = !term.exact || (dense && run.size() == 1);
    }
    query += (query.empty() ? "\"" : " \"") + phrase + (prefix ? "\" *" : "\"");
  }
  return query;
}

std::vector<TextPart> Highlight(std::string_view text, std::string_view typed,
                                size_t most_characters) {
  const CodePoints shown = Normal(text, false);
  CodePoints folded = shown;
  for (char32_t& c : folded) {
    c = static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
  std::vector<bool> marked(shown.size());
  for (const Term& term : Terms(typed)) {
    for (size_t at = folded.find(term.text); at != folded.npos;
         at = folded.find(term.text, at + term.text.size())) {
      const bool inside = at > 0 && IsWord(folded[at - 1]) && !IsDense(term.text[0]);
      if (inside) continue;  // such a word was not found by the index either
      std::fill_n(marked.begin() + static_cast<long>(at), term.text.size(), true);
    }
  }
  const auto first = std::find(marked.begin(), marked.end(), true);
  const auto hit = first != marked.end() ? static_cast<size_t>(first - marked.begin()) : 0;
  const size_t begin = hit > most_characters / 3 ? hit - most_characters / 3 : 0;
  const size_t end = std::min(shown.size(), begin + most_characters);
  std::vector<TextPart> parts;
  if (begin > 0) parts.push_back({"…", false});
  for (size_t at = begin; at < end;) {
    size_t next = at;
    while (next < end && marked[next] == marked[at]) ++next;
    parts.push_back({Utf8(shown.substr(at, next - at)), marked[at]});
    at = next;
  }
  if (end < shown.size()) parts.push_back({"…", false});
  return parts;
}

}  // namespace dure::store
