// The Responses API over real connections, with completions that the test drives.
#include <vector>

#include "api/responses/kept_responses.h"
#include "api/responses/response_events.h"
#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

using providers::FinishReason;

class ResponsesTest : public AccessFixture {
 protected:
  void Begin() {
    Start();
    key_ = AddKey(bob_, store::kScopeInference);
  }
  std::string Request(const std::string& more = "") {
    return Bytes("POST", "/v1/responses", Bearer(key_),
                 R"({"model":"m","input":"hi")" + more + "}");
  }
  test::RawResponse Get(const std::string& path, const std::string& key = "") {
    return AccessFixture::Ask(
        Bytes("GET", "/v1/responses/" + path, Bearer(key.empty() ? key_ : key)));
  }
  /// The request, answered with `text`.
  Json Answered(const std::string& more, const std::string& text) {
    test::RawClient client(server_->port());
    client.Send(Request(more));
    const auto call = provider_.Next();
    last_ = call.request;
    call.sink->OnDelta({0, text, {}, {}, {}});
    End(call);
    const auto response = client.ReadResponse();
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body, nullptr, false);
  }
  static void End(const test::ScriptedProvider::Call& call) {
    call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
    call.sink->OnUsage({5, 0, 3});
    call.sink->OnEnd(providers::ChatUsage{5, 0, 3});
  }
  static std::vector<Json> Events(const std::string& body) {
    std::vector<Json> events;
    for (size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) {
      const size_t end = body.find("\n\n", at);
      events.push_back(Json::parse(body.substr(at + 6, end - at - 6)));
      at = end;
    }
    return events;
  }

  std::string key_;
  providers::ChatRequest last_;
};

TEST_F(ResponsesTest, IsGivenKeptAndDeleted) {
  Begin();
  const Json response = Answered(R"(,"metadata":{"a":"b"})", "Hello");
  const std::string id = response["id"];
  EXPECT_EQ(response["object"], "response");
  EXPECT_EQ(response["status"], "completed");
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(response["usage"]["output_tokens"], 3);
  EXPECT_EQ(response["metadata"]["a"], "b");
  EXPECT_EQ(last_.tenant, bob_);
  EXPECT_EQ(Json::parse(Get(id).body), response);
  const Json items = Json::parse(Get(id + "/input_items").body);
  EXPECT_EQ(items["data"][0]["content"][0]["text"], "hi");
  EXPECT_EQ(items["has_more"], false);
  const auto removed = AccessFixture::Ask(Bytes("DELETE", "/v1/responses/" + id, Bearer(key_)));
  EXPECT_EQ(Json::parse(removed.body)["deleted"], true);
  EXPECT_EQ(Get(id).status, 404);
  EXPECT_EQ(AccessFixture::Ask(Bytes("DELETE", "/v1/responses/" + id, Bearer(key_))).status, 404);
}

TEST_F(ResponsesTest, SomebodyElsesDoNotExist) {
  Begin();
  const std::string id = Answered("", "Hello")["id"];
  const std::string alices = AddKey(alice_, store::kAllScopes);
  for (const char* path : {"", "?stream=true", "/input_items"}) {
    const auto response = Get(id + path, alices);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(CodeOf(response), "not_found") << path;
  }
  EXPECT_EQ(AccessFixture::Ask(Bytes("DELETE", "/v1/responses/" + id, Bearer(alices))).status, 404);
  EXPECT_EQ(
      AccessFixture::Ask(Bytes("POST", "/v1/responses/" + id + "/cancel", Bearer(alices))).status,
      404);
  const auto next = AccessFixture::Ask(
      Bytes("POST", "/v1/responses", Bearer(alices),
            R"({"model":"m","input":"x","previous_response_id":")" + id + "\"}"));
  EXPECT_EQ(next.status, 404);
  EXPECT_EQ(Get(id).status, 200);
}

