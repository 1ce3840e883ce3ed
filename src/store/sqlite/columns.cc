#include "store/sqlite/columns.h"

#include <nlohmann/json.hpp>

namespace dure::store::sqlite {

namespace {

using Json = nlohmann::json;

}  // namespace

std::optional<std::vector<std::string>> ParseNames(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::vector<std::string> names;
  const Json json = Json::parse(*text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) return names;  // unreadable: nothing is allowed
  for (const Json& name : json) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

std::optional<std::string> NamesText(const std::optional<std::vector<std::string>>& names) {
  if (!names) return std::nullopt;
  return Json(*names).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Limits ReadLimits(const Statement& row, int column) {
  return {row.OptionalInt(column), row.OptionalInt(column + 1), row.OptionalInt(column + 2),
          row.OptionalInt(column + 3), ParseNames(row.OptionalText(column + 4))};
}

void BindLimits(Statement& statement, const Limits& limits) {
  statement.Bind(limits.requests_per_minute)
      .Bind(limits.tokens_per_minute)
      .Bind(limits.parallel_requests)
      .Bind(limits.tokens_per_day)
      .Bind(NamesText(limits.models));
}

Account ReadAccount(const Statement& row, int column) {
  Account account;
  account.id = row.Text(column);
  account.name = row.Text(column + 1);
  account.role = row.Text(column + 2) == "admin" ? Role::kAdmin : Role::kMember;
  account.has_password = row.Int(column + 3) != 0;
  account.created_ms = row.Int(column + 4);
  account.disabled_ms = row.OptionalInt(column + 5);
  account.limits = ReadLimits(row, column + 6);
  return account;
}

}  // namespace dure::store::sqlite
