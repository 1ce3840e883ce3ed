// The routes over real connections, with completions that the test drives.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/service.h"
#include "net/server.h"
#include "store/store.h"
#include "tests/api/scripted_provider.h"
#include "tests/formats/temp_folder.h"
#include "tests/net/raw_client.h"

namespace dure::api {
namespace {

using providers::FinishReason;
using providers::ModelInfo;
using providers::ModelState;
using test::RawClient;
using test::RawResponse;

class RoutesTest : public testing::Test {
 protected:
  RoutesTest() {
    provider_.SetModels({ModelInfo{"org/m", 1700000000, 2048, ModelState::kReady, 0, 0, ""},
                         ModelInfo{"other", 1, 0, ModelState::kLoading, 10, 100, ""}});
    service_->provider = &provider_;
    service_->version = "1.2.3";
    service_->instance = "abc";
    service_->max_coalesced_bytes = 100'000;
    service_->unix_time = [] { return int64_t{1700000001}; };
    service_->random_id = [] { return std::string("ID"); };
    options_.port = 0;
    options_.render_error = [](int status, const std::string& message) {
      net::Response response = ErrorResponse(FromHttpStatus(status, message));
      response.status = status;
      return response;
    };
  }

  void Start() {
    store::StoreOptions store;
    store.folder = folder_.path();
    auto opened = store::OpenSqliteStore(store);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(*opened);
    gate_ = std::make_unique<Gate>(
        GateSettings(), *store_, [] { return int64_t{1700000001000}; },
        [](const std::string& line) { ADD_FAILURE() << line; });
    service_->gate = gate_.get();
    auto server = net::Server::Start(options_, MakeRoutes(service_).Take());
    ASSERT_TRUE(server) << server.error().message;
    server_ = std::move(*server);
  }

  static std::string Post(const std::string& body,
                          const std::string& path = "/v1/chat/completions") {
    return "POST " + path +
           " HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  static std::string Chat(const std::string& more = "") {
    return Post(R"({"model":"org/m","messages":[{"role":"user","content":"hi"}])" + more + "}");
  }
  static std::string Get(const std::string& path) {
    return "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
  }

  RawResponse Ask(const std::string& bytes) {
    RawClient client(server_->port());
    client.Send(bytes);
    return client.ReadResponse();
  }

  // The data of a stream's events.
  static std::vector<std::string> Events(const std::string& body) {
    std::vector<std::string> events;
    for (size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) {
      const size_t end = body.find("\n\n", at);
      events.push_back(body.substr(at + 6, end - at - 6));
      at = end;
    }
    return events;
  }

