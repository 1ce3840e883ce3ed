// Keys, sessions, usage and kept answers.
#include "tests/store/store_fixture.h"

namespace dure::store {
namespace {

using KeysTest = StoreFixture;
using SessionsTest = StoreFixture;
using UsageTest = StoreFixture;
using AnswersTest = StoreFixture;

TEST_F(KeysTest, AreFoundByTheirHashOnly) {
  Open();
  const Account account = AddAccount("a");
  const ApiKey key = AddKey(account.id, "dure-public-secret");
  const auto found = store_->keys().FindByHash(HashToken("dure-public-secret"));
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->key.id, key.id);
  EXPECT_EQ((*found)->account.name, "a");
  EXPECT_FALSE(store_->keys().FindByHash(HashToken("dure-public-secreT"))->has_value());
  store_.reset();
  for (const std::string& name : folder_.Names()) {
    if (name == "backups") continue;
    EXPECT_EQ(folder_.ReadAll(folder_.File(name)).find("secret"), std::string::npos) << name;
  }
}

TEST_F(KeysTest, AreRevokedByTheirOwnersAlone) {
  Open();
  const Account account = AddAccount("a");
  const ApiKey key = AddKey(account.id, "dure-secret");
  EXPECT_TRUE(*store_->keys().IsLive(key.id, 20));
  EXPECT_FALSE(*store_->keys().Revoke("somebody", key.id, 20));
  EXPECT_TRUE(*store_->keys().IsLive(key.id, 20));
  const int64_t before = *store_->access_version();
  EXPECT_TRUE(*store_->keys().Revoke(account.id, key.id, 20));
  EXPECT_TRUE(*store_->keys().Revoke("", key.id, 30));
  EXPECT_FALSE(*store_->keys().IsLive(key.id, 20));
  EXPECT_EQ((*store_->keys().Find(key.id))->revoked_ms, 20);
  EXPECT_GT(*store_->access_version(), before);
}

TEST_F(KeysTest, ExpireAndEndWithTheirAccount) {
  Open();
  const Account account = AddAccount("a");
  NewKey wanted{account.id, "k", HashToken("x"), "x", kScopeUsage, 100, {}, 1};
  const ApiKey key = *store_->keys().Create(wanted);
  EXPECT_EQ(key.scopes, kScopeUsage);
  EXPECT_TRUE(*store_->keys().IsLive(key.id, 99));
  EXPECT_FALSE(*store_->keys().IsLive(key.id, 100));
  AccountChange change;
  change.disabled = true;
  ASSERT_TRUE(store_->accounts().Change(account.id, change, 5));
  EXPECT_FALSE(*store_->keys().IsLive(key.id, 99));
  wanted.account_id = "nobody";
  wanted.key_hash = HashToken("y");
  EXPECT_EQ(store_->keys().Create(wanted).error().code, ErrorCode::kNotFound);
  wanted.name = "";
  EXPECT_EQ(store_->keys().Create(wanted).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(KeysTest, RememberTheirLastUseToTheMinute) {
  Open();
  const Account account = AddAccount("a");
  ApiKey key = AddKey(account.id, "k");
  EXPECT_FALSE(key.last_used_ms);
  store_->keys().Touch(key, 1'000'000);
  store_->keys().Touch(key, 1'000'500);
  ASSERT_TRUE(store_->Flush());
  key = **store_->keys().Find(key.id);
  EXPECT_EQ(key.last_used_ms, 1'000'000);
  store_->keys().Touch(key, 1'059'000);
  ASSERT_TRUE(store_->Flush());
  EXPECT_EQ((*store_->keys().Find(key.id))->last_used_ms, 1'000'000);
  store_->keys().Touch(key, 1'060'000);
  ASSERT_TRUE(store_->Flush());
  EXPECT_EQ((*store_->keys().Find(key.id))->last_used_ms, 1'060'000);
}

TEST_F(SessionsTest, EndByTimeByRemovalAndWithTheAccount) {
  Open();
  const Account account = AddAccount("a");
  const Session session = *store_->sessions().Create(
      {account.id, HashToken("t"), 10, 100, std::string(999, 'u'), "::1"});
  EXPECT_EQ(session.user_agent.size(), 256u);
  EXPECT_TRUE(store_->sessions().FindByToken(HashToken("t"), 99)->has_value());
  EXPECT_FALSE(store_->sessions().FindByToken(HashToken("t"), 100)->has_value());
  EXPECT_FALSE(*store_->sessions().IsLive(session.id, 100));
  EXPECT_FALSE(*store_->sessions().Remove("other", session.id));
  EXPECT_TRUE(*store_->sessions().IsLive(session.id, 99));
  EXPECT_TRUE(*store_->sessions().Remove(account.id, session.id));
  EXPECT_FALSE(*store_->sessions().IsLive(session.id, 99));
  EXPECT_EQ(store_->sessions().Create({"nobody", HashToken("z"), 1, 2, "", ""}).error().code,
            ErrorCode::kNotFound);
}

TEST_F(SessionsTest, AnAccountHasNotTooMany) {
  Open();
  const Account account = AddAccount("a");
  for (int i = 0; i < Sessions::kMostSessions + 2; ++i) {
    ASSERT_TRUE(
        store_->sessions().Create({account.id, HashToken(std::to_string(i)), i, 1000, "", ""}));
  }
  EXPECT_EQ(store_->sessions().List(account.id, 500)->size(), 100u);
  EXPECT_FALSE(store_->sessions().FindByToken(HashToken("1"), 500)->has_value());
  const Session newest = store_->sessions().List(account.id, 500)->front();
  EXPECT_EQ(newest.created_ms, 101);
  ASSERT_TRUE(store_->sessions().RemoveOthers(account.id, newest.id));
  EXPECT_EQ(store_->sessions().List(account.id, 500)->size(), 1u);
  ASSERT_TRUE(store_->sessions().RemoveExpired(1000));
  EXPECT_TRUE(store_->sessions().List(account.id, 0)->empty());
}

UsageRow Row(int64_t at, const std::string& account, const std::string& model, int status = 200) {
  UsageRow row;
  row.at_ms = at;
  row.account_id = account;
  row.key_id = account == "b" ? "key_b" : "";
  row.route = "POST /v1/chat/completions";
  row.model = model;
  row.status = status;
  row.prompt_tokens = 10;
  row.cached_tokens = 4;
  row.completion_tokens = 5;
  row.duration_ms = 70;
  return row;
}

TEST_F(UsageTest, IsSummedAndGrouped) {
  Open();
  constexpr int64_t kDay = 86'400'000;
  store_->usage().Append(Row(1, "a", "m"));
  store_->usage().Append(Row(kDay, "a", "n", 429));
  store_->usage().Append(Row(kDay + 1, "b", "m"));
  ASSERT_TRUE(store_->Flush());
  EXPECT_EQ(store_->usage().Sum({})->requests, 3);
  EXPECT_EQ(store_->usage().Sum({})->errors, 1);
  EXPECT_EQ(store_->usage().Sum({"a", "", {}, {}})->prompt_tokens, 20);
  EXPECT_EQ(store_->usage().Sum({"", "key_b", {}, {}})->completion_tokens, 5);
  EXPECT_EQ(store_->usage().Sum({"", "", kDay, kDay + 1})->requests, 1);
  EXPECT_EQ(store_->usage().Sum({"nobody", "", {}, {}})->requests, 0);
  const auto days = *store_->usage().SumBy(UsageGroup::kDay, {});
  ASSERT_EQ(days.size(), 2u);
  EXPECT_EQ(days[0].group, "1970-01-01");
  EXPECT_EQ(days[1].sum.requests, 2);
  EXPECT_EQ(store_->usage().SumBy(UsageGroup::kModel, {})->at(0).sum.requests, 2);
  EXPECT_EQ(store_->usage().SumBy(UsageGroup::kKey, {})->at(0).group, "");
  EXPECT_EQ(store_->usage().SumBy(UsageGroup::kAccount, {})->at(1).group, "b");
}

TEST_F(UsageTest, IsListedInPagesAndOutlivesTheProcess) {
  Open();
  for (int i = 0; i < 10; ++i) store_->usage().Append(Row(i, "a", "m"));
  Reopen();
  const auto first = *store_->usage().List({}, 0, 7);
  ASSERT_EQ(first.size(), 7u);
  const auto rest = *store_->usage().List({}, first.back().id, 7);
  ASSERT_EQ(rest.size(), 3u);
  EXPECT_EQ(rest.back().at_ms, 9);
}

TEST(UsageCsvTest, QuotesAndNeverMakesFormulas) {
  UsageRow row = Row(1'700'000'000'123, "a", "=cmd,\"x\"");
  EXPECT_EQ(UsageCsvLine(row),
            "2023-11-14T22:13:20.123Z,a,,POST "
            "/v1/chat/completions,\"'=cmd,\"\"x\"\"\",200,,false,10,4,5,70\r\n");
  row.key_id = "-1";
  EXPECT_NE(UsageCsvLine(row).find(",'-1,"), std::string::npos);
}

TEST_F(AnswersTest, AreKeptForTheSameRequest) {
  Open();
  using State = Answers::State;
  const AnswerKey key{"owner", "POST /v1/x", "k1"};
  const std::string hash = HashToken("body");
  const std::string other = HashToken("other");
  EXPECT_EQ(store_->answers().Begin(key, hash, 100, 0)->state, State::kNew);
  EXPECT_EQ(store_->answers().Begin(key, hash, 101, 0)->state, State::kRunning);
  EXPECT_EQ(store_->answers().Begin(key, other, 101, 0)->state, State::kOther);
  EXPECT_EQ(store_->answers().Begin({"owner", "POST /v1/y", "k1"}, hash, 100, 0)->state,
            State::kNew);
  store_->answers().Keep(key, {201, "application/json", true, std::string("a\0b", 3)});
  ASSERT_TRUE(store_->Flush());
  const auto kept = *store_->answers().Begin(key, hash, 102, 0);
  EXPECT_EQ(kept.state, State::kKept);
  EXPECT_EQ(kept.answer.status, 201);
  EXPECT_TRUE(kept.answer.stream);
  EXPECT_EQ(kept.answer.body, std::string("a\0b", 3));
  EXPECT_EQ(store_->answers().Begin(key, other, 300, 101)->state, State::kNew) << "too old";
  store_->answers().Forget(key);
  EXPECT_EQ(store_->answers().Begin(key, other, 300, 101)->state, State::kNew);
}

TEST_F(AnswersTest, WhatACrashCutOffIsForgotten) {
  Open();
  const AnswerKey key{"owner", "POST /v1/x", "k1"};
  ASSERT_TRUE(store_->answers().Begin(key, HashToken(""), 100, 0));
  Reopen();
  EXPECT_EQ(store_->answers().Begin(key, HashToken(""), 100, 0)->state, Answers::State::kRunning);
  ASSERT_TRUE(store_->answers().ForgetRunning());
  EXPECT_EQ(store_->answers().Begin(key, HashToken(""), 100, 0)->state, Answers::State::kNew);
  ASSERT_TRUE(store_->answers().RemoveBefore(101));
  EXPECT_EQ(store_->answers().Begin(key, HashToken("2"), 100, 0)->state, Answers::State::kNew);
}

}  // namespace
}  // namespace dure::store
