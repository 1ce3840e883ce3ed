// Where weights come from: the tensors of a model file under the names that GGUF gives them,
// however the file itself names and stores them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/error.h"
#include "formats/gguf.h"

namespace dure::formats {
class SafetensorsFile;
}

namespace dure::models {

/// Const members are thread-safe.
class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// nullptr when absent. Owned by the source.
  virtual const formats::GgufTensor* Find(const std::string& name) const = 0;
  /// Copies bytes [byte_offset, byte_offset + out.size()) of the tensor's data. kIo on a short
  /// read.
  virtual Result<void> Read(const formats::GgufTensor& tensor, uint64_t byte_offset,
                            std::span<std::byte> out) const = 0;
  /// Bytes of all tensors together.
  virtual uint64_t bytes() const = 0;
};

/// The file must outlive the source.
std::unique_ptr<TensorSource> GgufTensors(const formats::GgufFile& file);

/// The tensors of types F32, F16 and BF16 for which `gguf_name` gives a name ("" for those to leave
/// out). Errors: kCorrupt when two get the same name. The file must outlive the source.
Result<std::unique_ptr<TensorSource>> SafetensorsTensors(
    const formats::SafetensorsFile& file,
    const std::function<std::string(const std::string& name)>& gguf_name);

}  // namespace dure::models
