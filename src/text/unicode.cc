#include "text/unicode.h"

#include <utf8proc.h>

#include <array>

namespace dure::text {
namespace {

constexpr char32_t kMaxCodePoint = 0x10FFFF;

bool IsWhiteSpace(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= '\t' && c <= '\r');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// What Unicode 15.1 added to the 15.0 tables of the library: CJK extension I and five description
// characters.
uint8_t ClassAddedIn15_1(char32_t c) {
  if (c >= 0x2EBF0 && c <= 0x2EE5D) return kLetter;
  if ((c >= 0x2FFC && c <= 0x2FFF) || c == 0x31EF) return kSymbol;
  return 0;
}

uint8_t ComputeClass(char32_t c) {
  if (IsWhiteSpace(c)) return kSpace;
  if (c > kMaxCodePoint) return kUnassigned;
  if (const uint8_t added = ClassAddedIn15_1(c)) return added;
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return kLetter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return kMark;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return kNumber;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return kPunctuation;
    case UTF8PROC_CATEGORY_SM:
    case UTF8PROC_CATEGORY_SC:
    case UTF8PROC_CATEGORY_SK:
    case UTF8PROC_CATEGORY_SO:
      return kSymbol;
    case UTF8PROC_CATEGORY_CN:
      return kUnassigned;
    default:
      return kControlChar;
  }
}

const std::array<uint8_t, 128>& AsciiClasses() {
  static const std::array<uint8_t, 128> classes = [] {
    std::array<uint8_t, 128> table{};
    for (char32_t c = 0; c < 128; ++c) table[c] = ComputeClass(c);
    return table;
  }();
  return classes;
}

bool IsContinuation(unsigned char byte) { return (byte & 0xC0) == 0x80; }

// How many bytes at `offset` are the beginning of a well-formed character; `complete` tells whether
// all of it.
size_t MaximalSubpart(std::string_view text, size_t offset, bool& complete) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[offset + i]); };
  const size_t left = text.size() - offset;
  const unsigned char lead = byte(0);
  complete = true;
  if (lead < 0x80) return 1;
  complete = false;
  if (lead < 0xC2 || lead > 0xF4) return 1;
  const size_t length = Utf8LengthFromLead(lead);
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  if (left < 2 || byte(1) < low || byte(1) > high) return 1;
  for (size_t i = 2; i < length; ++i) {
    if (left <= i || !IsContinuation(byte(i))) return i;
  }
  complete = true;
  return length;
}

}  // namespace

uint8_t ClassOf(char32_t c) {
  static const std::array<uint8_t, 128>& ascii = AsciiClasses();
  return c < 128 ? ascii[c] : ComputeClass(c);
}

char32_t ToLower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  return c > kMaxCodePoint
             ? c
             : static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

char32_t ToUpper(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z' ? c - 32 : c;
  return c > kMaxCodePoint
             ? c
             : static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c)));
}

bool IsUpper(char32_t c) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(c));
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

bool IsLower(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_LL;
}

char32_t ToTitle(char32_t c) {
  if (c < 0x80) return ToUpper(c);
  return c > kMaxCodePoint
             ? c
             : static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c)));
}

void AppendDecomposed(char32_t c, std::u32string& out) {
  if (c < 0x80 || c > kMaxCodePoint || (c >= 0xD800 && c <= 0xDFFF)) {
    out.push_back(c);
    return;
  }
  std::array<utf8proc_int32_t, 32> buffer;
  const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), buffer.data(),
                                             buffer.size(), UTF8PROC_DECOMPOSE, nullptr);
  if (count <= 0 || count > static_cast<utf8proc_ssize_t>(buffer.size())) {
    out.push_back(c);
    return;
  }
  for (utf8proc_ssize_t i = 0; i < count; ++i) out.push_back(static_cast<char32_t>(buffer[i]));
}

bool IsNonspacingMark(char32_t c) {
  return c <= kMaxCodePoint &&
         utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_MN;
}

bool IsPythonSpace(char32_t c) { return IsWhiteSpace(c) || (c >= 0x1C && c <= 0x1F); }

bool IsPrintable(char32_t c) {
  if (c == ' ') return true;
  if (c >= 0xD800 && c <= 0xDFFF) return false;
  return (ClassOf(c) & (kSpace | kControlChar | kUnassigned)) == 0;
}

void AppendUtf8(char32_t c, std::string& out) {
  if (c < 0x80) {
    out.push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (c >> 6)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else if (c < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | (c >> 12)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | (c >> 18)));
    out.push_back(static_cast<char>(0x80 | ((c >> 12) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | ((c >> 6) & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (c & 0x3F)));
  }
}

char32_t DecodeLenient(std::string_view text, size_t& offset) {
  const auto lead = static_cast<unsigned char>(text[offset]);
  if (lead < 0x80) {
    ++offset;
    return lead;
  }
  const size_t length = Utf8LengthFromLead(lead);
  if (lead < 0xC0 || lead >= 0xF8 || text.size() - offset < length) {
    ++offset;
    return kReplacement;
  }
  char32_t c = lead & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[offset + i]);
    if (!IsContinuation(byte)) {
      ++offset;
      return kReplacement;
    }
    c = (c << 6) | (byte & 0x3F);
  }
  if (c > kMaxCodePoint) {
    ++offset;
    return kReplacement;
  }
  offset += length;
  return c;
}

size_t StrictCharLength(std::string_view text, size_t offset) {
  bool complete = false;
  const size_t length = MaximalSubpart(text, offset, complete);
  return complete ? length : 0;
}

size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++count) {
    const size_t length = StrictCharLength(text, i);
    i += length > 0 ? length : 1;
  }
  return count;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    bool complete = false;
    const size_t length = MaximalSubpart(text, i, complete);
    if (complete) {
      out.append(text.substr(i, length));
    } else {
      AppendUtf8(kReplacement, out);
    }
    i += length;
  }
  return out;
}

std::string TakeCompleteUtf8(std::string& pending) {
  std::string out;
  size_t i = 0;
  while (i < pending.size()) {
    bool complete = false;
    const size_t length = MaximalSubpart(pending, i, complete);
    if (complete) {
      out.append(pending, i, length);
    } else {
      const auto lead = static_cast<unsigned char>(pending[i]);
      const bool may_continue = lead >= 0xC2 && lead <= 0xF4 && i + length == pending.size();
      if (may_continue) break;
      AppendUtf8(kReplacement, out);
    }
    i += length;
  }
  pending.erase(0, i);
  return out;
}

}  // namespace dure::text
