// Reading what a command is given and writing JSON, with limits.
#pragma once

#include <cstdint>
#include <istream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"

namespace dure {

using Json = nlohmann::ordered_json;

inline constexpr uint64_t kMostInputBytes = 256ull << 20;
inline constexpr int kMostJsonDepth = 128;

/// The whole file; "-" is standard input. Errors: kNotFound, kIo, kResourceExhausted (longer than
/// max_bytes).
Result<std::string> ReadFile(const std::string& path, uint64_t max_bytes = kMostInputBytes);

/// Errors: kInvalidArgument with the place, also for nesting beyond kMostJsonDepth.
Result<Json> ParseJson(const std::string& text);

/// JSON from standard input. Errors: those of ReadFile and ParseJson.
Result<Json> ReadJsonInput();

/// An array of token ids: integers that fit. `name` is for the message.
Result<std::vector<engine::TokenId>> TokenArray(const Json& object, const char* name);

/// [[[id, logprob], ...], ...]; float32 values print so that reading them back gives the same bits.
Json LogprobRows(const std::vector<std::vector<engine::TokenLogprob>>& rows);

/// One line on standard output; bytes that are not UTF-8 become U+FFFD.
void PrintJson(const Json& json);

}  // namespace dure
