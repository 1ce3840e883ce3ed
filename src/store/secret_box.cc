#include "store/secret_box.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace dure::store {

namespace {

constexpr size_t kKeyBytes = crypto_aead_xchacha20poly1305_ietf_KEYBYTES;
constexpr size_t kNonceBytes = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
constexpr size_t kTagBytes = crypto_aead_xchacha20poly1305_ietf_ABYTES;

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string KeyPath(const std::string& folder) { return folder + "/secrets.key"; }

tl::unexpected<Error> FileError(const std::string& path, int error) {
  return Fail(ErrorCode::kIo, path + ": " + std::strerror(error));
}

bool WriteWhole(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return ::fsync(fd) == 0;
}

void SyncFolder(const std::string& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

SecretBox::~SecretBox() { sodium_memzero(key_.data(), key_.size()); }

Result<void> SecretBox::LoadKey() {
  if (!key_.empty()) return {};
  if (sodium_init() < 0) return Fail(ErrorCode::kInternal, "libsodium could not be started");
  const std::string path = KeyPath(folder_);
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return Fail(ErrorCode::kNotFound, path + " does not exist");
  if (fd < 0) return FileError(path, errno);
  std::array<char, kKeyBytes + 1> bytes{};
  const ssize_t count = ::read(fd, bytes.data(), bytes.size());
  const int error = errno;
  ::close(fd);
  if (count < 0) return FileError(path, error);
  if (count != static_cast<ssize_t>(kKeyBytes)) {
    return Fail(ErrorCode::kCorrupt,
                path + " is no key: it must have " + std::to_string(kKeyBytes) + " bytes");
  }
  key_.assign(bytes.data(), kKeyBytes);
  sodium_memzero(bytes.data(), bytes.size());
  return {};
}

// Written whole under another name first: a crash never leaves half a key.
Result<void> SecretBox::MakeKey() {
  std::string key(kKeyBytes, '\0');
  randombytes_buf(key.data(), key.size());
  const std::string path = KeyPath(folder_);
  const std::string unfinished = path + ".part";
  ::unlink(unfinished.c_str());
  const int fd =
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return FileError(unfinished, errno);
  const bool written = WriteWhole(fd, key);
  const int error = errno;
  ::close(fd);
  sodium_memzero(key.data(), key.size());
  // A link, not a rename: what another process may have made meanwhile is not replaced.
  if (!written || (::link(unfinished.c_str(), path.c_str()) != 0 && errno != EEXIST)) {
    const int reason = written ? errno : error;
    ::unlink(unfinished.c_str());
    return FileError(path, reason);
  }
  ::unlink(unfinished.c_str());
  SyncFolder(folder_);
  return LoadKey();
}

Result<std::string> SecretBox::Seal(std::string_view secret, std::string_view bound_to) {
  const std::lock_guard lock(mutex_);
  auto loaded = LoadKey();
  if (!loaded && loaded.error().code == ErrorCode::kNotFound) loaded = MakeKey();
  if (!loaded) return tl::unexpected(loaded.error());
  std::string sealed(kNonceBytes + secret.size() + kTagBytes, '\0');
  randombytes_buf(sealed.data(), kNonceBytes);
  crypto_aead_xchacha20poly1305_ietf_encrypt(Bytes(sealed) + kNonceBytes, nullptr, Bytes(secret),
                                             secret.size(), Bytes(bound_to), bound_to.size(),
                                             nullptr, Bytes(sealed), Bytes(key_));
  return sealed;
}

Result<std::string> SecretBox::Open(std::string_view sealed, std::string_view bound_to) {
  const std::lock_guard lock(mutex_);
  if (auto loaded = LoadKey(); !loaded) return tl::unexpected(loaded.error());
  if (sealed.size() < kNonceBytes + kTagBytes) {
    return Fail(ErrorCode::kCorrupt, "a sealed secret is too short");
  }
  const std::string_view nonce = sealed.substr(0, kNonceBytes);
  const std::string_view text = sealed.substr(kNonceBytes);
  std::string secret(text.size() - kTagBytes, '\0');
  if (crypto_aead_xchacha20poly1305_ietf_decrypt(Bytes(secret), nullptr, nullptr, Bytes(text),
                                                 text.size(), Bytes(bound_to), bound_to.size(),
                                                 Bytes(nonce), Bytes(key_)) != 0) {
    return Fail(ErrorCode::kCorrupt,
                "a secret cannot be opened with " + KeyPath(folder_) + ": set it again");
  }
  return secret;
}

}  // namespace dure::store
