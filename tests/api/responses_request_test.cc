// What the Responses API's body becomes, and what of it is refused.
#include "api/responses/responses_request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace dure::api {
namespace {

using providers::ChatMessage;
using providers::Role;
using providers::ToolChoice;

ApiResult<ResponsesBody> Try(const std::string& body) {
  int ids = 0;
  return ParseResponsesBody(body, {}, [&] { return std::to_string(++ids); });
}

ResponsesBody Parse(const std::string& body) {
  auto parsed = Try(body);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message) << "\n" << body;
  return parsed.value_or(ResponsesBody{});
}

std::string With(const std::string& more) { return R"({"model":"m","input":"hi")" + more + "}"; }

std::string Items(const std::string& items) { return R"({"model":"m","input":)" + items + "}"; }

std::vector<ChatMessage> Messages(const Json& items) {
  std::vector<ChatMessage> messages;
  for (const Json& item : items) AppendItem(item, messages);
  return messages;
}

TEST(ResponsesRequestTest, ReadsEveryParameter) {
  const auto body = Parse(With(
      R"(,"instructions":"Be kind","max_output_tokens":20,"temperature":0.5,"top_p":0.9,"top_k":4,"seed":7,
      "stream":true,"store":true,"background":true,"metadata":{"a":"b"},"previous_response_id":"resp_0",
      "text":{"format":{"type":"json_schema","name":"n","schema":{"type":"object"},"strict":true}},
      "reasoning":{"effort":"low","summary":"auto"},"include":["message.output_text.logprobs"],"top_logprobs":3,
      "tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],
      "tool_choice":{"type":"function","name":"f"},"parallel_tool_calls":false,"truncation":"disabled","user":"u")"));
  const auto& request = body.request;
  EXPECT_EQ(body.instructions, "Be kind");
  EXPECT_EQ(body.previous_response_id, "resp_0");
  EXPECT_TRUE(body.stream && body.background && body.store && body.with_logprobs);
  EXPECT_EQ(request.max_tokens, 20);
  EXPECT_FLOAT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_EQ(request.sampling.top_k, 4);
  EXPECT_EQ(request.sampling.seed, 7u);
  EXPECT_EQ(request.top_logprobs, 3);
  EXPECT_EQ(request.json_schema, R"({"type":"object"})");
  EXPECT_EQ(request.reasoning_effort, "low");
  ASSERT_EQ(request.tools.size(), 1u);
  EXPECT_TRUE(request.tools[0].strict);
  EXPECT_EQ(request.tool_choice, ToolChoice::kNamed);
  EXPECT_FALSE(request.parallel_tool_calls);
  EXPECT_EQ(body.echo["metadata"]["a"], "b");
  EXPECT_EQ(body.echo["tools"][0]["name"], "f");
  EXPECT_EQ(body.echo["text"]["format"]["name"], "n");
  const auto plain = Parse(With(""));
  EXPECT_TRUE(plain.store);
  EXPECT_EQ(plain.echo["text"]["format"]["type"], "text");
  EXPECT_EQ(plain.echo["tool_choice"], "auto");
}

TEST(ResponsesRequestTest, ItemsBecomeMessages) {
  const auto body = Parse(Items(R"([
      {"role":"developer","content":"Be brief."},
      {"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]},
      {"type":"reasoning","id":"rs_1","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},
      {"type":"message","id":"msg_9","role":"assistant","status":"completed",
       "content":[{"type":"output_text","text":"I look","annotations":[],"logprobs":[]}]},
      {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"x\":1}"},
      {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
      {"type":"function_call_output","call_id":"c1","output":"42"},
      {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"none"}]}])"));
  ASSERT_EQ(body.input.size(), 8u);
  EXPECT_EQ(body.input[3]["id"], "msg_9") << "an id that was given stays";
  EXPECT_TRUE(body.input[4]["id"].get<std::string>().starts_with("fc_"));
  const auto messages = Messages(body.input);
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[0].role, Role::kDeveloper);
  EXPECT_EQ(messages[1].content, "a\nb");
  EXPECT_EQ(messages[2].role, Role::kAssistant);
  EXPECT_EQ(messages[2].content, "I look");
  ASSERT_EQ(messages[2].tool_calls.size(), 2u);
  EXPECT_EQ(messages[2].tool_calls[1].name, "g");
  EXPECT_EQ(messages[3].role, Role::kTool);
  EXPECT_EQ(messages[3].tool_call_id, "c1");
  EXPECT_EQ(messages[4].content, "none");
}

TEST(ResponsesRequestTest, RefusesByName) {
  struct Case {
    std::string body;
    std::string code;
    std::string param;
  };
  const Case cases[] = {
      {"[", "invalid_json", ""},
      {R"({"model":"m"})", "missing_required_parameter", "input"},
      {R"({"input":"x"})", "missing_required_parameter", "model"},
      {With(R"(,"frobnicate":1)"), "unknown_parameter", "frobnicate"},
      {With(R"(,"messages":[])"), "unknown_parameter", "messages"},
      {With(R"(,"temperature":3)"), "invalid_value", "temperature"},
      {With(R"(,"max_output_tokens":0)"), "invalid_value", "max_output_tokens"},
      {With(R"(,"truncation":"auto")"), "unsupported_value", "truncation"},
      {With(R"(,"conversation":"c")"), "unsupported_parameter", "conversation"},
      {With(R"(,"include":["file_search_call.results"])"), "unsupported_value", "include"},
      {With(R"(,"text":{"verbosity":"low"})"), "unsupported_value", "text.verbosity"},
      {With(R"(,"text":{"format":{"type":"grammar"}})"), "unsupported_value", "text.format.type"},
      {With(R"(,"reasoning":{"effort":"most"})"), "unsupported_value", "reasoning.effort"},
      {With(R"(,"reasoning":{"summary":"detailed"})"), "unsupported_value", "reasoning.summary"},
      {With(R"(,"background":true,"store":false)"), "invalid_value", "background"},
      {With(R"(,"metadata":{"a":1})"), "invalid_type", "metadata.a"},
      {With(R"(,"tools":[{"type":"web_search"}])"), "unsupported_value", "tools[0].type"},
      {With(R"(,"tools":[{"type":"function","function":{"name":"f"}}])"), "unknown_parameter",
       "tools[0].function"},
      {With(R"(,"tool_choice":"required")"), "invalid_value", "tool_choice"},
      {With(R"(,"tool_choice":{"type":"file_search"})"), "unsupported_value", "tool_choice"},
      {Items("[]"), "invalid_value", "input"},
      {Items(R"([{"type":"item_reference","id":"x"}])"), "unsupported_value", "input[0].type"},
      {Items(R"([{"role":"tool","content":"x"}])"), "invalid_value", "input[0].role"},
      {Items(R"([{"role":"user","content":[{"type":"input_image","image_url":"x"}]}])"),
       "unsupported_value", "input[0].content[0].type"},
      {Items(R"([{"type":"function_call","name":"f","arguments":"{}"}])"),
       "missing_required_parameter", "input[0].call_id"},
      {Items(R"([{"role":"user","content":"x","name":"n"}])"), "unknown_parameter",
       "input[0].name"},
  };
  for (const Case& c : cases) {
    const auto parsed = Try(c.body);
    ASSERT_FALSE(parsed) << c.body;
    EXPECT_EQ(parsed.error().code, c.code) << c.body << ": " << parsed.error().message;
    EXPECT_EQ(parsed.error().param, c.param) << c.body;
  }
}

TEST(ResponsesRequestTest, EveryParameterIsDocumented) {
  std::ifstream file(DURE_TEST_DATA "/../../docs/api.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = page.find("## POST /v1/responses");
  ASSERT_NE(begin, page.npos);
  const std::string section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
  for (const std::string_view name : KnownResponsesParameters()) {
    EXPECT_NE(section.find("`" + std::string(name) + "`"), section.npos) << name;
  }
}

}  // namespace
}  // namespace dure::api
