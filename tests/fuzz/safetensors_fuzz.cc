// Any bytes as a safetensors file: an error value, or tensors that fill the file from the header's
// end to its last byte.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "formats/safetensors.h"
#include "tests/memory_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const dure::MemoryFile bytes(data, size);
  const auto file = dure::formats::SafetensorsFile::Open(bytes.path());
  if (!file) {
    if (file.error().message.empty()) abort();
    return 0;
  }
  std::vector<std::byte> content;
  for (const auto& tensor : (*file)->tensors()) {
    if (tensor.offset > size || tensor.bytes > size - tensor.offset) abort();
    content.resize(tensor.bytes);
    if (!(*file)->ReadTensor(tensor, 0, content)) abort();
    if ((*file)->FindTensor(tensor.name) != &tensor) abort();
  }
  return 0;
}
