// The chat templates of real models against what jinja2 renders.
#include <gtest/gtest.h>

#include <string>

#include "tests/text/model_files.h"
#include "text/chat_template.h"

namespace dure::text {
namespace {

class ChatTemplateGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(ChatTemplateGoldenTest, RendersAsJinja2) {
  const auto golden = ReadJson(std::string(DURE_TEST_DATA) + "/goldens/" + GetParam());
  ASSERT_TRUE(golden.is_object());
  const auto chat_template = ChatTemplate::Parse(golden["template"].get<std::string>());
  ASSERT_TRUE(chat_template.has_value()) << chat_template.error().message;
  for (const auto& test : golden["cases"]) {
    ChatTemplateInput input;
    input.messages = test["messages"];
    if (test.contains("tools")) input.tools = test["tools"];
    input.add_generation_prompt = test["add_generation_prompt"].get<bool>();
    input.bos_token = golden.value("bos_token", "");
    input.eos_token = golden.value("eos_token", "");
    const auto prompt = chat_template->Render(input);
    ASSERT_TRUE(prompt.has_value()) << prompt.error().message;
    EXPECT_EQ(prompt->text, test["rendered"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Models, ChatTemplateGoldenTest,
                         testing::Values("chat_template_smollm2.json", "chat_template_qwen2.json"),
                         [](const auto& test) {
                           return test.param.substr(14, test.param.find('.') - 14);
                         });

}  // namespace
}  // namespace dure::text
