#include "text/base_tokenizer.h"

#include <algorithm>
#include <utility>

namespace dure::text {
namespace {

constexpr char kHexDigits[] = "0123456789ABCDEF";

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// "<0x0A>" to its byte; nothing for another spelling.
std::string ByteOfSpelling(std::string_view spelling) {
  if (spelling.size() != 6 || !spelling.starts_with("<0x") || spelling[5] != '>') return {};
  const int high = HexValue(spelling[3]);
  const int low = HexValue(spelling[4]);
  if (high < 0 || low < 0) return {};
  return std::string(1, static_cast<char>(high * 16 + low));
}

}  // namespace

BaseTokenizer::BaseTokenizer(Vocabulary vocabulary, TokenIndex index, bool add_bos_by_default)
    : vocabulary_(std::move(vocabulary)),
      index_(std::move(index)),
      specials_(vocabulary_),
      add_bos_(vocabulary_.add_bos.value_or(add_bos_by_default) && vocabulary_.bos.has_value()) {}

std::vector<TokenId> BaseTokenizer::Encode(std::string_view text, ControlTokens control) const {
  return EncodeFragments(text, specials_.Split(text, control, {}));
}

std::vector<TokenId> BaseTokenizer::Encode(const RenderedPrompt& prompt) const {
  return EncodeFragments(prompt.text,
                         specials_.Split(prompt.text, ControlTokens::kParse, prompt.from_input));
}

std::vector<TokenId> BaseTokenizer::EncodeFragments(std::string_view text,
                                                    const std::vector<Fragment>& fragments) const {
  std::vector<TokenId> out;
  out.reserve(text.size() / 4 + 16);
  bool after_special = true;
  for (const Fragment& fragment : fragments) {
    if (fragment.token >= 0) {
      out.push_back(fragment.token);
    } else {
      EncodeText(text.substr(fragment.begin, fragment.end - fragment.begin), after_special, out);
    }
    after_special = fragment.token >= 0;
  }
  return out;
}

TokenType BaseTokenizer::TypeOf(TokenId id) const {
  return vocabulary_.types.empty() ? TokenType::kNormal
                                   : vocabulary_.types[static_cast<size_t>(id)];
}

std::string BaseTokenizer::TokenBytes(TokenId id, bool render_control) const {
  if (id < 0 || id >= vocab_size()) return {};
  const std::string& spelling = vocabulary_.tokens[static_cast<size_t>(id)];
  switch (TypeOf(id)) {
    case TokenType::kControl:
    case TokenType::kUnknown:
      return render_control ? spelling : std::string();
    case TokenType::kUserDefined:
      return spelling;
    case TokenType::kNormal:
      return DecodeNormal(spelling);
    case TokenType::kByte:
      return ByteOfSpelling(spelling);
    case TokenType::kUndefined:
    case TokenType::kUnused:
      return {};
  }
  return {};
}

bool BaseTokenizer::IsControl(TokenId id) const {
  if (id < 0 || id >= vocab_size()) return false;
  const TokenType type = TypeOf(id);
  return type == TokenType::kControl || type == TokenType::kUnknown;
}

bool BaseTokenizer::IsEndOfGeneration(TokenId id) const {
  return std::binary_search(vocabulary_.end_of_generation.begin(),
                            vocabulary_.end_of_generation.end(), id);
}

std::optional<TokenId> BaseTokenizer::FindToken(std::string_view spelling) const {
  const TokenId id = index_.Find(spelling);
  return id < 0 ? std::nullopt : std::optional<TokenId>(id);
}

TokenId BaseTokenizer::FindByteToken(unsigned char byte) const {
  const char spelling[] = {'<', '0', 'x', kHexDigits[byte >> 4], kHexDigits[byte & 15], '>'};
  return index_.Find(std::string_view(spelling, sizeof spelling));
}

}  // namespace dure::text
