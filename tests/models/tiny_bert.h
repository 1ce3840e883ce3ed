// A tiny BERT with random weights, as a GGUF file and as the folder that sentence encoders are
// published in.
#pragma once

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "formats/gguf.h"

namespace dure::models::testing {

struct TinyBert {
  int layers = 2;
  int width = 64;
  int heads = 2;
  int ff_width = 96;
  int vocabulary = 50;
  int context = 160;  // more than one chunk of attention
  int pooling = 1;    // as GGUF numbers it: 1 the mean, 2 the first token
  // Damage, for tests of what a loader says:
  std::string skip_tensor{};
  std::function<void(formats::GgufWriter*)> settings{};
};

class TinyBertWriter {
 public:
  explicit TinyBertWriter(const TinyBert& shape) : shape_(shape) {
    Matrix("token_embd.weight", "embeddings.word_embeddings.weight", shape.vocabulary, shape.width);
    Matrix("position_embd.weight", "embeddings.position_embeddings.weight", shape.context,
           shape.width);
    Matrix("token_types.weight", "embeddings.token_type_embeddings.weight", 2, shape.width);
    Norm("token_embd_norm", "embeddings.LayerNorm");
    for (int i = 0; i < shape.layers; ++i) {
      const std::string from = "encoder.layer." + std::to_string(i) + ".";
      const std::string to = "blk." + std::to_string(i) + ".";
      Linear(to + "attn_q", from + "attention.self.query", shape.width, shape.width);
      Linear(to + "attn_k", from + "attention.self.key", shape.width, shape.width);
      Linear(to + "attn_v", from + "attention.self.value", shape.width, shape.width);
      Linear(to + "attn_output", from + "attention.output.dense", shape.width, shape.width);
      Norm(to + "attn_output_norm", from + "attention.output.LayerNorm");
      Linear(to + "ffn_up", from + "intermediate.dense", shape.ff_width, shape.width);
      Linear(to + "ffn_down", from + "output.dense", shape.width, shape.ff_width);
      Norm(to + "layer_output_norm", from + "output.LayerNorm");
    }
  }

  Result<void> WriteGguf(const std::string& path) const {
    formats::GgufWriter writer;
    writer.SetString("general.architecture", "bert");
    writer.SetString("general.name", "tiny");
    writer.SetUint32("bert.block_count", shape_.layers);
    writer.SetUint32("bert.context_length", shape_.context);
    writer.SetUint32("bert.embedding_length", shape_.width);
    writer.SetUint32("bert.feed_forward_length", shape_.ff_width);
    writer.SetUint32("bert.attention.head_count", shape_.heads);
    writer.SetFloat32("bert.attention.layer_norm_epsilon", 1e-12f);
    writer.SetBool("bert.attention.causal", false);
    writer.SetUint32("bert.pooling_type", shape_.pooling);
    writer.SetUint32("tokenizer.ggml.token_type_count", 2);
    writer.SetString("tokenizer.ggml.model", "bert");
    writer.SetString("tokenizer.ggml.pre", "default");
    std::vector<std::string> tokens;
    for (const std::string& token : Spellings()) {
      const bool bare = token.starts_with('[');
      tokens.push_back(bare ? token : "\xE2\x96\x81" + token);
    }
    std::vector<int32_t> types(tokens.size(), 1);
    std::fill_n(types.begin(), 4, 3);
    writer.SetStrings("tokenizer.ggml.tokens", tokens);
    writer.SetInt32s("tokenizer.ggml.token_type", types);
    writer.SetUint32("tokenizer.ggml.unknown_token_id", 1);
    writer.SetUint32("tokenizer.ggml.cls_token_id", 2);
    writer.SetUint32("tokenizer.ggml.bos_token_id", 2);
    writer.SetUint32("tokenizer.ggml.eos_token_id", 3);
    writer.SetUint32("tokenizer.ggml.seperator_token_id", 3);
    for (const Tensor& tensor : tensors_) {
      if (tensor.gguf == shape_.skip_tensor) continue;
      writer.AddTensor(tensor.gguf, numerics::BlockType::kF32, tensor.ne, Bytes(tensor));
    }
    if (shape_.settings) shape_.settings(&writer);
    return writer.Write(path);
  }

  /// config.json, tokenizer.json, modules.json, 1_Pooling/config.json and model.safetensors.
  void WriteFolder(const std::filesystem::path& folder) const {
    using nlohmann::json;
    std::filesystem::create_directories(folder / "1_Pooling");
    const auto write = [&](const char* name, const json& value) {
      std::ofstream(folder / name) << value.dump();
    };
    write("config.json", {{"model_type", "bert"},
                          {"hidden_act", "gelu"},
                          {"num_hidden_layers", shape_.layers},
                          {"hidden_size", shape_.width},
                          {"intermediate_size", shape_.ff_width},
                          {"num_attention_heads", shape_.heads},
                          {"max_position_embeddings", shape_.context},
                          {"vocab_size", shape_.vocabulary},
                          {"layer_norm_eps", 1e-12}});
    write("1_Pooling/config.json", {{"pooling_mode_cls_token", shape_.pooling == 2},
                                    {"pooling_mode_mean_tokens", shape_.pooling == 1}});
    write("modules.json", json::array({{{"type", "sentence_transformers.models.Transformer"}},
                                       {{"type", "sentence_transformers.models.Pooling"}},
                                       {{"type", "sentence_transformers.models.Normalize"}}}));
    write("tokenizer.json", TokenizerJson());
    WriteSafetensors(folder / "model.safetensors");
  }

