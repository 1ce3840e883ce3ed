#include "api/app/assets.h"

#include <algorithm>

namespace dure::api::app {

const Asset* FindAsset(std::string_view path) {
  const std::span<const Asset> all = Assets();
  const auto found = std::lower_bound(
      all.begin(), all.end(), path,
      [](const Asset& asset, std::string_view wanted) { return asset.path < wanted; });
  return found != all.end() && found->path == path ? &*found : nullptr;
}

}  // namespace dure::api::app
