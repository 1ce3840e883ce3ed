// Pre-tokenizers of byte-level BPE: the fixed regular expressions that cut text into words before
// merging. Each is written out as a linear scan that gives the cuts the expression gives (as
// llama.cpp evaluates it, which for several models differs from the expression in the model's own
// tokenizer.json).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace dure::text {

/// Text as code points with their CharClass, both of the same length.
struct CodePoints {
  std::vector<char32_t> code;
  std::vector<uint8_t> classes;
};

/// Immutable; thread-safe.
class PreTokenizer {
 public:
  /// `name`: the value of tokenizer.ggml.pre, or "" for "default". Errors: kUnsupported names it.
  static Result<PreTokenizer> ForName(std::string_view name);

  /// Ends of the words (indices into the code points, ascending, the last one equal to the size).
  /// Words are never empty; no text gives no words. Time linear in the text.
  std::vector<uint32_t> Split(const CodePoints& text) const;

  /// A word that is a token as it stands is taken whole, merges are not consulted.
  bool ignore_merges() const { return ignore_merges_; }
  /// Whether models of this kind want BOS where the file does not say.
  bool adds_bos() const { return adds_bos_; }

  /// Appends to `ends` the ends of the pieces of [begin, end).
  using Splitter = void (*)(const CodePoints& text, uint32_t begin, uint32_t end,
                            std::vector<uint32_t>& ends);

 private:
  std::vector<Splitter> stages_;  // each cuts the pieces of the one before
  bool ignore_merges_ = false;
  bool adds_bos_ = false;
};

}  // namespace dure::text
