// POST /v1/completions: the JSON body as checked providers::TextRequests, one for each prompt.
// Parameters are OpenAI's and those extensions that chats have, too (docs/api.md lists them all);
// what is not known or does not work is refused by name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/error_table.h"
#include "api/openai/completion_fields.h"
#include "providers/provider.h"

namespace dure::api {

struct TextRequestLimits : CompletionLimits {
  size_t max_prompts = 64;
  int max_logprobs = 5;
};

struct TextBody {
  std::vector<providers::TextRequest> requests;  // alike but for the prompt; at least one
  bool stream = false;
  bool include_usage = false;
};

/// Errors: invalid_json, missing_required_parameter, invalid_type, invalid_value,
/// unknown_parameter, unsupported_value.
ApiResult<TextBody> ParseTextBody(std::string_view body, const TextRequestLimits& limits = {});

/// Every parameter that is not refused as unknown; docs/api.md describes each.
std::vector<std::string_view> KnownTextParameters();

/// Texts or token ids as clients give them: a string, token ids, or an array of either.
using TextInput = std::variant<std::string, std::vector<int32_t>>;

/// Errors: invalid_type, invalid_value (none, more than max_inputs).
ApiResult<std::vector<TextInput>> ReadTextInputs(const Json& value, const std::string& name,
                                                 size_t max_inputs);

/// Errors: invalid_type, invalid_value (an id that is none).
ApiResult<std::vector<int32_t>> ReadTokens(const Json& value, const std::string& name);

}  // namespace dure::api
