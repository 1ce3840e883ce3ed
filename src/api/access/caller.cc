#include "api/access/caller.h"

#include <algorithm>
#include <utility>

namespace dure::api {

namespace {

constexpr std::pair<std::string_view, uint32_t> kScopes[] = {
    {"inference", store::kScopeInference},
    {"usage", store::kScopeUsage},
    {"account", store::kScopeAccount},
    {"admin", store::kScopeAdmin},
};

bool Allows(const store::Limits& limits, std::string_view model) {
  return !limits.models ||
         std::find(limits.models->begin(), limits.models->end(), model) != limits.models->end();
}

}  // namespace

bool Caller::MayUse(std::string_view model) const {
  return Allows(account_limits, model) && Allows(key_limits, model);
}

std::vector<std::string> ScopeNames(uint32_t scopes) {
  std::vector<std::string> names;
  for (const auto& [name, bit] : kScopes) {
    if ((scopes & bit) != 0) names.emplace_back(name);
  }
  return names;
}

uint32_t ScopeOf(std::string_view name) {
  for (const auto& [known, bit] : kScopes) {
    if (known == name) return bit;
  }
  return 0;
}

}  // namespace dure::api
