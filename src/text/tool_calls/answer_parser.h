// An answer as it streams in, taken apart: what the model thinks, what it says, and which tools it
// calls.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/tool_calls/call_matcher.h"
#include "text/tool_calls/tool_format.h"

namespace dure::text {

struct AnswerPart {
  enum class Kind {
    kText,
    kReasoning,
    kCall,       // a call begins: the tool's name, whole
    kArguments,  // the next bytes of its arguments' JSON
  };
  Kind kind = Kind::kText;
  std::string text;
  bool operator==(const AnswerPart&) const = default;
};

struct AnswerFormat {
  const ToolFormat* tools = nullptr;  // null: no calls are looked for
  std::vector<std::string> names;     // of the tools offered; others are no calls
  std::optional<ReasoningMarks> reasoning;
  bool reasoning_begun = false;  // the prompt ends with the opening mark
};

/// Events depend on the text alone, not on how it was cut, but for where parts of one kind are cut
/// (at the same call they may be joined). White space around calls and around reasoning is left
/// out. Text that only looks like a call comes back as text. Used by one thread at a time.
class AnswerParser {
 public:
  enum class End {
    kWhole,
    kHalfCall,       // the text ended inside a call's arguments
    kMalformedCall,  // a call's arguments are no JSON object; nothing behind them was looked at
  };

  explicit AnswerParser(AnswerFormat format);

  /// Takes the next text (whole UTF-8 characters) and gives what it decides.
  std::vector<AnswerPart> Push(std::string_view text);
  /// The text is over: gives what was held back. Called once, last.
  std::vector<AnswerPart> Finish();

  /// After Finish.
  End end() const;
  int calls() const { return calls_; }

 private:
  enum class Mode {
    kStart,
    kReasoning,
    kText,
    kArguments,
    kTail,
    kBetween,
    kBroken,
    kHeader,  // of a message in a channel
    kMessage,
  };

  void Run(bool final);
  bool Step(bool final);
  bool StepStart(bool final);
  bool StepReasoning(bool final);
  bool StepText(bool final);
  bool StepArguments();
  bool StepTail(bool final);
  bool StepBetween(bool final);
  bool StepHeader(bool final);
  bool StepMessage(bool final);
  bool InChannels() const { return format_.reasoning && !format_.reasoning->answer.empty(); }
  std::optional<std::string> CalledBy(std::string_view header) const;
  void BeginCall(const CallMatch& match);
  void Emit(AnswerPart::Kind kind, std::string_view text);
  void Drop(size_t bytes) { held_.erase(0, bytes); }
  void EmitText(size_t bytes);

  const AnswerFormat format_;
  const std::optional<CallMatcher> matcher_;
  Mode mode_ = Mode::kStart;
  std::string held_;         // not decided yet
  bool drop_space_ = false;  // in front of what comes next
  bool at_start_ = true;     // no text and no call has come
  size_t shape_ = 0;         // of the call that is read
  // Of the message that is read; none: nobody sees it.
  std::optional<AnswerPart::Kind> channel_;
  JsonObjectScanner scanner_;
  std::string arguments_;
  int calls_ = 0;
  std::vector<AnswerPart> parts_;
};

}  // namespace dure::text
