// Answers taken apart: every format, at every place where the text may be cut.
#include "text/tool_calls/answer_parser.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace dure::text {
namespace {

using Kind = AnswerPart::Kind;
using Parts = std::vector<AnswerPart>;
using End = AnswerParser::End;

AnswerPart Text(std::string text) { return {Kind::kText, std::move(text)}; }
AnswerPart Reasoning(std::string text) { return {Kind::kReasoning, std::move(text)}; }
AnswerPart Call(std::string name) { return {Kind::kCall, std::move(name)}; }
AnswerPart Arguments(std::string json) { return {Kind::kArguments, std::move(json)}; }

struct Outcome {
  Parts parts;  // neighbours of one kind joined
  End end = End::kWhole;
  bool operator==(const Outcome&) const = default;
};

void Join(const Parts& news, Parts& parts) {
  for (const AnswerPart& part : news) {
    if (!parts.empty() && parts.back().kind == part.kind && part.kind != Kind::kCall) {
      parts.back().text += part.text;
    } else {
      parts.push_back(part);
    }
  }
}

Outcome Read(const AnswerFormat& format, const std::vector<std::string>& pieces) {
  AnswerParser parser(format);
  Outcome out;
  for (const std::string& piece : pieces) Join(parser.Push(piece), out.parts);
  Join(parser.Finish(), out.parts);
  out.end = parser.end();
  return out;
}

/// The outcome of the whole text, held against that of many ways to cut it.
Outcome ReadCut(const AnswerFormat& format, const std::string& text) {
  const Outcome whole = Read(format, {text});
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(Read(format, bytes).parts, whole.parts) << text;
  for (size_t cut = 1; cut < text.size(); ++cut) {
    const Outcome outcome = Read(format, {text.substr(0, cut), text.substr(cut)});
    EXPECT_EQ(outcome, whole) << text << " cut at " << cut;
  }
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> pieces;
    for (size_t at = 0; at < text.size();) {
      const size_t length = 1 + random() % 9;
      pieces.push_back(text.substr(at, length));
      at += length;
    }
    EXPECT_EQ(Read(format, pieces), whole) << text;
  }
  return whole;
}

AnswerFormat Format(std::string_view name) {
  return {FindToolFormat(name), {"get_weather", "add", "get"}, std::nullopt, false};
}

constexpr char kCity[] = R"({"city": "Se\"oul}", "days": [1, {"a": 2}]})";

TEST(AnswerParser, ReadsWhatItSpells) {
  for (const ToolFormat& format : ToolFormats()) {
    const WrittenCall calls[] = {{"get_weather", kCity}, {"add", R"({"a":1})"}};
    for (const size_t count : {1, 2}) {
      const std::string text = SpellCalls(format, std::span(calls).first(count));
      Parts expected = {Call("get_weather"), Arguments(kCity)};
      if (count == 2) Join({Call("add"), Arguments(R"({"a":1})")}, expected);
      EXPECT_EQ(ReadCut(Format(format.name), text).parts, expected) << text;
    }
  }
}

struct Case {
  std::string format;
  std::string text;
  Parts parts;
  End end = End::kWhole;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    const Outcome outcome = ReadCut(Format(one.format), one.text);
    EXPECT_EQ(outcome.parts, one.parts) << one.text;
    EXPECT_EQ(outcome.end, one.end) << one.text;
  }
}

TEST(AnswerParser, ReadsModelsOwnSpellings) {
  Check({
      {"hermes",
       "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>",
       {Call("add"), Arguments("{\"a\": 1}")}},
      {"hermes",
       "<tool_call>{ \"name\" : \"add\" ,\n\"arguments\":\n {} }</tool_call>",
       {Call("add"), Arguments("{}")}},
      {"llama3",
       R"({"name": "add", "parameters": {"a": 1}})",
       {Call("add"), Arguments(R"({"a": 1})")}},
      {"llama3",
       R"(<|python_tag|>{"name": "add", "parameters": {}})",
       {Call("add"), Arguments("{}")}},
      {"llama3",
       R"({"type": "function", "name": "add", "parameters": {}})",
       {Call("add"), Arguments("{}")}},
      {"llama3",
       R"({"name": "add", "parameters": {}}; {"name": "get", "parameters": {"b": 2}})",
       {Call("add"), Arguments("{}"), Call("get"), Arguments(R"({"b": 2})")}},
      {"mistral-list",
       R"([TOOL_CALLS] [{"name": "add", "arguments": {}}])",
       {Call("add"), Arguments("{}")}},
      {"mistral-list",
       R"([TOOL_CALLS][{"name": "add", "arguments": {}},{"name": "get", "arguments": {}}])",
       {Call("add"), Arguments("{}"), Call("get"), Arguments("{}")}},
      {"mistral",
       R"([TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]get[ARGS]{})",
       {Call("add"), Arguments(R"({"a": 1})"), Call("get"), Arguments("{}")}},
      {"mistral",
       R"([TOOL_CALLS]add[CALL_ID]VvvODy9mT[ARGS]{"a": 1})",
       {Call("add"), Arguments(R"({"a": 1})")}},
      {"deepseek",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{\"a\": "
       "1}\n```"
       "<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>get\n```json\n{}\n```"
       "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       {Call("add"), Arguments("{\"a\": 1}"), Call("get"), Arguments("{}")}},
      {"deepseek-v3.1",
       "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>add<｜tool▁sep｜>{}<｜tool▁call▁end｜>"
       "<｜tool▁calls▁end｜>",
       {Call("add"), Arguments("{}")}},
      {"gemma",
       "```tool_code\n{\"name\": \"add\", \"parameters\": {}}\n```",
       {Call("add"), Arguments("{}")}},
      {"gemma", R"({"name": "add", "parameters": {}})", {Call("add"), Arguments("{}")}},
      {"generic",
       "```json\n{\"name\": \"add\", \"arguments\": {}}\n```",
       {Call("add"), Arguments("{}")}},
      {"generic",
       R"({"name": "add", "arguments": {"a": 1}})",
       {Call("add"), Arguments(R"({"a": 1})")}},
  });
}

