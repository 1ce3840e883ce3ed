#include "api/openai/text_request.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "api/openai/text_json.h"

namespace dure::api {
namespace {

std::string Body(const std::string& prompt, const std::string& more = "") {
  return R"({"model":"m","prompt":)" + prompt + (more.empty() ? "" : "," + more) + "}";
}

TEST(TextRequestTest, DefaultsAreOpenAis) {
  const auto body = ParseTextBody(Body("\"Once\""));
  ASSERT_TRUE(body) << body.error().message;
  ASSERT_EQ(body->requests.size(), 1u);
  const providers::TextRequest& request = body->requests[0];
  EXPECT_EQ(request.max_tokens, 16);
  EXPECT_EQ(request.choices, 1);
  EXPECT_EQ(request.top_logprobs, -1);
  EXPECT_FALSE(request.echo);
  EXPECT_FALSE(request.suffix);
  EXPECT_FALSE(body->stream);
}

TEST(TextRequestTest, TakesEveryKindOfPrompt) {
  const auto prompts = [](const std::string& prompt) {
    auto body = ParseTextBody(Body(prompt));
    EXPECT_TRUE(body) << body.error().message;
    std::vector<TextInput> out;
    for (auto& request : body->requests) out.push_back(request.prompt);
    return out;
  };
  using Tokens = std::vector<int32_t>;
  EXPECT_EQ(prompts("\"a\""), std::vector<TextInput>{std::string("a")});
  EXPECT_EQ(prompts(R"(["a","b"])"), (std::vector<TextInput>{std::string("a"), std::string("b")}));
  EXPECT_EQ(prompts("[1,2]"), std::vector<TextInput>{(Tokens{1, 2})});
  EXPECT_EQ(prompts("[[1],[2,3]]"), (std::vector<TextInput>{Tokens{1}, Tokens{2, 3}}));
}

TEST(TextRequestTest, EveryPromptGetsEveryParameter) {
  const auto body = ParseTextBody(
      Body(R"(["a","b"])", R"("max_tokens":0,"echo":true,"logprobs":5,"n":2,"best_of":2,"stop":"x",
           "seed":3,"user":"u","logit_bias":{"5":1},"top_k":4,"temperature":0.5,"stream":true,
           "stream_options":{"include_usage":true},"suffix":null)"));
  ASSERT_TRUE(body) << body.error().message;
  ASSERT_EQ(body->requests.size(), 2u);
  for (const providers::TextRequest& request : body->requests) {
    EXPECT_EQ(request.max_tokens, 0);
    EXPECT_TRUE(request.echo);
    EXPECT_EQ(request.top_logprobs, 5);
    EXPECT_EQ(request.choices, 2);
    EXPECT_EQ(request.stop, std::vector<std::string>{"x"});
    EXPECT_EQ(request.sampling.seed, 3u);
    EXPECT_EQ(request.sampling.top_k, 4);
  }
  EXPECT_TRUE(body->stream);
  EXPECT_TRUE(body->include_usage);
}

TEST(TextRequestTest, RefusesByName) {
  struct Case {
    std::string body;
    std::string code;
    std::string param;
  };
  TextRequestLimits limits;
  limits.max_prompts = 2;
  const Case cases[] = {
      {"[]", "invalid_json", ""},
      {R"({"model":"m"})", "missing_required_parameter", "prompt"},
      {R"({"prompt":"a"})", "missing_required_parameter", "model"},
      {Body("5"), "invalid_type", "prompt"},
      {Body("[]"), "invalid_value", "prompt"},
      {Body(R"(["a",[1]])"), "invalid_type", "prompt"},
      {Body(R"([1,"a"])"), "invalid_type", "prompt"},
      {Body("[1.5]"), "invalid_type", "prompt"},
      {Body("[-1]"), "invalid_value", "prompt"},
      {Body(R"([[1],["a"]])"), "invalid_type", "prompt[1]"},
      {Body(R"(["a","b","c"])"), "invalid_value", "prompt"},
      {Body("\"a\"", R"("logprobs":6)"), "invalid_value", "logprobs"},
      {Body("\"a\"", R"("logprobs":true)"), "invalid_type", "logprobs"},
      {Body("\"a\"", R"("max_tokens":-1)"), "invalid_value", "max_tokens"},
      {Body("\"a\"", R"("best_of":3)"), "unsupported_value", "best_of"},
      {Body("\"a\"", R"("echo":true,"suffix":"b")"), "unsupported_value", "echo"},
      {Body("\"a\"", R"("messages":[])"), "unknown_parameter", "messages"},
      {Body("\"a\"", R"("temperature":3)"), "invalid_value", "temperature"},
  };
  for (const Case& c : cases) {
    const auto body = ParseTextBody(c.body, limits);
    ASSERT_FALSE(body) << c.body;
    EXPECT_EQ(body.error().code, c.code) << c.body;
    EXPECT_EQ(body.error().param, c.param) << c.body;
    EXPECT_FALSE(body.error().message.empty());
  }
}

TEST(TextRequestTest, EveryParameterIsInTheDocument) {
  std::ifstream file(std::string(DURE_TEST_DATA) + "/../../docs/api.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string document = text.str();
  const size_t section = document.find("## POST /v1/completions");
  ASSERT_NE(section, std::string::npos);
  for (const std::string_view name : KnownTextParameters()) {
    EXPECT_NE(document.find("`" + std::string(name) + "`", section), std::string::npos)
        << "the section of /v1/completions says nothing about " << name;
  }
}

TEST(TextJsonTest, OffsetsCountCharactersAndGoOn) {
  TextLogprobs logprobs;
  const float unknown = std::numeric_limits<float>::quiet_NaN();
  // "é" in two tokens, then "한" whole.
  const Json first = logprobs.Next({{{"a", unknown}, {}}, {{"\xc3", -1.0f}, {{"b", -0.5f}}}});
  const Json second = logprobs.Next({{{"\xa9", -2.0f}, {}}, {{"한", -3.0f}, {{"한", -3.0f}}}});
  EXPECT_EQ(first["tokens"], Json({"a", "bytes:\\xc3"}));
  EXPECT_EQ(first["text_offset"], Json({0, 1}));
  EXPECT_TRUE(first["token_logprobs"][0].is_null());
  EXPECT_TRUE(first["top_logprobs"][0].is_null());
  EXPECT_EQ(first["top_logprobs"][1], Json({{"b", -0.5}, {"bytes:\\xc3", -1.0}}));
  EXPECT_EQ(second["tokens"], Json({"bytes:\\xa9", "한"}));
  EXPECT_EQ(second["text_offset"], Json({1, 2}));
  EXPECT_EQ(second["token_logprobs"], Json({-2.0, -3.0}));
  EXPECT_EQ(second["top_logprobs"][1].size(), 1u) << "the chosen one is among the best";
}

}  // namespace
}  // namespace dure::api
