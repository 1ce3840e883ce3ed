// The Messages API over real connections, with completions that the test drives.
#include <vector>

#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

using providers::ChoiceEnd;
using providers::FinishReason;

constexpr char kBody[] =
    R"({"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}])";

struct Event {
  std::string name;
  Json data;
};

class MessagesTest : public AccessFixture {
 protected:
  void Begin() {
    Start();
    key_ = AddKey(bob_, store::kScopeInference);
  }
  std::string Ask(const std::string& more = "", const std::string& fields = "") {
    return Bytes("POST", "/v1/messages",
                 ApiKeyField(key_) + "anthropic-version: 2023-06-01\r\n" + fields,
                 kBody + more + "}");
  }
  static std::vector<Event> Events(const std::string& body) {
    std::vector<Event> events;
    for (size_t at = 0; (at = body.find("event: ", at)) != std::string::npos;) {
      const size_t line = body.find('\n', at);
      const size_t end = body.find("\n\n", at);
      events.push_back(
          {body.substr(at + 7, line - at - 7), Json::parse(body.substr(line + 7, end - line - 7))});
      at = end;
    }
    return events;
  }
  static std::vector<std::string> Names(const std::vector<Event>& events) {
    std::vector<std::string> names;
    for (const Event& event : events) {
      EXPECT_EQ(event.data["type"], event.name);
      names.push_back(event.name);
    }
    return names;
  }

  std::string key_;
};

TEST_F(MessagesTest, GivesAWholeMessage) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Ask(R"(,"stop_sequences":["END"])"));
  const auto call = provider_.Next();
  EXPECT_EQ(call.request.tenant, bob_);
  call.sink->OnDelta({0, "", {}, "let me ", {}});
  call.sink->OnDelta({0, "", {}, "think", {}});
  call.sink->OnDelta({0, "Hel", {}, {}, {}});
  call.sink->OnDelta({0, "lo", {}, {}, {}});
  call.sink->OnChoiceEnd(0, {FinishReason::kStop, "END"});
  call.sink->OnEnd(providers::ChatUsage{50, 32, 7});
  const auto response = client.ReadResponse();
  EXPECT_EQ(response.status, 200);
  const Json message = Json::parse(response.body);
  EXPECT_TRUE(message["id"].get<std::string>().starts_with("msg_"));
  EXPECT_EQ(message["type"], "message");
  EXPECT_EQ(message["role"], "assistant");
  EXPECT_EQ(message["model"], "m");
  EXPECT_EQ(message["content"],
            Json::parse(R"([{"type":"thinking","thinking":"let me think","signature":""},
                            {"type":"text","text":"Hello"}])"));
  EXPECT_EQ(message["stop_reason"], "stop_sequence");
  EXPECT_EQ(message["stop_sequence"], "END");
  EXPECT_EQ(message["usage"]["input_tokens"], 18);
  EXPECT_EQ(message["usage"]["cache_read_input_tokens"], 32);
  EXPECT_EQ(message["usage"]["output_tokens"], 7);
}

TEST_F(MessagesTest, TellsWhyItEnded) {
  Begin();
  struct Case {
    ChoiceEnd end;
    int tokens;
    std::string reason;
  };
  const Case cases[] = {{{FinishReason::kStop, {}}, 3, "end_turn"},
                        {{FinishReason::kLength, {}}, 10, "max_tokens"},
                        {{FinishReason::kLength, {}}, 4, "model_context_window_exceeded"},
                        {{FinishReason::kToolCalls, {}}, 4, "tool_use"}};
  for (const Case& c : cases) {
    test::RawClient client(server_->port());
    client.Send(Ask());
    const auto call = provider_.Next();
    call.sink->OnChoiceEnd(0, c.end);
    call.sink->OnEnd(providers::ChatUsage{5, 0, c.tokens});
    const Json message = Json::parse(client.ReadResponse().body);
    EXPECT_EQ(message["stop_reason"], c.reason);
    EXPECT_TRUE(message["stop_sequence"].is_null());
  }
}

