#include "store/secrets.h"

#include <sodium.h>

#include <array>

namespace dure::store {

namespace {

constexpr size_t kKeyLetters = 43;
constexpr size_t kPrefixBytes = 12;
constexpr size_t kIdLetters = 16;

// libsodium picks its implementations once; sodium_init may be called by several threads.
void Initialise() {
  static const bool done = sodium_init() >= 0;
  (void)done;
}

}  // namespace

Result<void> CheckPassword(std::string_view password) {
  if (password.size() >= kLeastPasswordBytes && password.size() <= kMostPasswordBytes) return {};
  return Fail(ErrorCode::kInvalidArgument, "a password must have " +
                                               std::to_string(kLeastPasswordBytes) + " to " +
                                               std::to_string(kMostPasswordBytes) + " bytes");
}

Result<std::string> HashPassword(std::string_view password, const PasswordCost& cost) {
  Initialise();
  std::array<char, crypto_pwhash_STRBYTES> text{};
  if (crypto_pwhash_str_alg(text.data(), password.data(), password.size(), cost.operations,
                            cost.memory_bytes, crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return Fail(ErrorCode::kResourceExhausted, "out of memory for hashing a password");
  }
  return std::string(text.data());
}

bool VerifyPassword(const std::string& hash, std::string_view password) {
  Initialise();
  if (hash.size() >= crypto_pwhash_STRBYTES) return false;
  std::array<char, crypto_pwhash_STRBYTES> text{};  // the function reads all of it
  hash.copy(text.data(), hash.size());
  return crypto_pwhash_str_verify(text.data(), password.data(), password.size()) == 0;
}

std::string RandomLetters(size_t length) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  Initialise();
  std::string text;
  text.reserve(length);
  for (size_t i = 0; i < length; ++i) {
    text += kLetters[randombytes_uniform(static_cast<uint32_t>(kLetters.size()))];
  }
  return text;
}

std::string NewApiKey() { return "dure-" + RandomLetters(kKeyLetters); }

std::string KeyPrefix(std::string_view key) { return std::string(key.substr(0, kPrefixBytes)); }

std::string NewSessionToken() { return RandomLetters(kKeyLetters); }

std::string NewId(std::string_view kind) {
  return std::string(kind) + "_" + RandomLetters(kIdLetters);
}

std::string HashToken(std::string_view token) {
  Initialise();
  std::string hash(crypto_hash_sha256_BYTES, '\0');
  crypto_hash_sha256(reinterpret_cast<unsigned char*>(hash.data()),
                     reinterpret_cast<const unsigned char*>(token.data()), token.size());
  return hash;
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace dure::store
