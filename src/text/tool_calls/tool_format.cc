#include "text/tool_calls/tool_format.h"

#include <algorithm>
#include <utility>

namespace dure::text {
namespace {

CallPiece Text(std::string text) { return {CallPiece::Kind::kText, std::move(text)}; }
CallPiece Space(std::string usual = "") { return {CallPiece::Kind::kSpace, std::move(usual)}; }
CallPiece Name() { return {CallPiece::Kind::kName, ""}; }
CallPiece Word() { return {CallPiece::Kind::kWord, ""}; }

CallPieces Join(std::initializer_list<CallPieces> parts) {
  CallPieces out;
  for (const CallPieces& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

/// {"name": "f", "arguments": up to the arguments.
CallPieces ObjectHead(const std::string& arguments_key) {
  return {Text("{"),
          Space(),
          Text("\"name\""),
          Space(),
          Text(":"),
          Space(" "),
          Text("\""),
          Name(),
          Text("\""),
          Space(),
          Text(","),
          Space(" "),
          Text("\"" + arguments_key + "\""),
          Space(),
          Text(":"),
          Space(" ")};
}

/// {"type": "function", "name": "f", ... as some models write unasked.
CallPieces TypedObjectHead(const std::string& arguments_key) {
  CallPieces rest = ObjectHead(arguments_key);
  rest.erase(rest.begin(), rest.begin() + 2);
  return Join({{Text("{"), Space(), Text("\"type\""), Space(), Text(":"), Space(" "),
                Text("\"function\""), Space(), Text(","), Space(" ")},
               rest});
}

const CallPieces kObjectTail = {Space(), Text("}")};

/// An object that is a call only by its first members, which may be an answer just as well.
CallShape BareObject(CallPieces head) {
  const size_t all = head.size();
  return {std::move(head), kObjectTail, all, true};
}

CallShape Fenced(const std::string& language, const std::string& arguments_key, bool sure) {
  CallPieces head = Join({{Text("```" + language), Space("\n")}, ObjectHead(arguments_key)});
  const size_t all = head.size();
  return {std::move(head), Join({kObjectTail, {Space("\n"), Text("```")}}), sure ? 1 : all, !sure};
}

CallShape Tagged() {
  return {Join({{Text("<tool_call>"), Space("\n")}, ObjectHead("arguments")}),
          Join({kObjectTail, {Space("\n"), Text("</tool_call>")}}), 1, false};
}

// NousResearch's Hermes function calling; Qwen 2.5 and 3 have it. Small models, and those that were
// not trained for it, often leave the tags out.
ToolFormat Hermes() {
  return {"hermes",
          {},
          {Tagged(), Fenced("json", "arguments", false), BareObject(ObjectHead("arguments"))},
          {Space("\n")},
          {}};
}

// Llama 3.1's prompt format: an object as the whole answer, <|python_tag|> in front or not.
ToolFormat Llama3() {
  CallShape tagged{Join({{Text("<|python_tag|>"), Space()}, ObjectHead("parameters")}), kObjectTail,
                   1, false};
  return {"llama3",
          {},
          {BareObject(ObjectHead("parameters")), BareObject(TypedObjectHead("parameters")),
           std::move(tagged)},
          {Space(), Text(";"), Space(" ")},
          {}};
}

// Mistral's tokenizers up to v7: a list of objects.
ToolFormat MistralList() {
  return {"mistral-list",
          {Text("[TOOL_CALLS]"), Space(), Text("["), Space()},
          {{ObjectHead("arguments"), kObjectTail, 1, false}},
          {Space(), Text(","), Space(" ")},
          {Space(), Text("]")}};
}

// The same from v11 on: name and arguments, in between an id or not.
ToolFormat Mistral() {
  CallShape plain{{Text("[TOOL_CALLS]"), Name(), Text("[ARGS]"), Space()}, {}, 1, false};
  CallShape with_id{
      {Text("[TOOL_CALLS]"), Name(), Text("[CALL_ID]"), Word(), Text("[ARGS]"), Space()},
      {},
      1,
      false};
  return {"mistral", {}, {std::move(plain), std::move(with_id)}, {}, {}};
}

// DeepSeek V3 and R1.
ToolFormat DeepSeek() {
  CallShape call{{Text("<｜tool▁call▁begin｜>"), Text("function"), Text("<｜tool▁sep｜>"), Name(),
                  Space("\n"), Text("```json"), Space("\n")},
                 {Space("\n"), Text("```"), Space(), Text("<｜tool▁call▁end｜>")},
                 1,
                 false};
  return {"deepseek",
          {Text("<｜tool▁calls▁begin｜>"), Space()},
          {std::move(call)},
          {Space("\n")},
          {Space(), Text("<｜tool▁calls▁end｜>")}};
}

// DeepSeek V3.1.
ToolFormat DeepSeek31() {
  CallShape call{{Text("<｜tool▁call▁begin｜>"), Name(), Text("<｜tool▁sep｜>"), Space()},
                 {Space(), Text("<｜tool▁call▁end｜>")},
                 1,
                 false};
  return {"deepseek-v3.1",
          {Text("<｜tool▁calls▁begin｜>"), Space()},
          {std::move(call)},
          {Space()},
          {Space(), Text("<｜tool▁calls▁end｜>")}};
}

// OpenAI's harmony: the function is whom a message is to.
ToolFormat Harmony() {
  const CallPieces json = {Text("json"), Text("<|message|>")};
  const CallPieces constrained = Join({{Text("<|constrain|>")}, json});
  const CallPieces to = {Text("to=functions."), Name(), Text("<|channel|>"), Text("commentary"),
                         Space(" ")};
  return {"harmony",
          {},
          {{Join({{Text("<|channel|>"), Text("commentary to=functions."), Name(), Space(" ")},
                  constrained}),
            {},
            2,
            false},
           {Join({to, json}), {}, 1, true},
           {Join({to, constrained}), {}, 1, true}},
          {},
          {}};
}

// Google's guide to function calling with Gemma: an object in a block of tool_code, or bare.
ToolFormat Gemma() {
  return {"gemma",
          {},
          {Fenced("tool_code", "parameters", true), Fenced("json", "parameters", false),
           BareObject(ObjectHead("parameters"))},
          {Space("\n")},
          {}};
}

ToolFormat Generic() {
  ToolFormat format = Hermes();
  format.name = "generic";
  return format;
}

std::string SpellPieces(const CallPieces& pieces, std::string_view name) {
  std::string out;
  for (const CallPiece& piece : pieces) {
    out += piece.kind == CallPiece::Kind::kName ? std::string(name) : piece.text;
  }
  return out;
}

}  // namespace

bool IsNameLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-' || c == '.';
}

std::span<const ToolFormat> ToolFormats() {
  static const std::vector<ToolFormat> formats = {Hermes(),   MistralList(), Mistral(),
                                                  DeepSeek(), DeepSeek31(),  Harmony(),
                                                  Llama3(),   Gemma(),       Generic()};
  return formats;
}

const ToolFormat* FindToolFormat(std::string_view name) {
  for (const ToolFormat& format : ToolFormats()) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

const ToolFormat& GenericToolFormat() { return ToolFormats().back(); }

std::string SpellCalls(const ToolFormat& format, std::span<const WrittenCall> calls) {
  if (calls.empty()) return "";
  std::string out = SpellPieces(format.begin, "");
  const CallShape& shape = format.shapes.front();
  for (size_t i = 0; i < calls.size(); ++i) {
    if (i > 0) out += SpellPieces(format.between, "");
    out += SpellPieces(shape.head, calls[i].name);
    out += calls[i].arguments;
    out += SpellPieces(shape.tail, "");
  }
  return out + SpellPieces(format.end, "");
}

std::span<const ReasoningMarks> AllReasoningMarks() {
  static constexpr ReasoningMarks kMarks[] = {
      {"<think>", "</think>", ""},
      {"[THINK]", "[/THINK]", ""},
      {"<|channel|>analysis<|message|>", "<|end|><|start|>assistant",
       "<|channel|>final<|message|>"}};
  return kMarks;
}

}  // namespace dure::text