  formats::TempFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<Gate> gate_;
  test::ScriptedProvider provider_;
  std::shared_ptr<Service> service_ = std::make_shared<Service>();
  net::ServerOptions options_;
  std::unique_ptr<net::Server> server_;
};

TEST_F(RoutesTest, ListsModels) {
  Start();
  const Json list = Json::parse(Ask(Get("/v1/models")).body);
  EXPECT_EQ(list["object"], "list");
  ASSERT_EQ(list["data"].size(), 2u);
  EXPECT_EQ(list["data"][0]["id"], "org/m");
  EXPECT_EQ(list["data"][0]["context_length"], 2048);
  EXPECT_EQ(Json::parse(Ask(Get("/v1/models/org/m")).body)["id"], "org/m");
  EXPECT_EQ(Json::parse(Ask(Get("/v1/models/org%2Fm")).body)["id"], "org/m");
  const RawResponse missing = Ask(Get("/v1/models/none"));
  EXPECT_EQ(missing.status, 404);
  EXPECT_EQ(Json::parse(missing.body)["error"]["code"], "model_not_found");
}

TEST_F(RoutesTest, TellsHealthFromReadiness) {
  Start();
  EXPECT_EQ(Ask(Get("/health")).status, 200);
  const RawResponse loading = Ask(Get("/ready"));
  EXPECT_EQ(loading.status, 503);
  EXPECT_TRUE(loading.headers.contains("retry-after"));
  provider_.SetModels({});
  EXPECT_EQ(Ask(Get("/ready")).status, 200);
  EXPECT_EQ(Json::parse(Ask(Get("/api/app/info")).body)["status"], "no_model");
}

TEST_F(RoutesTest, TellsTheAppWhatItNeeds) {
  Start();
  Json info = Json::parse(Ask(Get("/api/app/info")).body);
  EXPECT_EQ(info["status"], "ready");
  EXPECT_EQ(info["model"], "org/m");
  EXPECT_EQ(info["context_length"], 2048);
  EXPECT_EQ(info["instance"], "abc");
  provider_.SetModels({ModelInfo{"m", 1, 0, ModelState::kFailed, 0, 0, "no such tensor"}});
  info = Json::parse(Ask(Get("/api/app/info")).body);
  EXPECT_EQ(info["status"], "failed");
  EXPECT_EQ(info["error"], "no such tensor");
  EXPECT_EQ(Json::parse(Ask(Get("/api/app/stats")).body)["models"][0]["running"], 1);
}

TEST_F(RoutesTest, RefusesInOneShape) {
  Start();
  struct Case {
    std::string bytes;
    int status;
    std::string code;
  };
  const Case cases[] = {
      {Post("{"), 400, "invalid_json"},
      {Chat(R"(,"what":1)"), 400, "unknown_parameter"},
      {Post(R"({"model":"none","messages":[{"role":"user","content":"hi"}]})"), 404,
       "model_not_found"},
      {Post(R"({"model":"other","messages":[{"role":"user","content":"hi"}]})"), 503,
       "model_loading"},
      {Post("{}", "/v1/audio/transcriptions"), 501, "not_implemented"},
      {Get("/v1/nothing"), 404, "unknown_url"},
      {Post("{}", "/v1/models"), 405, "method_not_allowed"},
      {"GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403, "forbidden"},
      {"GET /" + std::string(5000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n", 414,
       "request_too_large"},
      {"rubbish\r\n\r\n", 400, "malformed_request"},
  };
  for (const Case& c : cases) {
    const RawResponse response = Ask(c.bytes);
    EXPECT_EQ(response.status, c.status) << c.bytes.substr(0, 200);
    EXPECT_EQ(Json::parse(response.body)["error"]["code"], c.code) << c.bytes.substr(0, 200);
  }
  provider_.Refuse({ErrorCode::kContextLengthExceeded, "3000 tokens do not fit 2048"});
  const RawResponse overflow = Ask(Chat(R"(,"stream":true)"));
  EXPECT_EQ(overflow.status, 400);
  EXPECT_EQ(Json::parse(overflow.body)["error"]["code"], "context_length_exceeded");
}

TEST_F(RoutesTest, GivesAWholeAnswer) {
  Start();
  RawClient client(server_->port());
  client.Send(Chat(R"(,"n":2,"logprobs":true,"top_logprobs":1)"));
  const auto call = provider_.Next();
  EXPECT_EQ(call.request.choices, 2);
  EXPECT_EQ(call.request.top_logprobs, 1);
  call.sink->OnDelta({1, "b", {{{"b", -0.5f}, {{"b", -0.5f}}}}, {}, {}});
  call.sink->OnDelta({0,
                      "한",
                      {{{"\xed\x95\x9c", -1.0f}, {{"x", -std::numeric_limits<float>::infinity()}}}},
                      {},
                      {}});
  call.sink->OnDelta({0, "글", {}, {}, {}});
  call.sink->OnChoiceEnd(1, {FinishReason::kLength, {}});
  call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
  call.sink->OnEnd(providers::ChatUsage{5, 2, 3});
  const Json answer = Json::parse(client.ReadResponse().body);
  EXPECT_EQ(answer["id"], "chatcmpl-ID");
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_EQ(answer["created"], 1700000001);
  EXPECT_EQ(answer["choices"][0]["message"]["content"], "한글");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer["choices"][1]["finish_reason"], "length");
  const Json token = answer["choices"][0]["logprobs"]["content"][0];
  EXPECT_EQ(token["bytes"], Json({0xed, 0x95, 0x9c}));
  EXPECT_EQ(token["top_logprobs"][0]["logprob"], -9999.0);
  EXPECT_EQ(answer["usage"]["total_tokens"], 8);
  EXPECT_EQ(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 2);
}

TEST_F(RoutesTest, StreamsAsOpenAiDoes) {
  Start();
  RawClient client(server_->port());
  client.Send(Chat(R"(,"stream":true,"stream_options":{"include_usage":true})"));
  const auto call = provider_.Next();
  ASSERT_TRUE(client.ReadUntil("\"role\":\"assistant\""))
      << "the role comes before the first token";
  call.sink->OnDelta({0, "He\n", {}, {}, {}});
  ASSERT_TRUE(client.ReadUntil("He\\n"));
  call.sink->OnDelta({0, "llo", {}, {}, {}});
  call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
  call.sink->OnEnd(providers::ChatUsage{5, 0, 2});
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream; charset=utf-8");
  const auto events = Events(response.body);
  ASSERT_EQ(events.size(), 6u);
  for (size_t i = 0; i < 5; ++i) {
    const Json chunk = Json::parse(events[i]);
    EXPECT_EQ(chunk["object"], "chat.completion.chunk");
    EXPECT_EQ(chunk["id"], "chatcmpl-ID");
    EXPECT_TRUE(chunk.contains("usage"));
    EXPECT_EQ(chunk["usage"].is_null(), i < 4);
  }
  EXPECT_EQ(Json::parse(events[0])["choices"][0]["delta"]["role"], "assistant");
  EXPECT_EQ(Json::parse(events[1])["choices"][0]["delta"], Json({{"content", "He\n"}}));
  EXPECT_TRUE(Json::parse(events[1])["choices"][0]["finish_reason"].is_null());
  EXPECT_EQ(Json::parse(events[3])["choices"][0]["delta"], Json::object());
  EXPECT_EQ(Json::parse(events[3])["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(Json::parse(events[4])["choices"], Json::array());
  EXPECT_EQ(Json::parse(events[4])["usage"]["completion_tokens"], 2);
  EXPECT_EQ(events[5], "[DONE]");
}

constexpr char kTools[] =
    R"(,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}])";

/// An answer that thinks, speaks and calls twice; its two calls come in pieces.
void AnswerWithCalls(providers::ChatSink& sink) {
  sink.OnDelta({0, "", {}, "Hm", {}});
  sink.OnDelta({0, "Yes", {}, ".", {{0, "call_1", "f", "{"}}});
  sink.OnDelta({0, "", {}, "", {{0, "", "", "}"}, {1, "call_2", "g", ""}}});
  sink.OnDelta({0, "", {}, "", {{1, "", "", "{}"}}});
  sink.OnChoiceEnd(0, {FinishReason::kToolCalls, {}});
  sink.OnEnd(providers::ChatUsage{5, 0, 2});
}

TEST_F(RoutesTest, CallsAreStreamedAsOpenAiDoes) {
  Start();
  RawClient client(server_->port());
  client.Send(Chat(std::string(kTools) + R"(,"stream":true)"));
  const auto call = provider_.Next();
  EXPECT_EQ(call.request.tools[0].name, "f");
  ASSERT_TRUE(client.ReadUntil("\"role\":\"assistant\""));
  AnswerWithCalls(*call.sink);
  std::vector<Json> deltas;
  Json reason;
  for (const std::string& event : Events(client.ReadResponse().body)) {
    if (event == "[DONE]") break;
    const Json choice = Json::parse(event)["choices"][0];
    deltas.push_back(choice["delta"]);
    reason = choice["finish_reason"];
  }
  EXPECT_EQ(reason, "tool_calls");
  ASSERT_GE(deltas.size(), 8u);
  EXPECT_TRUE(deltas[0]["content"].is_null());
  std::string reasoning;
  std::string content;
  std::string arguments[2];
  std::vector<Json> begins;
  for (const Json& delta : deltas) {
    if (delta.contains("reasoning_content")) reasoning += delta["reasoning_content"];
    if (delta.contains("content") && delta["content"].is_string()) content += delta["content"];
    if (!delta.contains("tool_calls")) continue;
    ASSERT_EQ(delta["tool_calls"].size(), 1u);
    const Json& part = delta["tool_calls"][0];
    if (part.contains("id")) begins.push_back(part);
    arguments[part["index"].get<int>()] += part["function"]["arguments"];
  }
  EXPECT_EQ(reasoning, "Hm.");
  EXPECT_EQ(content, "Yes");
  EXPECT_EQ(begins, (std::vector<Json>{Json::parse(R"({"index":0,"id":"call_1","type":"function",
                                        "function":{"name":"f","arguments":""}})"),
                                       Json::parse(R"({"index":1,"id":"call_2","type":"function",
                                        "function":{"name":"g","arguments":""}})")}));
  EXPECT_EQ(arguments[0], "{}");
  EXPECT_EQ(arguments[1], "{}");
}

TEST_F(RoutesTest, CallsInAWholeAnswer) {
  Start();
  RawClient client(server_->port());
  client.Send(Chat(kTools));
  AnswerWithCalls(*provider_.Next().sink);
  const Json choice = Json::parse(client.ReadResponse().body)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "tool_calls");
  EXPECT_EQ(choice["message"], Json::parse(R"({"role":"assistant","content":"Yes","refusal":null,
      "reasoning_content":"Hm.","tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},
        {"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]})"));
}

TEST_F(RoutesTest, CallsByTheirOlderName) {
  Start();
  for (const bool stream : {false, true}) {
    RawClient client(server_->port());
    client.Send(Chat(std::string(R"(,"functions":[{"name":"f"}],"function_call":{"name":"f"})") +
                     (stream ? R"(,"stream":true)" : "")));
    const auto call = provider_.Next();
    EXPECT_EQ(call.request.tool_choice, providers::ToolChoice::kNamed);
    EXPECT_FALSE(call.request.parallel_tool_calls);
    call.sink->OnDelta({0, "", {}, "", {{0, "call_1", "f", "{}"}}});
    call.sink->OnChoiceEnd(0, {FinishReason::kToolCalls, {}});
    call.sink->OnEnd(providers::ChatUsage{5, 0, 2});
    const std::string body = client.ReadResponse().body;
    if (stream) {
      EXPECT_NE(body.find(R"("delta":{"function_call":{"name":"f","arguments":""}})"), body.npos);
      EXPECT_NE(body.find(R"("delta":{"function_call":{"arguments":"{}"}})"), body.npos);
      EXPECT_NE(body.find(R"("finish_reason":"function_call")"), body.npos);
      continue;
    }
    const Json choice = Json::parse(body)["choices"][0];
    EXPECT_EQ(choice["finish_reason"], "function_call");
    EXPECT_TRUE(choice["message"]["content"].is_null());
    EXPECT_EQ(choice["message"]["function_call"], Json({{"name", "f"}, {"arguments", "{}"}}));
    EXPECT_FALSE(choice["message"].contains("tool_calls"));
  }
}

TEST_F(RoutesTest, AnErrorInMidStreamEndsItWithoutDone) {
  Start();
  RawClient client(server_->port());
  client.Send(Chat(R"(,"stream":true)"));
  const auto call = provider_.Next();
  call.sink->OnDelta({0, "part", {}, {}, {}});
  call.sink->OnEnd(tl::unexpected(Error{ErrorCode::kInternal, "non-finite logits"}));
  const auto events = Events(client.ReadResponse().body);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(Json::parse(events[2])["error"]["code"], "internal_error");
}

TEST_F(RoutesTest, AClientThatLeavesCancelsItsCompletion) {
  Start();
  test::ScriptedProvider::Call call;
  {
    RawClient client(server_->port());
    client.Send(Chat());
    call = provider_.Next();
  }
  EXPECT_TRUE(provider_.WaitForCancel());
}

TEST_F(RoutesTest, AClientThatLeavesAStreamCancelsItsCompletion) {
  Start();
  test::ScriptedProvider::Call call;
  {
    RawClient client(server_->port());
    client.Send(Chat(R"(,"stream":true)"));
    call = provider_.Next();
    ASSERT_TRUE(client.ReadUntil("assistant"));
  }
  EXPECT_TRUE(provider_.WaitForCancel());
}

TEST_F(RoutesTest, TokensOfASlowReaderAreJoined) {
  options_.max_outgoing_bytes = 4 << 10;
  options_.socket_send_bytes = 4 << 10;
  Start();
  RawClient client(server_->port(), 4 << 10);
  client.Send(Chat(R"(,"stream":true)"));
  const auto call = provider_.Next();
  std::string text;
  for (int i = 0; i < 5000; ++i) {
    const std::string token = std::to_string(i) + " ";
    text += token;
    call.sink->OnDelta({0, token, {}, {}, {}});
  }
  call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
  call.sink->OnEnd(providers::ChatUsage{});
  const auto events = Events(client.ReadResponse().body);
  std::string received;
  for (const std::string& event : events) {
    if (event == "[DONE]") continue;
    received += Json::parse(event)["choices"][0]["delta"].value("content", "");
  }
  EXPECT_EQ(received, text);
  EXPECT_LT(events.size(), 2500u);
  EXPECT_EQ(events.back(), "[DONE]");
}

TEST_F(RoutesTest, AReaderThatLagsTooFarIsCutOff) {
  options_.max_outgoing_bytes = 4 << 10;
  options_.socket_send_bytes = 4 << 10;
  Start();
  RawClient client(server_->port(), 4 << 10);
  client.Send(Chat(R"(,"stream":true)"));
  const auto call = provider_.Next();
  const std::string token(1000, 'x');
  for (int i = 0; i < 5000; ++i) call.sink->OnDelta({0, token, {}, {}, {}});
  EXPECT_TRUE(provider_.WaitForCancel());
}

TEST_F(RoutesTest, ServesThePageForAddressesInsideTheApp) {
  Start();
  const std::string html = "Host: localhost\r\nAccept: text/html\r\n\r\n";
  EXPECT_EQ(Ask("GET / HTTP/1.1\r\n" + html).status, 200);
  EXPECT_EQ(Ask("GET /chat/1 HTTP/1.1\r\n" + html).headers.at("content-type"),
            "text/html; charset=utf-8");
  EXPECT_EQ(Ask("GET /v1/nothing HTTP/1.1\r\n" + html).status, 404);
}

}  // namespace
}  // namespace dure::api