TEST_F(ResponsesTest, GoesOnFromAnEarlierOne) {
  Begin();
  const Json first = Answered(R"(,"instructions":"Be brief.")", "one");
  ASSERT_EQ(last_.messages.size(), 2u);
  const Json second =
      Answered(R"(,"instructions":"Be kind.","previous_response_id":)" + first["id"].dump(), "two");
  EXPECT_EQ(second["previous_response_id"], first["id"]);
  Answered(R"(,"previous_response_id":)" + second["id"].dump(), "three");
  ASSERT_EQ(last_.messages.size(), 5u) << "instructions are not taken over";
  EXPECT_EQ(last_.messages[0].content, "hi");
  EXPECT_EQ(last_.messages[1].content, "one");
  EXPECT_EQ(last_.messages[1].role, providers::Role::kAssistant);
  EXPECT_EQ(last_.messages[3].content, "two");
  const auto missing = AccessFixture::Ask(Request(R"(,"previous_response_id":"resp_none")"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(Json::parse(missing.body)["error"]["param"], "previous_response_id");
}

TEST_F(ResponsesTest, StreamsAndResumes) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Request(R"(,"stream":true)"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("event: response.in_progress"));
  call.sink->OnDelta({0, "Hel", {}, {}, {}});
  ASSERT_TRUE(client.ReadUntil("Hel"));
  call.sink->OnDelta({0, "lo", {}, {}, {}});
  End(call);
  const auto events = Events(client.ReadResponse().body);
  ASSERT_FALSE(events.empty());
  for (size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i]["sequence_number"], i);
  EXPECT_EQ(events.back()["type"], "response.completed");
  const Json response = events.back()["response"];
  const std::string id = response["id"];
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(Json::parse(Get(id).body), response) << "at once";
  EXPECT_EQ(Events(Get(id + "?stream=true").body), events);
  for (size_t after = 0; after < events.size(); ++after) {
    const auto rest = Get(id + "?stream=true&starting_after=" + std::to_string(after)).body;
    EXPECT_EQ(Events(rest),
              std::vector<Json>(events.begin() + static_cast<long>(after) + 1, events.end()));
  }
  EXPECT_EQ(Get(id + "?starting_after=x").status, 400);
  EXPECT_EQ(CodeOf(Get(id + "?what=1")), "unknown_parameter");
}

TEST_F(ResponsesTest, ASlowReaderGetsEveryEvent) {
  options_.max_outgoing_bytes = 4 << 10;
  options_.socket_send_bytes = 4 << 10;
  Begin();
  const std::string id =
      Json::parse(AccessFixture::Ask(Request(R"(,"background":true)")).body)["id"];
  const auto call = provider_.Next();
  test::RawClient live(server_->port(), 4 << 10);
  live.Send(Bytes("GET", "/v1/responses/" + id + "?stream=true", Bearer(key_)));
  for (int i = 0; i < 2000; ++i) call.sink->OnDelta({0, std::to_string(i) + " ", {}, {}, {}});
  End(call);
  const auto seen = Events(live.ReadResponse().body);
  ASSERT_GT(seen.size(), 2000u);
  for (size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i]["sequence_number"], i);
  EXPECT_EQ(seen.back()["type"], "response.completed");
  test::RawClient late(server_->port(), 4 << 10);
  late.Send(Bytes("GET", "/v1/responses/" + id + "?stream=true", Bearer(key_)));
  EXPECT_EQ(Events(late.ReadResponse().body), seen);
}

TEST_F(ResponsesTest, BackgroundOnesNeedNobody) {
  Begin();
  const auto accepted = AccessFixture::Ask(Request(R"(,"background":true)"));
  const auto call = provider_.Next();
  Json response = Json::parse(accepted.body);
  EXPECT_EQ(response["status"], "queued");
  const std::string id = response["id"];
  call.sink->OnDelta({0, "Hel", {}, {}, {}});
  EXPECT_EQ(Json::parse(Get(id).body)["status"], "in_progress");
  test::RawClient follower(server_->port());
  follower.Send(
      Bytes("GET", "/v1/responses/" + id + "?stream=true&starting_after=2", Bearer(key_)));
  ASSERT_TRUE(follower.ReadUntil("Hel"));
  call.sink->OnDelta({0, "lo", {}, {}, {}});
  ASSERT_TRUE(follower.ReadUntil("lo"));
  End(call);
  const auto events = Events(follower.ReadResponse().body);
  EXPECT_EQ(events.front()["sequence_number"], 3);
  EXPECT_EQ(events.back()["response"]["status"], "completed");
  EXPECT_EQ(Json::parse(Get(id).body), events.back()["response"]);
}

TEST_F(ResponsesTest, AFollowerThatLeavesStopsNothing) {
  Begin();
  const std::string id =
      Json::parse(AccessFixture::Ask(Request(R"(,"background":true)")).body)["id"];
  const auto call = provider_.Next();
  {
    test::RawClient follower(server_->port());
    follower.Send(Bytes("GET", "/v1/responses/" + id + "?stream=true", Bearer(key_)));
    ASSERT_TRUE(follower.ReadUntil("queued"));
  }
  call.sink->OnDelta({0, "Hello", {}, {}, {}});
  End(call);
  EXPECT_EQ(Json::parse(Get(id).body)["status"], "completed");
}

