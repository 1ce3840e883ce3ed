// The emulator of AMX against plain loops, and its faults. Where the CPU has AMX, the same
// instructions run on it instead, so that this test is also one of the emulator's expectations.
#include "tests/numerics/amx_emulator.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <thread>
#include <vector>

namespace dure::numerics::testing {
namespace {

struct alignas(64) Config {
  uint8_t bytes[64] = {};

  void Set(int tile, int rows, int row_bytes) {
    bytes[0] = 1;
    bytes[16 + 2 * tile] = static_cast<uint8_t>(row_bytes);
    bytes[48 + tile] = static_cast<uint8_t>(rows);
  }
};

void LoadConfig(const Config& config) { asm volatile("ldtilecfg %0" : : "m"(config) : "memory"); }
void Release() { asm volatile("tilerelease" : : : "memory"); }

/// Tiles 0 (sums), 1 and 2 (operands), rows close together.
void LoadAll(const void* sums, const void* a, const void* b, int64_t a_stride) {
  const int64_t sixty_four = 64;
  asm volatile(
      "tileloadd (%0,%3,1), %%tmm0\n\t"
      "tileloaddt1 (%1,%4,1), %%tmm1\n\t"
      "tileloadd (%2,%3,1), %%tmm2"
      :
      : "r"(sums), "r"(a), "r"(b), "r"(sixty_four), "r"(a_stride)
      : "memory");
}
void StoreSums(void* sums) {
  const int64_t stride = 64;
  asm volatile("tilestored %%tmm0, (%0,%1,1)" : : "r"(sums), "r"(stride) : "memory");
}

class AmxInstructions : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!ProvideAmx()) GTEST_SKIP() << "needs AVX-512";
  }
  void TearDown() override {
    if (!IsSkipped()) Release();
  }
};

template <typename A, typename B>
void PlainProduct(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, int rows, int depth,
                  int columns, std::vector<int32_t>* sums) {
  for (int m = 0; m < rows; ++m) {
    for (int n = 0; n < columns; ++n) {
      for (int k = 0; k < depth; ++k) {
        (*sums)[m * 16 + n] +=
            static_cast<A>(a[m * depth + k]) * static_cast<B>(b[k / 4 * 64 + 4 * n + k % 4]);
      }
    }
  }
}

TEST_F(AmxInstructions, ProductsAreThoseOfPlainLoops) {
  std::mt19937 rng(1);
  for (int round = 0; round < 40; ++round) {
    const int rows = round == 0 ? 16 : 1 + static_cast<int>(rng() % 16);
    const int depth = round == 0 ? 64 : 4 * (1 + static_cast<int>(rng() % 16));
    const int columns = round == 0 ? 16 : 1 + static_cast<int>(rng() % 16);
    std::vector<uint8_t> a(rows * depth);
    std::vector<uint8_t> b(16 * 64);
    for (uint8_t& v : a) v = round == 0 ? 0x80 : static_cast<uint8_t>(rng());
    for (uint8_t& v : b) v = round == 0 ? 0xff : static_cast<uint8_t>(rng());
    std::vector<int32_t> start(256);
    for (int32_t& v : start) v = static_cast<int32_t>(rng() % 1000000) - 500000;
    for (int kind = 0; kind < 4; ++kind) {
      Config config;
      config.Set(0, rows, 4 * columns);
      config.Set(1, rows, depth);
      config.Set(2, depth / 4, 4 * columns);
      LoadConfig(config);
      LoadAll(start.data(), a.data(), b.data(), depth);
      std::vector<int32_t> expected = start;
      std::vector<int32_t> actual = start;
      if (kind == 0) {
        asm volatile("tdpbssd %tmm2, %tmm1, %tmm0");
        PlainProduct<int8_t, int8_t>(a, b, rows, depth, columns, &expected);
      } else if (kind == 1) {
        asm volatile("tdpbsud %tmm2, %tmm1, %tmm0");
        PlainProduct<int8_t, uint8_t>(a, b, rows, depth, columns, &expected);
      } else if (kind == 2) {
        asm volatile("tdpbusd %tmm2, %tmm1, %tmm0");
        PlainProduct<uint8_t, int8_t>(a, b, rows, depth, columns, &expected);
      } else {
        asm volatile("tdpbuud %tmm2, %tmm1, %tmm0");
        PlainProduct<uint8_t, uint8_t>(a, b, rows, depth, columns, &expected);
      }
      StoreSums(actual.data());
      EXPECT_EQ(expected, actual) << "kind " << kind << " rows " << rows << " depth " << depth
                                  << " columns " << columns;
    }
  }
}

