// Masks that hold a model to tool calls: what they let through is what the parser reads.
#include "text/tool_calls/call_grammar.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/text/constraints.h"
#include "text/tool_calls/answer_parser.h"

namespace dure::text {
namespace {

/// A vocabulary with some formats' marks: one spelled, one a control token, one a token of its own.
struct Marks {
  std::unique_ptr<Tokenizer> tokenizer;
  std::shared_ptr<const TokenVocabulary> vocabulary;
  TokenId end = 0;
};

const Marks& TheMarks() {
  static const Marks marks = [] {
    Vocabulary v = JsonPieces();
    const auto add = [&](const char* spelling, TokenType type) {
      v.tokens.emplace_back(spelling);
      v.types.push_back(type);
    };
    add("<tool_call>", TokenType::kUserDefined);
    add("[TOOL_CALLS]", TokenType::kControl);
    add("<think>", TokenType::kControl);
    add("</think>", TokenType::kControl);
    add("<|other|>", TokenType::kControl);
    for (const char* mark : {"<|channel|>", "<|message|>", "<|constrain|>", "<|end|>", "<|start|>",
                             "<|call|>", "<|return|>"}) {
      add(mark, TokenType::kControl);
    }
    for (const char* piece : {"}}", "\"}}", "\":Ġ{", "Ġ{\"", "}}Ċ", "}}Ċ</", "},", "}]", ">{\""}) {
      if (std::find(v.tokens.begin(), v.tokens.end(), piece) == v.tokens.end()) {
        add(piece, TokenType::kNormal);
      }
    }
    Marks out;
    out.tokenizer = *MakeTokenizer(std::move(v));
    out.vocabulary = std::make_shared<const TokenVocabulary>(*out.tokenizer);
    out.end = *out.tokenizer->FindToken("<|im_end|>");
    return out;
  }();
  return marks;
}

constexpr char kAdd[] =
    R"({"type":"object","properties":{"a":{"type":"integer"},"b":{"enum":["x","yy"]}},
    "required":["a"],"additionalProperties":false})";

std::shared_ptr<const Grammar> Arguments(const std::string& schema) {
  JsonSchemaOptions options;
  options.max_whitespace = 2;
  return *Grammar::FromJsonSchema(schema, TheMarks().vocabulary, options);
}

CallGrammarOptions Options(std::string_view format) {
  CallGrammarOptions options;
  options.format = FindToolFormat(format);
  options.tools = {{"add", Arguments(kAdd)}, {"get", Arguments(R"({"type":"object"})")}};
  options.required = true;
  options.most_calls = 3;
  return options;
}

std::shared_ptr<const Grammar> Make(const CallGrammarOptions& options) {
  auto grammar = MakeCallGrammar(options, *TheMarks().tokenizer, TheMarks().vocabulary);
  EXPECT_TRUE(grammar.has_value());
  return *grammar;
}

std::vector<TokenId> Tokens(std::string_view text) {
  return TheMarks().tokenizer->Encode(text, ControlTokens::kParse);
}

/// Whether the masks let the text be written whole.
bool Allows(const Grammar& grammar, std::string_view text) {
  const auto constraint = grammar.NewConstraint();
  TokenBits mask(TheMarks().vocabulary->words());
  for (const TokenId token : Tokens(text)) {
    constraint->Mask(mask);
    const bool allowed = HasToken(mask, token);
    EXPECT_EQ(constraint->Advance(token), allowed) << text;
    if (!allowed) return false;
  }
  return constraint->MayEnd();
}

std::string Spelled(std::string_view format, std::string_view name, std::string_view arguments,
                    size_t count = 1) {
  const std::vector<WrittenCall> calls(count, WrittenCall{name, arguments});
  return SpellCalls(*FindToolFormat(format), calls);
}

TEST(CallGrammar, ARequiredCallIsOneOfTheTools) {
  for (const ToolFormat& format : ToolFormats()) {
    const auto grammar = Make(Options(format.name));
    const auto spelled = [&](std::string_view name, std::string_view json, size_t count = 1) {
      return Spelled(format.name, name, json, count);
    };
    EXPECT_TRUE(Allows(*grammar, spelled("add", R"({"a": 1, "b": "yy"})"))) << format.name;
    EXPECT_TRUE(Allows(*grammar, spelled("get", R"({"any": [{}]})"))) << format.name;
    EXPECT_TRUE(Allows(*grammar, spelled("add", R"({"a":1})", 3))) << format.name;
    EXPECT_FALSE(Allows(*grammar, spelled("add", R"({"a":1})", 4))) << format.name;
    EXPECT_FALSE(Allows(*grammar, spelled("add", R"({"b":"yy"})"))) << format.name;
    EXPECT_FALSE(Allows(*grammar, spelled("adds", R"({"a":1})"))) << format.name;
    EXPECT_FALSE(Allows(*grammar, spelled("add", R"({"a":1.5})"))) << format.name;
    EXPECT_FALSE(Allows(*grammar, "Certainly.")) << format.name;
    EXPECT_FALSE(Allows(*grammar, "")) << format.name;
    EXPECT_FALSE(Allows(*grammar, spelled("add", R"({"a":1})") + " so")) << format.name;
  }
}

