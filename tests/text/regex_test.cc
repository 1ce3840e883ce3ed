#include "text/grammar/regex.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/text/constraints.h"

namespace dure::text {
namespace {

struct Case {
  const char* pattern;
  std::vector<const char*> yes;
  std::vector<const char*> no;
};

TEST(RegexTest, SearchesAsEcmaScriptDoes) {
  const Case kCases[] = {
      {"", {"", "a"}, {}},
      {"a", {"a", "bab"}, {"", "b"}},
      {"^a|b$", {"ax", "xb", "a", "b"}, {"xa", "bx"}},
      {"^(ab)+$", {"ab", "abab"}, {"", "aba", "abab\n"}},
      {"^a{2,3}$", {"aa", "aaa"}, {"a", "aaaa"}},
      {"^a{2,}?b??$", {"aa", "aaaab"}, {"a", "aabb"}},
      {"^[^a-c]$", {"d", "é", "\n"}, {"a", "b", "dd"}},
      {"^.$", {"a", "😀"}, {"\n", "\r", "\u2028", ""}},
      {"^\\d\\w\\s$", {"1_ ", "0a\u00a0"}, {"a1 ", "1é "}},
      {"^[\\d\\-x]+$", {"1-x"}, {"y"}},
      {"^\\u00e9\\u{1F600}\\x41\\cJ$", {"é😀A\n"}, {"éA"}},
      {"^\\ud83d\\ude00$", {"😀"}, {"\u00e9"}},
      {"^\\p{L}+\\P{L}$", {"añé1"}, {"1a"}},
      {"^a.*z$", {"az", "abcz"}, {"a\nz", "za"}},
      {"(?:x|yz){2}", {"xyz", "axxb"}, {"xay"}},
      {"(?<name>q)", {"q"}, {"r"}},
      {"^[^]$", {"a", "\n"}, {""}},
      {"a^", {}, {"", "a", "aa"}},
      {"^$", {""}, {"a"}},
      {"a{,3}", {"a{,3}"}, {"aaa"}},
  };
  for (const Case& test : kCases) {
    const auto dfa = CompileRegex(test.pattern, RegexMatch::kSearch, {});
    ASSERT_TRUE(dfa.has_value()) << test.pattern << ": " << dfa.error().message;
    for (const char* text : test.yes) {
      EXPECT_NE(dfa->Match(text), Dfa::kDead) << test.pattern << " on " << text;
    }
    for (const char* text : test.no) {
      EXPECT_EQ(dfa->Match(text), Dfa::kDead) << test.pattern << " on " << text;
    }
  }
}

TEST(RegexTest, RefusesWhatIsNotRegular) {
  for (const char* pattern : {"(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(a)\\1", "\\bword", "\\k<n>",
                              "\\p{Script=Greek}", "\\Z"}) {
    const auto dfa = CompileRegex(pattern, RegexMatch::kWhole, {});
    ASSERT_FALSE(dfa.has_value()) << pattern;
    EXPECT_EQ(dfa.error().code, ErrorCode::kUnsupported) << pattern;
  }
  for (const char* pattern :
       {"(", ")", "[a", "*", "a**", "a{2}{3}", "a{3,2}", "\\", "[b-a]", "\\u12", "(?<a", "^*"}) {
    const auto dfa = CompileRegex(pattern, RegexMatch::kWhole, {});
    ASSERT_FALSE(dfa.has_value()) << pattern;
    EXPECT_EQ(dfa.error().code, ErrorCode::kInvalidArgument) << pattern;
  }
}

TEST(RegexTest, FiniteLanguagesAreCounted) {
  const auto words = [](const char* pattern) {
    const auto dfa = CompileRegex(pattern, RegexMatch::kWhole, {});
    return dfa->WordsFrom(dfa->start());
  };
  EXPECT_EQ(words("a|b|ab|ab"), 3u);
  EXPECT_EQ(words("[0-9]{3}"), 1000u);
  EXPECT_EQ(words("a*"), kUncountable);
}

TEST(RegexConstraintTest, WritesWholeMatchesOnly) {
  const auto grammar = *Grammar::FromRegex("(ab|é)+1?", JsonVocabulary());
  EXPECT_EQ(Writes(*grammar, "ab"), true);
  EXPECT_EQ(Writes(*grammar, "éabé1"), true);
  EXPECT_EQ(Writes(*grammar, ""), false);
  EXPECT_EQ(Writes(*grammar, "aba"), false);
  EXPECT_EQ(Writes(*grammar, "ab11"), false);
  EXPECT_EQ(Writes(*grammar, "\xc3"), false);
  const auto constraint = grammar->NewConstraint();
  TokenBits mask(JsonVocabulary()->words());
  constraint->Mask(mask);
  EXPECT_EQ(mask, MaskByTrying(*constraint));
  EXPECT_FALSE(Grammar::FromRegex("[]", JsonVocabulary()).has_value());
}

}  // namespace
}  // namespace dure::text
