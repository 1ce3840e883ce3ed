// The formats of JSON Schema as automata over the characters of a string.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.h"
#include "text/grammar/dfa.h"
#include "text/grammar/limits.h"

namespace dure::text {

/// Exact where the RFC's language is regular and of a bearable size; else a subset of it (the table
/// in docs/api.md says which). Errors: kUnsupported (a format that is not known).
Result<Dfa> FormatDfa(std::string_view format, const GrammarLimits& limits);

/// Names that FormatDfa knows.
std::vector<std::string_view> KnownFormats();

}  // namespace dure::text
