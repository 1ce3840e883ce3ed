// A GGUF file put together byte by byte, so that tests can also write what GgufWriter never would.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace dure::formats {

class RawGguf {
 public:
  template <typename T>
  RawGguf& Put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    return *this;
  }
  RawGguf& Text(std::string_view text) {
    Put<uint64_t>(text.size());
    bytes_ += text;
    return *this;
  }
  RawGguf& Header(uint32_t version, uint64_t tensors, uint64_t key_values) {
    bytes_ += "GGUF";
    return Put(version).Put(tensors).Put(key_values);
  }
  template <typename T>
  RawGguf& Scalar(std::string_view key, uint32_t type, T value) {
    return Text(key).Put(type).Put(value);
  }
  RawGguf& Tensor(std::string_view name, std::initializer_list<uint64_t> ne, uint32_t type,
                  uint64_t offset) {
    Text(name).Put(static_cast<uint32_t>(ne.size()));
    for (const uint64_t n : ne) Put(n);
    return Put(type).Put(offset);
  }
  /// Padding to the alignment, then that many bytes of data.
  RawGguf& Data(size_t size, size_t alignment = 32) {
    bytes_.append((alignment - bytes_.size() % alignment) % alignment, '\0');
    bytes_.append(size, '\x55');
    return *this;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

/// Every value type of the format once, arrays of each, an array of arrays, and two tensors.
inline std::string SmallValidGguf(uint32_t version = 3) {
  RawGguf raw;
  raw.Header(version, 2, 25);
  raw.Scalar<uint8_t>("u8", 0, 200).Scalar<int8_t>("i8", 1, -100);
  raw.Scalar<uint16_t>("u16", 2, 60000).Scalar<int16_t>("i16", 3, -30000);
  raw.Scalar<uint32_t>("u32", 4, 4000000000u).Scalar<int32_t>("i32", 5, -2000000000);
  raw.Scalar<float>("f32", 6, 0.5f).Scalar<uint8_t>("bool", 7, 1);
  raw.Text("string").Put<uint32_t>(8).Text("value");
  raw.Scalar<uint64_t>("u64", 10, ~0ull).Scalar<int64_t>("i64", 11, INT64_MIN);
  raw.Scalar<double>("f64", 12, 0.25);
  const auto array = [&](std::string_view key, uint32_t type, uint64_t count) -> RawGguf& {
    return raw.Text(key).Put<uint32_t>(9).Put(type).Put(count);
  };
  array("u8s", 0, 2).Put<uint8_t>(1).Put<uint8_t>(255);
  array("i8s", 1, 2).Put<int8_t>(1).Put<int8_t>(-1);
  array("u16s", 2, 1).Put<uint16_t>(65535);
  array("i16s", 3, 1).Put<int16_t>(-1);
  array("u32s", 4, 1).Put<uint32_t>(~0u);
  array("i32s", 5, 1).Put<int32_t>(-1);
  array("f32s", 6, 2).Put(1.5f).Put(-2.5f);
  array("bools", 7, 3).Put<uint8_t>(1).Put<uint8_t>(0).Put<uint8_t>(1);
  array("strings", 8, 2).Text("").Text("two");
  array("u64s", 10, 1).Put<uint64_t>(~0ull);
  array("i64s", 11, 1).Put<int64_t>(-1);
  array("f64s", 12, 1).Put(0.125);
  array("nested", 9, 2).Put<uint32_t>(5).Put<uint64_t>(1).Put<int32_t>(7);
  raw.Put<uint32_t>(8).Put<uint64_t>(1).Text("inner");
  raw.Tensor("first", {32, 2}, 2, 0).Tensor("second", {4}, 0, 64);
  return raw.Data(64 + 16).bytes();
}

}  // namespace dure::formats
