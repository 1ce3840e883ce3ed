#include "engine/prefix_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <random>
#include <string>
#include <vector>

namespace dure::engine {
namespace {

using ::testing::ElementsAre;
using Tokens = std::vector<int32_t>;

constexpr int kBlock = 4;

/// What a sequence does with the cache, and what its blocks would hold: every block remembers the
/// tokens that were written to it, so a test sees when it is given a block of something else.
class User {
 public:
  User(PrefixCache& cache, std::vector<Tokens>& contents, std::string tenant)
      : cache_(cache), contents_(contents), tenant_(std::move(tenant)) {}

  /// Starts on a prompt; how many of its tokens were cached. -1: no room.
  int Start(const Tokens& tokens) {
    cache_.Adopt(tenant_, tokens, blocks_, kept_);
    int cached = kept_ * kBlock;
    const PrefixCache::Tail tail = cache_.FindTail(tenant_, tokens, blocks_, kept_);
    for (int i = 0; i < kept_; ++i) {
      EXPECT_EQ(Contents(i), Slice(tokens, i * kBlock, (i + 1) * kBlock));
    }
    tokens_ = Slice(tokens, 0, cached);
    if (tail.positions > 0) {
      const Tokens source = contents_[static_cast<size_t>(tail.block)];
      EXPECT_EQ(Slice(source, 0, tail.positions), Slice(tokens, cached, cached + tail.positions));
      if (!Grow()) return -1;
      Contents(kept_) = Slice(source, 0, tail.positions);
      cached += tail.positions;
    }
    tokens_ = Slice(tokens, 0, cached);
    return cached;
  }
  /// Computes one more token.
  bool Push(int32_t token) {
    if (tokens_.size() == blocks_.size() * kBlock && !Grow()) return false;
    Tokens& contents = Contents(static_cast<int>(tokens_.size()) / kBlock);
    contents.resize(tokens_.size() % kBlock);
    contents.push_back(token);
    tokens_.push_back(token);
    cache_.Keep(tenant_, tokens_, blocks_, kept_);
    return true;
  }
  void End() {
    cache_.Release(tenant_, tokens_, blocks_, kept_);
    tokens_.clear();
  }

  const Tokens& tokens() const { return tokens_; }
  const std::vector<int32_t>& blocks() const { return blocks_; }

 private:
  static Tokens Slice(const Tokens& tokens, int begin, int end) {
    return {tokens.begin() + begin, tokens.begin() + end};
  }
  bool Grow() {
    const auto block = cache_.Allocate();
    if (block) blocks_.push_back(*block);
    return block.has_value();
  }
  Tokens& Contents(int index) {
    return contents_[static_cast<size_t>(blocks_[static_cast<size_t>(index)])];
  }

  PrefixCache& cache_;
  std::vector<Tokens>& contents_;
  std::string tenant_;
  Tokens tokens_;
  std::vector<int32_t> blocks_;
  int kept_ = 0;
};

class PrefixCacheTest : public ::testing::Test {
 protected:
  User NewUser(const std::string& tenant = "a") { return {cache_, contents_, tenant}; }
  /// Computes these tokens and ends.
  void Run(const Tokens& tokens, const std::string& tenant = "a") {
    User user = NewUser(tenant);
    user.Start({});
    for (const int32_t token : tokens) ASSERT_TRUE(user.Push(token));
    user.End();
  }
  int CachedOf(const Tokens& tokens, const std::string& tenant = "a") {
    User user = NewUser(tenant);
    const int cached = user.Start(tokens);
    user.End();
    return cached;
  }

