// Any text through every kind of tokenizer: nothing crashes, no byte is lost, input never becomes a
// control token.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/small_vocabularies.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

namespace {

using namespace dure::text;

void Require(bool condition) {
  if (!condition) std::abort();
}

const std::vector<std::unique_ptr<Tokenizer>>& Tokenizers() {
  static const auto tokenizers = [] {
    std::vector<std::unique_ptr<Tokenizer>> all;
    for (const char* name :
         {"default", "gpt-2", "smollm", "qwen2", "llama-bpe", "gpt-4o", "tekken", "deepseek-llm"}) {
      all.push_back(*MakeTokenizer(SmallBytePairs(name)));
    }
    all.push_back(*MakeTokenizer(SmallSentencePiece()));
    all.push_back(*MakeTokenizer(SmallWordPiece()));
    return all;
  }();
  return tokenizers;
}

// What a byte-pair tokenizer makes of text that is not well-formed.
std::string Repaired(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) AppendUtf8(DecodeLenient(text, i), out);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t kind = data[0] % Tokenizers().size();
  const Tokenizer& tokenizer = *Tokenizers()[kind];
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);

  std::string bytes;
  Detokenizer detokenizer(tokenizer);
  std::string streamed;
  for (const TokenId id : tokenizer.Encode(text, ControlTokens::kAsText)) {
    Require(!tokenizer.IsControl(id) || kind >= 8);
    bytes += tokenizer.TokenBytes(id);
    streamed += detokenizer.Push(id);
  }
  streamed += detokenizer.Flush();
  Require(streamed == ReplaceInvalidUtf8(bytes));
  if (kind < 8) Require(bytes == Repaired(text));

  RenderedPrompt prompt{std::string(text), {}};
  const auto parsed = tokenizer.Encode(text, ControlTokens::kParse);
  Require(tokenizer.Encode(prompt) == parsed);
  prompt.from_input.push_back({0, text.size()});
  Require(tokenizer.Encode(prompt) == tokenizer.Encode(text, ControlTokens::kAsText));
  return 0;
}
