// Limits, admission, revocation and kept answers, with a clock and completions that the test
// drives.
#include "api/access/gate.h"

#include <thread>

#include "api/access/background.h"
#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

using GateTest = AccessFixture;

store::Limits RequestsAMinute(int64_t count) {
  store::Limits limits;
  limits.requests_per_minute = count;
  return limits;
}

TEST_F(GateTest, AMinutesRequestsComeBackBitByBit) {
  Start();
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference, RequestsAMinute(2)));
  auto response = AskChat(key);
  EXPECT_EQ(response.headers["x-ratelimit-limit-requests"], "2");
  EXPECT_EQ(response.headers["x-ratelimit-remaining-requests"], "1");
  EXPECT_EQ(response.headers["x-ratelimit-reset-requests"], "30s");
  EXPECT_TRUE(response.headers.contains("x-request-id"));
  EXPECT_EQ(AskChat(key).headers["x-ratelimit-remaining-requests"], "0");
  response = Ask(Chat(key));
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.headers["retry-after"], "30");
  now_ms_ += 29'000;
  EXPECT_EQ(Ask(Chat(key)).headers["retry-after"], "1");
  now_ms_ += 1'000;
  EXPECT_EQ(AskChat(key).status, 200);
  EXPECT_EQ(Ask(Bytes("GET", "/v1/models", key)).status, 200) << "looking costs nothing";
}

TEST_F(GateTest, TokensAreCountedWhenTheyAreKnown) {
  Start();
  store::Limits limits;
  limits.tokens_per_minute = 60;
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference, limits));
  EXPECT_EQ(AskChat(key, 100).headers["x-ratelimit-remaining-tokens"], "60");
  const auto refused = Ask(Chat(key));  // 105 of 60 are used
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.headers.at("retry-after"), "46");
  now_ms_ += 46'000;
  EXPECT_EQ(AskChat(key, 1).status, 200);
}

TEST_F(GateTest, ABusyServerTellsWhenToComeAgain) {
  settings_.max_requests = 1;
  Start();
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference));
  providers::ModelStats stats{.id = "m"};
  stats.wait_ms = 7'200;
  provider_.SetStats(stats);
  test::RawClient first(server_->port());
  first.Send(Chat(key));
  const auto call = provider_.Next();
  auto refused = Ask(Chat(key));  // at the door
  EXPECT_EQ(CodeOf(refused), "server_busy");
  EXPECT_EQ(refused.headers["retry-after"], "8");
  EXPECT_TRUE(refused.headers.contains("x-request-id"));
  stats.wait_ms = 1e9;
  provider_.SetStats(stats);
  call.sink->OnEnd(Fail(ErrorCode::kUnavailable, "waited too long"));  // in the queue
  refused = first.ReadResponse();
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.headers["retry-after"], "60");
}

TEST_F(GateTest, ADaysTokensEndAtMidnightAndSurviveARestart) {
  Start();
  store::Limits limits;
  limits.tokens_per_day = 10;
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference, limits));
  EXPECT_EQ(AskChat(key, 7).status, 200);
  const auto refused = Ask(Chat(key));
  EXPECT_EQ(CodeOf(refused), "insufficient_quota");
  const int64_t midnight = (now_ms_ / 86'400'000 + 1) * 86'400'000;
  EXPECT_EQ(refused.headers.at("retry-after"), std::to_string((midnight - now_ms_ + 999) / 1000));
  // A new gate knows nothing but what is stored.
  server_.reset();
  ASSERT_TRUE(store_->Flush());
  gate_ = std::make_unique<Gate>(
      settings_, *store_, [this] { return now_ms_.load(); }, [](const std::string&) {});
  service_->gate = gate_.get();
  server_ = std::move(*net::Server::Start(options_, MakeRoutes(service_).Take()));
  EXPECT_EQ(CodeOf(Ask(Chat(key))), "insufficient_quota");
  now_ms_ = midnight;
  EXPECT_EQ(AskChat(key).status, 200);
}

TEST_F(GateTest, PlacesAreGivenBackWhenAnAnswerEnds) {
  Start();
  store::Limits limits;
  limits.parallel_requests = 1;
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference, limits));
  for (const char* more : {"", R"(,"stream":true)"}) {
    test::RawClient client(server_->port());
    client.Send(Chat(key, more));
    {
      const auto call = provider_.Next();
      EXPECT_EQ(Ask(Chat(key)).status, 429);
      Complete(call);
    }
    EXPECT_EQ(client.ReadResponse().status, 200);
    while (gate_->requests() > 0) std::this_thread::yield();
  }
  EXPECT_EQ(AskChat(key).status, 200);
}

