#include "engine/stop_matcher.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace dure::engine {
namespace {

struct Seen {
  std::string text;
  std::optional<std::string> stop;
};

Seen Feed(const std::vector<std::string>& stops, const std::vector<std::string>& pieces) {
  StopMatcher matcher(stops);
  Seen seen;
  for (const std::string& piece : pieces) {
    const StopMatcher::Output output = matcher.Push(piece);
    seen.text += output.text;
    if (output.matched) {
      seen.stop = stops[*output.matched];
      return seen;
    }
  }
  seen.text += matcher.Flush();
  return seen;
}

TEST(StopMatcher, FindsAStopStringThatSpansThreeTokens) {
  const Seen seen = Feed({"END"}, {"so be it E", "N", "D and more"});
  EXPECT_EQ(seen.text, "so be it ");
  EXPECT_EQ(seen.stop, "END");
}

TEST(StopMatcher, CutsInTheMiddleOfAToken) {
  EXPECT_EQ(Feed({"\n\n"}, {"one\n\ntwo"}).text, "one");
}

TEST(StopMatcher, FallsBackToTheRightPlaceWhenPrefixesOverlap) {
  EXPECT_EQ(Feed({"aab"}, {"a", "a", "a", "b", "c"}).text, "a");
  EXPECT_EQ(Feed({"abcabd"}, {"abcabcabd"}).text, "abc");
  EXPECT_EQ(Feed({"aaa"}, {"aa", "b", "aa"}).text, "aabaa");
}

TEST(StopMatcher, HoldsBackOnlyWhatMayBecomeAStop) {
  StopMatcher matcher({"STOP"});
  EXPECT_EQ(matcher.Push("say ST").text, "say ");
  EXPECT_EQ(matcher.Push("A").text, "STA");
  EXPECT_EQ(matcher.Push("RT").text, "RT");
  EXPECT_EQ(matcher.Push("S").text, "");
  EXPECT_EQ(matcher.Flush(), "S");
}

TEST(StopMatcher, TheStopThatEndsFirstWins) {
  EXPECT_EQ(Feed({"abcd", "c"}, {"abcd"}).text, "ab");
  EXPECT_EQ(Feed({"abcd", "c"}, {"abcd"}).stop, "c");
  const Seen both = Feed({"d", "abcd"}, {"abcd"});
  EXPECT_EQ(both.text, "");
  EXPECT_EQ(both.stop, "abcd");
}

TEST(StopMatcher, AStopAtTheVeryStartLeavesNothing) {
  const Seen seen = Feed({"User:"}, {"User", ":", " hi"});
  EXPECT_EQ(seen.text, "");
  EXPECT_EQ(seen.stop, "User:");
}

TEST(StopMatcher, KoreanStopsDoNotSplitCharacters) {
  // 한 and 핝 share their first two bytes.
  EXPECT_EQ(Feed({"한국"}, {"대", "한", "국"}).text, "대");
  StopMatcher matcher({"한국"});
  EXPECT_EQ(matcher.Push("핝").text, "핝");
  EXPECT_EQ(matcher.Push("한").text, "");
  EXPECT_EQ(matcher.Push("글").text, "한글");
}

TEST(StopMatcher, WithoutStopsEverythingPasses) { EXPECT_EQ(Feed({}, {"a", "b"}).text, "ab"); }

/// What the header promises, in the slow and obvious way.
Seen Expected(const std::vector<std::string>& stops, const std::string& text) {
  for (size_t end = 1; end <= text.size(); ++end) {
    std::optional<std::string> best;
    for (const std::string& stop : stops) {
      const bool ends_here =
          end >= stop.size() && text.compare(end - stop.size(), stop.size(), stop) == 0;
      if (ends_here && (!best || stop.size() > best->size())) best = stop;
    }
    if (best) return {text.substr(0, end - best->size()), best};
  }
  return {text, std::nullopt};
}

TEST(StopMatcher, TheResultDoesNotDependOnHowTheTextIsCut) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> stops(1 + random() % 3);
    for (std::string& stop : stops) {
      for (size_t n = 1 + random() % 5; n > 0; --n) stop += static_cast<char>('a' + random() % 2);
    }
    std::string text;
    std::vector<std::string> pieces;
    for (int piece = 0; piece < 6; ++piece) {
      pieces.emplace_back();
      for (size_t n = random() % 6; n > 0; --n) {
        pieces.back() += static_cast<char>('a' + random() % 3);
      }
      text += pieces.back();
    }
    const Seen want = Expected(stops, text);
    const Seen got = Feed(stops, pieces);
    ASSERT_EQ(got.text, want.text) << text;
    ASSERT_EQ(got.stop, want.stop) << text;
  }
}

}  // namespace
}  // namespace dure::engine
