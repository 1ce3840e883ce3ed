// What was used: one row for each request that asked a model for something, never its content.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/records.h"

namespace dure::store {

/// Which rows. Empty fields: all.
struct UsageFilter {
  std::string account_id;
  std::string key_id;
  std::optional<int64_t> from_ms;  // inclusive
  std::optional<int64_t> to_ms;    // exclusive
};

struct UsageSum {
  int64_t requests = 0;
  int64_t errors = 0;  // of them with status 400 and above
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t completion_tokens = 0;
};

/// What sums are made for; kDay is "2026-11-23" in UTC.
enum class UsageGroup { kDay, kModel, kKey, kAccount };

struct UsageGroupSum {
  std::string group;
  UsageSum sum;
};

/// Thread-safe; see Accounts.
class UsageLog {
 public:
  virtual ~UsageLog() = default;

  /// On disk within a tenth of a second, without waiting for it.
  virtual void Append(UsageRow row) = 0;
  virtual Result<UsageSum> Sum(const UsageFilter& filter) = 0;
  /// Ordered by group, at most kMostGroups.
  virtual Result<std::vector<UsageGroupSum>> SumBy(UsageGroup group, const UsageFilter& filter) = 0;
  static constexpr int kMostGroups = 1000;
  /// Rows with a greater id than `after`, ascending, at most `most`.
  virtual Result<std::vector<UsageRow>> List(const UsageFilter& filter, int64_t after,
                                             int most) = 0;
};

/// RFC 4180, with a line of names first. Cells that a spreadsheet would take for a formula begin
/// with an apostrophe.
std::string UsageCsvHead();
std::string UsageCsvLine(const UsageRow& row);

}  // namespace dure::store
