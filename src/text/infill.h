// Tokens of fill-in-the-middle prompts (Bavarian et al., 2022, arXiv:2207.14255): what stands
// before the gap, what stands after it, and where the model begins to write.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "text/tokenizer.h"

namespace dure::text {

struct InfillTokens {
  TokenId prefix = -1;
  TokenId suffix = -1;
  TokenId middle = -1;
};

/// How one family of models spells them.
struct InfillSpelling {
  std::string_view prefix;
  std::string_view suffix;
  std::string_view middle;
};

std::span<const InfillSpelling> InfillSpellings();

/// Those the file names (tokenizer.ggml.fim_pre_token_id and so on), else those with a known
/// spelling; nothing for models that were not trained with any.
std::optional<InfillTokens> FindInfillTokens(const formats::GgufFile& file,
                                             const Tokenizer& tokenizer);

}  // namespace dure::text
