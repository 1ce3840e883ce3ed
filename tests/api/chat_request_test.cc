#include "api/openai/chat_request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace dure::api {
namespace {

// A valid body with more parameters: Body(R"("n": 2)").
std::string Body(const std::string& more,
                 const std::string& messages = R"([{"role":"user","content":"hi"}])") {
  return R"({"model":"m","messages":)" + messages + (more.empty() ? "" : "," + more) + "}";
}

TEST(ChatRequestTest, DefaultsAreOpenAis) {
  const auto body = ParseChatBody(Body(""));
  ASSERT_TRUE(body) << body.error().message;
  const providers::ChatRequest& request = body->request;
  EXPECT_EQ(request.sampling.temperature, 1.0f);
  EXPECT_EQ(request.sampling.top_p, 1.0f);
  EXPECT_EQ(request.sampling.top_k, 0);
  EXPECT_EQ(request.max_tokens, -1);
  EXPECT_EQ(request.choices, 1);
  EXPECT_EQ(request.top_logprobs, -1);
  EXPECT_FALSE(request.sampling.seed);
  EXPECT_FALSE(body->stream);
}

TEST(ChatRequestTest, TakesEveryParameter) {
  const auto body = ParseChatBody(Body(
      R"("stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":7,"temperature":0,
         "top_p":0.5,"top_k":40,"min_p":0.1,"typical_p":0.9,"presence_penalty":-2,"frequency_penalty":2,
         "repetition_penalty":1.1,"logit_bias":{"5":-100,"6":1.5},"seed":-1,"stop":["a","b"],"n":8,
         "logprobs":true,"top_logprobs":20,"response_format":{"type":"text"},
         "chat_template_kwargs":{"x":1},"tools":[],"tool_choice":"none","store":false,"modalities":["text"],
         "user":"u","metadata":{"a":"b"},"service_tier":"auto","safety_identifier":"s","prompt_cache_key":"k",
         "parallel_tool_calls":true,"prediction":{"type":"content","content":"x"},"reasoning_effort":null)"));
  ASSERT_TRUE(body) << body.error().message;
  const providers::ChatRequest& request = body->request;
  EXPECT_TRUE(body->stream);
  EXPECT_TRUE(body->include_usage);
  EXPECT_EQ(request.max_tokens, 7);
  EXPECT_EQ(request.sampling.temperature, 0.0f);
  EXPECT_EQ(request.sampling.top_k, 40);
  EXPECT_EQ(request.sampling.logit_bias.size(), 2u);
  EXPECT_EQ(request.sampling.seed, ~uint64_t{0});
  EXPECT_EQ(request.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request.choices, 8);
  EXPECT_EQ(request.top_logprobs, 20);
  EXPECT_EQ(request.template_arguments["x"], 1);
}

TEST(ChatRequestTest, TakesEveryKindOfMessage) {
  const auto body = ParseChatBody(Body("", R"([
    {"role":"system","content":"s"},
    {"role":"developer","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},
    {"role":"user","content":"","name":"ann"},
    {"role":"assistant","content":null,"refusal":null,"annotations":[],
     "tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},
    {"role":"tool","content":"42","tool_call_id":"c1"},
    {"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}])"));
  ASSERT_TRUE(body) << body.error().message;
  const auto& messages = body->request.messages;
  ASSERT_EQ(messages.size(), 6u);
  EXPECT_EQ(messages[1].role, providers::Role::kDeveloper);
  EXPECT_EQ(messages[1].content, "one\ntwo");
  EXPECT_EQ(messages[2].name, "ann");
  EXPECT_EQ(messages[3].tool_calls[0].arguments, "{\"a\":1}");
  EXPECT_EQ(messages[4].tool_call_id, "c1");
  EXPECT_EQ(messages[5].content, "no");
}

TEST(ChatRequestTest, RefusesByName) {
  struct Case {
    std::string body;
    std::string_view code;
    std::string_view param;
  };
  const Case cases[] = {
      {"", "invalid_json", ""},
      {"[]", "invalid_json", ""},
      {"{\"model\":\"m\"", "invalid_json", ""},
      {R"({"messages":[{"role":"user","content":"x"}]})", "missing_required_parameter", "model"},
      {R"({"model":"m"})", "missing_required_parameter", "messages"},
      {R"({"model":null,"messages":[{"role":"user","content":"x"}]})", "missing_required_parameter",
       "model"},
      {R"({"model":5,"messages":[{"role":"user","content":"x"}]})", "invalid_type", "model"},
      {Body(R"("frobnicate":1)"), "unknown_parameter", "frobnicate"},
      {Body(R"("temperature":"hot")"), "invalid_type", "temperature"},
      {Body(R"("temperature":2.1)"), "invalid_value", "temperature"},
      {Body(R"("temperature":-0.1)"), "invalid_value", "temperature"},
      {Body(R"("top_p":0)"), "invalid_value", "top_p"},
      {Body(R"("top_p":1.01)"), "invalid_value", "top_p"},
      {Body(R"("top_k":-2)"), "invalid_value", "top_k"},
      {Body(R"("top_k":1.5)"), "invalid_type", "top_k"},
      {Body(R"("min_p":2)"), "invalid_value", "min_p"},
      {Body(R"("repetition_penalty":0)"), "invalid_value", "repetition_penalty"},
      {Body(R"("presence_penalty":3)"), "invalid_value", "presence_penalty"},
      {Body(R"("max_tokens":0)"), "invalid_value", "max_tokens"},
      {Body(R"("max_tokens":99999999999999999999)"), "invalid_type", "max_tokens"},
      {Body(R"("max_tokens":18446744073709551615)"), "invalid_value", "max_tokens"},
      {Body(R"("max_tokens":1,"max_completion_tokens":2)"), "invalid_value", "max_tokens"},
      {Body(R"("n":0)"), "invalid_value", "n"},
      {Body(R"("n":9)"), "invalid_value", "n"},
      {Body(R"("stop":"")"), "invalid_value", "stop"},
      {Body(R"("stop":["a",1])"), "invalid_type", "stop"},
      {Body(R"("stop":["1","2","3","4","5","6","7","8","9","a","b","c","d","e","f","g","h"])"),
       "invalid_value", "stop"},
      {Body(R"("logit_bias":{"x":1})"), "invalid_value", "logit_bias"},
      {Body(R"("logit_bias":{"-1":1})"), "invalid_value", "logit_bias"},
      {Body(R"("logit_bias":{"1":101})"), "invalid_value", "logit_bias.1"},
      {Body(R"("top_logprobs":5)"), "invalid_value", "top_logprobs"},
      {Body(R"("logprobs":true,"top_logprobs":21)"), "invalid_value", "top_logprobs"},
      {Body(R"("logprobs":3)"), "invalid_type", "logprobs"},
      {Body(R"("seed":1.5)"), "invalid_type", "seed"},
      {Body(R"("stream":"yes")"), "invalid_type", "stream"},
      {Body(R"("stream_options":{"include_usage":true})"), "invalid_value", "stream_options"},
      {Body(R"("stream":true,"stream_options":{"x":1})"), "unknown_parameter", "stream_options.x"},
      {Body(R"("response_format":{"type":"xml"})"), "unsupported_value", "response_format"},
      {Body(R"("response_format":{"type":"json_object","x":1})"), "unknown_parameter",
       "response_format.x"},
      {Body(R"("response_format":{"type":"json_schema"})"), "invalid_type",
       "response_format.json_schema"},
      {Body(R"("response_format":{"type":"json_schema","json_schema":{"name":"a"}})"),
       "invalid_type", "response_format.json_schema.schema"},
      {Body(R"("response_format":{"type":"json_schema","json_schema":{"x":1,"schema":{}}})"),
       "unknown_parameter", "response_format.json_schema.x"},
      {Body(R"("store":true)"), "unsupported_value", "store"},
      {Body(R"("modalities":["text","audio"])"), "unsupported_value", "modalities"},
      {Body(R"("verbosity":"low")"), "unsupported_parameter", "verbosity"},
      {Body("", "[]"), "invalid_value", "messages"},
      {Body("", "\"hi\""), "invalid_type", "messages"},
      {Body("", "[5]"), "invalid_type", "messages[0]"},
      {Body("", R"([{"content":"x"}])"), "missing_required_parameter", "messages[0].role"},
      {Body("", R"([{"role":"robot","content":"x"}])"), "invalid_value", "messages[0].role"},
      {Body("", R"([{"role":"user"}])"), "missing_required_parameter", "messages[0].content"},
      {Body("", R"([{"role":"assistant","content":null}])"), "missing_required_parameter",
       "messages[0].content"},
      {Body("", R"([{"role":"user","content":5}])"), "invalid_type", "messages[0].content"},
      {Body("", R"([{"role":"user","content":"x","colour":"red"}])"), "unknown_parameter",
       "messages[0].colour"},
      {Body("", R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])"),
       "unsupported_value", "messages[0].content[0].type"},
      {Body("", R"([{"role":"user","content":[{"type":"text"}]}])"), "missing_required_parameter",
       "messages[0].content[0].text"},
      {Body("", R"([{"role":"assistant","tool_calls":[{"id":"a"}]}])"), "invalid_type",
       "messages[0].tool_calls[0].function"},
  };
  for (const Case& c : cases) {
    const auto body = ParseChatBody(c.body);
    ASSERT_FALSE(body) << c.body;
    EXPECT_EQ(body.error().code, c.code) << c.body;
    EXPECT_EQ(body.error().param, c.param) << c.body;
    EXPECT_FALSE(body.error().message.empty());
  }
}

constexpr char kTools[] =
    R"("tools":[{"type":"function","function":{"name":"f","description":"d","strict":true,
       "parameters":{"type":"object"}}},{"type":"function","function":{"name":"g-2","parameters":{}}}])";