TEST(AnswerParser, KeepsTheTextAroundCalls) {
  const std::string call = "<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>";
  Check({
      {"hermes",
       "Let me see.\n\n" + call + "\n" + call + "\n  Done. \n",
       {Text("Let me see."), Call("add"), Arguments("{}"), Call("add"), Arguments("{}"),
        Text("Done. \n")}},
      {"hermes", "\n " + call + "\n\n", {Call("add"), Arguments("{}")}},
      {"hermes", " plain text \n", {Text(" plain text \n")}},
      {"hermes", "", {}},
      {"mistral-list",
       R"(Yes [TOOL_CALLS] [{"name": "add", "arguments": {}} ] and)",
       {Text("Yes"), Call("add"), Arguments("{}"), Text("and")}},
  });
}

TEST(AnswerParser, GivesBackWhatOnlyLooksLikeACall) {
  const auto stays = [](const std::string& format, const std::string& text) {
    return Case{format, text, {Text(text)}};
  };
  Check({
      stays("hermes", "<tool_call>"),
      stays("hermes", "a < b and <tool_ca"),
      stays("hermes", "<tool_call>{\"name\": \"unknown\", \"arguments\": {}}</tool_call>"),
      stays("hermes", "<tool_call>{\"name\": \"get_weather_now\", \"arguments\": {}}</tool_call>"),
      stays("hermes", "<tool_call>{\"name\": \"add\", \"arguments\": []}</tool_call>"),
      stays("hermes", "<tool_call>{\"nam\": \"add\"}</tool_call>"),
      stays("hermes", "<tool_call>{\"name\": \"ad"),
      stays("llama3", R"({"name": "Ann", "parameters": {}})"),
      stays("llama3", R"(The call {"name": "add", "parameters": {}} adds.)"),
      stays("llama3", R"({"name": "add", "age": 3})"),
      stays("mistral", "[TOOL_CALLS]add[NOT]{}"),
      stays("mistral", "[TOOL_CALLS] add"),
      stays("generic", "```json\n{\"name\": \"Ann\"}\n```"),
      stays("gemma", "```python\nprint(1)\n```"),
  });
  EXPECT_EQ(ReadCut(Format("hermes"),
                    "<tool_call><tool_call>{\"name\":\"add\",\"arguments\":{}}"
                    "</tool_call>")
                .parts,
            (Parts{Text("<tool_call>"), Call("add"), Arguments("{}")}));
}

TEST(AnswerParser, SaysWhenACallBreaksOff) {
  Check({
      {"hermes",
       R"(<tool_call>{"name": "add", "arguments": {"a": [1, "x)",
       {Call("add"), Arguments(R"({"a": [1, "x)")},
       End::kHalfCall},
      {"hermes",
       R"(<tool_call>{"name": "add", "arguments": {a: 1}}</tool_call> and more)",
       {Call("add"), Arguments("{a: 1}")},
       End::kMalformedCall},
      // Whole arguments are a call, however it ends.
      {"hermes",
       R"(<tool_call>{"name": "add", "arguments": {"a": 1}}</tool)",
       {Call("add"), Arguments(R"({"a": 1})")}},
      {"hermes",
       R"(<tool_call>{"name": "add", "arguments": {"a": 1})",
       {Call("add"), Arguments(R"({"a": 1})")}},
  });
}

