#include "store/providers.h"

namespace dure::store {

std::string KeyHint(std::string_view key) {
  constexpr size_t kHintCharacters = 4;
  constexpr size_t kLeastKey = 16;  // of a shorter one too little would be left to guess
  if (key.size() < kLeastKey) return "";
  return std::string(key.substr(key.size() - kHintCharacters));
}

}  // namespace dure::store