TEST(ChatRequestTest, TakesTools) {
  const auto body = ParseChatBody(Body(std::string(kTools) +
                                       R"(,"parallel_tool_calls":false,"reasoning_effort":"low",
      "tool_choice":{"type":"function","function":{"name":"g-2"}})"));
  ASSERT_TRUE(body) << body.error().message;
  const providers::ChatRequest& request = body->request;
  ASSERT_EQ(request.tools.size(), 2u);
  EXPECT_EQ(request.tools[0].description, "d");
  EXPECT_TRUE(request.tools[0].strict);
  EXPECT_EQ(request.tools[0].parameters["type"], "object");
  EXPECT_TRUE(request.tools[1].parameters.is_null());
  EXPECT_FALSE(request.parallel_tool_calls);
  EXPECT_EQ(request.tool_choice, providers::ToolChoice::kNamed);
  EXPECT_EQ(request.named_tool, "g-2");
  EXPECT_EQ(request.reasoning_effort, "low");
  const auto required = ParseChatBody(Body(std::string(kTools) + R"(,"tool_choice":"required")"));
  EXPECT_EQ(required->request.tool_choice, providers::ToolChoice::kRequired);
}

TEST(ChatRequestTest, TakesFunctionsAndTheirMessages) {
  const auto body = ParseChatBody(
      Body(R"("functions":[{"name":"f","parameters":{"type":"object"}}],"function_call":"auto")",
           R"([{"role":"user","content":"?"},
          {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},
          {"role":"function","name":"f","content":"42"}])"));
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_TRUE(body->functions);
  EXPECT_FALSE(body->request.parallel_tool_calls);
  const auto& messages = body->request.messages;
  EXPECT_EQ(messages[1].tool_calls.at(0).name, "f");
  EXPECT_EQ(messages[2].role, providers::Role::kTool);
  EXPECT_EQ(messages[2].tool_call_id, messages[1].tool_calls[0].id);
}

TEST(ChatRequestTest, RefusesToolsByName) {
  const auto tool = [](const std::string& function) {
    return R"("tools":[{"type":"function","function":)" + function + "}]";
  };
  struct Case {
    std::string more;
    std::string code;
    std::string param;
  };
  const Case cases[] = {
      {R"("tools":{})", "invalid_type", "tools"},
      {R"("tools":[1])", "invalid_type", "tools[0]"},
      {R"("tools":[{"type":"custom","custom":{}}])", "unknown_parameter", "tools[0].custom"},
      {R"("tools":[{"type":"web_search","function":{}}])", "unsupported_value", "tools[0].type"},
      {R"("tools":[{"type":"function"}])", "missing_required_parameter", "tools[0].function"},
      {tool("{}"), "missing_required_parameter", "tools[0].function.name"},
      {tool(R"({"name":"no spaces"})"), "invalid_value", "tools[0].function.name"},
      {tool(R"({"name":")" + std::string(129, 'x') + R"("})"), "invalid_value",
       "tools[0].function.name"},
      {tool(R"({"name":"f","parameters":[]})"), "invalid_type", "tools[0].function.parameters"},
      {tool(R"({"name":"f","strict":"yes"})"), "invalid_type", "tools[0].function.strict"},
      {tool(R"({"name":"f","when":1})"), "unknown_parameter", "tools[0].function.when"},
      {tool(R"({"name":"f","description":")" + std::string(70'000, 'x') + R"("})"), "invalid_value",
       "tools[0].function"},
      {std::string(kTools) + R"(,"functions":[{"name":"f"}])", "invalid_value", "functions"},
      {R"("functions":[{"name":"f"},{"name":"f"}])", "invalid_value", "tools"},
      {R"("tool_choice":"required")", "invalid_value", "tool_choice"},
      {R"("function_call":{"name":"f"})", "invalid_value", "function_call"},
      {std::string(kTools) + R"(,"tool_choice":"perhaps")", "unsupported_value", "tool_choice"},
      {std::string(kTools) + R"(,"tool_choice":{"type":"function","function":{"name":"h"}})",
       "invalid_value", "tool_choice"},
      {std::string(kTools) + R"(,"tool_choice":"auto","function_call":"auto")", "invalid_value",
       "function_call"},
      {R"("parallel_tool_calls":1)", "invalid_type", "parallel_tool_calls"},
      {R"("reasoning_effort":"extreme")", "invalid_value", "reasoning_effort"},
  };
  for (const Case& c : cases) {
    const auto body = ParseChatBody(Body(c.more));
    ASSERT_FALSE(body) << c.more;
    EXPECT_EQ(body.error().code, c.code) << c.more;
    EXPECT_EQ(body.error().param, c.param) << c.more;
  }
}

TEST(ChatRequestTest, ToolsThatMustNotBeUsedAreNoError) {
  EXPECT_TRUE(ParseChatBody(
      Body(R"("tool_choice":"none","tools":[{"type":"function","function":{"name":"f"}}])")));
}

TEST(ChatRequestTest, EveryParameterIsInTheDocument) {
  std::ifstream file(std::string(DURE_TEST_DATA) + "/../../docs/api.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const std::string_view name : KnownChatParameters()) {
    EXPECT_NE(text.str().find("\n| `" + std::string(name) + "` |"), std::string::npos)
        << "docs/api.md has no row for " << name;
  }
}

}  // namespace
}  // namespace dure::api
