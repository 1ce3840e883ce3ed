// What is found out about chat templates, and what they are given then.
#include "text/tool_calls/tool_template.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/text/small_vocabularies.h"
#include "text/chat_template.h"

namespace dure::text {
namespace {

std::string Source(const std::string& name) {
  std::ifstream file(std::string(DURE_TEST_DATA) + "/chat_templates/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Inspected {
 public:
  explicit Inspected(const std::string& source)
      : template_(*ChatTemplate::Parse(source)),
        use(InspectTemplate(
            [this](const Json& messages, const Json& tools) { return Render(messages, tools); },
            source, **MakeTokenizer(SmallBytePairs("gpt-2")))) {}

  Result<std::string> Render(const Json& messages, const Json& tools) const {
    ChatTemplateInput input;
    input.messages = messages;
    input.tools = tools;
    input.bos_token = "<s>";
    input.eos_token = "</s>";
    auto prompt = template_.Render(input);
    if (!prompt) return tl::unexpected(prompt.error());
    return prompt->text;
  }
  std::string Prepared(const Json& messages, const Json& tools) const {
    const ToolPrompt prompt = PrepareToolPrompt(messages, tools, use);
    const auto text = Render(prompt.messages, prompt.tools);
    return text ? *text : "refused: " + text.error().message;
  }

 private:
  ChatTemplate template_;

 public:
  ToolTemplate use;
};

const Json kTools = Json::parse(R"([{"type": "function", "function": {"name": "get_weather",
    "description": "Weather of a city", "parameters": {"type": "object",
    "properties": {"city": {"type": "string"}}}}}])");
const Json kChat = Json::parse(R"([{"role": "user", "content": "Weather in Seoul?"},
    {"role": "assistant", "content": "", "tool_calls": [{"id": "call_0123456789abcdefghijklmn",
      "type": "function", "function": {"name": "get_weather", "arguments": "{\"city\": \"Seoul\"}"}}]},
    {"role": "tool", "content": "22 degrees", "tool_call_id": "call_0123456789abcdefghijklmn"}])");

TEST(ToolTemplate, KnowsTheFormatByTheCallsItIsShown) {
  const Inspected hermes(Source("thinking.jinja"));
  EXPECT_EQ(hermes.use.format->name, "hermes");
  EXPECT_TRUE(hermes.use.prints_tools);
  EXPECT_TRUE(hermes.use.prints_calls);
  EXPECT_FALSE(hermes.use.arguments_as_text);
  ASSERT_TRUE(hermes.use.reasoning.has_value());
  EXPECT_EQ(hermes.use.reasoning->close, "</think>");

  const Inspected llama(Source("header_ids.jinja"));
  EXPECT_EQ(llama.use.format->name, "llama3");
  EXPECT_TRUE(llama.use.prints_calls);
  EXPECT_FALSE(llama.use.reasoning.has_value());

  const Inspected harmony(Source("harmony.jinja"));
  EXPECT_EQ(harmony.use.format->name, "harmony");
  EXPECT_TRUE(harmony.use.prints_calls);
  ASSERT_TRUE(harmony.use.reasoning.has_value());
  EXPECT_FALSE(harmony.use.reasoning->answer.empty());

  const Inspected mistral(Source("inst.jinja"));
  EXPECT_EQ(mistral.use.format->name, "mistral-list");
  EXPECT_TRUE(mistral.use.prints_tools);
  EXPECT_TRUE(mistral.use.short_ids);
}

// As DeepSeek's do it: arguments as text, no content beside calls, and tools are not described.
constexpr char kDeepSeek[] =
    "{% for m in messages %}{% if m['role'] == 'user' %}<｜User｜>{{ m['content'] }}"
    "{% elif m['role'] == 'system' %}{{ m['content'] }}"
    "{% elif m['role'] == 'assistant' and m['content'] is none %}<｜Assistant｜>"
    "<｜tool▁calls▁begin｜>{% for c in m['tool_calls'] %}<｜tool▁call▁begin｜>{{ c['type'] + "
    "'<｜tool▁sep｜>' + c['function']['name'] + '\\n```json\\n' + c['function']['arguments'] + "
    "'\\n```<｜tool▁call▁end｜>' }}{% endfor %}<｜tool▁calls▁end｜><｜end▁of▁sentence｜>"
    "{% elif m['role'] == 'assistant' %}<｜Assistant｜>{{ m['content'] }}<｜end▁of▁sentence｜>"
    "{% else %}<｜tool▁output▁begin｜>{{ m['content'] }}<｜tool▁output▁end｜>{% endif %}{% endfor "
    "%}"
    "{% if add_generation_prompt %}<｜Assistant｜><think>\n{% endif %}";

