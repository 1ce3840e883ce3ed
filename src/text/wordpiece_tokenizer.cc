#include "text/wordpiece_tokenizer.h"

#include <algorithm>
#include <utility>

#include "text/unicode.h"

namespace dure::text {
namespace {

constexpr std::string_view kWordMark = "\xE2\x96\x81";

// BERT's "Chinese characters"; the lower end of extension E is the one the reference tokenizer has.
bool IsCjkIdeograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B73F) ||
         (c >= 0x2B740 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) ||
         (c >= 0xF900 && c <= 0xFAFF) || (c >= 0x2F800 && c <= 0x2FA1F);
}

bool StandsAlone(char32_t c, uint8_t char_class) {
  return (char_class & kPunctuation) != 0 || (c < 0x7F && (char_class & kSymbol) != 0) ||
         IsCjkIdeograph(c);
}

}  // namespace

WordPieceTokenizer::WordPieceTokenizer(Vocabulary vocabulary, TokenIndex index)
    : BaseTokenizer(std::move(vocabulary), std::move(index), true) {}

// As BERT's own tokenizer: every accent is dropped, but the letters of a Hangul syllable stay
// (llama.cpp keeps only the first of them, which the models were not trained with).
std::vector<std::string> WordPieceTokenizer::Words(std::string_view text) const {
  std::vector<std::string> words(1);
  const auto finish = [&] {
    if (!words.back().empty()) words.emplace_back();
  };
  const auto add = [&](char32_t c) {
    const uint8_t char_class = ClassOf(c);
    if ((char_class & kSpace) != 0) {
      finish();
      return;
    }
    if (c == 0 || c == kReplacement || (char_class & kControlChar) != 0) return;
    if (vocabulary().strip_accents && IsNonspacingMark(c)) return;
    const bool alone = StandsAlone(c, char_class);
    if (alone) finish();
    AppendUtf8(vocabulary().lowercase ? ToLower(c) : c, words.back());
    if (alone) finish();
  };
  std::u32string letters;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = DecodeLenient(text, i);
    letters.clear();
    if (vocabulary().strip_accents) {
      AppendDecomposed(c, letters);
    } else {
      letters.push_back(c);
    }
    for (const char32_t letter : letters) add(letter);
  }
  return words;
}

void WordPieceTokenizer::EncodeText(std::string_view text, bool /*after_special*/,
                                    std::vector<TokenId>& out) const {
  std::string marked;
  for (const std::string& word : Words(text)) {
    if (word.empty()) continue;
    if (TooLong(word)) {
      if (vocabulary().unknown) out.push_back(*vocabulary().unknown);
      continue;
    }
    marked.assign(kWordMark).append(word);
    EncodeWord(marked, out);
  }
}

bool WordPieceTokenizer::TooLong(std::string_view word) const {
  const size_t most = vocabulary().longest_word;
  if (most == 0 || word.size() <= most) return false;
  const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  return static_cast<size_t>(std::count_if(word.begin(), word.end(), starts)) > most;
}

// The longest token at each place in turn; a word with a place where none fits is unknown as a
// whole.
void WordPieceTokenizer::EncodeWord(std::string_view word, std::vector<TokenId>& out) const {
  const size_t before = out.size();
  for (size_t i = 0; i < word.size();) {
    const size_t limit = std::min(word.size() - i, index().longest());
    SpellingHash hash;
    TokenId longest = -1;
    size_t longest_size = 0;
    for (size_t size = 1; size <= limit; ++size) {
      hash.Add(static_cast<unsigned char>(word[i + size - 1]));
      const TokenId id = TextOnly(index().Find(word.substr(i, size), hash));
      if (id >= 0) {
        longest = id;
        longest_size = size;
      }
    }
    if (longest < 0) {
      out.resize(before);
      if (vocabulary().unknown) out.push_back(*vocabulary().unknown);
      return;
    }
    out.push_back(longest);
    i += longest_size;
  }
}

std::string WordPieceTokenizer::DecodeNormal(std::string_view spelling) const {
  if (spelling.starts_with(kWordMark)) return ' ' + std::string(spelling.substr(kWordMark.size()));
  return std::string(spelling);
}

}  // namespace dure::text
