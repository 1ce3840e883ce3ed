#include "store/sqlite/sqlite_usage.h"

#include <algorithm>
#include <utility>

namespace dure::store::sqlite {

namespace {

constexpr char kSums[] =
    "count(*), coalesce(sum(status >= 400), 0), coalesce(sum(prompt_tokens), 0), "
    "coalesce(sum(cached_tokens), 0), coalesce(sum(completion_tokens), 0)";

// Only what is asked for stands in the condition, so that its index is used.
std::string Where(const UsageFilter& filter) {
  std::string where = " WHERE 1";
  if (!filter.account_id.empty()) where += " AND account_id = ?";
  if (!filter.key_id.empty()) where += " AND key_id = ?";
  if (filter.from_ms) where += " AND at_ms >= ?";
  if (filter.to_ms) where += " AND at_ms < ?";
  return where;
}

void BindFilter(Statement& statement, const UsageFilter& filter) {
  if (!filter.account_id.empty()) statement.Bind(std::string_view(filter.account_id));
  if (!filter.key_id.empty()) statement.Bind(std::string_view(filter.key_id));
  if (filter.from_ms) statement.Bind(*filter.from_ms);
  if (filter.to_ms) statement.Bind(*filter.to_ms);
}

const char* GroupExpression(UsageGroup group) {
  switch (group) {
    case UsageGroup::kDay:
      return "date(at_ms / 1000, 'unixepoch')";
    case UsageGroup::kModel:
      return "model";
    case UsageGroup::kKey:
      return "coalesce(key_id, '')";
    case UsageGroup::kAccount:
      return "account_id";
  }
  return "''";
}

UsageSum ReadSum(const Statement& row, int column) {
  return {row.Int(column), row.Int(column + 1), row.Int(column + 2), row.Int(column + 3),
          row.Int(column + 4)};
}

UsageRow ReadRow(const Statement& row) {
  UsageRow out;
  out.id = row.Int(0);
  out.at_ms = row.Int(1);
  out.account_id = row.Text(2);
  out.key_id = row.Text(3);
  out.route = row.Text(4);
  out.model = row.Text(5);
  out.status = static_cast<int>(row.Int(6));
  out.error = row.Text(7);
  out.stream = row.Int(8) != 0;
  out.prompt_tokens = row.Int(9);
  out.cached_tokens = row.Int(10);
  out.completion_tokens = row.Int(11);
  out.duration_ms = row.Int(12);
  return out;
}

Result<void> Insert(Connection& connection, const UsageRow& row) {
  auto statement = connection.Prepare(
      "INSERT INTO usage (at_ms, account_id, key_id, route, model, status, error, stream, "
      "prompt_tokens, cached_tokens, completion_tokens, duration_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  const auto count = [](int64_t value) { return std::max<int64_t>(value, 0); };
  return statement->Bind(row.at_ms)
      .Bind(std::string_view(row.account_id))
      .Bind(row.key_id.empty() ? std::nullopt : std::optional(row.key_id))
      .Bind(std::string_view(row.route))
      .Bind(std::string_view(row.model))
      .Bind(static_cast<int64_t>(row.status))
      .Bind(std::string_view(row.error))
      .Bind(static_cast<int64_t>(row.stream))
      .Bind(count(row.prompt_tokens))
      .Bind(count(row.cached_tokens))
      .Bind(count(row.completion_tokens))
      .Bind(count(row.duration_ms))
      .Run();
}

}  // namespace

void SqliteUsage::Append(UsageRow row) {
  database_.writer.Later(
      [row = std::move(row)](Connection& connection) { return Insert(connection, row); });
}

Result<UsageSum> SqliteUsage::Sum(const UsageFilter& filter) {
  return database_.Read<UsageSum>([&](Connection& connection) -> Result<UsageSum> {
    auto statement =
        connection.Prepare(std::string("SELECT ") + kSums + " FROM usage" + Where(filter));
    if (!statement) return tl::unexpected(statement.error());
    BindFilter(*statement, filter);
    if (const auto row = statement->Step(); !row) return tl::unexpected(row.error());
    return ReadSum(*statement, 0);
  });
}

Result<std::vector<UsageGroupSum>> SqliteUsage::SumBy(UsageGroup group, const UsageFilter& filter) {
  using All = std::vector<UsageGroupSum>;
  return database_.Read<All>([&](Connection& connection) -> Result<All> {
    auto statement = connection.Prepare(
        std::string("SELECT ") + GroupExpression(group) + ", " + kSums + " FROM usage" +
        Where(filter) + " GROUP BY 1 ORDER BY 1 LIMIT " + std::to_string(kMostGroups));
    if (!statement) return tl::unexpected(statement.error());
    BindFilter(*statement, filter);
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back({statement->Text(0), ReadSum(*statement, 1)});
    }
  });
}

Result<std::vector<UsageRow>> SqliteUsage::List(const UsageFilter& filter, int64_t after,
                                                int most) {
  using All = std::vector<UsageRow>;
  return database_.Read<All>([&](Connection& connection) -> Result<All> {
    auto statement = connection.Prepare(
        "SELECT id, at_ms, account_id, key_id, route, model, status, error, stream, "
        "prompt_tokens, cached_tokens, completion_tokens, duration_ms FROM usage" +
        Where(filter) + " AND id > ? ORDER BY id LIMIT ?");
    if (!statement) return tl::unexpected(statement.error());
    BindFilter(*statement, filter);
    statement->Bind(after).Bind(static_cast<int64_t>(most));
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back(ReadRow(*statement));
    }
  });
}

}  // namespace dure::store::sqlite
