// Any bytes as a GGUF file: an error value, or a file whose tensors all lie inside it and can be
// read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "formats/gguf.h"
#include "tests/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dure::MemoryFile bytes(data, size);
  dure::formats::GgufLimits limits;
  limits.max_decoded_bytes = 64 << 20;
  const auto file = dure::formats::GgufFile::Open(bytes.path(), limits);
  if (!file) {
    if (file.error().message.empty()) abort();
    return 0;
  }
  std::vector<std::byte> content;
  for (const auto& tensor : (*file)->tensors()) {
    if (tensor.offset > size || tensor.bytes > size - tensor.offset) abort();
    content.resize(tensor.bytes);
    if (!(*file)->ReadTensor(tensor, 0, content)) abort();
  }
  for (const auto& [key, value] : (*file)->metadata()) {
    (void)(*file)->GetString(key);
    (void)(*file)->GetInt(key);
    (void)(*file)->GetFloats(key);
    (void)(*file)->GetInts(key);
    if ((*file)->Find(key) != &value) abort();
  }
  return 0;
}