TEST_F(ResponsesTest, OthersStopWithTheirClient) {
  Begin();
  for (const char* how :
       {"", R"(,"stream":true)", R"(,"store":false)", R"(,"store":false,"stream":true)"}) {
    test::ScriptedProvider::Call call;
    {
      test::RawClient client(server_->port());
      client.Send(Request(how));
      call = provider_.Next();
    }
    EXPECT_TRUE(provider_.WaitForCancel()) << how;
    call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
  }
}

TEST_F(ResponsesTest, CanBeCancelled) {
  Begin();
  const std::string id =
      Json::parse(AccessFixture::Ask(Request(R"(,"background":true)")).body)["id"];
  const auto call = provider_.Next();
  call.sink->OnDelta({0, "Hel", {}, {}, {}});
  const auto cancel = [&](const std::string& which) {
    return AccessFixture::Ask(Bytes("POST", "/v1/responses/" + which + "/cancel", Bearer(key_)));
  };
  const Json cancelled = Json::parse(cancel(id).body);
  EXPECT_EQ(cancelled["status"], "cancelled");
  EXPECT_TRUE(provider_.WaitForCancel());
  call.sink->OnDelta({0, "late", {}, {}, {}});
  call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
  EXPECT_EQ(Json::parse(Get(id).body), cancelled);
  EXPECT_EQ(cancelled["output"][0]["content"][0]["text"], "Hel");
  EXPECT_EQ(Json::parse(cancel(id).body)["status"], "cancelled") << "twice is harmless";
  const std::string done = Answered("", "Hello")["id"];
  EXPECT_EQ(CodeOf(cancel(done)), "conflict");
  EXPECT_EQ(cancel("resp_none").status, 404);
}

TEST_F(ResponsesTest, DeletingOneThatRunsStopsIt) {
  Begin();
  const std::string id =
      Json::parse(AccessFixture::Ask(Request(R"(,"background":true)")).body)["id"];
  const auto call = provider_.Next();
  EXPECT_EQ(AccessFixture::Ask(Bytes("DELETE", "/v1/responses/" + id, Bearer(key_))).status, 200);
  EXPECT_TRUE(provider_.WaitForCancel());
  call.sink->OnDelta({0, "late", {}, {}, {}});
  call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
  EXPECT_EQ(Get(id).status, 404);
}

TEST_F(ResponsesTest, WithoutStoreNothingStays) {
  Begin();
  const Json whole = Answered(R"(,"store":false)", "Hello");
  EXPECT_EQ(whole["status"], "completed");
  EXPECT_EQ(Get(whole["id"].get<std::string>()).status, 404);
  test::RawClient client(server_->port());
  client.Send(Request(R"(,"store":false,"stream":true)"));
  const auto call = provider_.Next();
  call.sink->OnDelta({0, "Hello", {}, {}, {}});
  End(call);
  const auto events = Events(client.ReadResponse().body);
  EXPECT_EQ(events.front()["type"], "response.created");
  EXPECT_EQ(events.back()["type"], "response.completed");
  EXPECT_EQ(events.back()["response"]["output"][0]["content"][0]["text"], "Hello");
  EXPECT_EQ(Get(events.back()["response"]["id"].get<std::string>()).status, 404);
}

TEST_F(ResponsesTest, FailuresAreErrorsOrEvents) {
  Begin();
  const auto fail = [&](const std::string& more) {
    test::RawClient client(server_->port());
    client.Send(Request(more));
    const auto call = provider_.Next();
    call.sink->OnDelta({0, "part", {}, {}, {}});
    call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kUnavailable, "the model left"}));
    return client.ReadResponse();
  };
  for (const char* store : {"", R"(,"store":false)"}) {
    const auto whole = fail(store);
    EXPECT_EQ(whole.status, 503) << store;
    EXPECT_EQ(CodeOf(whole), "server_busy");
    const auto events = Events(fail(std::string(store) + R"(,"stream":true)").body);
    EXPECT_EQ(events.back()["type"], "response.failed");
    EXPECT_EQ(events.back()["response"]["error"]["code"], "server_error");
    EXPECT_EQ(events.back()["response"]["output"][0]["content"][0]["text"], "part");
  }
  provider_.Refuse({ErrorCode::kContextLengthExceeded, "3000 tokens do not fit 2048"});
  for (const char* stream : {"", R"(,"stream":true)", R"(,"background":true)"}) {
    const auto refused = AccessFixture::Ask(Request(stream));
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(CodeOf(refused), "context_length_exceeded");
  }
}

