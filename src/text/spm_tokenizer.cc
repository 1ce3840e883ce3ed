#include "text/spm_tokenizer.h"

#include <algorithm>
#include <cstdint>
#include <queue>
#include <utility>

#include "text/unicode.h"

namespace dure::text {
namespace {

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";  // U+2581 stands for a space inside tokens
constexpr int32_t kEnd = -1;

std::string EscapeSpaces(std::string_view text, bool space_first) {
  std::string out;
  out.reserve(text.size() + text.size() / 2 + 4);
  if (space_first) out += kSpaceMark;
  for (const char c : text) {
    if (c == ' ') {
      out += kSpaceMark;
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

struct SpmTokenizer::Symbol {
  uint32_t begin;
  uint32_t size;  // 0: merged into the one before
  int32_t previous;
  int32_t next;
};

struct SpmTokenizer::Candidate {
  float score;
  int32_t left;
  int32_t right;
  uint32_t size;  // of both together when the candidate was made
  bool operator<(const Candidate& other) const {
    return score != other.score ? score < other.score : left > other.left;
  }
};

// The merging of one text.
class SpmTokenizer::Merger {
 public:
  Merger(const SpmTokenizer& tokenizer, std::string_view text)
      : tokenizer_(tokenizer), text_(text) {
    for (size_t i = 0; i < text.size();) {
      const size_t length =
          std::min(Utf8LengthFromLead(static_cast<unsigned char>(text[i])), text.size() - i);
      const auto index = static_cast<int32_t>(symbols_.size());
      symbols_.push_back(
          {static_cast<uint32_t>(i), static_cast<uint32_t>(length), index - 1, index + 1});
      i += length;
    }
    if (!symbols_.empty()) symbols_.back().next = kEnd;
  }

  void Run() {
    for (size_t i = 1; i < symbols_.size(); ++i)
      Consider(static_cast<int32_t>(i - 1), static_cast<int32_t>(i));
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      Symbol& left = At(best.left);
      Symbol& right = At(best.right);
      if (left.size == 0 || right.size == 0 || left.size + right.size != best.size) continue;
      left.size += right.size;
      right.size = 0;
      left.next = right.next;
      if (right.next != kEnd) At(right.next).previous = best.left;
      Consider(left.previous, best.left);
      Consider(best.left, left.next);
    }
  }

  void Emit(std::vector<TokenId>& out) const {
    for (const Symbol& symbol : symbols_) {
      if (symbol.size == 0) continue;
      const std::string_view spelling = text_.substr(symbol.begin, symbol.size);
      const TokenId id = tokenizer_.FindTextToken(spelling);
      if (id >= 0) {
        out.push_back(id);
      } else {
        EmitBytes(spelling, out);
      }
    }
  }

 private:
  Symbol& At(int32_t i) { return symbols_[static_cast<size_t>(i)]; }

  void Consider(int32_t left, int32_t right) {
    if (left == kEnd || right == kEnd) return;
    const uint32_t size = At(left).size + At(right).size;
    if (size > tokenizer_.index().longest()) return;
    const TokenId id = tokenizer_.FindTextToken(text_.substr(At(left).begin, size));
    if (id < 0) return;
    const std::vector<float>& scores = tokenizer_.vocabulary().scores;
    queue_.push({scores.empty() ? 0.0f : scores[static_cast<size_t>(id)], left, right, size});
  }

  void EmitBytes(std::string_view spelling, std::vector<TokenId>& out) const {
    for (const char& c : spelling) {
      TokenId id = tokenizer_.FindByteToken(static_cast<unsigned char>(c));
      if (id < 0) id = tokenizer_.FindTextToken(std::string_view(&c, 1));
      if (id < 0) id = tokenizer_.vocabulary().unknown.value_or(-1);
      if (id >= 0) out.push_back(id);
    }
  }

  const SpmTokenizer& tokenizer_;
  const std::string_view text_;
  std::vector<Symbol> symbols_;
  std::priority_queue<Candidate> queue_;
};

SpmTokenizer::SpmTokenizer(Vocabulary vocabulary, TokenIndex index)
    : BaseTokenizer(std::move(vocabulary), std::move(index), true) {}

void SpmTokenizer::EncodeText(std::string_view text, bool after_special,
                              std::vector<TokenId>& out) const {
  const std::string escaped = EscapeSpaces(text, vocabulary().add_space_prefix && after_special);
  Merger merger(*this, escaped);
  merger.Run();
  merger.Emit(out);
}

std::string SpmTokenizer::DecodeNormal(std::string_view spelling) const {
  std::string out;
  for (size_t i = 0; i < spelling.size();) {
    if (spelling.substr(i).starts_with(kSpaceMark)) {
      out.push_back(' ');
      i += kSpaceMark.size();
    } else {
      out.push_back(spelling[i++]);
    }
  }
  return out;
}

}  // namespace dure::text
