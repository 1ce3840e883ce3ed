#include "store/event_pack.h"

#include <zlib.h>

#include <optional>

namespace dure::store {

namespace {

void AppendVarint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out += static_cast<char>(0x80 | (value & 0x7f));
    value >>= 7;
  }
  out += static_cast<char>(value);
}

std::optional<uint64_t> TakeVarint(std::string_view& in) {
  uint64_t value = 0;
  for (int shift = 0; shift < 63 && !in.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

tl::unexpected<Error> Damaged() {
  return Fail(ErrorCode::kCorrupt, "stored events are damaged; restore the database from a backup");
}

const Bytef* Bytes(std::string_view text) { return reinterpret_cast<const Bytef*>(text.data()); }

/// The unpacked bytes; their number stands in front of the compressed ones.
Result<std::string> Inflate(std::string_view data, size_t most_bytes) {
  const auto size = TakeVarint(data);
  if (!size) return Damaged();
  if (*size > most_bytes) return Fail(ErrorCode::kResourceExhausted, "stored events are too long");
  std::string plain(*size, '\0');
  uLongf length = plain.size();
  const int code =
      uncompress(reinterpret_cast<Bytef*>(plain.data()), &length, Bytes(data), data.size());
  if (code == Z_MEM_ERROR) return Fail(ErrorCode::kResourceExhausted, "out of memory");
  if (code != Z_OK || length != plain.size()) return Damaged();
  return plain;
}

}  // namespace

Result<std::string> PackEvents(std::span<const StreamEvent> events) {
  std::string plain;
  int64_t before = 0;
  for (const StreamEvent& event : events) {
    AppendVarint(static_cast<uint64_t>(event.id - before), plain);
    AppendVarint(event.payload.size(), plain);
    plain += event.payload;
    before = event.id;
  }
  std::string out;
  AppendVarint(plain.size(), out);
  const size_t front = out.size();
  uLongf length = compressBound(plain.size());
  out.resize(front + length);
  const int code = compress2(reinterpret_cast<Bytef*>(out.data() + front), &length, Bytes(plain),
                             plain.size(), Z_DEFAULT_COMPRESSION);
  if (code != Z_OK) return Fail(ErrorCode::kResourceExhausted, "out of memory");
  out.resize(front + length);
  return out;
}

Result<std::vector<StreamEvent>> UnpackEvents(std::string_view data, size_t most_bytes) {
  const auto plain = Inflate(data, most_bytes);
  if (!plain) return tl::unexpected(plain.error());
  std::vector<StreamEvent> events;
  std::string_view rest = *plain;
  int64_t id = 0;
  while (!rest.empty()) {
    const auto step = TakeVarint(rest);
    const auto size = step ? TakeVarint(rest) : std::nullopt;
    if (!size || *step == 0 || *size > rest.size() ||
        *step > static_cast<uint64_t>(INT64_MAX - id)) {
      return Damaged();
    }
    id += static_cast<int64_t>(*step);
    events.push_back({id, std::string(rest.substr(0, *size))});
    rest.remove_prefix(*size);
  }
  return events;
}

}  // namespace dure::store
