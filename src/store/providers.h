// Other servers whose models are offered here, as administrators added them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dure::store {

/// What an administrator says about a provider. Absent: the program's default.
struct ProviderSetup {
  std::string name;
  std::string base_url;
  std::optional<std::vector<std::string>> models;  // these and no others
  bool enabled = true;
  std::optional<int64_t> connect_timeout_ms;
  std::optional<int64_t> first_byte_timeout_ms;
  std::optional<int64_t> idle_timeout_ms;
  std::optional<std::string> max_tokens_parameter;
  std::optional<bool> omit_defaults;

  bool operator==(const ProviderSetup&) const = default;
};

struct StoredProvider {
  std::string id;
  ProviderSetup setup;
  bool has_key = false;
  std::string key_hint;  // the key's last characters
  int64_t created_ms = 0;
  int64_t changed_ms = 0;
};

/// Thread-safe; see Accounts. Keys are sealed (secret_box.h) for the provider's id and base URL.
class Providers {
 public:
  virtual ~Providers() = default;

  /// `key` "": none. Errors: kConflict (the name is taken, or there are kMostProviders), those of
  /// SecretBox::Seal.
  virtual Result<StoredProvider> Create(const ProviderSetup& setup, std::string_view key,
                                        int64_t now_ms) = 0;
  static constexpr int kMostProviders = 100;
  virtual Result<std::optional<StoredProvider>> Find(std::string_view id) = 0;
  /// By name.
  virtual Result<std::vector<StoredProvider>> List() = 0;
  /// `key` absent: stays as it is, "": none. Errors: kNotFound; kConflict (the name is taken; or
  /// another base URL without the key: a key is never sent where it was not meant for).
  virtual Result<StoredProvider> Change(std::string_view id, const ProviderSetup& setup,
                                        const std::optional<std::string>& key, int64_t now_ms) = 0;
  /// False when there is none.
  virtual Result<bool> Remove(std::string_view id) = 0;
  /// The key, "" for none. Errors: kNotFound (no such provider), those of SecretBox::Open.
  virtual Result<std::string> Key(std::string_view id) = 0;
};

/// The part of a provider's key that may be shown: its last 4 characters, "" for a short key.
std::string KeyHint(std::string_view key);

}  // namespace dure::store
