#include "text/tool_calls/answer_parser.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace dure::text {
namespace {

using Match = CallMatch::Kind;

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

constexpr std::string_view kMessageMark = "<|message|>";
constexpr size_t kMostHeaderBytes = 512;

size_t LeadingSpace(std::string_view text) {
  return static_cast<size_t>(std::find_if_not(text.begin(), text.end(), IsSpace) - text.begin());
}

/// Bytes of `text` without the white space at its end.
size_t WithoutTrailingSpace(std::string_view text) {
  size_t length = text.size();
  while (length > 0 && IsSpace(text[length - 1])) --length;
  return length;
}

/// Bytes at the end of `text` that may be the beginning of `mark`.
size_t BegunMark(std::string_view text, std::string_view mark) {
  size_t length = std::min(text.size(), mark.size() - 1);
  while (length > 0 && !mark.starts_with(text.substr(text.size() - length))) --length;
  return length;
}

std::optional<CallMatcher> MatcherFor(const AnswerFormat& format) {
  if (format.tools == nullptr || format.names.empty()) return std::nullopt;
  return CallMatcher(*format.tools, format.names);
}

}  // namespace

AnswerParser::AnswerParser(AnswerFormat format)
    : format_(std::move(format)), matcher_(MatcherFor(format_)) {
  if (!format_.reasoning) {
    mode_ = Mode::kText;
  } else if (InChannels()) {
    mode_ = Mode::kHeader;
  } else if (format_.reasoning_begun) {
    mode_ = Mode::kReasoning;
    drop_space_ = true;
  }
}

std::vector<AnswerPart> AnswerParser::Push(std::string_view text) {
  held_ += text;
  Run(false);
  return std::exchange(parts_, {});
}

std::vector<AnswerPart> AnswerParser::Finish() {
  Run(true);
  return std::exchange(parts_, {});
}

AnswerParser::End AnswerParser::end() const {
  if (mode_ == Mode::kArguments) return End::kHalfCall;
  return mode_ == Mode::kBroken ? End::kMalformedCall : End::kWhole;
}

void AnswerParser::Run(bool final) {
  while (Step(final)) {
  }
}

/// One decision; false where there is none to make before more text comes.
bool AnswerParser::Step(bool final) {
  switch (mode_) {
    case Mode::kStart:
      return StepStart(final);
    case Mode::kReasoning:
      return StepReasoning(final);
    case Mode::kText:
      return StepText(final);
    case Mode::kArguments:
      return StepArguments();
    case Mode::kTail:
      return StepTail(final);
    case Mode::kBetween:
      return StepBetween(final);
    case Mode::kHeader:
      return StepHeader(final);
    case Mode::kMessage:
      return StepMessage(final);
    case Mode::kBroken:
      held_.clear();
      return false;
  }
  return false;
}

void AnswerParser::Emit(AnswerPart::Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (parts_.empty() || parts_.back().kind != kind) {
    parts_.push_back({kind, std::string(text)});
  } else {
    parts_.back().text += text;
  }
}

/// The first bytes of what is held are text.
void AnswerParser::EmitText(size_t bytes) {
  if (bytes == 0) return;
  const std::string_view text = std::string_view(held_).substr(0, bytes);
  if (LeadingSpace(text) < text.size()) at_start_ = false;
  Emit(AnswerPart::Kind::kText, text);
  Drop(bytes);
}

bool AnswerParser::StepStart(bool final) {
  const size_t space = LeadingSpace(held_);
  const std::string_view rest = std::string_view(held_).substr(space);
  const std::string_view open = format_.reasoning->open;
  if (rest.starts_with(open)) {
    Drop(space + open.size());
    mode_ = Mode::kReasoning;
    drop_space_ = true;
    return true;
  }
  if (!final && open.starts_with(rest)) return false;
  mode_ = Mode::kText;
  return true;
}

bool AnswerParser::StepReasoning(bool final) {
  if (drop_space_) {
    Drop(LeadingSpace(held_));
    if (held_.empty()) return false;
    drop_space_ = false;
  }
  const std::string_view close = format_.reasoning->close;
  const size_t found = held_.find(close);
  const size_t decided = found != held_.npos ? found
                         : final             ? held_.size()
                                             : held_.size() - BegunMark(held_, close);
  const size_t shown = final && found == held_.npos
                           ? decided
                           : WithoutTrailingSpace(std::string_view(held_).substr(0, decided));
  Emit(AnswerPart::Kind::kReasoning, std::string_view(held_).substr(0, shown));
  if (found == held_.npos) {
    Drop(shown);
    return false;
  }
  Drop(found + close.size());
  mode_ = Mode::kText;
  drop_space_ = true;
  return true;
}

