// Items of the Responses API: what a response is given and what it gives. They are kept as JSON in
// one form, with an id each, and become messages of a chat.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "providers/provider.h"

namespace dure::api {

/// Letters and digits, never the same twice.
using IdMaker = std::function<std::string()>;

/// The `input` of a request, a string or items, as items of the kept form. Errors: invalid_type,
/// invalid_value, missing_required_parameter, unknown_parameter, unsupported_value.
ApiResult<Json> ReadInput(const Json& value, size_t most_items, const IdMaker& new_id);

/// Adds what an item of the kept form, given or answered, says to the chat. Thoughts are left out.
void AppendItem(const Json& item, std::vector<providers::ChatMessage>& messages);

}  // namespace dure::api