TEST_F(AmxInstructions, LoadsAndStoresTakeEveryFormOfAddress) {
  Config config;
  config.Set(0, 3, 64);
  LoadConfig(config);
  std::vector<uint8_t> memory(4096);
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<uint8_t>(i * 7 + i / 256);
  std::vector<uint8_t> out(192);
  const auto expect_rows = [&](int64_t first, int64_t stride, const char* form) {
    StoreSums(out.data());
    for (int row = 0; row < 3; ++row) {
      EXPECT_EQ(0, std::memcmp(&out[64 * row], &memory[first + row * stride], 64)) << form << row;
    }
  };
  const uint8_t* base = memory.data() + 1024;
  int64_t stride = 100;
  asm volatile("tileloadd (%0,%1,4), %%tmm0" : : "r"(base), "r"(stride) : "memory");
  expect_rows(1024, 400, "scale 4");
  asm volatile("tileloadd -128(%0,%1,2), %%tmm0" : : "r"(base), "r"(stride) : "memory");
  expect_rows(896, 200, "displacement of a byte");
  asm volatile("tileloadd 1000(%0,%1,8), %%tmm0" : : "r"(base), "r"(stride) : "memory");
  expect_rows(2024, 800, "displacement of four bytes");
  asm volatile("tileloadd (%0), %%tmm0" : : "r"(base) : "memory");
  expect_rows(1024, 0, "no index");
}

