// What the routes of accounts and of administrators share.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/access/call.h"
#include "api/error_table.h"

namespace dure::api {

struct Service;
class Routes;

void AddKeyRoutes(Routes& routes);
void AddUsageRoutes(Routes& routes);

/// Runs what hashes passwords on the gate's own thread; answers server_busy when too much waits
/// there.
void InBackground(const Service& service, const Call& call, std::function<void()> work);

/// Errors: invalid_value.
ApiResult<void> CheckNewPassword(std::string_view password);

/// GET .../usage: sums of one account's requests; "" of all accounts'.
void SendUsage(const Service& service, const Call& call, const std::string& account_id);
/// GET .../usage.csv: the same rows one by one, streamed.
void SendUsageCsv(const Service& service, const Call& call, const std::string& account_id);

}  // namespace dure::api
