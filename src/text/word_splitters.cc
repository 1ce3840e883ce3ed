#include "text/word_splitters.h"

#include <algorithm>

#include "text/unicode.h"

namespace dure::text {
namespace {

constexpr uint8_t kWordy = kSpace | kLetter | kNumber;

// One piece of text being cut. Beyond its ends there is no character: code 0xFFFFFFFF, no class.
class Scanner {
 public:
  Scanner(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends)
      : text_(text), begin_(begin), end_(end), ends_(ends), position_(begin) {}

  bool done() const { return position_ >= end_; }
  uint32_t position() const { return position_; }
  char32_t Code(uint32_t i) const { return i < end_ ? text_.code[i] : 0xFFFFFFFF; }
  uint8_t Class(uint32_t i) const { return i < end_ ? text_.classes[i] : 0; }
  bool Is(uint32_t i, uint8_t classes) const { return (Class(i) & classes) != 0; }
  bool IsNewline(uint32_t i) const { return Code(i) == '\r' || Code(i) == '\n'; }
  // A character that is neither white space nor letter nor number.
  bool IsOther(uint32_t i) const { return i < end_ && !Is(i, kWordy); }

  uint32_t SkipClass(uint32_t i, uint8_t classes) const {
    while (Is(i, classes)) ++i;
    return i;
  }
  uint32_t SkipOther(uint32_t i) const {
    while (IsOther(i)) ++i;
    return i;
  }

  void EmitTo(uint32_t end) {
    position_ = end;
    ends_.push_back(end);
  }

