// Secrets that must be read again (keys to other servers) are encrypted with a key of the data
// folder's: XChaCha20-Poly1305 (libsodium's crypto_aead_xchacha20poly1305_ietf). A copy of the
// database alone reveals none of them.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace dure::store {

/// Thread-safe.
class SecretBox {
 public:
  /// The key is the file secrets.key in `folder`, 32 bytes, mode 0600; Seal makes it where there is
  /// none.
  explicit SecretBox(std::string folder) : folder_(std::move(folder)) {}
  ~SecretBox();
  SecretBox(const SecretBox&) = delete;
  SecretBox& operator=(const SecretBox&) = delete;

  /// A nonce of 24 random bytes, then the ciphertext. `bound_to` is not kept: Open must be given
  /// the same, so that a sealed secret is of no use in another place. Errors: kIo (the key's file),
  /// kCorrupt (it is no key).
  Result<std::string> Seal(std::string_view secret, std::string_view bound_to);
  /// Errors: kNotFound (no key file), kIo, kCorrupt (another key, another `bound_to`, changed
  /// bytes).
  Result<std::string> Open(std::string_view sealed, std::string_view bound_to);

 private:
  Result<void> LoadKey();
  Result<void> MakeKey();

  const std::string folder_;
  std::mutex mutex_;
  std::string key_;  // "": not read yet
};

}  // namespace dure::store