TEST(CallGrammar, OneCallWhereOnlyOneIsWanted) {
  for (const ToolFormat& format : ToolFormats()) {
    for (const bool required : {true, false}) {
      CallGrammarOptions options = Options(format.name);
      options.parallel = false;
      options.required = required;
      const auto grammar = Make(options);
      EXPECT_TRUE(Allows(*grammar, Spelled(format.name, "get", "{}"))) << format.name;
      EXPECT_FALSE(Allows(*grammar, Spelled(format.name, "get", "{}", 2))) << format.name;
    }
  }
}

TEST(CallGrammar, TextIsFreeUntilACallHasBegun) {
  for (const ToolFormat& format : ToolFormats()) {
    CallGrammarOptions options = Options(format.name);
    options.required = false;
    const auto grammar = Make(options);
    EXPECT_TRUE(Allows(*grammar, "Any <text> {\"name\": [TOOL and <|other|> \xc3\xa9"))
        << format.name;
    EXPECT_TRUE(Allows(*grammar, "")) << format.name;
    EXPECT_TRUE(Allows(*grammar, Spelled(format.name, "add", R"({"a": 1})"))) << format.name;
    EXPECT_TRUE(Allows(*grammar, Spelled(format.name, "add", R"({"a": 1})", 2))) << format.name;
    EXPECT_FALSE(Allows(*grammar, Spelled(format.name, "add", R"({"a": 1})", 4))) << format.name;
    EXPECT_FALSE(Allows(*grammar, Spelled(format.name, "add", R"({"b": 1})"))) << format.name;
  }
  CallGrammarOptions options = Options("hermes");
  options.required = false;
  const auto grammar = Make(options);
  EXPECT_TRUE(Allows(*grammar, "Yes:\n" + Spelled("hermes", "add", R"({"a":1})") + "\nDone."));
  EXPECT_FALSE(Allows(*grammar, "The tag <tool_call> is"));
  EXPECT_FALSE(Allows(*grammar, "<tool_call>{\"name\": \"other\""));
  // Objects that are no calls by their name stay answers.
  options.format = FindToolFormat("llama3");
  EXPECT_TRUE(Allows(*Make(options), R"({"name": "Ann", "parameters": 3})"));
  EXPECT_TRUE(Allows(*Make(options), R"({"name": "add", "age": 3})"));
}

TEST(CallGrammar, ThoughtsComeFirst) {
  CallGrammarOptions options = Options("hermes");
  options.reasoning = AllReasoningMarks().front();
  const std::string call = Spelled("hermes", "add", R"({"a":1})");
  const auto maybe = Make(options);
  EXPECT_TRUE(Allows(*maybe, "<think>Hm, <tool_call> or </thin.</think>\n\n" + call));
  EXPECT_TRUE(Allows(*maybe, call));
  EXPECT_FALSE(Allows(*maybe, "<think>Hm.</think> No."));
  EXPECT_FALSE(Allows(*maybe, "<think>Hm."));
  options.reasoning_begun = true;
  const auto begun = Make(options);
  EXPECT_TRUE(Allows(*begun, "Hm.</think>" + call));
  EXPECT_FALSE(Allows(*begun, call));
  options.required = false;
  EXPECT_TRUE(Allows(*Make(options), "Hm, <tool_call>.</think> No " + call + " no"));
  EXPECT_TRUE(Allows(*Make(options), "Hm"));

  CallGrammarOptions document;
  document.reasoning = options.reasoning;
  document.answer = Arguments(R"({"type":["integer","array"]})");
  EXPECT_TRUE(Allows(*Make(document), "<think>{\"a\":1}</think>\n[1]"));
  EXPECT_TRUE(Allows(*Make(document), "12"));
  EXPECT_FALSE(Allows(*Make(document), "<think>a</think>b"));
}

TEST(CallGrammar, ChannelsComeInOrder) {
  CallGrammarOptions options = Options("harmony");
  options.reasoning = AllReasoningMarks().back();
  const std::string thought = "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant";
  const std::string call = Spelled("harmony", "add", R"({"a":1})");
  EXPECT_TRUE(Allows(*Make(options), thought + call));
  EXPECT_TRUE(Allows(*Make(options), call));
  EXPECT_TRUE(Allows(*Make(options), thought + " to=functions.add<|channel|>commentary json"
                                               "<|message|>{\"a\":1}"));
  EXPECT_FALSE(Allows(*Make(options), thought + "<|channel|>final<|message|>No."));
  options.required = false;
  EXPECT_TRUE(Allows(*Make(options), thought + "<|channel|>final<|message|>No."));
  EXPECT_TRUE(Allows(*Make(options), thought + call));
  EXPECT_FALSE(Allows(*Make(options), thought + Spelled("harmony", "add", R"({"b":1})")));
  CallGrammarOptions document;
  document.reasoning = options.reasoning;
  document.answer = Arguments(R"({"type":"array"})");
  EXPECT_TRUE(Allows(*Make(document), thought + "<|channel|>final<|message|>[1]"));
  EXPECT_FALSE(Allows(*Make(document), thought + "<|channel|>final<|message|>1"));
  EXPECT_FALSE(Allows(*Make(document), "[1]"));
}

