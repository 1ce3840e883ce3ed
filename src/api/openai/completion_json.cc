#include "api/openai/completion_json.h"

#include <cmath>

namespace dure::api {

Json IdentityJson(const CompletionIdentity& identity, std::string_view object) {
  return {{"id", identity.id},
          {"object", object},
          {"created", identity.created},
          {"model", identity.model},
          {"system_fingerprint", identity.system_fingerprint}};
}

Json UsageJson(const providers::ChatUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}}};
}

double JsonLogprob(float logprob) {
  constexpr double kLeast = -9999.0;  // OpenAI's stand-in; JSON has no infinity
  return std::isfinite(logprob) && logprob > kLeast ? logprob : kLeast;
}

}  // namespace dure::api
