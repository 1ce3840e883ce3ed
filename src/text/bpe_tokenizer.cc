#include "text/bpe_tokenizer.h"

#include <algorithm>
#include <bit>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>

#include "text/unicode.h"

namespace dure::text {
namespace {

// GPT-2's table of bytes as printable characters: a byte that is a printable Latin-1 character
// stands for itself, the others are U+0100 and up in order.
constexpr bool IsPrintableLatin1(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

const std::array<char32_t, 256>& ByteCharacters() {
  static const std::array<char32_t, 256> table = [] {
    std::array<char32_t, 256> characters{};
    char32_t next = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte)
      characters[byte] = IsPrintableLatin1(byte) ? byte : next++;
    return characters;
  }();
  return table;
}

// The byte a character of that table stands for, or -1.
int ByteOfCharacter(char32_t c) {
  static const std::array<int16_t, 512> table = [] {
    std::array<int16_t, 512> bytes{};
    bytes.fill(-1);
    for (int byte = 0; byte < 256; ++byte)
      bytes[ByteCharacters()[static_cast<size_t>(byte)]] = static_cast<int16_t>(byte);
    return bytes;
  }();
  return c < table.size() ? table[c] : -1;
}

// Above this length a word is merged with a queue instead of by repeated scanning.
constexpr size_t kShortWord = 32;

}  // namespace

BpeTokenizer::BpeTokenizer(Vocabulary vocabulary, TokenIndex index, PreTokenizer pre_tokenizer)
    : BaseTokenizer(std::move(vocabulary), std::move(index), pre_tokenizer.adds_bos()),
      pre_tokenizer_(std::move(pre_tokenizer)) {
  BuildMerges();
  DropMerges();
}

void BpeTokenizer::BuildMerges() {
  const std::vector<std::string>& lines = this->vocabulary().merges;
  std::unordered_map<std::string, Symbol> extra;
  const auto symbol_of = [&](std::string_view spelling) {
    const TokenId id = this->index().Find(spelling);
    if (id >= 0) return id;
    const auto next = static_cast<Symbol>(this->vocabulary().tokens.size() + extra_.size());
    const auto [it, inserted] = extra.try_emplace(std::string(spelling), next);
    if (inserted) extra_.emplace_back(spelling);
    return it->second;
  };
  for (unsigned byte = 0; byte < 256; ++byte) {
    std::string spelling;
    AppendUtf8(ByteCharacters()[byte], spelling);
    byte_symbols_[byte] = symbol_of(spelling);
  }
  merges_.assign(std::bit_ceil(lines.size() + lines.size() / 2 + 1), Merge{});
  merge_mask_ = merges_.size() - 1;
  std::string joined;
  for (size_t rank = 0; rank < lines.size(); ++rank) {
    const std::string_view line = lines[rank];
    const size_t space = line.find(' ', 1);
    if (space == std::string_view::npos) continue;
    const std::string_view left = line.substr(0, space);
    const std::string_view right = line.substr(space + 1);
    joined.assign(left).append(right);
    const Symbol result = symbol_of(joined);
    if (IsControl(result)) continue;  // text never becomes a control token
    const uint64_t pair =
        (static_cast<uint64_t>(symbol_of(left)) << 32) | static_cast<uint32_t>(symbol_of(right));
    InsertMerge({pair, static_cast<uint32_t>(rank), result});
  }
}

void BpeTokenizer::InsertMerge(const Merge& merge) {
  size_t slot = (merge.pair * 0x9E3779B97F4A7C15ull >> 32) & merge_mask_;
  while (merges_[slot].rank != kNoRank) {
    if (merges_[slot].pair == merge.pair) return;  // the first rank of a pair counts
    slot = (slot + 1) & merge_mask_;
  }
  merges_[slot] = merge;
}

const BpeTokenizer::Merge& BpeTokenizer::FindMerge(Symbol left, Symbol right) const {
  const uint64_t pair = (static_cast<uint64_t>(left) << 32) | static_cast<uint32_t>(right);
  size_t slot = (pair * 0x9E3779B97F4A7C15ull >> 32) & merge_mask_;
  while (merges_[slot].rank != kNoRank && merges_[slot].pair != pair)
    slot = (slot + 1) & merge_mask_;
  return merges_[slot];
}

void BpeTokenizer::EncodeText(std::string_view text, bool /*after_special*/,
                              std::vector<TokenId>& out) const {
  CodePoints points;
  points.code.reserve(text.size());
  points.classes.reserve(text.size());
  std::string repaired;  // the text as its code points spell it
  bool intact = true;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    const char32_t c = DecodeLenient(text, i);
    points.code.push_back(c);
    points.classes.push_back(ClassOf(c));
    const size_t spelled = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    intact = intact && spelled == i - start;
  }
  if (!intact) {
    for (const char32_t c : points.code) AppendUtf8(c, repaired);
    text = repaired;
  }
  std::vector<Symbol> symbols;
  size_t begin = 0;
  uint32_t point = 0;
  for (const uint32_t word_end : pre_tokenizer_.Split(points)) {
    size_t end = begin;
    for (; point < word_end; ++point)
      end += Utf8LengthFromLead(static_cast<unsigned char>(text[end]));
    EncodeWord(text.substr(begin, end - begin), symbols, out);
    begin = end;
  }
}

