// The linear scans behind the pre-tokenizers: one function per regular expression (or family of
// them).
#pragma once

#include <cstdint>
#include <vector>

#include "text/pre_tokenizer.h"

namespace dure::text {

using WordEnds = std::vector<uint32_t>;

/// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void SplitGpt2(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);

/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}|
/// ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|
/// \s+(?!\S)|\s+  with D = 3 (Llama 3) or 1 (Qwen 2).
void SplitLlama3(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitQwen2(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);

/// The expressions of o200k and Tekken, which also cut where ASCII lower case turns to upper case.
/// With [\r\n/]* after symbols; o200k groups up to three digits and keeps English contractions with
/// their word.
void SplitO200k(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitTekken(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);

/// \p{N}, each number character alone; \p{N}+; [0-9][0-9][0-9]
void SplitEachNumber(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitNumberRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitAsciiDigitTriples(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);

/// [\p{P}\$\+<=>\^~\|]+
void SplitPunctuationRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);

/// The stages of DeepSeek-LLM: [\r\n]; \s?[cased letters]+; \s?[ASCII, full-width and CJK
/// punctuation]+; \s+$; [CJK and Hangul]+
void SplitNewlines(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitCasedLetterRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitDeepseekPunctuation(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitTrailingSpace(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);
void SplitCjkRuns(const CodePoints& text, uint32_t begin, uint32_t end, WordEnds& ends);

}  // namespace dure::text
