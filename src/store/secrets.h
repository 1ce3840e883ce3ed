// Passwords, keys and tokens: made, hashed and compared with libsodium. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace dure::store {

/// What one password hash costs. The default takes about a tenth of a second.
struct PasswordCost {
  uint64_t operations = 2;
  size_t memory_bytes = 64 << 20;
};

inline constexpr size_t kLeastPasswordBytes = 8;
inline constexpr size_t kMostPasswordBytes = 1024;

/// Errors: kInvalidArgument: shorter or longer than the limits above.
Result<void> CheckPassword(std::string_view password);

/// argon2id (RFC 9106) with a random salt, as text that names its parameters. Slow on purpose.
/// Errors: kResourceExhausted (memory).
Result<std::string> HashPassword(std::string_view password, const PasswordCost& cost = {});
/// Takes as long as HashPassword did. False for a hash that is none.
bool VerifyPassword(const std::string& hash, std::string_view password);

/// `length` letters and digits from the system's generator: 5.95 bits each.
std::string RandomLetters(size_t length);
/// A new API key, "dure-" and 43 letters and digits: 256 bits.
std::string NewApiKey();
/// The part of a key that may be shown again.
std::string KeyPrefix(std::string_view key);
/// A new session token: 256 bits.
std::string NewSessionToken();
/// An id: "user_" and 16 letters and digits.
std::string NewId(std::string_view kind);

/// SHA-256 (FIPS 180-4): 32 bytes.
std::string HashToken(std::string_view token);
/// In constant time for equal lengths.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace dure::store
