// POST /v1/completions over real connections, with completions that the test drives.
#include <limits>
#include <vector>

#include "tests/api/access_fixture.h"

namespace dure::api {
namespace {

using providers::FinishReason;
using test::RawClient;
using test::RawResponse;

class TextRoutesTest : public AccessFixture {
 protected:
  TextRoutesTest() {
    settings_.authentication.require_login = false;
    Start(false);
  }

  static std::string Text(const std::string& more, const std::string& prompt = "\"Once\"") {
    return Bytes("POST", "/v1/completions", "",
                 R"({"model":"m","prompt":)" + prompt + (more.empty() ? "" : "," + more) + "}");
  }
  static void End(const test::ScriptedProvider::TextCall& call, providers::ChatUsage usage) {
    call.sink->OnUsage(usage);
    call.sink->OnEnd(usage);
  }
  static std::vector<std::string> Events(const std::string& body) {
    std::vector<std::string> events;
    for (size_t at = 0; (at = body.find("data: ", at)) != std::string::npos;) {
      const size_t end = body.find("\n\n", at);
      events.push_back(body.substr(at + 6, end - at - 6));
      at = end;
    }
    return events;
  }
};

TEST_F(TextRoutesTest, GivesAWholeAnswer) {
  RawClient client(server_->port());
  client.Send(Text(R"("n":2,"logprobs":1)"));
  const auto call = provider_.NextText();
  EXPECT_EQ(std::get<std::string>(call.request.prompt), "Once");
  EXPECT_EQ(call.request.choices, 2);
  EXPECT_FALSE(call.request.tenant.empty());
  call.sink->OnDelta({1, " upon", {{{" upon", -0.5f}, {{" upon", -0.5f}}}}, {}, {}});
  call.sink->OnDelta({0, " more", {{{" more", -1.0f}, {{" upon", -0.5f}}}}, {}, {}});
  call.sink->OnChoiceEnd(0, {FinishReason::kStop, {}});
  call.sink->OnChoiceEnd(1, {FinishReason::kLength, {}});
  End(call, {1, 0, 2});
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 200);
  const Json answer = Json::parse(response.body);
  EXPECT_EQ(answer["id"].get<std::string>().substr(0, 5), "cmpl-");
  EXPECT_EQ(answer["object"], "text_completion");
  EXPECT_EQ(answer["model"], "m");
  EXPECT_EQ(answer["choices"][0]["text"], " more");
  EXPECT_EQ(answer["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(answer["choices"][0]["logprobs"]["top_logprobs"][0].size(), 2u);
  EXPECT_EQ(answer["choices"][1]["index"], 1);
  EXPECT_EQ(answer["choices"][1]["finish_reason"], "length");
  EXPECT_EQ(answer["choices"][1]["logprobs"]["tokens"], Json({" upon"}));
  EXPECT_EQ(answer["usage"]["total_tokens"], 3);
}

TEST_F(TextRoutesTest, SeveralPromptsAreOneAnswer) {
  RawClient client(server_->port());
  client.Send(Text(R"("n":2)", R"(["a","b"])"));
  const auto first = provider_.NextText();
  const auto second = provider_.NextText();
  EXPECT_EQ(std::get<std::string>(second.request.prompt), "b");
  for (const auto* call : {&second, &first}) {
    const std::string prompt = std::get<std::string>(call->request.prompt);
    for (const int choice : {1, 0}) {
      call->sink->OnDelta({choice, prompt + std::to_string(choice), {}, {}, {}});
      call->sink->OnChoiceEnd(choice, {FinishReason::kStop, {}});
    }
    End(*call, {10, 1, 5});
  }
  const Json answer = Json::parse(client.ReadResponse().body);
  ASSERT_EQ(answer["choices"].size(), 4u);
  const std::vector<std::string> texts = {"a0", "a1", "b0", "b1"};
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(answer["choices"][i]["index"], i);
    EXPECT_EQ(answer["choices"][i]["text"], texts[static_cast<size_t>(i)]);
  }
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 20);
  EXPECT_EQ(answer["usage"]["completion_tokens"], 10);
}

TEST_F(TextRoutesTest, TheFirstErrorOfSeveralPromptsEndsAll) {
  RawClient client(server_->port());
  client.Send(Text("", R"(["a","b"])"));
  const auto first = provider_.NextText();
  const auto second = provider_.NextText();
  second.sink->OnEnd(tl::unexpected(Error{ErrorCode::kContextLengthExceeded, "9 do not fit 8"}));
  EXPECT_TRUE(provider_.WaitForCancel());
  first.sink->OnEnd(tl::unexpected(Error{ErrorCode::kCancelled, "the request was cancelled"}));
  const RawResponse response = client.ReadResponse();
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(CodeOf(response), "context_length_exceeded");
  EXPECT_EQ(Json::parse(response.body)["error"]["param"], "prompt");
}

TEST_F(TextRoutesTest, StreamsAsOpenAiDoes) {
  RawClient client(server_->port());
  client.Send(Text(R"("stream":true,"logprobs":0,"stream_options":{"include_usage":true})"));
  const auto call = provider_.NextText();
  call.sink->OnDelta({0, " upon", {{{" upon", -0.5f}, {}}}, {}, {}});
  ASSERT_TRUE(client.ReadUntil(" upon"));
  call.sink->OnDelta({0, " a", {{{" a", -0.25f}, {}}}, {}, {}});
  ASSERT_TRUE(client.ReadUntil(" a"));
  call.sink->OnChoiceEnd(0, {FinishReason::kLength, {}});
  End(call, {1, 0, 2});
  const auto events = Events(client.ReadResponse().body);
  ASSERT_EQ(events.size(), 5u);
  const Json one = Json::parse(events[0]);
  EXPECT_EQ(one["object"], "text_completion");
  EXPECT_EQ(one["choices"][0]["text"], " upon");
  EXPECT_TRUE(one["choices"][0]["finish_reason"].is_null());
  EXPECT_TRUE(one["usage"].is_null());
  EXPECT_EQ(Json::parse(events[1])["choices"][0]["logprobs"]["text_offset"], Json({5}));
  const Json end = Json::parse(events[2]);
  EXPECT_EQ(end["choices"][0]["text"], "");
  EXPECT_EQ(end["choices"][0]["finish_reason"], "length");
  const Json usage = Json::parse(events[3]);
  EXPECT_EQ(usage["choices"], Json::array());
  EXPECT_EQ(usage["usage"]["completion_tokens"], 2);
  EXPECT_EQ(events[4], "[DONE]");
}

TEST_F(TextRoutesTest, AClientThatLeavesCancelsEveryPrompt) {
  test::ScriptedProvider::TextCall call;
  {
    RawClient client(server_->port());
    client.Send(Text(R"("stream":true)", R"(["a","b"])"));
    call = provider_.NextText();
    provider_.NextText();
  }
  EXPECT_TRUE(provider_.WaitForCancel());
}

TEST_F(TextRoutesTest, ErrorsNameTheirParameter) {
  struct Case {
    Error error;
    std::string code;
    Json param;
  };
  const Case cases[] = {
      {{ErrorCode::kUnsupported, "suffix cannot be used: ..."}, "unsupported_parameter", "suffix"},
      {{ErrorCode::kInvalidArgument, "the prompt is empty: ..."}, "invalid_value", "prompt"},
      {{ErrorCode::kContextLengthExceeded, "9 do not fit 8"}, "context_length_exceeded", "prompt"},
      {{ErrorCode::kInternal, "non-finite logits"}, "internal_error", nullptr},
  };
  for (const Case& c : cases) {
    provider_.Refuse(c.error);
    for (const char* more : {"", R"("stream":true)"}) {
      const RawResponse response = Ask(Text(more));
      EXPECT_EQ(CodeOf(response), c.code);
      EXPECT_EQ(Json::parse(response.body)["error"]["param"], c.param) << response.body;
    }
  }
}

TEST_F(TextRoutesTest, AModelForEmbeddingsWritesNoText) {
  providers::ModelInfo model;
  model.id = "m";
  model.kind = providers::ModelKind::kEmbedding;
  provider_.SetModels({model});
  for (const std::string& request :
       {Text(""), Bytes("POST", "/v1/chat/completions", "", ChatBody())}) {
    const RawResponse response = Ask(request);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(CodeOf(response), "unsupported_value");
    EXPECT_EQ(Json::parse(response.body)["error"]["param"], "model");
  }
}

}  // namespace
}  // namespace dure::api
