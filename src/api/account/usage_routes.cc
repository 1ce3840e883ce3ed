// What was used, in sums and as a table (docs/api.md).
#include <charconv>
#include <cstdio>
#include <ctime>
#include <string>
#include <utility>

#include "api/account/records_json.h"
#include "api/account/route_parts.h"
#include "api/service.h"

namespace dure::api {

namespace {

using net::RunOn;
using net::WriteResult;

constexpr int kRowsAtOnce = 100;  // of a table: well below what waits for a slow reader

std::string_view QueryValue(const net::Request& request, std::string_view name) {
  for (const auto& [key, value] : request.query) {
    if (key == name) return value;
  }
  return {};
}

// Seconds since 1970, or a day in UTC: "2026-11-23".
std::optional<int64_t> ParseTime(std::string_view text) {
  int64_t seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (failed == std::errc() && end == text.data() + text.size()) {
    const bool sane = seconds >= 0 && seconds <= 253'402'300'799;
    return sane ? std::optional(seconds * 1000) : std::nullopt;
  }
  std::tm day{};
  int read = 0;
  const std::string copy(text);
  if (text.size() != 10 ||
      std::sscanf(copy.c_str(), "%4d-%2d-%2d%n", &day.tm_year, &day.tm_mon, &day.tm_mday, &read) !=
          3 ||
      read != 10) {
    return std::nullopt;
  }
  day.tm_year -= 1900;
  day.tm_mon -= 1;
  return static_cast<int64_t>(timegm(&day)) * 1000;
}

ApiResult<store::UsageFilter> ReadFilter(const net::Request& request,
                                         const std::string& account_id) {
  store::UsageFilter filter;
  filter.account_id = account_id;
  for (const auto& [name, value] : request.query) {
    const bool time = name == "from" || name == "to";
    if (time) {
      const auto parsed = ParseTime(value);
      if (!parsed) {
        return Refuse("invalid_value",
                      "'" + name + "' must be seconds since 1970 or a day such as 2026-11-23",
                      name);
      }
      (name == "from" ? filter.from_ms : filter.to_ms) = *parsed;
    } else if (name == "key_id") {
      filter.key_id = value;
    } else if (name == "account_id" && account_id.empty()) {
      filter.account_id = value;
    } else if (name != "group") {
      return Refuse("unknown_parameter", "unknown parameter '" + name + "'", name);
    }
  }
  return filter;
}

std::optional<store::UsageGroup> ParseGroup(std::string_view name) {
  if (name == "day") return store::UsageGroup::kDay;
  if (name == "model") return store::UsageGroup::kModel;
  if (name == "key") return store::UsageGroup::kKey;
  if (name == "account") return store::UsageGroup::kAccount;
  return std::nullopt;
}

/// Writes a table as fast as its reader reads, from the gate's background thread.
class CsvExport : public std::enable_shared_from_this<CsvExport> {
 public:
  CsvExport(Gate& gate, std::shared_ptr<net::ResponseWriter> writer, store::UsageFilter filter)
      : gate_(gate), writer_(std::move(writer)), filter_(std::move(filter)) {}

  void Start() {
    writer_->StartStream(200, {{"Content-Type", "text/csv; charset=utf-8"},
                               {"Content-Disposition", "attachment; filename=\"usage.csv\""}});
    pending_ = store::UsageCsvHead();
    Go();
  }

 private:
  void Go() {
    if (!gate_.background().Post([self = shared_from_this()] { self->Pump(); })) writer_->Abort();
  }

  void Pump() {
    for (;;) {
      const WriteResult result = writer_->Write(pending_);
      if (result == WriteResult::kGone) return;
      if (result == WriteResult::kFull) {
        // Held by the callback until then: the exchange lets go of it when the client leaves.
        return writer_->OnWritable([self = shared_from_this()] { self->Go(); });
      }
      const auto rows = gate_.store().usage().List(filter_, last_, kRowsAtOnce);
      if (!rows) return writer_->Abort();
      if (rows->empty()) return writer_->Finish();
      last_ = rows->back().id;
      pending_.clear();
      for (const store::UsageRow& row : *rows) pending_ += store::UsageCsvLine(row);
    }
  }

  Gate& gate_;
  const std::shared_ptr<net::ResponseWriter> writer_;
  const store::UsageFilter filter_;
  int64_t last_ = 0;
  std::string pending_;
};

}  // namespace

void SendUsage(const Service& service, const Call& call, const std::string& account_id) {
  const auto filter = ReadFilter(call.request, account_id);
  if (!filter) return call.Send(filter.error());
  store::UsageLog& usage = service.gate->store().usage();
  const auto total = usage.Sum(*filter);
  if (!total) return call.Send(FromStoreError(total.error()));
  Json out = {{"total", UsageSumJson(*total)}};
  if (const std::string_view name = QueryValue(call.request, "group"); !name.empty()) {
    const auto group = ParseGroup(name);
    if (!group) {
      return call.Send(
          ApiError{"invalid_value", "'group' must be day, model, key or account", "group"});
    }
    const auto sums = usage.SumBy(*group, *filter);
    if (!sums) return call.Send(FromStoreError(sums.error()));
    out["groups"] = Json::array();
    for (const store::UsageGroupSum& sum : *sums) {
      Json row = {{"group", sum.group}};
      row.update(UsageSumJson(sum.sum));
      out["groups"].push_back(std::move(row));
    }
  }
  call.Send(JsonResponse(out));
}

void SendUsageCsv(const Service& service, const Call& call, const std::string& account_id) {
  auto filter = ReadFilter(call.request, account_id);
  if (!filter) return call.Send(filter.error());
  std::make_shared<CsvExport>(*service.gate, call.writer, std::move(*filter))->Start();
}

void AddUsageRoutes(Routes& routes) {
  routes.Add("GET", "/api/usage", RunOn::kWorker, Rule::kUsage,
             [](const Service& service, const Call& call) {
               SendUsage(service, call, call.caller.account_id);
             });
  routes.Add("GET", "/api/usage.csv", RunOn::kWorker, Rule::kUsage,
             [](const Service& service, const Call& call) {
               SendUsageCsv(service, call, call.caller.account_id);
             });
}

}  // namespace dure::api