 private:
  struct Tensor {
    std::string gguf;
    std::string safetensors;
    std::vector<uint64_t> ne;
    std::vector<float> values;
  };

  std::vector<std::string> Spellings() const {
    std::vector<std::string> out = {"[PAD]", "[UNK]", "[CLS]", "[SEP]"};
    for (int i = 4; i < shape_.vocabulary; ++i) out.push_back("w" + std::to_string(i));
    return out;
  }

  nlohmann::json TokenizerJson() const {
    nlohmann::json vocabulary = nlohmann::json::object();
    nlohmann::json added = nlohmann::json::array();
    const auto spellings = Spellings();
    for (size_t i = 0; i < spellings.size(); ++i) {
      vocabulary[spellings[i]] = i;
      if (i < 4) added.push_back({{"id", i}, {"content", spellings[i]}, {"special", true}});
    }
    return {{"added_tokens", added},
            {"normalizer", {{"type", "BertNormalizer"}, {"lowercase", true}}},
            {"model",
             {{"type", "WordPiece"},
              {"unk_token", "[UNK]"},
              {"continuing_subword_prefix", "##"},
              {"max_input_chars_per_word", 100},
              {"vocab", vocabulary}}}};
  }

  void WriteSafetensors(const std::filesystem::path& path) const {
    nlohmann::json header = nlohmann::json::object();
    std::string data;
    for (const Tensor& tensor : tensors_) {
      const size_t begin = data.size();
      data.append(reinterpret_cast<const char*>(tensor.values.data()), 4 * tensor.values.size());
      const std::vector<uint64_t> shape(tensor.ne.rbegin(), tensor.ne.rend());
      header[tensor.safetensors] = {
          {"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, data.size()}}};
    }
    const std::string text = header.dump();
    const uint64_t size = text.size();
    std::ofstream out(path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(&size), sizeof(size));
    out << text << data;
  }

  static std::vector<std::byte> Bytes(const Tensor& tensor) {
    std::vector<std::byte> bytes(tensor.values.size() * 4);
    std::memcpy(bytes.data(), tensor.values.data(), bytes.size());
    return bytes;
  }

  /// Numbers around `middle`, drawn evenly with arithmetic that gives the same bytes everywhere.
  void Add(const std::string& gguf, const std::string& safetensors, std::vector<uint64_t> ne,
           float middle, float range) {
    uint64_t count = 1;
    for (const uint64_t n : ne) count *= n;
    std::vector<float> values(count);
    for (float& v : values) v = middle + (static_cast<float>(rng_() >> 8) * 0x1p-23f - 1) * range;
    tensors_.push_back({gguf, safetensors, std::move(ne), std::move(values)});
  }
  void Matrix(const std::string& gguf, const std::string& safetensors, int rows, int cols) {
    Add(gguf, safetensors, {static_cast<uint64_t>(cols), static_cast<uint64_t>(rows)}, 0,
        2 * std::sqrt(3.0f / static_cast<float>(cols)));
  }
  void Linear(const std::string& gguf, const std::string& safetensors, int rows, int cols) {
    Matrix(gguf + ".weight", safetensors + ".weight", rows, cols);
    Add(gguf + ".bias", safetensors + ".bias", {static_cast<uint64_t>(rows)}, 0, 0.3f);
  }
  void Norm(const std::string& gguf, const std::string& safetensors) {
    const std::vector<uint64_t> ne = {static_cast<uint64_t>(shape_.width)};
    Add(gguf + ".weight", safetensors + ".weight", ne, 1, 0.2f);
    Add(gguf + ".bias", safetensors + ".bias", ne, 0, 0.2f);
  }

  const TinyBert shape_;
  std::mt19937 rng_{5};
  std::vector<Tensor> tensors_;
};

/// Texts as token ids, [CLS] and [SEP] around them: short ones, one of more than a chunk.
inline std::vector<std::vector<int32_t>> TinyBertTexts(const TinyBert& shape) {
  std::mt19937 rng(9);
  std::vector<std::vector<int32_t>> texts;
  for (const int count : {1, 7, 40, 150}) {
    std::vector<int32_t> text = {2};
    for (int i = 0; i < count; ++i) {
      text.push_back(static_cast<int32_t>(4 + rng() % (shape.vocabulary - 4)));
    }
    text.push_back(3);
    texts.push_back(text);
  }
  return texts;
}

}  // namespace dure::models::testing
