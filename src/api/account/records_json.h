// Accounts, keys, sessions and usage as JSON, and limits from it (docs/api.md). Times are seconds
// since 1970 UTC.
#pragma once

#include <string>

#include "api/access/caller.h"
#include "api/json_body.h"
#include "api/json_object.h"
#include "store/records.h"
#include "store/usage.h"

namespace dure::api {

Json AccountJson(const store::Account& account);
/// Never the key itself: that is shown by whoever made it, once.
Json KeyJson(const store::ApiKey& key);
Json SessionJson(const store::Session& session, const Caller& caller);
Json UsageSumJson(const store::UsageSum& sum);
Json LimitsJson(const store::Limits& limits);

/// The member "limits", if it is there. Members that are absent or null say nothing.
std::optional<store::Limits> ReadLimits(JsonObject& body);

}  // namespace dure::api
