// Names that people give to accounts and keys. Private to store/.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dure::store {

/// The name in NFC. Errors: kInvalidArgument, continuing a sentence ("must have ..."): not 1 to
/// most_characters characters of UTF-8, a control character, or a space at an end.
Result<std::string> NormaliseName(std::string_view name, size_t most_characters);

/// What two names have in common that are to count as one: NFKC, case folded. "" for invalid UTF-8.
std::string NameKey(std::string_view name);

}  // namespace dure::store
