// Text to token ids and back, from the vocabulary a GGUF file carries: byte-level BPE,
// SentencePiece-style BPE with byte fallback, and WordPiece.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dure::formats {
class GgufFile;
}

namespace dure::text {

using TokenId = int32_t;

/// Whether the spelling of a control token ("<|im_end|>") inside the text becomes that token.
enum class ControlTokens { kAsText, kParse };

/// A half-open range of bytes.
struct ByteRange {
  size_t begin = 0;
  size_t end = 0;
};

/// What a chat template gave: the prompt, and which of its bytes come from input (messages, tools,
/// arguments) and may therefore never become control tokens. Ranges are sorted and do not overlap.
struct RenderedPrompt {
  std::string text;
  std::vector<ByteRange> from_input;
};

/// Immutable after loading; every member is thread-safe.
class Tokenizer {
 public:
  /// Errors: kCorrupt (vocabulary contradicts itself), kUnsupported (model or pre-tokenizer named
  /// in the message).
  static Result<std::unique_ptr<Tokenizer>> FromGguf(const formats::GgufFile& file);
  /// From a tokenizer.json. Errors: those of formats::ReadJsonFile, kCorrupt, kUnsupported (any
  /// other model than WordPiece).
  static Result<std::unique_ptr<Tokenizer>> FromJsonFile(const std::string& path);
  virtual ~Tokenizer() = default;

  /// Ids of the text, no BOS or EOS added; the ids llama.cpp gives, except that text never merges
  /// into a control token and that WordPiece reads Hangul as BERT does. Invalid UTF-8 is never
  /// refused: byte-level BPE reads U+FFFD for each invalid byte, SentencePiece encodes the bytes as
  /// they are, WordPiece drops them. Time linear in the text (n log n within one long word).
  virtual std::vector<TokenId> Encode(std::string_view text, ControlTokens control) const = 0;
  /// Ids of a rendered chat: control tokens are recognised only where every byte of the spelling
  /// comes from the template.
  virtual std::vector<TokenId> Encode(const RenderedPrompt& prompt) const = 0;

  /// The bytes a token stands for in output text; empty for control tokens unless `render_control`.
  /// Ids outside the vocabulary give "".
  virtual std::string TokenBytes(TokenId id, bool render_control = false) const = 0;

  virtual int vocab_size() const = 0;
  /// Control and unknown tokens: never part of a text that a user sees, never parsed from input.
  virtual bool IsControl(TokenId id) const = 0;
  /// EOS, end-of-turn and end-of-message tokens: generation stops at any of them.
  virtual bool IsEndOfGeneration(TokenId id) const = 0;
  virtual const std::vector<TokenId>& end_of_generation_ids() const = 0;
  virtual std::optional<TokenId> bos() const = 0;
  virtual std::optional<TokenId> eos() const = 0;
  /// Whether the model wants BOS in front of a raw prompt.
  virtual bool add_bos() const = 0;
  /// The id whose spelling is exactly this, control tokens included.
  virtual std::optional<TokenId> FindToken(std::string_view spelling) const = 0;
};

/// Turns a stream of tokens into text. Never emits half a UTF-8 character and never loses one:
/// bytes of an unfinished character are held until it is complete or proven invalid (then U+FFFD,
/// as the WHATWG decoder does).
class Detokenizer {
 public:
  /// shown: control tokens whose spelling is part of the text even where others' is not.
  explicit Detokenizer(const Tokenizer& tokenizer, bool render_control = false,
                       std::vector<TokenId> shown = {});
  /// Text completed by this token; may be empty.
  std::string Push(TokenId id);
  /// What is still held at the end, replaced by U+FFFD where unfinished.
  std::string Flush();

 private:
  const Tokenizer& tokenizer_;
  bool render_control_;
  std::vector<TokenId> shown_;
  std::string pending_;
};

}  // namespace dure::text
