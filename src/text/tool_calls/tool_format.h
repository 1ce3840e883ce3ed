// How models spell tool calls: what stands around a call's name and its arguments, which are always
// a JSON object. One description serves to read calls, to write them and to constrain decoding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure::text {

struct CallPiece {
  enum class Kind : uint8_t {
    kText,   // exactly this; a control token where the vocabulary has one of this spelling
    kSpace,  // white space, or none; `text` is what is usual
    kName,   // of a tool
    kWord,   // letters and digits that say nothing, an id
  };
  Kind kind = Kind::kText;
  std::string text;
};
using CallPieces = std::vector<CallPiece>;

struct CallShape {
  CallPieces head;  // up to the arguments
  CallPieces tail;  // behind them
  // Pieces of the format's `begin` and the head after which it is a call and nothing else; where
  // that is all of them, it could be something else until the arguments begin.
  size_t sure = 0;
  bool at_start = false;  // only where an answer begins
};

struct ToolFormat {
  std::string_view name;
  CallPieces begin;               // of a list of calls; empty: each call stands by itself
  std::vector<CallShape> shapes;  // the usual one first
  CallPieces between;             // two calls
  CallPieces end;                 // of the list
};

/// Most white space at one place of a call's spelling, bytes.
constexpr size_t kMostCallSpace = 8;
/// Letters of a tool's name, at most.
constexpr size_t kMostNameLetters = 128;

bool IsNameLetter(char c);

/// All that are known; where text fits several, the earlier one is meant.
std::span<const ToolFormat> ToolFormats();
/// The one for models whose template knows of no tools.
const ToolFormat& GenericToolFormat();
/// Null where there is none of that name.
const ToolFormat* FindToolFormat(std::string_view name);

struct WrittenCall {
  std::string_view name;
  std::string_view arguments;  // JSON
};
/// Calls as a model would write them.
std::string SpellCalls(const ToolFormat& format, std::span<const WrittenCall> calls);

/// What stands around what a model thinks before it answers. With `answer` (in front of what it
/// says) the answer is a row of messages, each in a channel of its own: OpenAI's harmony format.
struct ReasoningMarks {
  std::string_view open;
  std::string_view close;
  std::string_view answer;
};
std::span<const ReasoningMarks> AllReasoningMarks();

}  // namespace dure::text
