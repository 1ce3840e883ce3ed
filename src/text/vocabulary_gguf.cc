#include <algorithm>
#include <string>

#include "formats/gguf.h"
#include "text/vocabulary.h"

namespace dure::text {
namespace {

constexpr std::string_view kPrefix = "tokenizer.ggml.";

std::string Key(std::string_view name) { return std::string(kPrefix) + std::string(name); }

// The id under `name`; nothing when the file has none or one beyond the vocabulary (ids that mean
// "none" are written as -1 or as the largest integer).
Result<std::optional<TokenId>> ReadId(const formats::GgufFile& file, std::string_view name,
                                      size_t vocab_size) {
  const std::string key = Key(name);
  if (file.Find(key) == nullptr) return std::nullopt;
  const auto value = file.GetInt(key);
  if (!value) return tl::unexpected(value.error());
  if (*value < 0 || static_cast<uint64_t>(*value) >= vocab_size) return std::nullopt;
  return static_cast<TokenId>(*value);
}

Result<void> ReadKind(const formats::GgufFile& file, Vocabulary& v) {
  const auto model = file.GetString(Key("model"));
  if (!model) return tl::unexpected(model.error());
  if (*model == "gpt2") {
    v.kind = VocabularyKind::kBytePairs;
  } else if (*model == "llama") {
    v.kind = VocabularyKind::kSentencePiece;
  } else if (*model == "bert") {
    v.kind = VocabularyKind::kWordPiece;
  } else {
    return Fail(ErrorCode::kUnsupported, "tokenizer model '" + *model + "' is not supported");
  }
  const auto pre = file.GetString(Key("pre"), "");
  if (!pre) return tl::unexpected(pre.error());
  v.pre_tokenizer = *pre;
  return {};
}

Result<void> ReadTokens(const formats::GgufFile& file, Vocabulary& v) {
  const auto* tokens = file.FindStrings(Key("tokens"));
  if (tokens == nullptr)
    return Fail(ErrorCode::kNotFound, "the file has no vocabulary (tokenizer.ggml.tokens)");
  v.tokens = *tokens;
  if (file.Find(Key("scores")) != nullptr) {
    const auto scores = file.GetFloats(Key("scores"));
    if (!scores) return tl::unexpected(scores.error());
    v.scores.assign(scores->begin(), scores->end());
  }
  if (file.Find(Key("token_type")) != nullptr) {
    const auto types = file.GetInts(Key("token_type"));
    if (!types) return tl::unexpected(types.error());
    v.types.reserve(types->size());
    for (const int64_t type : *types) {
      v.types.push_back(type >= 0 && type <= 6 ? static_cast<TokenType>(type)
                                               : TokenType::kUndefined);
    }
  }
  if (v.kind == VocabularyKind::kBytePairs) {
    const auto* merges = file.FindStrings(Key("merges"));
    if (merges == nullptr)
      return Fail(ErrorCode::kCorrupt, "the file has no merges (tokenizer.ggml.merges)");
    v.merges = *merges;
  }
  return {};
}

// What a kind of vocabulary means where the file does not say.
void SetDefaultIds(Vocabulary& v) {
  const auto set = [&](std::optional<TokenId>& id, TokenId value) {
    if (static_cast<size_t>(value) < v.tokens.size()) id = value;
  };
  if (v.kind == VocabularyKind::kSentencePiece) {
    set(v.bos, 1);
    set(v.eos, 2);
    set(v.unknown, 0);
  } else if (v.kind == VocabularyKind::kWordPiece) {
    set(v.bos, 101);
    set(v.eos, 102);
    set(v.unknown, 100);
  }
}

Result<void> ReadIds(const formats::GgufFile& file, Vocabulary& v) {
  SetDefaultIds(v);
  struct Field {
    std::string_view name;
    std::optional<TokenId>* id;
  };
  std::vector<Field> fields = {
      {"bos_token_id", &v.bos}, {"eos_token_id", &v.eos}, {"unknown_token_id", &v.unknown}};
  if (v.kind == VocabularyKind::kWordPiece) {
    // These frame an encoder's input; the misspelling is the format's.
    fields.insert(fields.end(), {{"cls_token_id", &v.bos}, {"seperator_token_id", &v.eos}});
  }
  for (const Field& field : fields) {
    const auto id = ReadId(file, field.name, v.tokens.size());
    if (!id) return tl::unexpected(id.error());
    if (*id) *field.id = *id;
  }
  for (const std::string_view name : {"eot_token_id", "eom_token_id", "fim_pad_token_id",
                                      "fim_rep_token_id", "fim_sep_token_id"}) {
    const auto id = ReadId(file, name, v.tokens.size());
    if (!id) return tl::unexpected(id.error());
    if (*id) v.end_of_generation.push_back(**id);
  }
  return {};
}

Result<void> ReadFlags(const formats::GgufFile& file, Vocabulary& v) {
  if (file.Find(Key("add_bos_token")) != nullptr) {
    const auto add_bos = file.GetBool(Key("add_bos_token"));
    if (!add_bos) return tl::unexpected(add_bos.error());
    v.add_bos = *add_bos;
  }
  const auto prefix = file.GetBool(Key("add_space_prefix"), true);
  if (!prefix) return tl::unexpected(prefix.error());
  v.add_space_prefix = *prefix;
  const auto lowercase = file.GetBool(Key("normalizer.lowercase"), true);
  if (!lowercase) return tl::unexpected(lowercase.error());
  v.lowercase = *lowercase;
  const auto strip = file.GetBool(Key("normalizer.strip_accents"), *lowercase);
  if (!strip) return tl::unexpected(strip.error());
  v.strip_accents = *strip;
  return {};
}

// Phi-3's special tokens swallow the white space after them, which its files do not say.
void SetStripping(const std::string& model_name, Vocabulary& v) {
  std::string name = model_name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.find("phi-3") == std::string::npos && name.find("phi3") == std::string::npos) return;
  for (size_t i = 0; i < v.tokens.size() && i < v.types.size(); ++i) {
    const std::string& token = v.tokens[i];
    if (token == "<unk>" || token == "<s>" || token == "<|endoftext|>") continue;
    const TokenType type = v.types[i];
    const bool special = type == TokenType::kControl || type == TokenType::kUserDefined ||
                         type == TokenType::kUnknown || token == "</s>";
    if (special) v.strip_right.push_back(static_cast<TokenId>(i));
  }
}

}  // namespace

Result<Vocabulary> ReadVocabulary(const formats::GgufFile& file) {
  Vocabulary v;
  for (const auto read : {ReadKind, ReadTokens, ReadIds, ReadFlags}) {
    if (auto result = read(file, v); !result) return tl::unexpected(result.error());
  }
  const auto name = file.GetString("general.name", "");
  if (!name) return tl::unexpected(name.error());
  SetStripping(*name, v);
  return v;
}

Result<std::unique_ptr<Tokenizer>> Tokenizer::FromGguf(const formats::GgufFile& file) {
  auto vocabulary = ReadVocabulary(file);
  if (!vocabulary) return tl::unexpected(vocabulary.error());
  return MakeTokenizer(*std::move(vocabulary));
}

}  // namespace dure::text
