#include "formats/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <new>
#include <vector>

#include "formats/file.h"

namespace dure::formats {

struct Sha256::Context {
  Context() : evp(EVP_MD_CTX_new()) {
    if (evp == nullptr) throw std::bad_alloc();
  }
  ~Context() { EVP_MD_CTX_free(evp); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  EVP_MD_CTX* evp;
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr);
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::span<const std::byte> data) {
  EVP_DigestUpdate(context_->evp, data.data(), data.size());
}

std::string Sha256::FinishHex() {
  std::array<unsigned char, 32> digest{};
  EVP_DigestFinal_ex(context_->evp, digest.data(), nullptr);
  EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

Result<std::string> Sha256OfFile(const std::string& path, const HashProgress& progress) {
  auto file = InputFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  Sha256 hash;
  std::vector<std::byte> buffer(1 << 20);
  for (uint64_t done = 0; done < file->bytes();) {
    const auto piece =
        std::span(buffer).first(std::min<uint64_t>(buffer.size(), file->bytes() - done));
    if (auto read = file->ReadAt(done, piece); !read) return tl::unexpected(read.error());
    hash.Update(piece);
    done += piece.size();
    if (progress && !progress(done, file->bytes())) {
      return Fail(ErrorCode::kCancelled, file->name() + ": hashing was cancelled");
    }
  }
  return hash.FinishHex();
}

}  // namespace dure::formats