TEST_F(AmxInstructions, BasesAndIndexesMayBeAnyRegister) {
  Config config;
  config.Set(0, 2, 64);
  LoadConfig(config);
  std::vector<uint8_t> memory(1024);
  for (size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<uint8_t>(i * 13 + i / 256);
  std::vector<uint8_t> out(128);
  const int64_t stride = 320;
  const auto check = [&](const char* registers) {
    StoreSums(out.data());
    EXPECT_EQ(0, std::memcmp(out.data(), memory.data(), 64)) << registers;
    EXPECT_EQ(0, std::memcmp(&out[64], &memory[320], 64)) << registers;
  };
  asm volatile("mov %0, %%r12\n\tmov %1, %%r13\n\ttileloadd (%%r12,%%r13,1), %%tmm0"
               :
               : "r"(memory.data()), "r"(stride)
               : "r12", "r13", "memory");
  check("r12 r13");
  asm volatile("mov %0, %%r13\n\tmov %1, %%r12\n\ttileloadd (%%r13,%%r12,1), %%tmm0"
               :
               : "r"(memory.data()), "r"(stride)
               : "r12", "r13", "memory");
  check("r13 r12");
  asm volatile("mov %0, %%rdi\n\tmov %1, %%r15\n\ttileloadd (%%rdi,%%r15,1), %%tmm0"
               :
               : "r"(memory.data()), "r"(stride)
               : "rdi", "r15", "memory");
  check("rdi r15");
}

TEST_F(AmxInstructions, TheConfigurationIsKeptAndGivenUp) {
  EXPECT_FALSE(TilesInUse());
  Config config;
  config.Set(0, 16, 64);
  config.Set(7, 5, 12);
  LoadConfig(config);
  asm volatile("tilezero %tmm0");
  std::vector<int32_t> sums(256, 1);
  StoreSums(sums.data());
  EXPECT_EQ(sums, std::vector<int32_t>(256, 0));
  Config kept;
  asm volatile("sttilecfg %0" : "=m"(kept) : : "memory");
  EXPECT_EQ(0, std::memcmp(&kept, &config, 64));
  EXPECT_TRUE(TilesInUse());
  Release();
  EXPECT_FALSE(TilesInUse());
  asm volatile("sttilecfg %0" : "=m"(kept) : : "memory");
  EXPECT_EQ(0, std::memcmp(&kept, Config().bytes, 64));
}

TEST_F(AmxInstructions, EachThreadHasTilesOfItsOwn) {
  Config config;
  config.Set(0, 16, 64);
  LoadConfig(config);
  const std::vector<int32_t> mine(256, 7);
  asm volatile("tileloadd (%0,%1,1), %%tmm0" : : "r"(mine.data()), "r"(int64_t{64}) : "memory");
  std::thread([] {
    EXPECT_FALSE(TilesInUse());
    Config other;
    other.Set(0, 16, 64);
    LoadConfig(other);
    asm volatile("tilezero %tmm0");
    Release();
  }).join();
  std::vector<int32_t> sums(256);
  StoreSums(sums.data());
  EXPECT_EQ(sums, mine);
}

TEST_F(AmxInstructions, BadInstructionsEndTheProcess) {
  Config config;
  config.Set(0, 17, 64);
  EXPECT_DEATH(LoadConfig(config), "");
  EXPECT_DEATH(asm volatile("tilezero %tmm0"), "");
  EXPECT_DEATH(asm volatile("ud2"), "");
}

/// The emulator alone, without signals: what it makes of one instruction.
class AmxUnitFaults : public ::testing::Test {
 protected:
  AmxFault Step(std::vector<uint8_t> code, const void* rax = nullptr) {
    code.resize(16);
    AmxRegisters registers = {};
    registers.general[0] = reinterpret_cast<uint64_t>(rax);
    registers.rip = reinterpret_cast<uint64_t>(code.data());
    const AmxFault fault = unit_.Step(&registers, nullptr);
    moved_ = static_cast<int>(registers.rip - reinterpret_cast<uint64_t>(code.data()));
    return fault;
  }
  AmxFault Configure(const Config& config) { return Step(kLoadConfig, config.bytes); }

  const std::vector<uint8_t> kLoadConfig = {0xc4, 0xe2, 0x78, 0x49, 0x00};  // (%rax)
  const std::vector<uint8_t> kRelease = {0xc4, 0xe2, 0x78, 0x49, 0xc0};
  const std::vector<uint8_t> kZero1 = {0xc4, 0xe2, 0x7b, 0x49, 0xc8};  // %tmm1
  const std::vector<uint8_t> kDot0 = {0xc4, 0xe2, 0x6b, 0x5e, 0xc1};   // ssd %tmm2, %tmm1, %tmm0
  AmxUnit unit_;
  int moved_ = 0;
};

TEST_F(AmxUnitFaults, ConfigurationsOutsideTheRulesAreRefused) {
  Config good;
  good.Set(0, 16, 64);
  EXPECT_EQ(Configure(good), AmxFault::kNone);
  EXPECT_EQ(moved_, 5);
  EXPECT_TRUE(unit_.configured());
  const auto refused = [&](int byte, uint8_t value) {
    Config bad = good;
    bad.bytes[byte] = value;
    EXPECT_EQ(Configure(bad), AmxFault::kGeneralProtection) << "byte " << byte;
    EXPECT_EQ(moved_, 0);
  };
  refused(0, 2);    // palette
  refused(5, 1);    // reserved
  refused(16, 65);  // row bytes of tile 0
  refused(17, 1);
  refused(48, 17);  // rows of tile 0
  refused(48, 0);   // columns without rows
  refused(49, 3);   // rows without columns
  refused(32, 4);   // tile 8
  refused(56, 1);
  EXPECT_EQ(Configure(Config()), AmxFault::kNone);  // palette 0
  EXPECT_FALSE(unit_.configured());
}

TEST_F(AmxUnitFaults, TilesThatAreNotConfiguredOrDoNotMatchAreRefused) {
  EXPECT_EQ(Step(kZero1), AmxFault::kInvalidOpcode);
  Config config;
  config.Set(0, 16, 64);
  config.Set(2, 8, 64);
  ASSERT_EQ(Configure(config), AmxFault::kNone);
  EXPECT_EQ(Step(kZero1), AmxFault::kInvalidOpcode);  // tile 1 has no rows
  EXPECT_EQ(Step(kDot0), AmxFault::kInvalidOpcode);
  config.Set(1, 16, 32);
  ASSERT_EQ(Configure(config), AmxFault::kNone);
  EXPECT_EQ(Step(kZero1), AmxFault::kNone);
  EXPECT_EQ(Step(kDot0), AmxFault::kNone);
  const auto mismatch = [&](int tile, int rows, int row_bytes) {
    Config bad = config;
    bad.Set(tile, rows, row_bytes);
    ASSERT_EQ(Configure(bad), AmxFault::kNone);
    EXPECT_EQ(Step(kDot0), AmxFault::kInvalidOpcode) << tile << " " << rows << " " << row_bytes;
  };
  mismatch(0, 15, 64);
  mismatch(0, 16, 60);
  mismatch(0, 16, 62);
  mismatch(1, 15, 32);
  mismatch(1, 16, 36);
  mismatch(2, 9, 64);
  mismatch(2, 8, 60);
  ASSERT_EQ(Configure(config), AmxFault::kNone);
  EXPECT_EQ(Step({0xc4, 0xe2, 0x7b, 0x5e, 0xc1}), AmxFault::kInvalidOpcode);  // tile 0 twice
  EXPECT_EQ(Step({0xc4, 0xe2, 0x73, 0x5e, 0xc1}), AmxFault::kInvalidOpcode);  // tile 1 twice
  EXPECT_EQ(Step({0xc4, 0x62, 0x6b, 0x5e, 0xc1}), AmxFault::kInvalidOpcode);  // tile 8
  EXPECT_EQ(Step({0xc4, 0xe2, 0xeb, 0x5e, 0xc1}), AmxFault::kInvalidOpcode);  // VEX.W
  EXPECT_EQ(Step(kRelease), AmxFault::kNone);
  EXPECT_EQ(Step(kDot0), AmxFault::kInvalidOpcode);
}

TEST_F(AmxUnitFaults, OtherInstructionsAreNotTouched) {
  EXPECT_EQ(Step({0x0f, 0x0b}), AmxFault::kNotAmx);                           // ud2
  EXPECT_EQ(Step({0xc4, 0xe2, 0x69, 0x50, 0xc1}), AmxFault::kNotAmx);         // vpdpbusd
  EXPECT_EQ(Step({0xc4, 0xe2, 0x7b, 0x4b, 0x00}), AmxFault::kInvalidOpcode);  // no SIB
  EXPECT_EQ(moved_, 0);
}

TEST_F(AmxUnitFaults, AddressesWithoutABaseAreRelative) {
  // ldtilecfg 8(%rip) and, with SIB, ldtilecfg absolute: the configuration follows the code.
  struct alignas(64) {
    uint8_t code[64] = {0xc4, 0xe2, 0x78, 0x49, 0x05, 55, 0, 0, 0};
    Config config;
  } both;
  both.config.Set(3, 2, 8);
  AmxRegisters registers = {};
  registers.rip = reinterpret_cast<uint64_t>(both.code);
  EXPECT_EQ(unit_.Step(&registers, nullptr), AmxFault::kNone);
  EXPECT_EQ(registers.rip, reinterpret_cast<uint64_t>(both.code) + 9);
  Config kept;
  EXPECT_EQ(Step({0xc4, 0xe2, 0x79, 0x49, 0x00}, kept.bytes), AmxFault::kNone);  // sttilecfg
  EXPECT_EQ(0, std::memcmp(kept.bytes, both.config.bytes, 64));
}

}  // namespace
}  // namespace dure::numerics::testing