TEST(CallGrammar, ACallOrADocument) {
  CallGrammarOptions options = Options("hermes");
  options.required = false;
  options.answer = Arguments(R"({"type":"object","required":["x"]})");
  const auto grammar = Make(options);
  EXPECT_TRUE(Allows(*grammar, R"({"x": 1})"));
  EXPECT_TRUE(Allows(*grammar, Spelled("hermes", "add", R"({"a":1})")));
  EXPECT_FALSE(Allows(*grammar, R"({"y": 1})"));
  EXPECT_FALSE(Allows(*grammar, "text"));
  options.format = FindToolFormat("generic");
  EXPECT_TRUE(Allows(*Make(options), R"({"name": "add", "arguments": {}, "x": 1})"));
}

TEST(CallGrammar, ArgumentsMustBeAnObject) {
  CallGrammarOptions options = Options("hermes");
  options.tools[0].arguments = Arguments(R"({"type":"string"})");
  const auto grammar = MakeCallGrammar(options, *TheMarks().tokenizer, TheMarks().vocabulary);
  ASSERT_FALSE(grammar.has_value());
  EXPECT_EQ(grammar.error().code, ErrorCode::kInvalidArgument);
}

/// Random walks under the masks: masks equal what Advance takes, going back and cloning change
/// nothing, and what was written is calls that the parser reads.
void WalkUnder(const CallGrammarOptions& options, uint32_t seed) {
  const TokenVocabulary& vocabulary = *TheMarks().vocabulary;
  const auto grammar = Make(options);
  auto constraint = grammar->NewConstraint();
  std::mt19937 random(seed);
  std::string text;
  TokenBits mask(vocabulary.words());
  std::vector<TokenBits> masks;
  std::vector<TokenId> taken;
  for (int step = 0; step < 60; ++step) {
    constraint->Mask(mask);
    ASSERT_EQ(mask, MaskByTrying(*constraint)) << options.format->name << ": " << text;
    masks.push_back(mask);
    std::vector<TokenId> allowed;
    for (TokenId id = 0; id < vocabulary.size(); ++id) {
      if (HasToken(mask, id) && !vocabulary.IsEnd(id)) allowed.push_back(id);
    }
    if (allowed.empty()) break;
    // Rather long tokens: they cross borders.
    TokenId token = allowed[random() % allowed.size()];
    for (int i = 0; i < 3; ++i) {
      const TokenId other = allowed[random() % allowed.size()];
      if (vocabulary.Bytes(other).size() > vocabulary.Bytes(token).size()) token = other;
    }
    ASSERT_TRUE(constraint->Advance(token));
    taken.push_back(token);
    text += TheMarks().tokenizer->TokenBytes(token, true);
  }
  const size_t back = random() % (taken.size() + 1);
  const auto copy = constraint->Clone();
  constraint->Rollback(back);
  for (size_t i = back; i < taken.size(); ++i) {
    constraint->Mask(mask);
    ASSERT_EQ(mask, masks[i]);
    ASSERT_TRUE(constraint->Advance(taken[i]));
  }
  EXPECT_EQ(copy->size(), constraint->size());
  EXPECT_EQ(copy->MayEnd(), constraint->MayEnd());
}

TEST(CallGrammar, MasksSayWhatAdvanceTakes) {
  for (const ToolFormat& format : ToolFormats()) {
    for (uint32_t seed = 0; seed < 6; ++seed) {
      CallGrammarOptions options = Options(format.name);
      options.required = seed % 2 == 0;
      options.parallel = seed % 3 != 0;
      if (seed % 2 == 1) options.reasoning = AllReasoningMarks().front();
      WalkUnder(options, seed);
    }
  }
}

TEST(CallGrammar, MarksOfChannelsAreShown) {
  EXPECT_EQ(MarkTokens(FindToolFormat("harmony"), AllReasoningMarks().back(), *TheMarks().tokenizer)
                .size(),
            5u);
}

TEST(CallGrammar, MarksAreShown) {
  const auto marks =
      MarkTokens(FindToolFormat("mistral"), AllReasoningMarks().front(), *TheMarks().tokenizer);
  EXPECT_EQ(marks.size(), 3u);
  EXPECT_TRUE(MarkTokens(FindToolFormat("hermes"), std::nullopt, *TheMarks().tokenizer).empty());
}

}  // namespace
}  // namespace dure::text
