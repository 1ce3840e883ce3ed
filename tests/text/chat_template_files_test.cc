// Templates in the styles of published models against what jinja2 renders
// (tests/data/chat_templates/record.py).
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/text/model_files.h"
#include "text/chat_template.h"

namespace dure::text {
namespace {

const std::string kFolder = std::string(DURE_TEST_DATA) + "/chat_templates/";

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ChatTemplateFilesTest, RenderAsJinja2OrFailWhereItFails) {
  const auto expected = ReadJson(kFolder + "expected.json");
  ASSERT_TRUE(expected.is_object());
  ASSERT_GE(expected["templates"].size(), 12u);
  for (const auto& [name, cases] : expected["templates"].items()) {
    const auto chat_template = ChatTemplate::Parse(ReadFile(kFolder + name));
    ASSERT_TRUE(chat_template.has_value()) << name << ": " << chat_template.error().message;
    for (const auto& test : cases) {
      ChatTemplateInput input;
      input.messages = expected["chats"][test["chat"].get<size_t>()];
      if (test["tools"].get<bool>()) input.tools = expected["tools"];
      input.add_generation_prompt = test["generate"].get<bool>();
      input.bos_token = "<s>";
      input.eos_token = "</s>";
      input.extra = test["extra"];
      input.unix_time = expected["now"].get<int64_t>();
      const auto prompt = chat_template->Render(input);
      if (test.contains("fails")) {
        EXPECT_FALSE(prompt.has_value()) << name << " " << test.dump();
      } else {
        ASSERT_TRUE(prompt.has_value()) << name << ": " << prompt.error().message;
        EXPECT_EQ(prompt->text, test["rendered"].get<std::string>()) << name;
      }
    }
  }
}

}  // namespace
}  // namespace dure::text
