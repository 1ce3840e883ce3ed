#include "text/tool_calls/call_grammar.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "text/grammar/frame.h"

namespace dure::text {
namespace {

using Kind = CallPiece::Kind;

constexpr std::string_view kSpaces = " \n\r\t";
constexpr std::string_view kLetters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
constexpr int kMostWordLetters = 32;

std::optional<TokenId> ControlToken(const Tokenizer& tokenizer, std::string_view spelling) {
  const auto token = tokenizer.FindToken(spelling);
  if (!token || !tokenizer.IsControl(*token)) return std::nullopt;
  return token;
}

/// Cuts text where control tokens of the form <|...|> stand in it.
std::vector<std::string_view> SplitMarks(std::string_view text, const Tokenizer& tokenizer) {
  std::vector<std::string_view> parts;
  size_t begun = 0;
  for (size_t at = text.find("<|"); at != text.npos; at = text.find("<|", at + 1)) {
    const size_t end = text.find("|>", at);
    if (end == text.npos) break;
    const std::string_view mark = text.substr(at, end + 2 - at);
    if (!ControlToken(tokenizer, mark)) continue;
    if (at > begun) parts.push_back(text.substr(begun, at - begun));
    parts.push_back(mark);
    begun = end + 2;
  }
  if (begun < text.size()) parts.push_back(text.substr(begun));
  return parts;
}

/// Builds a frame from its end to its beginning: every member takes where to go on and gives where
/// to begin.
class FrameBuilder {
 public:
  FrameBuilder(const CallGrammarOptions& options, const Tokenizer& tokenizer)
      : options_(options), tokenizer_(tokenizer) {}

  Frame Build() {
    frame_.most_documents = options_.parallel ? options_.most_calls : 1;
    const int32_t main = Main();
    frame_.start = options_.reasoning ? Reasoning(main) : main;
    return std::move(frame_);
  }

 private:
  int32_t Space(int32_t to) { return frame_.UpTo(kMostCallSpace, kSpaces, to); }
  int32_t SpaceAndEnd() { return Space(frame_.End()); }

  /// A mark, or several in a row with text between them.
  int32_t Mark(std::string_view spelling, int32_t to) {
    const auto token = ControlToken(tokenizer_, spelling);
    if (!token) {
      const auto parts = SplitMarks(spelling, tokenizer_);
      if (parts.size() < 2) return frame_.Text(spelling, to);
      for (size_t i = parts.size(); i-- > 0;) to = Mark(parts[i], to);
      return to;
    }
    const int32_t whole = frame_.Token(*token, to);
    // Where text is free it may be spelled out, too.
    return free_ ? frame_.Split(whole, frame_.Text(spelling, to)) : whole;
  }

  /// Any text up to `mark`.
  int32_t Until(std::string_view mark, bool may_end, int32_t to) {
    const int32_t any = frame_.Add({Frame::Kind::kAny, -1, -1, -1, false, {}});
    const int32_t found = frame_.Commit(to);
    int32_t loop = frame_.Split(any, Mark(mark, found));
    if (may_end) loop = frame_.Split(loop, frame_.End());
    frame_.states[static_cast<size_t>(any)].to = loop;
    return loop;
  }

  int32_t Reasoning(int32_t main) {
    const int32_t thinking = Until(options_.reasoning->close, IsFree(), Space(main));
    if (options_.reasoning_begun) return thinking;
    const int32_t opened = Mark(options_.reasoning->open, frame_.Commit(thinking));
    return frame_.Split(Space(opened), main);
  }

  bool IsFree() const { return !options_.required && options_.answer == nullptr; }

  int32_t Main() {
    if (options_.format == nullptr) return Answer();
    free_ = IsFree();
    if (free_) return FreeText();
    const int32_t end = SpaceAndEnd();
    const int32_t last = Pieces(options_.format->end, end);
    const int32_t calls = Space(AnyCall(Repeat(last), last, /*first=*/true, true));
    return options_.answer == nullptr ? calls : frame_.Split(calls, Answer());
  }

  int32_t Answer() {
    const int32_t end = SpaceAndEnd();
    const int32_t json =
        Space(frame_.Json(static_cast<int32_t>(options_.tools.size()), false, end, end));
    const bool marked = options_.reasoning && !options_.reasoning->answer.empty();
    return marked ? Mark(options_.reasoning->answer, json) : json;
  }

  /// After a call: another one, or `end`.
  int32_t Repeat(int32_t end) {
    if (!options_.parallel) return end;
    const int32_t again = frame_.Split(-1, end);
    const int32_t next = AnyCall(again, end, /*first=*/false, true);
    frame_.states[static_cast<size_t>(again)].to = next;
    return again;
  }

  int32_t FreeText() {
    const int32_t any = frame_.Add({Frame::Kind::kAny, -1, -1, -1, false, {}});
    const int32_t text = frame_.Split(any, frame_.Split(-1, frame_.End()));
    frame_.states[static_cast<size_t>(any)].to = text;
    const int32_t over = options_.parallel ? text : SpaceAndEnd();
    const int32_t end = Pieces(options_.format->end, over);
    const int32_t last = Pieces(options_.format->end, SpaceAndEnd());
    int32_t after = end;
    if (options_.parallel) {
      after = frame_.Split(-1, end);
      const int32_t next = AnyCall(after, last, /*first=*/false, /*at_start=*/true);
      frame_.states[static_cast<size_t>(after)].to = next;
    }
    const int32_t calls = AnyCall(after, last, /*first=*/true, /*at_start=*/false);
    auto& choice = frame_.states[static_cast<size_t>(frame_.states[text].other)];
    choice.to = calls;
    const int32_t bare = Space(AnyCall(after, last, /*first=*/true, /*at_start=*/true));
    return frame_.Split(text, bare);
  }