TEST_F(MessagesTest, GivesToolCalls) {
  Begin();
  for (const bool cut_off : {false, true}) {
    test::RawClient client(server_->port());
    client.Send(Ask(R"(,"tools":[{"name":"f","input_schema":{"type":"object"}}])"));
    const auto call = provider_.Next();
    EXPECT_EQ(call.request.tools.at(0).name, "f");
    call.sink->OnDelta({0, "I look.", {}, {}, {}});
    call.sink->OnDelta({0, "", {}, {}, {{0, "c1", "f", ""}}});
    call.sink->OnDelta({0, "", {}, {}, {{0, "", "", "{\"x\":"}, {0, "", "", "1}"}}});
    call.sink->OnDelta({0, "", {}, {}, {{1, "c2", "f", cut_off ? "{\"x\"" : ""}}});
    call.sink->OnChoiceEnd(0, {cut_off ? FinishReason::kLength : FinishReason::kToolCalls, {}});
    call.sink->OnEnd(providers::ChatUsage{5, 0, 10});
    const Json message = Json::parse(client.ReadResponse().body);
    Json expected = Json::parse(R"([{"type":"text","text":"I look."},
        {"type":"tool_use","id":"c1","name":"f","input":{"x":1}},
        {"type":"tool_use","id":"c2","name":"f","input":{}}])");
    if (cut_off) expected.erase(2);
    EXPECT_EQ(message["content"], expected) << "a call that was cut off is not there";
    EXPECT_EQ(message["stop_reason"], cut_off ? "max_tokens" : "tool_use");
  }
}

TEST_F(MessagesTest, StreamsEventsInOrder) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Ask(R"(,"stream":true)"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("event: ping")) << "at once, before the first token";
  call.sink->OnDelta({0, "", {}, "hm", {}});
  ASSERT_TRUE(client.ReadUntil("thinking_delta"));
  call.sink->OnDelta({0, "Hel", {}, {}, {}});
  ASSERT_TRUE(client.ReadUntil("Hel"));
  call.sink->OnDelta({0, "lo", {}, {}, {}});
  ASSERT_TRUE(client.ReadUntil("lo"));
  call.sink->OnDelta({0, "", {}, {}, {{0, "c1", "f", "{\"a\":"}}});
  call.sink->OnDelta({0, "", {}, {}, {{0, "", "", "2}"}}});
  call.sink->OnChoiceEnd(0, {FinishReason::kToolCalls, {}});
  call.sink->OnEnd(providers::ChatUsage{9, 4, 6});
  const auto events = Events(client.ReadResponse().body);
  const auto names = Names(events);
  const std::vector<std::string> expected = {"message_start",       "ping",
                                             "content_block_start", "content_block_delta",
                                             "content_block_stop",  "content_block_start",
                                             "content_block_delta", "content_block_delta",
                                             "content_block_stop",  "content_block_start",
                                             "content_block_delta", "content_block_delta",
                                             "content_block_stop",  "message_delta",
                                             "message_stop"};
  ASSERT_EQ(names, expected);
  EXPECT_EQ(events[0].data["message"]["content"], Json::array());
  EXPECT_TRUE(events[0].data["message"]["stop_reason"].is_null());
  EXPECT_EQ(events[2].data["content_block"]["type"], "thinking");
  EXPECT_EQ(events[5].data["index"], 1);
  EXPECT_EQ(events[6].data["delta"], Json::parse(R"({"type":"text_delta","text":"Hel"})"));
  EXPECT_EQ(events[9].data["content_block"],
            Json::parse(R"({"type":"tool_use","id":"c1","name":"f","input":{}})"));
  EXPECT_EQ(events[10].data["delta"]["partial_json"], "{\"a\":");
  EXPECT_EQ(events[13].data["delta"]["stop_reason"], "tool_use");
  EXPECT_EQ(events[13].data["usage"]["input_tokens"], 5);
  EXPECT_EQ(events[13].data["usage"]["output_tokens"], 6);
}

TEST_F(MessagesTest, ASlowReaderGetsTheSameWordsInFewerEvents) {
  options_.max_outgoing_bytes = 4 << 10;
  options_.socket_send_bytes = 4 << 10;
  service_->max_coalesced_bytes = 100'000;
  Begin();
  test::RawClient client(server_->port(), 4 << 10);
  client.Send(Ask(R"(,"stream":true)"));
  const auto call = provider_.Next();
  std::string said;
  std::string thought;
  for (int i = 0; i < 4000; ++i) {
    const std::string word = std::to_string(i) + " ";
    (i < 2000 ? thought : said) += word;
    call.sink->OnDelta({0, i < 2000 ? "" : word, {}, i < 2000 ? word : "", {}});
  }
  call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
  call.sink->OnEnd(providers::ChatUsage{});
  std::string got_text;
  std::string got_thought;
  const auto events = Events(client.ReadResponse().body);
  for (const Event& event : events) {
    if (event.name != "content_block_delta") continue;
    got_text += event.data["delta"].value("text", "");
    got_thought += event.data["delta"].value("thinking", "");
  }
  EXPECT_EQ(got_text, said);
  EXPECT_EQ(got_thought, thought);
  EXPECT_LT(events.size(), 2000u);
  EXPECT_EQ(events.back().name, "message_stop");
}

