// Accounts: who may use the server.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/records.h"

namespace dure::store {

struct NewAccount {
  std::string name;
  Role role = Role::kMember;
  std::string password_hash;  // HashPassword's
  Limits limits;
  int64_t now_ms = 0;
};

/// Absent: stays as it is.
struct AccountChange {
  std::optional<Role> role;
  std::optional<bool> disabled;
  std::optional<std::string> password_hash;
  std::optional<Limits> limits;
};

/// The name in NFC. Errors: kInvalidArgument: not 1 to 64 characters of UTF-8, control characters,
/// or a space at an end.
Result<std::string> CheckAccountName(std::string_view name);

/// Thread-safe. What changes something returns when it is on disk. Every function can fail with the
/// store's errors (store.h).
class Accounts {
 public:
  virtual ~Accounts() = default;

  /// The first administrator with a password becomes the account kOwnerId. Errors:
  /// kInvalidArgument (CheckAccountName), kConflict (the name is taken).
  virtual Result<Account> Create(const NewAccount& account) = 0;
  virtual Result<std::optional<Account>> Find(std::string_view id) = 0;
  /// Names compare by NFKC without regard to case.
  virtual Result<std::optional<Account>> FindByName(std::string_view name) = 0;
  /// Those who can sign in, by name.
  virtual Result<std::vector<Account>> List() = 0;
  /// Whether an administrator can sign in.
  virtual Result<bool> HasAdmin() = 0;
  /// "" for an account that cannot sign in.
  virtual Result<std::string> PasswordHash(std::string_view id) = 0;
  /// Errors: kNotFound; kConflict (no administrator would be left).
  virtual Result<Account> Change(std::string_view id, const AccountChange& change,
                                 int64_t now_ms) = 0;
  /// With everything that belongs to it except usage rows. Errors: kNotFound; kConflict (no
  /// administrator would be left).
  virtual Result<void> Remove(std::string_view id) = 0;
};

}  // namespace dure::store
