// Private to store/.
#pragma once

#include <string>
#include <vector>

#include "store/sqlite/database.h"
#include "store/usage.h"

namespace dure::store::sqlite {

class SqliteUsage : public UsageLog {
 public:
  explicit SqliteUsage(Database& database) : database_(database) {}

  void Append(UsageRow row) override;
  Result<UsageSum> Sum(const UsageFilter& filter) override;
  Result<std::vector<UsageGroupSum>> SumBy(UsageGroup group, const UsageFilter& filter) override;
  Result<std::vector<UsageRow>> List(const UsageFilter& filter, int64_t after, int most) override;

 private:
  Database& database_;
};

}  // namespace dure::store::sqlite
