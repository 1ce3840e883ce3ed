// Tiny models with random weights, written as real GGUF files: small enough for the scalar
// reference, with every part of the architecture in use.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
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

  // Matrices of F32 drawn evenly from a range that keeps activations near 1, with arithmetic that
  // gives the same bytes with every compiler and library: for values recorded from another program.
  bool even = false;
  float attention_cap = 50;  // gemma2, gemma3; 0: not in the file
  float logit_cap = 30;
  int rotated_dim = 0;      // 0: not in the file, all of a head
  std::string rope_type{};  // rope.scaling.type; empty: not in the file
  float rope_factor = 0;    // 0: not in the file
  int original_context = 0;
  float attention_factor = 0;
  float log_multiplier = 0;
  bool rope_factors = false;       // the tensor rope_freqs.weight
  bool long_rope_factors = false;  // rope_factors_short.weight and rope_factors_long.weight
  float temperature = 0;           // mistral3
  bool biases = false;             // of every projection of attention
  int experts = 0;
  int experts_used = 2;
  int expert_ff_width = 96;  // no multiple of what a group or a thread takes
  numerics::BlockType expert_type = numerics::BlockType::kQ4_0;
  bool zero_router = false;  // all experts tie

  // Damage, for tests of what a loader says:
  std::string skip_tensor{};                             // left out
  std::string reshape_tensor{};                          // its rows and columns swapped
  std::string spoil_tensor{};                            // its first scale infinite
  std::function<void(formats::GgufWriter*)> settings{};  // called last: may overwrite keys
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
    RopeFactors();
    if (shape_.settings) shape_.settings(&writer_);
    return writer_.Write(path);
  }

 private:
  void AddTensor(const std::string& name, numerics::BlockType type, std::vector<uint64_t> ne,
                 std::vector<std::byte> data) {
    if (name == shape_.skip_tensor) return;
    if (name == shape_.reshape_tensor && ne.size() > 1) std::swap(ne[0], ne[1]);
    if (name == shape_.spoil_tensor) {
      const uint16_t infinity = 0x7c00;
      std::memcpy(data.data(), &infinity, 2);  // the first scale of most types
    }
    writer_.AddTensor(name, type, std::move(ne), std::move(data));
  }

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
    if (HasWindow()) writer_.SetUint32(a + "attention.sliding_window", shape_.window);
    if (IsGemma()) {
      SetFloat(a + "attn_logit_softcapping", shape_.attention_cap);
      SetFloat(a + "final_logit_softcapping", shape_.logit_cap);
    }
    if (shape_.rotated_dim > 0) writer_.SetUint32(a + "rope.dimension_count", shape_.rotated_dim);
    if (!shape_.rope_type.empty()) writer_.SetString(a + "rope.scaling.type", shape_.rope_type);
    SetFloat(a + "rope.scaling.factor", shape_.rope_factor);
    if (shape_.original_context > 0) {
      writer_.SetUint32(a + "rope.scaling.original_context_length", shape_.original_context);
    }
    SetFloat(a + "rope.scaling.attn_factor", shape_.attention_factor);
    SetFloat(a + "rope.scaling.yarn_log_multiplier", shape_.log_multiplier);
    SetFloat(a + "attention.temperature_scale", shape_.temperature);
    if (shape_.experts > 0) {
      writer_.SetUint32(a + "expert_count", shape_.experts);
      writer_.SetUint32(a + "expert_used_count", shape_.experts_used);
      writer_.SetUint32(a + "expert_feed_forward_length", ExpertWidth());
    }
  }

  void SetFloat(const std::string& key, float value) {
    if (value != 0) writer_.SetFloat32(key, value);
  }

  bool Is(const char* architecture) const { return shape_.architecture == architecture; }
  bool IsGemma() const { return Is("gemma2") || Is("gemma3"); }
  bool HasWindow() const { return IsGemma() || Is("gpt-oss") || Is("phi3"); }
  bool HasHeadNorms() const { return Is("gemma3") || Is("qwen3") || Is("qwen3moe"); }
  bool HasBiases() const { return shape_.biases || Is("qwen2") || Is("gpt-oss"); }
  /// The architecture llama has no width of its own for experts.
  int ExpertWidth() const { return Is("llama") ? shape_.ff_width : shape_.expert_ff_width; }

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
    AddMatrix(name, rows, cols, type, {static_cast<uint64_t>(cols), static_cast<uint64_t>(rows)});
  }

  /// Its numbers are a matter of the name alone, so that fewer experts are the first of more.
  void ExpertMatrix(const std::string& name, int64_t rows, int64_t cols) {
    std::mt19937 own(shape_.seed);
    for (const char c : name) own.seed(own() ^ static_cast<unsigned char>(c));
    std::swap(rng_, own);
    const auto experts = static_cast<uint64_t>(shape_.experts);
    AddMatrix(name, rows * shape_.experts, cols, shape_.expert_type,
              {static_cast<uint64_t>(cols), static_cast<uint64_t>(rows), experts});
    std::swap(rng_, own);
  }

  void AddMatrix(const std::string& name, int64_t rows, int64_t cols, numerics::BlockType type,
                 const std::vector<uint64_t>& ne) {
    if (shape_.even && type == numerics::BlockType::kF32) {
      const float range = std::sqrt(3.0f / static_cast<float>(cols));
      AddTensor(name, type, ne, Bytes(Even(rows * cols, range)));
      return;
    }
    if (shape_.even && type == numerics::BlockType::kMXFP4) {
      AddTensor(name, type, ne, EvenMxfp4(rows * cols));
      return;
    }
    AddTensor(name, type, ne, numerics::testing::RandomRows(type, rows, cols, rng_));
  }

  /// Any codes, with scales that keep activations near 1.
  std::vector<std::byte> EvenMxfp4(int64_t count) {
    const auto& info = numerics::InfoOf(numerics::BlockType::kMXFP4);
    std::vector<std::byte> bytes(static_cast<size_t>(count / info.block_values * info.block_bytes));
    for (std::byte& b : bytes) b = static_cast<std::byte>(rng_() >> 24);
    for (size_t at = 0; at < bytes.size(); at += info.block_bytes) {
      bytes[at] = static_cast<std::byte>(123 + (rng_() >> 31));
    }
    return bytes;
  }

  /// Numbers in [-range, range).
  std::vector<float> Even(int64_t count, float range) {
    std::vector<float> out(static_cast<size_t>(count));
    for (float& v : out) v = (static_cast<float>(rng_() >> 8) * 0x1p-23f - 1.0f) * range;
    return out;
  }

  static std::vector<std::byte> Bytes(const std::vector<float>& values) {
    std::vector<std::byte> bytes(values.size() * 4);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }

  void Vector(const std::string& name, int64_t size, float mean, float spread, int experts = 0) {
    std::vector<uint64_t> ne = {static_cast<uint64_t>(size)};
    if (experts > 0) ne.push_back(static_cast<uint64_t>(experts));
    size *= std::max(1, experts);
    auto values =
        shape_.even ? Even(size, spread) : numerics::testing::RandomFloats(size, rng_, spread);
    for (float& v : values) v += mean;
    AddTensor(name, numerics::BlockType::kF32, ne, Bytes(values));
  }
  void Norm(const std::string& name, int64_t size) { Vector(name, size, 1.0f, 0.1f); }

  void RopeFactors() {
    const int half = (shape_.rotated_dim > 0 ? shape_.rotated_dim : shape_.head_dim) / 2;
    if (shape_.rope_factors) Factors("rope_freqs.weight", half, 4.0f, 2.0f);
    if (!shape_.long_rope_factors) return;
    Factors("rope_factors_long.weight", half, 3.0f, 2.0f);
    Factors("rope_factors_short.weight", half, 1.2f, 0.2f);
  }

  void Factors(const std::string& name, int count, float middle, float range) {
    auto values = Even(count, range);
    for (float& v : values) v += middle;
    AddTensor(name, numerics::BlockType::kF32, {static_cast<uint64_t>(count)}, Bytes(values));
  }

  void Layer(const std::string& p) {
    Norm(p + "attn_norm.weight", shape_.width);
    Attention(p);
    Norm(p + (Is("gpt-oss") ? "post_attention_norm.weight" : "ffn_norm.weight"), shape_.width);
    if (shape_.experts > 0) {
      Experts(p);
    } else {
      FeedForward(p);
    }
    if (HasHeadNorms()) {
      Norm(p + "attn_q_norm.weight", shape_.head_dim);
      Norm(p + "attn_k_norm.weight", shape_.head_dim);
    }
    if (IsGemma()) {
      Norm(p + "post_attention_norm.weight", shape_.width);
      Norm(p + "post_ffw_norm.weight", shape_.width);
    }
  }

  void Attention(const std::string& p) {
    const int q = shape_.heads * shape_.head_dim;
    const int kv = shape_.kv_heads * shape_.head_dim;
    if (Is("phi3")) {
      Matrix(p + "attn_qkv.weight", q + 2 * kv, shape_.width, shape_.type);
    } else {
      Matrix(p + "attn_q.weight", q, shape_.width, shape_.type);
      Matrix(p + "attn_k.weight", kv, shape_.width, shape_.type);
      Matrix(p + "attn_v.weight", kv, shape_.width, shape_.type);
    }
    Matrix(p + "attn_output.weight", shape_.width, q, shape_.type);
    if (HasBiases()) {
      Vector(p + "attn_q.bias", q, 0, 0.5f);
      Vector(p + "attn_k.bias", kv, 0, 0.5f);
      Vector(p + "attn_v.bias", kv, 0, 0.5f);
    }
    if (Is("gpt-oss")) {
      Vector(p + "attn_output.bias", shape_.width, 0, 0.5f);
      Vector(p + "attn_sinks.weight", shape_.heads, 1.0f, 2.0f);
    }
  }

  void FeedForward(const std::string& p) {
    if (Is("phi3")) {
      Matrix(p + "ffn_up.weight", 2 * shape_.ff_width, shape_.width, shape_.type);
    } else {
      Matrix(p + "ffn_gate.weight", shape_.ff_width, shape_.width, shape_.type);
      Matrix(p + "ffn_up.weight", shape_.ff_width, shape_.width, shape_.type);
    }
    Matrix(p + "ffn_down.weight", shape_.width, shape_.ff_width, shape_.type);
  }

  void Experts(const std::string& p) {
    const int n = shape_.experts;
    const int ff = ExpertWidth();
    if (shape_.zero_router) {
      AddTensor(p + "ffn_gate_inp.weight", numerics::BlockType::kF32,
                {static_cast<uint64_t>(shape_.width), static_cast<uint64_t>(n)},
                Bytes(std::vector<float>(static_cast<size_t>(n * shape_.width))));
    } else {
      Matrix(p + "ffn_gate_inp.weight", n, shape_.width, numerics::BlockType::kF32);
    }
    ExpertMatrix(p + "ffn_gate_exps.weight", ff, shape_.width);
    ExpertMatrix(p + "ffn_up_exps.weight", ff, shape_.width);
    ExpertMatrix(p + "ffn_down_exps.weight", shape_.width, ff);
    if (!Is("gpt-oss")) return;
    Vector(p + "ffn_gate_inp.bias", n, 0, 0.5f);
    // Wide enough that both ends of the clamp are met.
    Vector(p + "ffn_gate_exps.bias", ff, 0, 8.0f, n);
    Vector(p + "ffn_up_exps.bias", ff, 0, 8.0f, n);
    Vector(p + "ffn_down_exps.bias", shape_.width, 0, 0.5f, n);
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
