// Columns that several tables have. Private to store/.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "store/records.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

inline constexpr char kLimitColumns[] =
    "requests_per_minute, tokens_per_minute, parallel_requests, tokens_per_day, models";
inline constexpr int kLimitColumnCount = 5;

/// A JSON array of names, absent for NULL; what cannot be read holds no name.
std::optional<std::vector<std::string>> ParseNames(const std::optional<std::string>& text);
std::optional<std::string> NamesText(const std::optional<std::vector<std::string>>& names);

/// Reads kLimitColumns from `column` on.
Limits ReadLimits(const Statement& row, int column);
/// Binds them in the same order.
void BindLimits(Statement& statement, const Limits& limits);

inline constexpr char kAccountColumns[] =
    "accounts.id, accounts.name, accounts.role, accounts.password_hash IS NOT NULL, "
    "accounts.created_ms, accounts.disabled_ms, accounts.requests_per_minute, "
    "accounts.tokens_per_minute, accounts.parallel_requests, accounts.tokens_per_day, "
    "accounts.models";
/// Reads kAccountColumns from `column` on.
Account ReadAccount(const Statement& row, int column);

}  // namespace dure::store::sqlite