  PrefixCache cache_{8, kBlock, true};
  std::vector<Tokens> contents_{8};
};

TEST_F(PrefixCacheTest, FindsWholeBlocksAndTheBeginningOfTheNext) {
  Run({1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  EXPECT_EQ(cache_.used(), 0);
  EXPECT_EQ(cache_.unused(), 3);
  EXPECT_EQ(cache_.available(), 8);
  EXPECT_EQ(CachedOf({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}), 10);
  EXPECT_EQ(CachedOf({1, 2, 3, 4, 5, 6, 7, 8, 9, 99}), 9);
  EXPECT_EQ(CachedOf({1, 2, 3, 4, 5, 6, 99}), 6);
  EXPECT_EQ(CachedOf({1, 2, 3}), 3);
  EXPECT_EQ(CachedOf({2, 2, 3, 4}), 0);
}

TEST_F(PrefixCacheTest, EqualBlocksAfterDifferentBeginningsAreDifferent) {
  Run({1, 1, 1, 1, 5, 6, 7, 8});
  EXPECT_EQ(CachedOf({2, 2, 2, 2, 5, 6, 7, 8}), 0);
  EXPECT_EQ(CachedOf({5, 6, 7, 8}), 0);
}

TEST_F(PrefixCacheTest, TenantsShareNothing) {
  Run({1, 2, 3, 4, 5}, "a");
  EXPECT_EQ(CachedOf({1, 2, 3, 4, 5}, "b"), 0);
  EXPECT_EQ(CachedOf({1, 2, 3, 4, 5}, ""), 0);
  Run({1, 2, 3, 4, 5}, "b");
  EXPECT_EQ(cache_.unused(), 4);
}

TEST_F(PrefixCacheTest, TwoThatComputeTheSameEndUpWithOneCopy) {
  User first = NewUser();
  User second = NewUser();
  first.Start({});
  second.Start({});
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(first.Push(i));
    ASSERT_TRUE(second.Push(i));
  }
  EXPECT_EQ(first.blocks()[0], second.blocks()[0]);
  EXPECT_NE(first.blocks()[1], second.blocks()[1]);
  EXPECT_EQ(cache_.used(), 3);
  first.End();
  EXPECT_EQ(cache_.used(), 2);
  second.End();
  EXPECT_EQ(cache_.unused(), 2);
}

TEST_F(PrefixCacheTest, GivesUpWhatWasUnusedForLongestAndTheLeafFirst) {
  Run({1, 1, 1, 1, 1, 1, 1, 1});  // two blocks
  Run({2, 2, 2, 2, 2, 2, 2, 2});
  CachedOf({1, 1, 1, 1});  // its first block is now the latest
  User hungry = NewUser("b");
  hungry.Start({});
  for (int i = 0; i < 5 * kBlock; ++i) ASSERT_TRUE(hungry.Push(100 + i));
  EXPECT_EQ(cache_.evictions(), 1u);
  EXPECT_EQ(CachedOf({1, 1, 1, 1, 1, 1, 1, 1}), 4);
  EXPECT_EQ(CachedOf({2, 2, 2, 2, 2, 2, 2, 2}), 8);
  hungry.End();
}

TEST_F(PrefixCacheTest, WhatIsInUseIsNeverGivenUp) {
  Run({1, 2, 3, 4, 5, 6, 7, 8});
  User user = NewUser();
  EXPECT_EQ(user.Start({1, 2, 3, 4, 5, 6, 7, 8}), 8);
  EXPECT_EQ(cache_.available(), 6);
  User hungry = NewUser();
  hungry.Start({});
  int pushed = 0;
  while (hungry.Push(50 + pushed)) ++pushed;
  EXPECT_EQ(pushed, 6 * kBlock);
  cache_.Clear();
  EXPECT_EQ(cache_.used(), 8);
  hungry.End();
  user.End();
  cache_.Clear();
  EXPECT_EQ(cache_.unused(), 0);
  EXPECT_EQ(cache_.available(), 8);
}

TEST_F(PrefixCacheTest, ATailLeavesWhenItsBlockIsWhole) {
  Run({1, 2});
  EXPECT_EQ(cache_.unused(), 1);
  Run({1, 2, 3});
  EXPECT_EQ(cache_.unused(), 1);
  Run({1, 2});
  EXPECT_EQ(cache_.unused(), 1);
  Run({1, 2, 3, 4});
  EXPECT_EQ(cache_.unused(), 1);
  Run({1, 2, 9});
  EXPECT_EQ(cache_.unused(), 2);
}

TEST_F(PrefixCacheTest, OffItIsAnAllocator) {
  PrefixCache off(2, kBlock, false);
  std::vector<int32_t> blocks = {*off.Allocate(), *off.Allocate()};
  EXPECT_EQ(off.Allocate(), std::nullopt);
  const Tokens tokens = {1, 2, 3, 4, 5, 6, 7, 8};
  int kept = 0;
  off.Keep("a", tokens, blocks, kept);
  EXPECT_EQ(kept, 0);
  off.Release("a", tokens, blocks, kept);
  EXPECT_EQ(off.unused(), 0);
  EXPECT_EQ(off.available(), 2);
}

// Thousands of random sequences over two symbols, so that prefixes are shared all the time, in a
// cache that is too small: whatever is found must hold what it is said to hold (User checks), and
// no block may get lost.
TEST(PrefixCacheRandom, NeverGivesAWrongBlockAndLosesNone) {
  constexpr int kTotal = 24;
  PrefixCache cache(kTotal, kBlock, true);
  std::vector<Tokens> contents(kTotal);
  std::mt19937 random(7);
  std::list<User> users;
  int cached = 0;
  for (int round = 0; round < 20000; ++round) {
    if (users.size() < 4 && random() % 4 == 0) {
      Tokens prompt(random() % 24);
      for (int32_t& token : prompt) token = static_cast<int32_t>(random() % 2);
      users.emplace_back(cache, contents, random() % 2 == 0 ? "a" : "b");
      cached += std::max(users.back().Start(prompt), 0);
      continue;
    }
    if (users.empty()) continue;
    const auto user = std::next(users.begin(), static_cast<ptrdiff_t>(random() % users.size()));
    if (random() % 12 == 0 || !user->Push(static_cast<int32_t>(random() % 2))) {
      user->End();
      users.erase(user);
    }
    ASSERT_LE(cache.used() + cache.unused(), kTotal);
  }
  for (User& user : users) user.End();
  EXPECT_GT(cached, 1000);
  EXPECT_GT(cache.evictions(), 100u);
  EXPECT_EQ(cache.used(), 0);
  cache.Clear();
  EXPECT_EQ(cache.available(), kTotal);
  EXPECT_EQ(cache.unused(), 0);
}

}  // namespace
}  // namespace dure::engine
