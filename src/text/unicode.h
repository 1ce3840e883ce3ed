// Code points, UTF-8 and the character properties that tokenizers and chat templates ask for.
// Properties follow Unicode 15.1, the version the tokenizers of published GGUF files are checked
// against.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dure::text {

/// Major general categories as bits, so that a set of categories is one test.
enum CharClass : uint8_t {
  kUnassigned = 1 << 0,
  kLetter = 1 << 1,       // \p{L}
  kNumber = 1 << 2,       // \p{N}
  kMark = 1 << 3,         // \p{M}
  kPunctuation = 1 << 4,  // \p{P}
  kSymbol = 1 << 5,       // \p{S}
  kControlChar = 1 << 6,  // \p{C} that is assigned
  kSpace = 1 << 7,        // the White_Space property; such characters carry no other bit
};

/// Exactly one bit of CharClass. Separators that are not White_Space do not exist.
uint8_t ClassOf(char32_t code_point);

/// The lower, upper or title case of one code point (simple mapping); itself where there is none.
char32_t ToLower(char32_t code_point);
char32_t ToUpper(char32_t code_point);
char32_t ToTitle(char32_t code_point);
bool IsUpper(char32_t code_point);  // Lu or Lt
bool IsLower(char32_t code_point);  // Ll

/// Appends the canonical decomposition: a letter and its accents, a Hangul syllable's letters.
void AppendDecomposed(char32_t code_point, std::u32string& out);
bool IsNonspacingMark(char32_t code_point);  // Mn

/// Python's str.isspace: White_Space and the four information separators.
bool IsPythonSpace(char32_t code_point);
/// Python's str.isprintable for one character.
bool IsPrintable(char32_t code_point);

constexpr char32_t kReplacement = 0xFFFD;

/// Appends the UTF-8 form. REQUIRES: code_point <= 0x10FFFF (surrogates are written as three
/// bytes).
void AppendUtf8(char32_t code_point, std::string& out);

/// Length the first byte announces: 1 to 4, and 1 for a continuation byte.
constexpr size_t Utf8LengthFromLead(unsigned char lead) {
  return lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/// Reads one character at `offset` (REQUIRES: offset < text.size()) and advances. Lenient like the
/// tokenizers of llama.cpp: overlong forms and surrogates are read as written; a byte that starts
/// no complete sequence, or one beyond U+10FFFF, is U+FFFD and one byte long.
char32_t DecodeLenient(std::string_view text, size_t& offset);

/// Length in bytes of the well-formed character at `offset`, strict (Unicode table 3-7); 0 where
/// there is none.
size_t StrictCharLength(std::string_view text, size_t offset);

/// Number of code points, counting each byte of an invalid sequence as one.
size_t CountCodePoints(std::string_view text);

/// The text with every maximal invalid subpart replaced by U+FFFD, as the WHATWG decoder does.
std::string ReplaceInvalidUtf8(std::string_view text);

/// Moves out of `pending` everything that is decided: complete characters, and U+FFFD for each
/// maximal invalid subpart. Leaves at most three bytes: the beginning of a character that may still
/// be completed.
std::string TakeCompleteUtf8(std::string& pending);

}  // namespace dure::text
