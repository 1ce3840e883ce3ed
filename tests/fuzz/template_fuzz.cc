// A template and messages: parsing and rendering end in a result or an error, and the bytes that
// come from input are known. The input is the template, a zero byte, and JSON for the messages;
// without one, fixed messages are used.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "text/chat_template.h"

namespace {

using namespace dure::text;

void Require(bool condition) {
  if (!condition) std::abort();
}

bool InInput(const RenderedPrompt& prompt, size_t at) {
  for (const ByteRange& range : prompt.from_input) {
    if (at >= range.begin && at < range.end) return true;
  }
  return false;
}

// Private-use characters, which no filter changes, stand in every text of these messages.
Json MarkedMessages() {
  Json messages = Json::array();
  for (const char* role : {"system", "user", "assistant"}) {
    messages.push_back(
        {{"role", role}, {"content", "\xEE\x80\x80 Ab \xEE\x80\x80"}, {"\xEE\x80\x80", 1.5}});
  }
  messages[2]["tool_calls"] = {
      {{"function", {{"name", "\xEE\x80\x80"}, {"arguments", {{"a", 1}, {"b", nullptr}}}}}}};
  return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t zero = input.find('\0');
  const std::string_view source = input.substr(0, zero);
  TemplateLimits limits;
  limits.max_steps = 20'000;
  limits.max_output_bytes = 1 << 16;
  const auto chat_template = ChatTemplate::Parse(source, limits);
  if (!chat_template) return 0;

  ChatTemplateInput chat;
  chat.bos_token = "<s>";
  chat.eos_token = "</s>";
  const bool marked = zero == std::string_view::npos;
  if (marked) {
    chat.messages = MarkedMessages();
  } else {
    chat.messages = Json::parse(input.substr(zero + 1), nullptr, false);
    if (chat.messages.is_discarded()) return 0;
  }
  const auto prompt = chat_template->Render(chat);
  if (!prompt) return 0;

  size_t last = 0;
  for (const ByteRange& range : prompt->from_input) {
    Require(range.begin < range.end && range.begin >= last && range.end <= prompt->text.size());
    last = range.end;
  }
  // A template that neither holds nor escapes such a character cannot have written it.
  if (!marked || source.find('\xEE') != std::string_view::npos ||
      source.find('\\') != std::string_view::npos)
    return 0;
  for (size_t at = prompt->text.find('\xEE'); at != std::string::npos;
       at = prompt->text.find('\xEE', at + 1)) {
    Require(InInput(*prompt, at));
  }
  return 0;
}
