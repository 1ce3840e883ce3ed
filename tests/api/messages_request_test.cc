// What the Messages API's body becomes, and what of it is refused.
#include "api/anthropic/messages_request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace dure::api {
namespace {

using providers::Role;
using providers::ToolChoice;

MessagesBody Parse(const std::string& body) {
  auto parsed = ParseMessagesBody(body, MessagesPurpose::kAnswer);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message) << "\n" << body;
  return parsed.value_or(MessagesBody{});
}

std::string With(const std::string& more) {
  return R"({"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hi"}])" + more + "}";
}

std::string Chat(const std::string& messages) {
  return R"({"model":"m","max_tokens":10,"messages":)" + messages + "}";
}

TEST(MessagesRequestTest, ReadsEveryParameter) {
  const auto body = Parse(With(
      R"(,"system":[{"type":"text","text":"Be","cache_control":{"type":"ephemeral"}},{"type":"text","text":"kind"}],
      "temperature":0.5,"top_p":0.9,"top_k":40,"stop_sequences":["A","B"],"stream":true,
      "metadata":{"user_id":"u"},"service_tier":"auto","thinking":{"type":"enabled","budget_tokens":1024},
      "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"object"}}},
      "tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"strict":true}],
      "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true})"));
  const auto& request = body.request;
  EXPECT_TRUE(body.stream);
  ASSERT_EQ(request.messages.size(), 2u);
  EXPECT_EQ(request.messages[0].role, Role::kSystem);
  EXPECT_EQ(request.messages[0].content, "Be\nkind");
  EXPECT_EQ(request.messages[1].content, "hi");
  EXPECT_EQ(request.max_tokens, 10);
  EXPECT_FLOAT_EQ(request.sampling.temperature, 0.5f);
  EXPECT_FLOAT_EQ(request.sampling.top_p, 0.9f);
  EXPECT_EQ(request.sampling.top_k, 40);
  EXPECT_EQ(request.stop, (std::vector<std::string>{"A", "B"}));
  EXPECT_EQ(request.reasoning_effort, "low");
  EXPECT_EQ(request.json_schema, R"({"type":"object"})");
  ASSERT_EQ(request.tools.size(), 1u);
  EXPECT_EQ(request.tools[0].description, "d");
  EXPECT_TRUE(request.tools[0].strict);
  EXPECT_EQ(request.tool_choice, ToolChoice::kNamed);
  EXPECT_EQ(request.named_tool, "f");
  EXPECT_FALSE(request.parallel_tool_calls);
}

TEST(MessagesRequestTest, BlocksBecomeMessages) {
  const auto request = Parse(Chat(R"([
      {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
      {"role":"user","content":"c"},
      {"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"I look"},
        {"type":"tool_use","id":"t1","name":"f","input":{"x":[1,"한"]}},{"type":"tool_use","id":"t2","name":"g","input":{}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"42"}]},
        {"type":"tool_result","tool_use_id":"t2","content":"none","is_error":true},{"type":"text","text":"and?"}]}])"))
                           .request;
  ASSERT_EQ(request.messages.size(), 5u);
  EXPECT_EQ(request.messages[0].content, "a\nb\nc");
  EXPECT_EQ(request.messages[1].role, Role::kAssistant);
  EXPECT_EQ(request.messages[1].content, "I look");
  ASSERT_EQ(request.messages[1].tool_calls.size(), 2u);
  EXPECT_EQ(request.messages[1].tool_calls[0].id, "t1");
  EXPECT_EQ(request.messages[1].tool_calls[0].arguments, R"({"x":[1,"한"]})");
  EXPECT_EQ(request.messages[2].role, Role::kTool);
  EXPECT_EQ(request.messages[2].tool_call_id, "t1");
  EXPECT_EQ(request.messages[2].content, "42");
  EXPECT_EQ(request.messages[3].content, "Error: none");
  EXPECT_EQ(request.messages[4].role, Role::kUser);
  EXPECT_EQ(request.messages[4].content, "and?");
}

