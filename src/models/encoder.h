// An encoder model: a whole text in, one vector out (embeddings). The architectures are in
// files of their own (bert.cc); text/encoder_input.h makes the tokens.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "models/registry.h"

namespace dure::models {

/// How the vectors of a text's tokens become one.
enum class Pooling {
  kMean,        // their mean
  kFirstToken,  // that of [CLS]
};

struct EncoderConfig {
  std::string architecture;  // as GGUF names it: "bert"
  std::string name;          // may be empty
  int layers = 0;
  int width = 0;  // of a vector
  int heads = 0;
  int head_dim = 0;
  int ff_width = 0;
  int vocab_size = 0;
  int context_length = 0;  // tokens a text may have, [CLS] and [SEP] included
  float norm_epsilon = 0;
  Pooling pooling = Pooling::kMean;
  bool normalize = true;  // vectors have length 1
};

/// Encode is called by one thread at a time (it uses the team's threads inside).
class Encoder {
 public:
  virtual ~Encoder() = default;
  virtual const EncoderConfig& config() const = 0;
  /// Bytes of re-laid weights held.
  virtual uint64_t weight_bytes() const = 0;

  /// Writes one vector a text: vectors [texts.size(), width], row-major. A text is its tokens, with
  /// [CLS] and [SEP] around them. The bits of a vector depend on nothing but its own text
  /// (docs/numerics.md).
  /// Errors: kInvalidArgument (an empty text, a token out of range, too little room),
  /// kContextLengthExceeded (the message holds the numbers), kCorrupt (the weights give a vector
  /// that is not finite).
  virtual Result<void> Encode(std::span<const std::vector<int32_t>> texts,
                              std::span<float> vectors) = 0;
};

/// Whether general.architecture names an encoder.
bool IsEncoder(const formats::GgufFile& file);

/// Reads, checks and re-lays all weights. The file is not needed afterwards. Errors: those of
/// LoadModel.
Result<std::unique_ptr<Encoder>> LoadEncoder(const formats::GgufFile& file,
                                             const LoadOptions& options);

/// From a folder as the sentence-transformers library lays one out: config.json and
/// model.safetensors; modules.json and 1_Pooling/config.json where they are. (Its tokenizer.json is
/// for text::Tokenizer::FromJsonFile.) Errors: kNotFound, kUnsupported, kCorrupt.
Result<std::unique_ptr<Encoder>> LoadEncoderFolder(const std::string& folder,
                                                   const LoadOptions& options);

}  // namespace dure::models