TEST_F(GateTest, AnAccountsLimitHoldsForAllItsKeys) {
  settings_.account_defaults.requests_per_minute = 1;
  Start();
  EXPECT_EQ(AskChat(Bearer(AddKey(bob_, store::kScopeInference))).status, 200);
  EXPECT_EQ(Ask(Chat(Bearer(AddKey(bob_, store::kScopeInference)))).status, 429);
  EXPECT_EQ(AskChat(Bearer(AddKey(alice_, store::kScopeInference))).status, 200);
  store::AccountChange change;
  change.limits = RequestsAMinute(0);
  ASSERT_TRUE(store_->accounts().Change(bob_, change, 1));
  EXPECT_EQ(AskChat(Bearer(AddKey(bob_, store::kScopeInference))).status, 200) << "0 is no limit";
}

TEST_F(GateTest, AFullServerSaysSo) {
  settings_.max_requests = 1;
  Start();
  const std::string key = Bearer(AddKey(bob_, store::kScopeInference));
  test::RawClient client(server_->port());
  client.Send(Chat(key));
  const auto call = provider_.Next();
  const auto refused = Ask(Chat(Bearer(AddKey(alice_, store::kScopeInference))));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(CodeOf(refused), "server_busy");
  EXPECT_TRUE(refused.headers.contains("retry-after"));
  Complete(call);
  EXPECT_EQ(client.ReadResponse().status, 200);
}

TEST_F(GateTest, TheAccountIsTheTenant) {
  Start();
  test::RawClient client(server_->port());
  client.Send(Chat(Bearer(AddKey(bob_, store::kScopeInference))));
  const auto call = provider_.Next();
  EXPECT_EQ(call.request.tenant, bob_);
  Complete(call);
}

TEST_F(GateTest, ARevokedKeyEndsItsStream) {
  Start();
  const std::string key = AddKey(bob_, store::kScopeInference);
  test::RawClient client(server_->port());
  client.Send(Chat(Bearer(key), R"(,"stream":true)"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("assistant"));
  gate_->Watch();  // nothing has changed
  call.sink->OnDelta({0, "before", {}, {}, {}});
  ASSERT_TRUE(client.ReadUntil("before"));
  ASSERT_TRUE(store_->keys().Revoke("", KeyId(key), now_ms_));
  gate_->Watch();
  EXPECT_TRUE(provider_.WaitForCancel());
  call.sink->OnDelta({0, "after", {}, {}, {}});
  call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
  const auto response = client.ReadResponse();
  EXPECT_NE(response.body.find("invalid_api_key"), std::string::npos);
  EXPECT_EQ(response.body.find("[DONE]"), std::string::npos);
  EXPECT_EQ(response.body.find("after"), std::string::npos);
  EXPECT_TRUE(response.complete);
}

TEST_F(GateTest, ARemovedAccountEndsItsWholeAnswers) {
  Start();
  test::RawClient client(server_->port());
  client.Send(Chat(AddSession(bob_)));
  const auto call = provider_.Next();
  ASSERT_TRUE(store_->accounts().Remove(bob_));
  gate_->Watch();
  EXPECT_TRUE(provider_.WaitForCancel());
  const auto response = client.ReadResponse();
  EXPECT_EQ(response.status, 401);
  EXPECT_EQ(CodeOf(response), "login_required");
}

TEST_F(GateTest, AKeyThatExpiresMeanwhileEndsItsStream) {
  Start();
  const std::string key = AddKey(bob_, store::kScopeInference, {}, now_ms_ + 1000);
  test::RawClient client(server_->port());
  client.Send(Chat(Bearer(key), R"(,"stream":true)"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("assistant"));
  gate_->Watch();
  now_ms_ += 1000;
  gate_->Watch();
  EXPECT_TRUE(provider_.WaitForCancel());
  EXPECT_NE(client.ReadResponse().body.find("invalid_api_key"), std::string::npos);
}

TEST_F(GateTest, UsageTellsWhoUsedWhatAndHowItEnded) {
  Start();
  const std::string key = AddKey(bob_, store::kScopeInference);
  EXPECT_EQ(AskChat(Bearer(key), 4).status, 200);
  EXPECT_EQ(Ask(Chat(Bearer(key), R"(,"temperature":9)")).status, 400);
  {
    test::RawClient client(server_->port());
    client.Send(Chat(Bearer(key)));
    const auto call = provider_.Next();
    client.Close();
    EXPECT_TRUE(provider_.WaitForCancel());
    call.sink->OnUsage({5, 0, 2});
    call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
  }
  while (gate_->requests() > 0) std::this_thread::yield();
  ASSERT_TRUE(store_->Flush());
  const auto rows = *store_->usage().List({}, 0, 10);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].account_id, bob_);
  EXPECT_EQ(rows[0].key_id, KeyId(key));
  EXPECT_EQ(rows[0].route, "POST /v1/chat/completions");
  EXPECT_EQ(rows[0].model, "m");
  EXPECT_EQ(rows[0].completion_tokens, 4);
  EXPECT_EQ(rows[1].error, "invalid_value");
  EXPECT_EQ(rows[2].status, 499);
  EXPECT_EQ(rows[2].completion_tokens, 2) << "whoever leaves pays for what was made";
}

