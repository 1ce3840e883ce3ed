#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/text/constraints.h"

namespace dure::text {
namespace {

std::shared_ptr<const Grammar> Compile(const std::string& source) {
  auto grammar = Grammar::FromGbnf(source, JsonVocabulary());
  EXPECT_TRUE(grammar.has_value()) << source << ": " << grammar.error().message;
  return grammar ? *grammar : nullptr;
}

TEST(GbnfTest, WritesWhatTheGrammarDerives) {
  const auto grammar = Compile(R"j(# expressions
root  ::= sum "\n"?
sum   ::= product (("+" | "-") product)*   # left to right
product ::= atom ( "*" atom )*
atom  ::= [0-9]+ | "(" sum ")" | name
name  ::= [a-zà-ÿ] [^ \n\x28-\x2B*-]{0,2})j");
  for (const char* text : {"1", "1+2*3", "((1))", "(a+bcd)*10\n", "é*1"}) {
    EXPECT_EQ(Writes(*grammar, text), true) << text;
  }
  for (const char* text : {"", "+", "1+", "(1", "1)", "abcd", "1\n\n", "1 "}) {
    EXPECT_EQ(Writes(*grammar, text), false) << text;
  }
}

TEST(GbnfTest, RuleOverSeveralLines) {
  const auto grammar = Compile("root ::= (\n  \"a\" |\n  \"b\"\n) |\n \"c\" end\nend ::= .{2,3}\n");
  EXPECT_EQ(Writes(*grammar, "a"), true);
  EXPECT_EQ(Writes(*grammar, "cxyz"), true);
  EXPECT_EQ(Writes(*grammar, "cx"), false);
}

TEST(GbnfTest, NestsWithoutBound) {
  const auto grammar = Compile("root ::= \"(\" root \")\" | \"\"");
  const std::string open(3000, '(');
  EXPECT_EQ(Writes(*grammar, open + std::string(3000, ')')), true);
  EXPECT_EQ(Writes(*grammar, open + std::string(2999, ')')), false);
}

TEST(GbnfTest, MasksAreWhatAdvanceTakes) {
  const auto grammar = Compile(R"j(root ::= "{" pair ("," pair)* "}"
pair ::= "\"" [a-c]{1,4} "\":" (root | [0-9]{1,2} | "null"))j");
  const TokenVocabulary& vocabulary = *JsonVocabulary();
  const auto constraint = grammar->NewConstraint();
  for (const char byte : std::string(R"({"ab":{"c":10},"a":null})")) {
    TokenBits mask(vocabulary.words());
    constraint->Mask(mask);
    ASSERT_EQ(mask, MaskByTrying(*constraint));
    ASSERT_TRUE(constraint->Advance(vocabulary.Spell(std::string(1, byte)).at(0)));
  }
  EXPECT_TRUE(constraint->MayEnd());
}

TEST(GbnfTest, BranchesWithoutEndAreDead) {
  const auto grammar = Compile("root ::= \"a\" | \"b\" loop\nloop ::= \"c\" loop");
  EXPECT_EQ(Writes(*grammar, "a"), true);
  const auto constraint = grammar->NewConstraint();
  EXPECT_FALSE(constraint->Advance(JsonVocabulary()->Spell("b").at(0)));
}

TEST(GbnfTest, RefusesWithTheLine) {
  const std::pair<const char*, const char*> kRefused[] = {
      {"", "root"},
      {"root := \"a\"", "line 1"},
      {"root ::= \"a\nx ::= \"b\"", "line 1"},
      {"root ::= x", "\"x\" is not defined"},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2"},
      {"root ::= root \"a\" | \"b\"", "left recursion"},
      {"root ::= a* root | \"b\"\na ::= \"x\"", "left recursion"},
      {"root ::= \"a\" root", "derives no text"},
      {"root ::= \"a\"{5,2}", "out of order"},
      {"root ::= ((\"a\"{99999}){99999}){9999}", "states"},
      {"root ::= [b-a]", "out of order"},
      {"root ::= \"\\q\"", "escape"},
      {"root ::= <[1]>", "tokens"},
  };
  for (const auto& [source, part] : kRefused) {
    const auto grammar = Grammar::FromGbnf(source, JsonVocabulary());
    ASSERT_FALSE(grammar.has_value()) << source;
    EXPECT_NE(grammar.error().message.find(part), std::string::npos) << grammar.error().message;
  }
  EXPECT_FALSE(
      Grammar::FromGbnf("root ::= " + std::string(60000, '('), JsonVocabulary()).has_value());
}

}  // namespace
}  // namespace dure::text