  /// One call in any of the format's shapes. at_start: those too that only begin an answer.
  int32_t AnyCall(int32_t after, int32_t last, bool first, bool at_start) {
    int32_t any = -1;
    for (const CallShape& shape : options_.format->shapes) {
      if (shape.at_start && !at_start) continue;
      const int32_t call = Call(shape, after, last, first);
      any = any < 0 ? call : frame_.Split(call, any);
    }
    return any < 0 ? NoWay() : any;
  }

  /// A state that nothing leaves.
  int32_t NoWay() { return frame_.OneOf("", frame_.End()); }

  int32_t Call(const CallShape& shape, int32_t after, int32_t last, bool first) {
    const CallPieces& lead = first ? options_.format->begin : options_.format->between;
    CallPieces head = lead;
    head.insert(head.end(), shape.head.begin(), shape.head.end());
    // Inside a list nothing else is open any more.
    const bool in_list = !first && !options_.format->begin.empty();
    size_t sure = in_list ? head.size() + 1 : first ? shape.sure : lead.size() + shape.sure;
    // White space in front of the arguments is theirs.
    while (sure == head.size() && sure > 0 && head[sure - 1].kind == Kind::kSpace) --sure;

    const size_t name = static_cast<size_t>(
        std::find_if(head.begin(), head.end(),
                     [](const CallPiece& piece) { return piece.kind == Kind::kName; }) -
        head.begin());
    const int32_t tail = Pieces(shape.tail, after);
    const int32_t last_tail = Pieces(shape.tail, last);
    int32_t names = -1;
    for (size_t tool = 0; tool < options_.tools.size(); ++tool) {
      int32_t at = frame_.Json(static_cast<int32_t>(tool), true, tail, last_tail);
      at = Range(head, name + 1, head.size(), sure, at);
      at = frame_.Text(options_.tools[tool].name, at);
      names = names < 0 ? at : frame_.Split(at, names);
    }
    return Range(head, 0, name, sure, names);
  }

  /// head[begin, end) with the commit where it belongs.
  int32_t Range(const CallPieces& head, size_t begin, size_t end, size_t sure, int32_t to) {
    if (end == head.size() && sure == end) to = frame_.Commit(to);
    for (size_t i = end; i-- > begin;) {
      to = Piece(head[i], to);
      if (i == sure) to = frame_.Commit(to);
    }
    return to;
  }

  int32_t Piece(const CallPiece& piece, int32_t to) {
    switch (piece.kind) {
      case Kind::kText:
        return Mark(piece.text, to);
      case Kind::kSpace:
        return Space(to);
      case Kind::kWord:
        return frame_.OneOf(kLetters, frame_.UpTo(kMostWordLetters - 1, kLetters, to));
      case Kind::kName:
        break;
    }
    return to;
  }

  int32_t Pieces(const CallPieces& pieces, int32_t to) {
    for (size_t i = pieces.size(); i-- > 0;) to = Piece(pieces[i], to);
    return to;
  }

  const CallGrammarOptions& options_;
  const Tokenizer& tokenizer_;
  Frame frame_;
  bool free_ = false;
};

/// Whether a call may begin as a document does.
bool LooksLikeADocument(const ToolFormat& format) {
  return std::any_of(format.shapes.begin(), format.shapes.end(), [&](const CallShape& shape) {
    return shape.at_start && shape.head.front().text.starts_with('{');
  });
}

}  // namespace

Result<std::shared_ptr<const Grammar>> MakeCallGrammar(
    const CallGrammarOptions& options, const Tokenizer& tokenizer,
    std::shared_ptr<const TokenVocabulary> vocabulary) {
  CallGrammarOptions use = options;
  ToolFormat marked;
  if (options.format != nullptr && options.answer != nullptr &&
      LooksLikeADocument(*options.format)) {
    // Only the shapes that no document has.
    marked = *options.format;
    std::erase_if(marked.shapes, [](const CallShape& shape) { return shape.at_start; });
    if (marked.shapes.empty()) {
      return Fail(ErrorCode::kUnsupported,
                  "this model's tool calls cannot be told from a JSON answer");
    }
    use.format = &marked;
  }
  std::vector<std::shared_ptr<const Grammar>> documents;
  for (const auto& tool : use.tools) documents.push_back(tool.arguments);
  if (use.answer != nullptr) documents.push_back(use.answer);
  return Grammar::FromFrame(FrameBuilder(use, tokenizer).Build(), documents, std::move(vocabulary));
}

std::vector<TokenId> MarkTokens(const ToolFormat* format,
                                const std::optional<ReasoningMarks>& reasoning,
                                const Tokenizer& tokenizer) {
  std::vector<TokenId> tokens;
  const auto add_one = [&](std::string_view spelling) {
    const auto token = ControlToken(tokenizer, spelling);
    if (token && !tokenizer.IsEndOfGeneration(*token)) tokens.push_back(*token);
  };
  const auto add = [&](std::string_view spelling) {
    add_one(spelling);
    for (const std::string_view part : SplitMarks(spelling, tokenizer)) add_one(part);
  };
  const auto add_all = [&](const CallPieces& pieces) {
    for (const CallPiece& piece : pieces) {
      if (piece.kind == Kind::kText) add(piece.text);
    }
  };
  if (format != nullptr) {
    add_all(format->begin);
    add_all(format->between);
    add_all(format->end);
    for (const CallShape& shape : format->shapes) {
      add_all(shape.head);
      add_all(shape.tail);
    }
  }
  if (reasoning) {
    add(reasoning->open);
    add(reasoning->close);
    add(reasoning->answer);
  }
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  return tokens;
}

}  // namespace dure::text
