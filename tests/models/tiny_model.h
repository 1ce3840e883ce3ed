// Tiny models with random weights, written as real GGUF files: small enough for the scalar
// reference, with every part of the architecture in use.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "formats/gguf.h"
#include "tests/numerics/random_data.h"

namespace dure::models::testing {

struct TinyShape {
  std::string architecture = "llama";
  numerics::BlockType type = numerics::BlockType::kQ4_1;  // of the layers' matrices
  numerics::BlockType embedding_type = numerics::BlockType::kQ8_0;
  int layers = 2;
  int width = 256;
  int heads = 4;
  int kv_heads = 2;
  int head_dim = 64;
  int ff_width = 512;
  int context = 512;
  int window = 40;  // gemma3's local layers
  bool tied = true;
  unsigned seed = 1;
};

/// 256 byte tokens, then <s>, </s> and <|im_end|> as control tokens: a byte-level BPE vocabulary
/// without merges.
inline constexpr int kTinyVocabulary = 259;

/// The printable characters that byte-level BPE writes for the bytes 0..255 (GPT-2's table).
inline std::vector<std::string> ByteSpellings() {
  std::vector<std::string> out;
  int next = 256;
  for (int byte = 0; byte < 256; ++byte) {
    const bool printable =
        (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    const int code = printable ? byte : next++;
    std::string text;
    if (code < 128) {
      text = static_cast<char>(code);
    } else {
      text = {static_cast<char>(0xc0 | (code >> 6)), static_cast<char>(0x80 | (code & 63))};
    }
    out.push_back(text);
  }
  return out;
}

class TinyModelWriter {
 public:
  explicit TinyModelWriter(const TinyShape& shape) : shape_(shape), rng_(shape.seed) {}

  Result<void> Write(const std::string& path) {
    Settings();
    Vocabulary();
    Matrix("token_embd.weight", kTinyVocabulary, shape_.width, shape_.embedding_type);
    if (!shape_.tied) {
      Matrix("output.weight", kTinyVocabulary, shape_.width, shape_.embedding_type);
    }
    Norm("output_norm.weight", shape_.width);
    for (int i = 0; i < shape_.layers; ++i) Layer("blk." + std::to_string(i) + ".");
    return writer_.Write(path);
  }

 private:
  void Settings() {
    const std::string a = shape_.architecture + ".";
    writer_.SetString("general.architecture", shape_.architecture);
    writer_.SetString("general.name", "tiny");
    writer_.SetUint32(a + "block_count", shape_.layers);
    writer_.SetUint32(a + "context_length", shape_.context);
    writer_.SetUint32(a + "embedding_length", shape_.width);
    writer_.SetUint32(a + "feed_forward_length", shape_.ff_width);
    writer_.SetUint32(a + "attention.head_count", shape_.heads);
    writer_.SetUint32(a + "attention.head_count_kv", shape_.kv_heads);
    writer_.SetUint32(a + "attention.key_length", shape_.head_dim);
    writer_.SetUint32(a + "attention.value_length", shape_.head_dim);
    writer_.SetFloat32(a + "attention.layer_norm_rms_epsilon", 1e-5f);
    writer_.SetFloat32(a + "rope.freq_base", 10000.0f);
    if (shape_.architecture == "gemma3") {
      writer_.SetUint32(a + "attention.sliding_window", shape_.window);
      writer_.SetFloat32(a + "attn_logit_softcapping", 50.0f);
      writer_.SetFloat32(a + "final_logit_softcapping", 30.0f);
    }
  }

  void Vocabulary() {
    std::vector<std::string> tokens = ByteSpellings();
    std::vector<int32_t> types(256, 1);
    for (const char* control : {"<s>", "</s>", "<|im_end|>"}) {
      tokens.emplace_back(control);
      types.push_back(3);
    }
    writer_.SetString("tokenizer.ggml.model", "gpt2");
    writer_.SetString("tokenizer.ggml.pre", "gpt-2");
    writer_.SetStrings("tokenizer.ggml.tokens", tokens);
    writer_.SetInt32s("tokenizer.ggml.token_type", types);
    writer_.SetStrings("tokenizer.ggml.merges", {});
    writer_.SetUint32("tokenizer.ggml.bos_token_id", 256);
    writer_.SetUint32("tokenizer.ggml.eos_token_id", 257);
    writer_.SetBool("tokenizer.ggml.add_bos_token", false);
  }

  void Matrix(const std::string& name, int64_t rows, int64_t cols, numerics::BlockType type) {
    writer_.AddTensor(name, type, {static_cast<uint64_t>(cols), static_cast<uint64_t>(rows)},
                      numerics::testing::RandomRows(type, rows, cols, rng_));
  }

  void Vector(const std::string& name, int64_t size, float mean, float spread) {
    auto values = numerics::testing::RandomFloats(size, rng_, spread);
    for (float& v : values) v += mean;
    std::vector<std::byte> bytes(values.size() * 4);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    writer_.AddTensor(name, numerics::BlockType::kF32, {static_cast<uint64_t>(size)},
                      std::move(bytes));
  }
  void Norm(const std::string& name, int64_t size) { Vector(name, size, 1.0f, 0.1f); }

  void Layer(const std::string& p) {
    const int q = shape_.heads * shape_.head_dim;
    const int kv = shape_.kv_heads * shape_.head_dim;
    Norm(p + "attn_norm.weight", shape_.width);
    Matrix(p + "attn_q.weight", q, shape_.width, shape_.type);
    Matrix(p + "attn_k.weight", kv, shape_.width, shape_.type);
    Matrix(p + "attn_v.weight", kv, shape_.width, shape_.type);
    Matrix(p + "attn_output.weight", shape_.width, q, shape_.type);
    Norm(p + "ffn_norm.weight", shape_.width);
    Matrix(p + "ffn_gate.weight", shape_.ff_width, shape_.width, shape_.type);
    Matrix(p + "ffn_up.weight", shape_.ff_width, shape_.width, shape_.type);
    Matrix(p + "ffn_down.weight", shape_.width, shape_.ff_width, shape_.type);
    if (shape_.architecture == "qwen2") {
      Vector(p + "attn_q.bias", q, 0, 0.5f);
      Vector(p + "attn_k.bias", kv, 0, 0.5f);
      Vector(p + "attn_v.bias", kv, 0, 0.5f);
    }
    if (shape_.architecture == "gemma3") {
      Norm(p + "attn_q_norm.weight", shape_.head_dim);
      Norm(p + "attn_k_norm.weight", shape_.head_dim);
      Norm(p + "post_attention_norm.weight", shape_.width);
      Norm(p + "post_ffw_norm.weight", shape_.width);
    }
  }

  TinyShape shape_;
  std::mt19937 rng_;
  formats::GgufWriter writer_;
};

/// Writes the model into the test's temporary folder and returns its path.
inline std::string WriteTinyModel(const TinyShape& shape) {
  const std::string path =
      (std::filesystem::temp_directory_path() /
       ("dure_tiny_" + shape.architecture + "_" + std::string(numerics::InfoOf(shape.type).name) +
        "_" + std::to_string(shape.seed) + "_" + std::to_string(::getpid()) + ".gguf"))
          .string();
  auto written = TinyModelWriter(shape).Write(path);
  return written ? path : std::string();
}

}  // namespace dure::models::testing
