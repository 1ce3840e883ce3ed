// tokenizer.json, the format of the Hugging Face tokenizers library, for WordPiece models.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "formats/json_file.h"
#include "text/vocabulary.h"

namespace dure::text {
namespace {

using nlohmann::json;

constexpr size_t kMostTokens = 1 << 21;
constexpr std::string_view kWordMark = "\xE2\x96\x81";
constexpr std::string_view kContinuation = "##";

tl::unexpected<Error> Corrupt(const std::string& what) {
  return Fail(ErrorCode::kCorrupt, "tokenizer.json: " + what);
}

/// object[key], or null where it is not an object or has no such key.
const json& At(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string StringAt(const json& object, const char* key, const char* fallback) {
  const json& value = At(object, key);
  return value.is_string() ? value.get<std::string>() : fallback;
}

/// Spellings by id, as they stand in the file.
Result<std::vector<std::string>> ReadSpellings(const json& vocabulary) {
  if (!vocabulary.is_object() || vocabulary.empty() || vocabulary.size() > kMostTokens) {
    return Corrupt("model.vocab is no usable vocabulary");
  }
  std::vector<std::string> spellings(vocabulary.size());
  for (const auto& [spelling, id] : vocabulary.items()) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= spellings.size()) {
      return Corrupt("the id of token \"" + spelling + "\" is not below the number of tokens");
    }
    std::string& slot = spellings[id.get<uint64_t>()];
    if (!slot.empty()) return Corrupt("two tokens have the id of \"" + spelling + "\"");
    slot = spelling;
  }
  return spellings;
}

/// Marks added_tokens as control or user-defined tokens.
Result<void> ReadAddedTokens(const json& added, Vocabulary& v) {
  if (added.is_null()) return {};
  if (!added.is_array()) return Corrupt("added_tokens is no list");
  for (const json& token : added) {
    const json& id = At(token, "id");
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= v.tokens.size() ||
        v.tokens[id.get<uint64_t>()] != StringAt(token, "content", "")) {
      return Corrupt("an added token is not in model.vocab");
    }
    const json& special = At(token, "special");
    v.types[id.get<uint64_t>()] =
        special.is_boolean() && special.get<bool>() ? TokenType::kControl : TokenType::kUserDefined;
  }
  return {};
}

Result<void> ReadNormalizer(const json& normalizer, Vocabulary& v) {
  const std::string type = StringAt(normalizer, "type", "");
  if (type != "BertNormalizer") {
    return Fail(ErrorCode::kUnsupported,
                "tokenizer.json: the normalizer \"" + type + "\" is not supported");
  }
  const auto flag = [&](const char* key, bool fallback) {
    const json& value = At(normalizer, key);
    return value.is_boolean() ? value.get<bool>() : fallback;
  };
  v.lowercase = flag("lowercase", true);
  v.strip_accents = flag("strip_accents", v.lowercase);
  return {};
}

}  // namespace

Result<Vocabulary> ReadVocabularyJson(const json& file) {
  const json& model = At(file, "model");
  const std::string type = StringAt(model, "type", "");
  if (type != "WordPiece" || StringAt(model, "continuing_subword_prefix", "##") != kContinuation) {
    return Fail(ErrorCode::kUnsupported,
                "tokenizer.json: the model \"" + type + "\" is not supported");
  }
  Vocabulary v;
  v.kind = VocabularyKind::kWordPiece;
  auto spellings = ReadSpellings(At(model, "vocab"));
  if (!spellings) return tl::unexpected(spellings.error());
  v.tokens = *std::move(spellings);
  v.types.assign(v.tokens.size(), TokenType::kNormal);
  if (auto added = ReadAddedTokens(At(file, "added_tokens"), v); !added) {
    return tl::unexpected(added.error());
  }
  if (auto read = ReadNormalizer(At(file, "normalizer"), v); !read) {
    return tl::unexpected(read.error());
  }
  const json& longest = At(model, "max_input_chars_per_word");
  if (longest.is_number_unsigned()) v.longest_word = longest.get<size_t>();
  const auto find = [&](const std::string& spelling) -> std::optional<TokenId> {
    const auto found = std::find(v.tokens.begin(), v.tokens.end(), spelling);
    if (found == v.tokens.end()) return std::nullopt;
    return static_cast<TokenId>(found - v.tokens.begin());
  };
  v.bos = find("[CLS]");
  v.eos = find("[SEP]");
  v.unknown = find(StringAt(model, "unk_token", "[UNK]"));
  // As the tokenizer wants them: words begin with a mark, what continues a word is bare.
  for (size_t i = 0; i < v.tokens.size(); ++i) {
    if (v.types[i] != TokenType::kNormal) continue;
    std::string& token = v.tokens[i];
    token = token.starts_with(kContinuation) ? token.substr(kContinuation.size())
                                             : std::string(kWordMark) + token;
  }
  return v;
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromJsonFile(const std::string& path) {
  auto file = formats::ReadJsonFile(path);
  if (!file) return tl::unexpected(file.error());
  auto vocabulary = ReadVocabularyJson(*file);
  if (!vocabulary) return tl::unexpected(vocabulary.error());
  return MakeTokenizer(*std::move(vocabulary));
}

}  // namespace dure::text