TEST_F(MessagesTest, ErrorsHaveAnthropicsShape) {
  Begin();
  struct Case {
    std::string bytes;
    int status;
    std::string type;
    std::string code;
  };
  const std::string body = std::string(kBody) + "}";
  const Case cases[] = {
      {Bytes("POST", "/v1/messages", "", body), 401, "authentication_error", "login_required"},
      {Bytes("POST", "/v1/messages", ApiKeyField("dure-wrong"), body), 401, "authentication_error",
       "invalid_api_key"},
      {Bytes("POST", "/v1/messages", ApiKeyField(AddKey(bob_, store::kScopeUsage)), body), 403,
       "permission_error", "permission_denied"},
      {Ask(R"(,"what":1)"), 400, "invalid_request_error", "unknown_parameter"},
      {Bytes("POST", "/v1/messages", ApiKeyField(key_) + "anthropic-version: 2022-01-01\r\n", body),
       400, "invalid_request_error", "invalid_value"},
      {Bytes("POST", "/v1/messages", ApiKeyField(key_),
             R"({"model":"none","max_tokens":1,"messages":[{"role":"user","content":"x"}]})"),
       404, "not_found_error", "model_not_found"},
      {Bytes("POST", "/v1/messages", ApiKeyField(key_),
             R"({"model":"slow","max_tokens":1,"messages":[{"role":"user","content":"x"}]})"),
       529, "overloaded_error", "model_loading"},
      {Bytes("POST", "/v1/messages/batches", ApiKeyField(key_), "{}"), 501, "api_error",
       "not_implemented"},
      {Bytes("POST", "/v1/messages/count_tokens", ApiKeyField(key_), "{}"), 400,
       "invalid_request_error", "missing_required_parameter"},
  };
  for (const Case& c : cases) {
    const auto response = AccessFixture::Ask(c.bytes);
    EXPECT_EQ(response.status, c.status) << response.body;
    const Json json = Json::parse(response.body);
    EXPECT_EQ(json["type"], "error") << response.body;
    EXPECT_EQ(json["error"]["type"], c.type) << response.body;
    EXPECT_EQ(json["error"]["code"], c.code) << response.body;
    EXPECT_TRUE(json["error"]["message"].is_string());
  }
  provider_.Refuse({ErrorCode::kContextLengthExceeded, "3000 tokens do not fit 2048"});
  for (const char* stream : {"", R"(,"stream":true)"}) {
    const auto response = AccessFixture::Ask(Ask(stream));
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(Json::parse(response.body)["error"]["type"], "invalid_request_error");
  }
}

TEST_F(MessagesTest, AnErrorInMidStreamIsAnEvent) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Ask(R"(,"stream":true)"));
  const auto call = provider_.Next();
  call.sink->OnDelta({0, "part", {}, {}, {}});
  call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kUnavailable, "the model left"}));
  const auto events = Events(client.ReadResponse().body);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().name, "error");
  EXPECT_EQ(events.back().data["error"]["type"], "overloaded_error");
}

TEST_F(MessagesTest, AClientThatLeavesStopsItsMessage) {
  Begin();
  for (const char* stream : {"", R"(,"stream":true)"}) {
    test::ScriptedProvider::Call call;
    {
      test::RawClient client(server_->port());
      client.Send(Ask(stream));
      call = provider_.Next();
    }
    EXPECT_TRUE(provider_.WaitForCancel());
  }
}

TEST_F(MessagesTest, ARevokedKeyEndsItsStream) {
  Begin();
  test::RawClient client(server_->port());
  client.Send(Ask(R"(,"stream":true)"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("event: ping"));
  ASSERT_TRUE(store_->keys().Revoke("", KeyId(key_), now_ms_));
  gate_->Watch();
  const auto events = Events(client.ReadResponse().body);
  EXPECT_EQ(events.back().name, "error");
  EXPECT_EQ(events.back().data["error"]["type"], "authentication_error");
}

}  // namespace
}  // namespace dure::api