TEST(MessagesRequestTest, RefusesByName) {
  struct Case {
    std::string body;
    std::string code;
    std::string param;
  };
  const std::string tool = R"(,"tools":[{"name":"f","input_schema":{}}])";
  const Case cases[] = {
      {"[", "invalid_json", ""},
      {"[]", "invalid_json", ""},
      {R"({"model":"m","messages":[{"role":"user","content":"x"}]})", "missing_required_parameter",
       "max_tokens"},
      {R"({"max_tokens":1,"messages":[{"role":"user","content":"x"}]})",
       "missing_required_parameter", "model"},
      {R"({"model":"m","max_tokens":1})", "missing_required_parameter", "messages"},
      {With(R"(,"frobnicate":1)"), "unknown_parameter", "frobnicate"},
      {With(R"(,"temperature":1.5)"), "invalid_value", "temperature"},
      {With(R"(,"top_k":-1)"), "invalid_value", "top_k"},
      {With(R"(,"stop_sequences":[""])"), "invalid_value", "stop_sequences"},
      {With(R"(,"metadata":{"name":"x"})"), "unknown_parameter", "metadata.name"},
      {With(R"(,"mcp_servers":[])"), "unsupported_parameter", "mcp_servers"},
      {With(R"(,"thinking":{"type":"between_tools"})"), "unsupported_value", "thinking.type"},
      {With(R"(,"output_config":{"effort":"max"})"), "unsupported_value", "output_config.effort"},
      {With(R"(,"system":[{"type":"image"}])"), "unsupported_value", "system[0].type"},
      {With(R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}])"),
       "unsupported_value", "tools[0].type"},
      {With(R"(,"tools":[{"name":"f"}])"), "missing_required_parameter", "tools[0].input_schema"},
      {With(R"(,"tools":[{"name":"f g","input_schema":{}}])"), "invalid_value", "tools[0].name"},
      {With(R"(,"tools":[{"name":"f","input_schema":{}},{"name":"f","input_schema":{}}])"),
       "invalid_value", "tools"},
      {With(R"(,"tool_choice":{"type":"any"})"), "invalid_value", "tool_choice"},
      {With(tool + R"(,"tool_choice":{"type":"tool","name":"g"})"), "invalid_value", "tool_choice"},
      {With(tool + R"(,"tool_choice":{"type":"maybe"})"), "invalid_value", "tool_choice.type"},
      {Chat("[]"), "invalid_value", "messages"},
      {Chat(R"([{"role":"user","content":[]}])"), "invalid_value", "messages"},
      {Chat(R"([{"role":"robot","content":"x"}])"), "invalid_value", "messages[0].role"},
      {Chat(R"([{"role":"user"}])"), "missing_required_parameter", "messages[0].content"},
      {Chat(R"([{"role":"user","content":"x","name":"n"}])"), "unknown_parameter",
       "messages[0].name"},
      {Chat(R"([{"role":"user","content":[{"type":"image","source":{}}]}])"), "unsupported_value",
       "messages[0].content[0].type"},
      {Chat(R"([{"role":"user","content":[{"type":"tool_use","id":"i","name":"f","input":{}}]}])"),
       "unsupported_value", "messages[0].content[0].type"},
      {Chat(R"([{"role":"user","content":[{"type":"text","text":5}]}])"), "invalid_type",
       "messages[0].content[0].text"},
      {Chat(R"([{"role":"user","content":"x"},{"role":"assistant","content":"The answer is"}])"),
       "unsupported_value", "messages"},
  };
  for (const Case& c : cases) {
    const auto parsed = ParseMessagesBody(c.body, MessagesPurpose::kAnswer);
    ASSERT_FALSE(parsed) << c.body;
    EXPECT_EQ(parsed.error().code, c.code) << c.body << ": " << parsed.error().message;
    EXPECT_EQ(parsed.error().param, c.param) << c.body;
  }
}

TEST(MessagesRequestTest, CountingTakesOnlyWhatThePromptIsMadeOf) {
  const std::string count = R"({"model":"m","messages":[{"role":"user","content":"hi"}])";
  EXPECT_TRUE(ParseMessagesBody(count + "}", MessagesPurpose::kCount));
  EXPECT_TRUE(ParseMessagesBody(count + R"(,"system":"s","tools":[]})", MessagesPurpose::kCount));
  const auto refused = ParseMessagesBody(With(""), MessagesPurpose::kCount);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "max_tokens");
}

TEST(MessagesRequestTest, EveryParameterIsDocumented) {
  std::ifstream file(DURE_TEST_DATA "/../../docs/api.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  const size_t begin = page.find("## POST /v1/messages");
  ASSERT_NE(begin, page.npos);
  const std::string section = page.substr(begin, page.find("\n## ", begin + 1) - begin);
  for (const std::string_view name : KnownMessagesParameters()) {
    EXPECT_NE(section.find("| `" + std::string(name) + "` |"), section.npos) << name;
  }
}

}  // namespace
}  // namespace dure::api