TEST(ToolTemplate, GivesCallsAsTheTemplateWantsThem) {
  const Inspected deepseek(kDeepSeek);
  EXPECT_EQ(deepseek.use.format->name, "deepseek");
  EXPECT_TRUE(deepseek.use.arguments_as_text);
  EXPECT_TRUE(deepseek.use.null_content);
  EXPECT_FALSE(deepseek.use.prints_tools);
  const std::string prompt = deepseek.Prepared(kChat, kTools);
  EXPECT_NE(prompt.find("<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"Seoul\"}\n```"),
            prompt.npos)
      << prompt;
  EXPECT_NE(prompt.find("Weather of a city"), prompt.npos);
  EXPECT_NE(prompt.find("<｜tool▁output▁begin｜>22 degrees"), prompt.npos);
  ASSERT_TRUE(deepseek.use.reasoning.has_value());
  EXPECT_TRUE(BeginsReasoning(prompt, *deepseek.use.reasoning));

  const Inspected mistral(Source("inst.jinja"));
  const std::string short_ids = mistral.Prepared(kChat, kTools);
  EXPECT_NE(short_ids.find("\"id\": \"fghijklmn\""), short_ids.npos) << short_ids;
}

// ChatML without a word about tools.
constexpr char kPlain[] =
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

TEST(ToolTemplate, SpellsOutWhatTheTemplateDoesNot) {
  const Inspected plain(kPlain);
  EXPECT_EQ(plain.use.format->name, "generic");
  EXPECT_FALSE(plain.use.prints_tools);
  EXPECT_FALSE(plain.use.prints_calls);
  Json chat = kChat;
  chat.push_back({{"role", "tool"}, {"content", "and sunny"}, {"tool_call_id", "x"}});
  const std::string prompt = plain.Prepared(chat, kTools);
  EXPECT_TRUE(prompt.starts_with("<|im_start|>system\nYou can call functions")) << prompt;
  EXPECT_NE(prompt.find("<tools>\n" + kTools[0].dump() + "\n</tools>"), prompt.npos);
  EXPECT_NE(prompt.find("<|im_start|>assistant\n<tool_call>\n{\"name\": \"get_weather\", "
                        "\"arguments\": {\"city\": \"Seoul\"}}\n</tool_call><|im_end|>"),
            prompt.npos)
      << prompt;
  EXPECT_NE(prompt.find("<|im_start|>user\n<tool_response>\n22 degrees\n</tool_response>\n"
                        "<tool_response>\nand sunny\n</tool_response><|im_end|>"),
            prompt.npos)
      << prompt;
  // To what the system says already.
  const Json with_system = Json::parse(
      R"([{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}])");
  EXPECT_TRUE(plain.Prepared(with_system, kTools)
                  .starts_with("<|im_start|>system\nBe kind.\n\nYou can call functions"));
  EXPECT_EQ(plain.Prepared(with_system, nullptr), *plain.Render(with_system, nullptr));
}

TEST(ToolTemplate, AModelWithoutSystemMessagesReadsOfToolsInTheFirstQuestion) {
  const Inspected strict(
      "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}"
      "{% endif %}<start_of_turn>{{ m.role }}\n{{ m.content }}<end_of_turn>\n{% endfor %}");
  EXPECT_EQ(strict.use.format->name, "gemma");
  EXPECT_FALSE(strict.use.takes_system);
  const std::string prompt =
      strict.Prepared(Json::parse(R"([{"role": "user", "content": "Hi"}])"), kTools);
  EXPECT_TRUE(prompt.starts_with("<start_of_turn>user\nYou can call functions")) << prompt;
  EXPECT_NE(prompt.find("```tool_code"), prompt.npos);
  EXPECT_NE(prompt.find("\n\nHi<end_of_turn>"), prompt.npos);
}

TEST(ToolTemplate, ATemplateThatRefusesEverythingSpoilsNothing) {
  const ToolTemplate use = InspectTemplate(
      [](const Json&, const Json&) -> Result<std::string> {
        return Fail(ErrorCode::kUnsupported, "no template");
      },
      "", **MakeTokenizer(SmallBytePairs("gpt-2")));
  EXPECT_EQ(use.format->name, "generic");
  EXPECT_FALSE(use.prints_calls);
}

}  // namespace
}  // namespace dure::text