TEST_F(GateTest, ErrorsAndBrokenAnswersAreNotKept) {
  Start();
  const std::string fields =
      Bearer(AddKey(bob_, store::kScopeInference)) + "Idempotency-Key: k\r\n";
  provider_.Refuse({ErrorCode::kUnavailable, "full"});
  EXPECT_EQ(Ask(Chat(fields)).status, 503);
  EXPECT_EQ(Ask(Chat(fields)).status, 503) << "not a conflict with itself";
}

TEST_F(GateTest, TriesToSignInCountHoweverTheNameIsWritten) {
  settings_.login_throttle = {4, 30, 100};
  Start();
  const auto login = [&](const std::string& name) {
    return Ask(Bytes("POST", "/api/login", "",
                     R"({"name":")" + name + R"(","password":"not the password"})"))
        .status;
  };
  for (const char* name : {"bob", "BOB", "Bob", "\xef\xbd\x82ob"}) EXPECT_EQ(login(name), 401);
  EXPECT_EQ(login("bOB"), 429);
}

TEST(BackgroundTest, RefusesWhatIsTooMuchAndSurvivesAFailure) {
  std::mutex gate;
  gate.lock();
  std::atomic<int> done{0};
  std::string log;
  {
    Background background(1, [&](const std::string& line) { log = line; });
    std::atomic<bool> started{false};
    ASSERT_TRUE(background.Post([&] {
      started = true;
      const std::lock_guard wait(gate);
      throw std::runtime_error("a job's mistake");
    }));
    while (!started) std::this_thread::yield();
    EXPECT_TRUE(background.Post([&] { ++done; }));
    EXPECT_FALSE(background.Post([&] { ++done; }));
    gate.unlock();
    while (done == 0) std::this_thread::yield();
  }
  EXPECT_EQ(done, 1);
  EXPECT_NE(log.find("a job's mistake"), std::string::npos);
}

TEST(LoginThrottleTest, CountsByAccountAndByAddress) {
  LoginThrottle throttle({3, 10, 1000});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(throttle.Try("a", "10.0.0." + std::to_string(i), 0), 0);
  }
  EXPECT_EQ(throttle.Try("a", "10.0.0.9", 0), 10) << "the account";
  EXPECT_EQ(throttle.Try("b", "10.0.0.9", 0), 0);
  EXPECT_EQ(throttle.Try("a", "10.0.0.9", 10'000), 0) << "one comes back";
  EXPECT_GT(throttle.Try("a", "10.0.0.9", 10'000), 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(throttle.Try("c" + std::to_string(i), "2001:db8::" + std::to_string(i), 0), 0);
  }
  EXPECT_GT(throttle.Try("d", "2001:db8::ffff:1", 0), 0) << "one subscriber's network";
  EXPECT_EQ(throttle.Try("d", "2001:db8:0:1::1", 0), 0);
  throttle.Succeeded("a", "10.0.0.9");
  EXPECT_EQ(throttle.Try("a", "10.0.0.9", 10'000), 0);
}

TEST(LoginThrottleTest, RemembersNotMoreThanItMay) {
  LoginThrottle throttle({3, 10, 100});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(throttle.Try("n" + std::to_string(i), "10.0." + std::to_string(i) + ".1", i), 0);
  }
}

TEST(RateDurationTest, IsWrittenAsOpenAiDoes) {
  EXPECT_EQ(RateDuration(20), "20ms");
  EXPECT_EQ(RateDuration(1000), "1s");
  EXPECT_EQ(RateDuration(61'500), "1m1.5s");
  EXPECT_EQ(RateDuration(360'000), "6m0s");
}

}  // namespace
}  // namespace dure::api