void BpeTokenizer::EncodeWord(std::string_view bytes, std::vector<Symbol>& symbols,
                              std::vector<TokenId>& out) const {
  if (pre_tokenizer_.ignore_merges()) {
    std::string spelling;
    for (const char c : bytes)
      AppendUtf8(ByteCharacters()[static_cast<unsigned char>(c)], spelling);
    const TokenId whole = FindTextToken(spelling);
    if (whole >= 0) {
      out.push_back(whole);
      return;
    }
  }
  symbols.clear();
  for (const char c : bytes) symbols.push_back(byte_symbols_[static_cast<unsigned char>(c)]);
  if (symbols.size() <= kShortWord) {
    MergeShort(symbols);
  } else {
    MergeLong(symbols);
  }
  for (const Symbol symbol : symbols) Emit(symbol, out);
}

void BpeTokenizer::MergeShort(std::vector<Symbol>& symbols) const {
  std::array<uint32_t, kShortWord> ranks;
  std::array<Symbol, kShortWord> results;
  const auto look_up = [&](size_t i) {
    const Merge& merge = FindMerge(symbols[i], symbols[i + 1]);
    ranks[i] = merge.rank;
    results[i] = merge.result;
  };
  size_t pairs = symbols.empty() ? 0 : symbols.size() - 1;
  for (size_t i = 0; i < pairs; ++i) look_up(i);
  while (pairs > 0) {
    const auto best =
        static_cast<size_t>(std::min_element(ranks.begin(), ranks.begin() + pairs) - ranks.begin());
    if (ranks[best] == kNoRank) break;
    symbols[best] = results[best];
    symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(best) + 1);
    --pairs;
    for (size_t i = best; i < pairs; ++i) {
      ranks[i] = ranks[i + 1];
      results[i] = results[i + 1];
    }
    if (best < pairs) look_up(best);
    if (best > 0) look_up(best - 1);
  }
}

void BpeTokenizer::MergeLong(std::vector<Symbol>& symbols) const {
  struct Candidate {
    uint32_t rank;
    uint32_t left;
    uint32_t right;
    Symbol left_symbol;  // what stood there when the candidate was made
    Symbol right_symbol;
    Symbol result;
    bool operator>(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };
  constexpr uint32_t kEnd = 0xFFFFFFFF;
  const auto count = static_cast<uint32_t>(symbols.size());
  std::vector<uint32_t> previous(count);
  std::vector<uint32_t> next(count);
  for (uint32_t i = 0; i < count; ++i) {
    previous[i] = i == 0 ? kEnd : i - 1;
    next[i] = i + 1 == count ? kEnd : i + 1;
  }
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
  const auto consider = [&](uint32_t left, uint32_t right) {
    if (left == kEnd || right == kEnd) return;
    const Merge& merge = FindMerge(symbols[left], symbols[right]);
    if (merge.rank != kNoRank)
      queue.push({merge.rank, left, right, symbols[left], symbols[right], merge.result});
  };
  for (uint32_t i = 1; i < count; ++i) consider(i - 1, i);
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    if (symbols[best.left] != best.left_symbol || symbols[best.right] != best.right_symbol)
      continue;
    symbols[best.left] = best.result;
    symbols[best.right] = kNone;
    next[best.left] = next[best.right];
    if (next[best.right] != kEnd) previous[next[best.right]] = best.left;
    consider(previous[best.left], best.left);
    consider(best.left, next[best.left]);
  }
  std::erase(symbols, kNone);
}

// A symbol that is no token falls apart into the bytes of its spelling, of which only those remain
// that are tokens.
void BpeTokenizer::Emit(Symbol symbol, std::vector<TokenId>& out) const {
  const auto size = static_cast<Symbol>(vocabulary().tokens.size());
  if (symbol < size && !IsControl(symbol)) {
    out.push_back(symbol);
    return;
  }
  const std::string& spelling = symbol < size ? vocabulary().tokens[static_cast<size_t>(symbol)]
                                              : extra_[static_cast<size_t>(symbol - size)];
  for (const char& c : spelling) {
    const TokenId id = FindTextToken(std::string_view(&c, 1));
    if (id >= 0) out.push_back(id);
  }
}

std::string BpeTokenizer::DecodeNormal(std::string_view spelling) const {
  std::string bytes;
  bytes.reserve(spelling.size());
  for (size_t i = 0; i < spelling.size();) {
    const char32_t c = DecodeLenient(spelling, i);
    const int byte = ByteOfCharacter(c);
    if (byte >= 0) {
      bytes.push_back(static_cast<char>(byte));
    } else {
      AppendUtf8(c, bytes);
    }
  }
  return bytes;
}

}  // namespace dure::text
