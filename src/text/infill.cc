#include "text/infill.h"

#include <string>

#include "formats/gguf.h"

namespace dure::text {
namespace {

constexpr InfillSpelling kSpellings[] = {
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
    {"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},
    {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
    {"<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"},
    {"<PRE>", "<SUF>", "<MID>"},
    {"▁<PRE>", "▁<SUF>", "▁<MID>"},
    {"<|code_prefix|>", "<|code_suffix|>", "<|code_middle|>"},
    {"<|prefix|>", "<|suffix|>", "<|middle|>"},
};

/// -1: the file does not say, or names no token.
TokenId IdFromFile(const formats::GgufFile& file, const Tokenizer& tokenizer,
                   std::string_view name) {
  const auto id = file.GetUint("tokenizer.ggml." + std::string(name) + "_token_id");
  const auto size = static_cast<uint64_t>(tokenizer.vocab_size());
  return id && *id < size ? static_cast<TokenId>(*id) : -1;
}

}  // namespace

std::span<const InfillSpelling> InfillSpellings() { return kSpellings; }

std::optional<InfillTokens> FindInfillTokens(const formats::GgufFile& file,
                                             const Tokenizer& tokenizer) {
  // The second row is how these keys were called first.
  constexpr InfillSpelling kKeys[] = {{"fim_pre", "fim_suf", "fim_mid"},
                                      {"prefix", "suffix", "middle"}};
  for (const InfillSpelling& keys : kKeys) {
    const InfillTokens ids = {IdFromFile(file, tokenizer, keys.prefix),
                              IdFromFile(file, tokenizer, keys.suffix),
                              IdFromFile(file, tokenizer, keys.middle)};
    if (ids.prefix >= 0 && ids.suffix >= 0 && ids.middle >= 0) return ids;
  }
  for (const InfillSpelling& row : kSpellings) {
    const auto prefix = tokenizer.FindToken(row.prefix);
    const auto suffix = tokenizer.FindToken(row.suffix);
    const auto middle = tokenizer.FindToken(row.middle);
    if (prefix && suffix && middle) return InfillTokens{*prefix, *suffix, *middle};
  }
  return std::nullopt;
}

}  // namespace dure::text