TEST(AnswerParser, TakesThoughtsApart) {
  AnswerFormat format = Format("hermes");
  format.reasoning = AllReasoningMarks().front();
  const std::string call = "<tool_call>{\"name\": \"add\", \"arguments\": {}}</tool_call>";
  const Parts made = {Call("add"), Arguments("{}")};
  EXPECT_EQ(ReadCut(format, "<think>\nHm, <tool_call> or </thin\nno.\n</think>\n\nYes.").parts,
            (Parts{Reasoning("Hm, <tool_call> or </thin\nno."), Text("Yes.")}));
  EXPECT_EQ(ReadCut(format, "\n<think>a</think>" + call).parts,
            (Parts{Reasoning("a"), made[0], made[1]}));
  EXPECT_EQ(ReadCut(format, "<think>\n\n</think>\n\nNo.").parts, (Parts{Text("No.")}));
  EXPECT_EQ(ReadCut(format, "<thinking> is a word; <think> is not").parts,
            (Parts{Text("<thinking> is a word; <think> is not")}));
  EXPECT_EQ(ReadCut(format, "<think>never ends\n").parts, (Parts{Reasoning("never ends\n")}));
  format.reasoning_begun = true;
  EXPECT_EQ(ReadCut(format, "Hm.\n</think>\n" + call).parts,
            (Parts{Reasoning("Hm."), made[0], made[1]}));
  format.tools = nullptr;
  EXPECT_EQ(ReadCut(format, "Hm.</think>" + call).parts, (Parts{Reasoning("Hm."), Text(call)}));
}

TEST(AnswerParser, ReadsChannels) {
  AnswerFormat format = Format("harmony");
  format.reasoning = AllReasoningMarks().back();
  const std::string thought = "<|channel|>analysis<|message|>Hm < |.<|end|><|start|>assistant";
  EXPECT_EQ(ReadCut(format, thought + "<|channel|>final<|message|>Yes.").parts,
            (Parts{Reasoning("Hm < |."), Text("Yes.")}));
  const Parts called = {Reasoning("Hm < |."), Call("add"), Arguments("{\"a\": 1}")};
  EXPECT_EQ(ReadCut(format, thought + "<|channel|>commentary to=functions.add <|constrain|>json"
                                      "<|message|>{\"a\": 1}")
                .parts,
            called);
  EXPECT_EQ(ReadCut(format, thought + " to=functions.add<|channel|>commentary json<|message|>"
                                      "{\"a\": 1}<|end|>")
                .parts,
            called);
  EXPECT_EQ(ReadCut(format,
                    "<|channel|>commentary<|message|>I look.<|end|><|start|>assistant"
                    "<|channel|>commentary to=functions.get json<|message|>{}")
                .parts,
            (Parts{Text("I look."), Call("get"), Arguments("{}")}));
  EXPECT_EQ(ReadCut(format, " to=functions.add<|channel|>commentary json<|message|>{\"a").end,
            End::kHalfCall);
  EXPECT_EQ(ReadCut(format, "<|channel|>commentary to=functions.none json<|message|>{}").parts,
            (Parts{Text("{}")}));
  EXPECT_EQ(ReadCut(format, "no format at all").parts, (Parts{Text("no format at all")}));
  EXPECT_EQ(ReadCut(format, std::string(2000, 'x')).parts, (Parts{Text(std::string(2000, 'x'))}));
}

TEST(AnswerParser, WithoutToolsTextPassesAsItIs) {
  AnswerParser parser({});
  EXPECT_EQ(parser.Push("<tool_call> "), (Parts{Text("<tool_call> ")}));
  EXPECT_EQ(parser.Push("\n"), (Parts{Text("\n")}));
  EXPECT_EQ(parser.Finish(), Parts());
}

TEST(AnswerParser, ArgumentsStream) {
  AnswerParser parser(Format("hermes"));
  EXPECT_EQ(parser.Push("<tool_call>\n{\"name\": \"add\", \"arguments\": "), Parts());
  EXPECT_EQ(parser.Push("{\"a\""), (Parts{Call("add"), Arguments("{\"a\"")}));
  EXPECT_EQ(parser.Push(": \"le"), (Parts{Arguments(": \"le")}));
  EXPECT_EQ(parser.Push("ft\"}}\n</tool"), (Parts{Arguments("ft\"}")}));
  EXPECT_EQ(parser.Push("_call>"), Parts());
  EXPECT_EQ(parser.Finish(), Parts());
  EXPECT_EQ(parser.calls(), 1);
}

// Text made of pieces of calls, in any order: the cuts never matter, and nothing is lost that is
// not a call's own spelling.
TEST(AnswerParser, AnyCutGivesTheSame) {
  std::mt19937 random(11);
  for (const ToolFormat& format : ToolFormats()) {
    std::vector<std::string> words = {" ",   "\n", "{", "}",       "{}",       "add",
                                      "get", "\"", "x", "<think>", "</think>", "{\"a\": 1}"};
    for (const CallShape& shape : format.shapes) {
      for (const CallPieces* pieces :
           {&format.begin, &shape.head, &shape.tail, &format.between, &format.end}) {
        for (const CallPiece& piece : *pieces) {
          words.push_back(piece.kind == CallPiece::Kind::kName ? "add" : piece.text);
        }
        const WrittenCall call[] = {{"add", "{\"a\": 1}"}};
        words.push_back(SpellCalls(format, call));
      }
    }
    for (int round = 0; round < 60; ++round) {
      std::string text;
      for (int i = 0; i < 12; ++i) text += words[random() % words.size()];
      AnswerFormat use = Format(format.name);
      if (round % 3 == 0) use.reasoning = AllReasoningMarks().front();
      ReadCut(use, text);
    }
  }
}

}  // namespace
}  // namespace dure::text
