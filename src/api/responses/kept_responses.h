// Responses that were kept, read back from the event log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "providers/provider.h"
#include "store/store.h"

namespace dure::api {

class ResponseRuns;

/// What a stream of a response is about, as its head.
std::string ResponseHead(const Json& input, const std::string& previous_response_id);

struct KeptResponse {
  Json response;  // as it stands
  Json input;     // items
  std::string previous_response_id;
};

/// Being made or finished. Errors: not_found (also another account's), storage_unavailable.
ApiResult<KeptResponse> FindResponse(store::EventLog& log, const ResponseRuns& runs,
                                     const std::string& account_id, const std::string& id);

/// What was said up to and with that response, oldest first. Errors: not_found and conflict (it is
/// still being made), naming previous_response_id; invalid_value (more than most_items items),
/// storage_unavailable.
ApiResult<std::vector<providers::ChatMessage>> ContextOf(store::EventLog& log,
                                                         const ResponseRuns& runs,
                                                         const std::string& account_id,
                                                         const std::string& id, size_t most_items);

/// When a server starts: responses that the one before was making when it ended get their end, as
/// failed, with what they had said. Errors: the store's.
Result<void> EndCutOffResponses(store::Store& store);

}  // namespace dure::api
