#include "text/pre_tokenizer.h"

#include <array>
#include <span>
#include <string>

#include "text/word_splitters.h"

namespace dure::text {
namespace {

using Splitter = PreTokenizer::Splitter;

constexpr Splitter kGpt2Stages[] = {SplitGpt2};
constexpr Splitter kSmollmStages[] = {SplitEachNumber, SplitGpt2};
constexpr Splitter kLlama3Stages[] = {SplitLlama3};
constexpr Splitter kQwen2Stages[] = {SplitQwen2};
constexpr Splitter kO200kStages[] = {SplitO200k};
constexpr Splitter kTekkenStages[] = {SplitTekken};
constexpr Splitter kDeepseekStages[] = {
    SplitNewlines,      SplitCasedLetterRuns, SplitDeepseekPunctuation,
    SplitTrailingSpace, SplitCjkRuns,         SplitNumberRuns};
constexpr Splitter kDefaultStages[] = {SplitPunctuationRuns, SplitGpt2, SplitNumberRuns,
                                       SplitAsciiDigitTriples};

struct Kind {
  std::string_view name;
  std::span<const Splitter> stages;
  bool ignore_merges = false;
  bool adds_bos = false;
};

// Names that files carry in tokenizer.ggml.pre. Several models share an expression under different
// names.
constexpr Kind kKinds[] = {
    {"default", kDefaultStages},
    {"gpt-2", kGpt2Stages},
    {"phi-2", kGpt2Stages},
    {"mpt", kGpt2Stages},
    {"olmo", kGpt2Stages},
    {"jais", kGpt2Stages},
    {"trillion", kGpt2Stages},
    {"gigachat", kGpt2Stages},
    {"mellum", kGpt2Stages},
    {"exaone4", kGpt2Stages},
    {"modern-bert", kGpt2Stages},
    {"smollm", kSmollmStages},
    {"starcoder", kSmollmStages},
    {"refact", kSmollmStages},
    {"command-r", kSmollmStages},
    {"codeshell", kSmollmStages},
    {"exaone", kSmollmStages},
    {"minerva-7b", kSmollmStages},
    {"qwen2", kQwen2Stages},
    {"deepseek-r1-qwen", kQwen2Stages},
    {"stablelm2", kQwen2Stages},
    {"megrez", kQwen2Stages},
    {"hunyuan", kQwen2Stages},
    {"grok-2", kQwen2Stages},
    {"llama-bpe", kLlama3Stages, true, true},
    {"llama3", kLlama3Stages, true, true},
    {"llama-v3", kLlama3Stages, true, true},
    {"falcon3", kLlama3Stages, true, true},
    {"pixtral", kLlama3Stages, true, true},
    {"lfm2", kLlama3Stages, true, true},
    {"dbrx", kLlama3Stages},
    {"smaug-bpe", kLlama3Stages},
    {"glm4", kLlama3Stages, true, false},
    {"chatglm-bpe", kLlama3Stages},
    {"gpt-4o", kO200kStages},
    {"llama4", kO200kStages},
    {"tekken", kTekkenStages, true, true},
    {"deepseek-llm", kDeepseekStages},
};

}  // namespace

Result<PreTokenizer> PreTokenizer::ForName(std::string_view name) {
  if (name.empty()) name = "default";
  for (const Kind& kind : kKinds) {
    if (kind.name != name) continue;
    PreTokenizer result;
    result.stages_.assign(kind.stages.begin(), kind.stages.end());
    result.ignore_merges_ = kind.ignore_merges;
    result.adds_bos_ = kind.adds_bos;
    return result;
  }
  return Fail(ErrorCode::kUnsupported,
              "pre-tokenizer '" + std::string(name) + "' is not supported");
}

std::vector<uint32_t> PreTokenizer::Split(const CodePoints& text) const {
  std::vector<uint32_t> ends;
  if (text.code.empty()) return ends;
  ends.push_back(static_cast<uint32_t>(text.code.size()));
  std::vector<uint32_t> next;
  for (const Splitter splitter : stages_) {
    next.clear();
    uint32_t begin = 0;
    for (const uint32_t end : ends) {
      splitter(text, begin, end, next);
      begin = end;
    }
    ends.swap(next);
  }
  return ends;
}

}  // namespace dure::text