  // 's 't 'm 'd 're 've 'll at `i`: their length, or 0.
  uint32_t ContractionLength(uint32_t i, bool any_case) const {
    if (Code(i) != '\'') return 0;
    const auto letter = [&](uint32_t k) {
      const char32_t c = Code(k);
      return any_case && c < 0x80 ? ToLower(c) : c;
    };
    const char32_t a = letter(i + 1);
    if (a == 's' || a == 't' || a == 'm' || a == 'd') return 2;
    const char32_t b = letter(i + 2);
    if ((a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l')) return 3;
    return 0;
  }

  // \s+(?!\S)|\s+ at the position. REQUIRES: white space there.
  void EmitSpaces() {
    const uint32_t stop = SkipClass(position_, kSpace);
    const bool leave_one = stop < end_ && stop - position_ > 1;
    EmitTo(leave_one ? stop - 1 : stop);
  }

  // \s*[\r\n]+ before those two.
  void EmitLinesOrSpaces() {
    const uint32_t stop = SkipClass(position_, kSpace);
    uint32_t after_newline = stop;
    while (after_newline > position_ && !IsNewline(after_newline - 1)) --after_newline;
    if (after_newline > position_) {
      EmitTo(after_newline);
    } else {
      EmitSpaces();
    }
  }

  // " ?[^\s\p{L}\p{N}]+" followed by newlines (and slashes); false where it does not match.
  bool EmitSymbols(bool newlines, bool slashes) {
    const uint32_t first = position_ + (Code(position_) == ' ' ? 1 : 0);
    if (!IsOther(first)) return false;
    uint32_t stop = SkipOther(first);
    while (newlines && (IsNewline(stop) || (slashes && Code(stop) == '/'))) ++stop;
    EmitTo(stop);
    return true;
  }

  // \p{N}{1,limit}
  bool EmitNumbers(uint32_t limit) {
    if (!Is(position_, kNumber)) return false;
    uint32_t stop = position_ + 1;
    while (stop - position_ < limit && Is(stop, kNumber)) ++stop;
    EmitTo(stop);
    return true;
  }

 private:
  const CodePoints& text_;
  [[maybe_unused]] const uint32_t begin_;
  const uint32_t end_;
  WordEnds& ends_;
  uint32_t position_;
};

void SplitLlama3Family(Scanner scan, uint32_t digits) {
  while (!scan.done()) {
    const uint32_t at = scan.position();
    if (const uint32_t length = scan.ContractionLength(at, true)) {
      scan.EmitTo(at + length);
    } else if (!scan.IsNewline(at) && !scan.Is(at, kNumber) &&
               (scan.Is(at, kLetter) || scan.Is(at + 1, kLetter))) {
      scan.EmitTo(scan.SkipClass(at + 1, kLetter));
    } else if (!scan.EmitNumbers(digits) && !scan.EmitSymbols(true, false)) {
      scan.EmitLinesOrSpaces();
    }
  }
}

bool IsAsciiUpper(char32_t c) { return c >= 'A' && c <= 'Z'; }
bool IsAsciiLower(char32_t c) { return c >= 'a' && c <= 'z'; }

// End of  U*L+ | U+L*  from `start`, where U is a letter but not a-z and L a letter but not A-Z,
// with the backtracking a regular expression does; `start` itself where neither matches.
uint32_t CasedWordEnd(const Scanner& scan, uint32_t start) {
  uint32_t upper_end = start;
  uint32_t after_last_uncased = start;
  while (scan.Is(upper_end, kLetter) && !IsAsciiLower(scan.Code(upper_end))) {
    if (!IsAsciiUpper(scan.Code(upper_end))) after_last_uncased = upper_end + 1;
    ++upper_end;
  }
  uint32_t lower_end = upper_end;
  while (scan.Is(lower_end, kLetter) && !IsAsciiUpper(scan.Code(lower_end))) ++lower_end;
  if (lower_end > upper_end) return lower_end;
  return after_last_uncased > start ? after_last_uncased : upper_end;
}

void SplitCasedFamily(Scanner scan, uint32_t digits, bool contractions) {
  while (!scan.done()) {
    const uint32_t at = scan.position();
    const bool prefix = !scan.IsNewline(at) && !scan.Is(at, kLetter | kNumber);
    const uint32_t start = at + (prefix ? 1 : 0);
    uint32_t stop = CasedWordEnd(scan, start);
    if (stop > start) {
      if (contractions) stop += scan.ContractionLength(stop, true);
      scan.EmitTo(stop);
    } else if (!scan.EmitNumbers(digits) && !scan.EmitSymbols(true, true)) {
      scan.EmitLinesOrSpaces();
    }
  }
}

// Cuts out the maximal runs of `member`, and whatever stands between them.
template <typename Member>
void SplitRuns(uint32_t begin, uint32_t end, WordEnds& ends, Member member) {
  for (uint32_t i = begin; i < end;) {
    const bool inside = member(i);
    uint32_t stop = i + 1;
    while (stop < end && member(stop) == inside) ++stop;
    ends.push_back(stop);
    i = stop;
  }
}

// Cuts out each character of `member` alone, and whatever stands between them.
template <typename Member>
void SplitEach(uint32_t begin, uint32_t end, WordEnds& ends, Member member) {
  for (uint32_t i = begin; i < end;) {
    uint32_t stop = i + 1;
    while (!member(i) && stop < end && !member(stop)) ++stop;
    ends.push_back(stop);
    i = stop;
  }
}

// \s?[member]+
template <typename Member>
void SplitRunsWithSpace(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends,
                        Member member) {
  uint32_t emitted = begin;
  for (uint32_t i = begin; i < end;) {
    if (!member(i)) {
      ++i;
      continue;
    }
    const bool space = i > emitted && (text.classes[i - 1] & kSpace) != 0;
    const uint32_t start = space ? i - 1 : i;
    if (start > emitted) ends.push_back(start);
    while (i < end && member(i)) ++i;
    ends.push_back(i);
    emitted = i;
  }
  if (emitted < end) ends.push_back(end);
}

struct CodeRange {
  char32_t first;
  char32_t last;
};

// The letters with case that DeepSeek-LLM's expression lists, ascending.
constexpr CodeRange kCasedLetters[] = {
    {0x0041, 0x005A},   {0x0061, 0x007A},   {0x00B5, 0x00B5},   {0x00C0, 0x00D6},
    {0x00D8, 0x00F6},   {0x00F8, 0x01BA},   {0x01BC, 0x01BF},   {0x01C4, 0x0293},
    {0x0295, 0x02AF},   {0x0370, 0x0373},   {0x0376, 0x0376},   {0x0377, 0x0377},
    {0x037B, 0x037D},   {0x037F, 0x037F},   {0x0386, 0x0386},   {0x0388, 0x038A},
    {0x038C, 0x038C},   {0x038E, 0x03A1},   {0x03A3, 0x03F5},   {0x03F7, 0x0481},
    {0x048A, 0x052F},   {0x0531, 0x0556},   {0x10A0, 0x10C5},   {0x13A0, 0x13F5},
    {0x13F8, 0x13FD},   {0x1C90, 0x1CBA},   {0x1CBD, 0x1CBF},   {0x1D00, 0x1D2B},
    {0x1D6B, 0x1D77},   {0x1D79, 0x1D9A},   {0x1E00, 0x1F15},   {0x1F18, 0x1F1D},
    {0x1F20, 0x1F45},   {0x1F48, 0x1F4D},   {0x1F50, 0x1F57},   {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B},   {0x1F5D, 0x1F5D},   {0x1F5F, 0x1F7D},   {0x1F80, 0x1FB4},
    {0x1FB6, 0x1FBC},   {0x1FBE, 0x1FBE},   {0x1FC2, 0x1FC4},   {0x1FC6, 0x1FCC},
    {0x1FD0, 0x1FD3},   {0x1FD6, 0x1FDB},   {0x1FE0, 0x1FEC},   {0x1FF2, 0x1FF4},
    {0x1FF6, 0x1FFC},   {0x2102, 0x2102},   {0x2107, 0x2107},   {0x210A, 0x2113},
    {0x2115, 0x2115},   {0x2119, 0x211D},   {0x2124, 0x2124},   {0x2126, 0x2126},
    {0x2128, 0x2128},   {0x212A, 0x212D},   {0x212F, 0x2134},   {0x2139, 0x2139},
    {0x213C, 0x213F},   {0x2145, 0x2149},   {0x214E, 0x214E},   {0x2183, 0x2183},
    {0x2184, 0x2184},   {0x2C00, 0x2C7B},   {0x2C7E, 0x2CE4},   {0x2CEB, 0x2CEE},
    {0x2CF2, 0x2CF2},   {0x2CF3, 0x2CF3},   {0xA640, 0xA66D},   {0xA680, 0xA69B},
    {0xA722, 0xA76F},   {0xA771, 0xA787},   {0xA78B, 0xA78E},   {0xAB70, 0xABBF},
    {0xFB00, 0xFB06},   {0xFB13, 0xFB17},   {0xFF21, 0xFF3A},   {0xFF41, 0xFF5A},
    {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB}, {0x10C80, 0x10CB2},
    {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
};

bool IsCasedLetter(char32_t c) {
  const auto* range =
      std::upper_bound(std::begin(kCasedLetters), std::end(kCasedLetters), c,
                       [](char32_t value, const CodeRange& r) { return value < r.first; });
  return range != std::begin(kCasedLetters) && c <= (range - 1)->last;
}

// ':' to '~' holds the ASCII letters too: that is how the expression is written.
bool IsDeepseekPunctuation(char32_t c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '~') || (c >= 0xFF01 && c <= 0xFF0F) ||
         (c >= 0xFF1A && c <= 0xFF5E) || (c >= 0x2018 && c <= 0x201F) || c == 0x3001 || c == 0x3002;
}

}  // namespace

void SplitGpt2(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  Scanner scan(text, begin, end, ends);
  while (!scan.done()) {
    const uint32_t at = scan.position();
    const uint32_t first = at + (scan.Code(at) == ' ' ? 1 : 0);
    if (const uint32_t length = scan.ContractionLength(at, false)) {
      scan.EmitTo(at + length);
    } else if (scan.Is(first, kLetter)) {
      scan.EmitTo(scan.SkipClass(first, kLetter));
    } else if (scan.Is(first, kNumber)) {
      scan.EmitTo(scan.SkipClass(first, kNumber));
    } else if (!scan.EmitSymbols(false, false)) {
      scan.EmitSpaces();
    }
  }
}

void SplitLlama3(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitLlama3Family(Scanner(text, begin, end, ends), 3);
}

void SplitQwen2(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitLlama3Family(Scanner(text, begin, end, ends), 1);
}

void SplitO200k(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitCasedFamily(Scanner(text, begin, end, ends), 3, true);
}

void SplitTekken(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitCasedFamily(Scanner(text, begin, end, ends), 1, false);
}

void SplitEachNumber(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitEach(begin, end, ends, [&](uint32_t i) { return (text.classes[i] & kNumber) != 0; });
}

void SplitNumberRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitRuns(begin, end, ends, [&](uint32_t i) { return (text.classes[i] & kNumber) != 0; });
}

void SplitAsciiDigitTriples(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  const auto digit = [&](uint32_t i) {
    return i < end && text.code[i] >= '0' && text.code[i] <= '9';
  };
  uint32_t emitted = begin;
  for (uint32_t i = begin; i < end;) {
    if (digit(i) && digit(i + 1) && digit(i + 2)) {
      if (i > emitted) ends.push_back(i);
      i += 3;
      ends.push_back(i);
      emitted = i;
    } else {
      ++i;
    }
  }
  if (emitted < end) ends.push_back(end);
}

void SplitPunctuationRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitRuns(begin, end, ends, [&](uint32_t i) {
    const char32_t c = text.code[i];
    return (text.classes[i] & kPunctuation) != 0 || c == '$' || c == '+' || c == '<' || c == '=' ||
           c == '>' || c == '^' || c == '~' || c == '|';
  });
}

void SplitNewlines(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitEach(begin, end, ends,
            [&](uint32_t i) { return text.code[i] == '\r' || text.code[i] == '\n'; });
}

void SplitCasedLetterRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitRunsWithSpace(text, begin, end, ends,
                     [&](uint32_t i) { return IsCasedLetter(text.code[i]); });
}

void SplitDeepseekPunctuation(const CodePoints& text, uint32_t begin, uint32_t end,
                              WordEnds& ends) {
  SplitRunsWithSpace(text, begin, end, ends,
                     [&](uint32_t i) { return IsDeepseekPunctuation(text.code[i]); });
}

void SplitTrailingSpace(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  uint32_t start = end;
  while (start > begin && (text.classes[start - 1] & kSpace) != 0) --start;
  if (start > begin) ends.push_back(start);
  if (start < end) ends.push_back(end);
}

void SplitCjkRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends) {
  SplitRuns(begin, end, ends, [&](uint32_t i) {
    const char32_t c = text.code[i];
    const bool in_range = (c >= 0x800 && c <= 0x9FA5) || (c >= 0xAC00 && c <= 0xD7FF);
    return in_range && (text.classes[i] & kSpace) == 0;
  });
}

}  // namespace dure::text