/// Shows text up to where a call may begin, with the white space before it.
bool AnswerParser::StepText(bool final) {
  if (drop_space_) {
    Drop(LeadingSpace(held_));
    if (held_.empty()) return false;
    drop_space_ = false;
  }
  if (!matcher_) {
    EmitText(held_.size());
    return false;
  }
  const std::string_view text = held_;
  const size_t first_letter = LeadingSpace(text);
  for (size_t i = first_letter; i < text.size(); ++i) {
    const CallMatch match = matcher_->First(text.substr(i), at_start_ && i == first_letter);
    if (match.kind == Match::kFull) {
      const size_t shown = WithoutTrailingSpace(text.substr(0, i));
      const size_t begun = i - shown + match.length;
      EmitText(shown);
      Drop(begun);
      BeginCall(match);
      return true;
    }
    if (match.kind == Match::kPartial && !final) {
      EmitText(WithoutTrailingSpace(text.substr(0, i)));
      return false;
    }
  }
  EmitText(final ? text.size() : WithoutTrailingSpace(text));
  return false;
}

void AnswerParser::BeginCall(const CallMatch& match) {
  parts_.push_back({AnswerPart::Kind::kCall, match.name});
  ++calls_;
  at_start_ = false;
  shape_ = match.shape;
  scanner_ = {};
  arguments_.clear();
  mode_ = Mode::kArguments;
}

bool AnswerParser::StepArguments() {
  const size_t length = scanner_.Feed(held_);
  arguments_.append(held_, 0, length);
  Emit(AnswerPart::Kind::kArguments, std::string_view(held_).substr(0, length));
  Drop(length);
  if (!scanner_.done()) return false;
  mode_ = nlohmann::json::accept(arguments_) ? Mode::kTail : Mode::kBroken;
  return true;
}

// A call whose arguments are whole is one, whatever comes of its end.
bool AnswerParser::StepTail(bool final) {
  if (InChannels()) {
    mode_ = Mode::kMessage;
    channel_.reset();
    return true;
  }
  const CallMatch match = matcher_->Tail(held_, shape_);
  if (match.kind == Match::kPartial && !final) return false;
  if (match.kind == Match::kPartial) held_.clear();
  if (match.kind == Match::kFull) Drop(match.length);
  mode_ = Mode::kBetween;
  return true;
}

bool AnswerParser::StepBetween(bool final) {
  const CallMatch next = matcher_->Next(held_);
  if (next.kind == Match::kFull) {
    Drop(next.length);
    BeginCall(next);
    return true;
  }
  const CallMatch end = matcher_->EndOfList(held_);
  if (!final && (next.kind == Match::kPartial || end.kind == Match::kPartial)) return false;
  if (end.kind == Match::kFull) Drop(end.length);
  mode_ = Mode::kText;
  drop_space_ = true;
  return true;
}

/// The tool that a message with this header is to.
std::optional<std::string> AnswerParser::CalledBy(std::string_view header) const {
  constexpr std::string_view kTo = "to=functions.";
  const size_t to = header.find(kTo);
  if (!matcher_ || to == header.npos) return std::nullopt;
  const std::string_view rest = header.substr(to + kTo.size());
  const auto end = std::find_if_not(rest.begin(), rest.end(), IsNameLetter);
  std::string name(rest.begin(), end);
  const auto& names = format_.names;
  if (std::find(names.begin(), names.end(), name) == names.end()) return std::nullopt;
  return name;
}

bool AnswerParser::StepHeader(bool final) {
  constexpr std::string_view kChannel = "<|channel|>";
  const size_t end = held_.find(kMessageMark);
  if (end == held_.npos || end > kMostHeaderBytes) {
    if (!final && held_.size() <= kMostHeaderBytes + kMessageMark.size()) return false;
    // No header at all: the model has left its format.
    channel_ = AnswerPart::Kind::kText;
    mode_ = Mode::kMessage;
    return true;
  }
  const size_t begin = end + kMessageMark.size();
  const std::string_view header = std::string_view(held_).substr(0, end);
  if (const auto name = CalledBy(header)) {
    const size_t brace = begin + LeadingSpace(std::string_view(held_).substr(begin));
    if (brace == held_.size() && !final) return false;
    if (brace < held_.size() && held_[brace] == '{') {
      Drop(brace);
      BeginCall({CallMatch::Kind::kFull, 0, 0, *name});
      return true;
    }
  }
  const size_t channel = header.find(kChannel);
  const bool thinks =
      channel != header.npos && header.substr(channel + kChannel.size()).starts_with("analysis");
  channel_ = thinks ? AnswerPart::Kind::kReasoning : AnswerPart::Kind::kText;
  Drop(begin);
  mode_ = Mode::kMessage;
  return true;
}

bool AnswerParser::StepMessage(bool final) {
  constexpr std::string_view kEnd = "<|end|>";
  constexpr std::string_view kStart = "<|start|>";
  const size_t over = std::min(held_.find(kEnd), held_.find(kStart));
  const size_t begun = std::max(BegunMark(held_, kEnd), BegunMark(held_, kStart));
  const size_t shown = over != held_.npos ? over : held_.size() - (final ? 0 : begun);
  if (channel_) Emit(*channel_, std::string_view(held_).substr(0, shown));
  Drop(shown);
  if (over == held_.npos) return false;
  Drop(held_.starts_with(kEnd) ? kEnd.size() : kStart.size());
  mode_ = Mode::kHeader;
  return !held_.empty();
}

}  // namespace dure::text