TEST_F(ResponsesTest, ARevokedKeyEndsWhatItStarted) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Request(R"(,"stream":true)"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("in_progress"));
  ASSERT_TRUE(store_->keys().Revoke("", KeyId(key_), now_ms_));
  gate_->Watch();
  EXPECT_EQ(Events(client.ReadResponse().body).back()["type"], "response.failed");
  EXPECT_TRUE(provider_.WaitForCancel());
  call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "cancelled"}));
}

TEST_F(ResponsesTest, ARevokedKeyEndsWhatItFollows) {
  Begin();
  const std::string id =
      Json::parse(AccessFixture::Ask(Request(R"(,"background":true)")).body)["id"];
  const auto call = provider_.Next();
  const std::string other = AddKey(bob_, store::kScopeInference);
  test::RawClient client(server_->port());
  client.Send(Bytes("GET", "/v1/responses/" + id + "?stream=true", Bearer(other)));
  ASSERT_TRUE(client.ReadUntil("queued"));
  ASSERT_TRUE(store_->keys().Revoke("", KeyId(other), now_ms_));
  gate_->Watch();
  EXPECT_EQ(Events(client.ReadResponse().body).back()["type"], "error");
  End(call);
  EXPECT_EQ(Json::parse(Get(id).body)["status"], "completed") << "the response goes on";
}

TEST_F(ResponsesTest, WhatACrashCutOffEndsAsFailed) {
  Begin();
  // As a server leaves it that is killed in mid-answer.
  ASSERT_TRUE(store_->events().Create(
      {"resp_cut", bob_, "response", ResponseHead(Json::array(), ""), now_ms_}));
  ResponseEvents events({"resp_cut", 1, Json::object(), false, false,
                         [] { return std::string("i"); }, [] { return int64_t{2}; }});
  events.Add({0, "half an ans", {}, {}, {}});
  int64_t told = 0;
  while (auto event = events.Next()) {
    ASSERT_TRUE(store_->events().Append("resp_cut", DumpJson(*event)));
    ++told;
  }
  server_.reset();
  gate_.reset();
  store_.reset();
  store::StoreOptions options;
  options.folder = folder_.path();
  store_ = std::move(*store::OpenSqliteStore(options));
  ASSERT_TRUE(EndCutOffResponses(*store_));
  gate_ = std::make_unique<Gate>(
      settings_, *store_, [this] { return now_ms_.load(); }, [](const std::string&) {});
  service_->gate = gate_.get();
  server_ = std::move(*net::Server::Start(options_, MakeRoutes(service_).Take()));
  const Json response = Json::parse(Get("resp_cut").body);
  EXPECT_EQ(response["status"], "failed");
  EXPECT_EQ(response["error"]["code"], "server_error");
  EXPECT_EQ(response["output"][0]["content"][0]["text"], "half an ans");
  EXPECT_EQ(response["output"][0]["status"], "incomplete");
  const auto resumed = Events(Get("resp_cut?stream=true&starting_after=1").body);
  ASSERT_EQ(resumed.size(), static_cast<size_t>(told - 1));
  EXPECT_EQ(resumed.back()["type"], "response.failed");
  EXPECT_EQ(resumed.back()["sequence_number"], told);
}

TEST_F(ResponsesTest, InputItemsComeInPages) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Bytes(
      "POST", "/v1/responses", Bearer(key_),
      R"({"model":"m","input":[{"role":"user","content":"1"},{"role":"assistant","content":"2"},
                       {"role":"user","content":"3"}]})"));
  const auto call = provider_.Next();
  End(call);
  const std::string id = Json::parse(client.ReadResponse().body)["id"];
  const auto page = [&](const std::string& query) {
    return Json::parse(Get(id + "/input_items?" + query).body);
  };
  const auto text = [](const Json& item) { return item["content"][0]["text"]; };
  const Json newest = page("limit=2");
  EXPECT_EQ(text(newest["data"][0]), "3");
  EXPECT_EQ(newest["has_more"], true);
  const Json rest = page("limit=2&after=" + newest["last_id"].get<std::string>());
  ASSERT_EQ(rest["data"].size(), 1u);
  EXPECT_EQ(text(rest["data"][0]), "1");
  EXPECT_EQ(rest["has_more"], false);
  EXPECT_EQ(text(page("order=asc")["data"][0]), "1");
  EXPECT_EQ(Get(id + "/input_items?limit=0").status, 400);
  EXPECT_EQ(Get(id + "/input_items?after=none").status, 404);
}

}  // namespace
}  // namespace dure::api
