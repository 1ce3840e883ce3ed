#include "formats/zip_member.h"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "formats/message.h"

namespace dure::formats {
namespace {

struct Discard {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

std::string OpenError(int code) {
  zip_error_t error;
  zip_error_init_with_code(&error, code);
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

}  // namespace

Result<void> ReadZipMember(const std::string& archive, const std::string& member, uint64_t bytes,
                           const std::function<Result<void>(std::span<const std::byte>)>& sink) {
  const std::string name = BaseName(archive);
  int code = 0;
  const std::unique_ptr<zip_t, Discard> zip(zip_open(archive.c_str(), ZIP_RDONLY, &code));
  if (!zip) {
    return Fail(ErrorCode::kCorrupt,
                fmt::format("{}: not a ZIP archive: {}", name, OpenError(code)));
  }
  zip_stat_t status;
  if (zip_stat(zip.get(), member.c_str(), 0, &status) != 0) {
    return Fail(ErrorCode::kNotFound, fmt::format("{}: holds no {}", name, Quoted(member)));
  }
  if ((status.valid & ZIP_STAT_SIZE) == 0 || status.size != bytes) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: {} has {} bytes instead of {}", name,
                                                 Quoted(member), status.size, bytes));
  }
  const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(zip.get(), status.index, 0));
  if (!file) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: {} cannot be read: {}", name, Quoted(member),
                                                 zip_strerror(zip.get())));
  }
  std::vector<std::byte> buffer(1 << 18);
  uint64_t done = 0;
  while (true) {
    const zip_int64_t count = zip_fread(file.get(), buffer.data(), buffer.size());
    if (count < 0) {
      return Fail(ErrorCode::kCorrupt, fmt::format("{}: {} is damaged: {}", name, Quoted(member),
                                                   zip_file_strerror(file.get())));
    }
    if (count == 0) break;
    done += static_cast<uint64_t>(count);
    if (done > bytes) break;
    if (auto taken = sink(std::span(buffer).first(static_cast<size_t>(count))); !taken) {
      return taken;
    }
  }
  if (done != bytes) {
    return Fail(ErrorCode::kCorrupt, fmt::format("{}: {} unpacks to another size than the {} "
                                                 "bytes it announces",
                                                 name, Quoted(member), bytes));
  }
  return {};
}

}  // namespace dure::formats
