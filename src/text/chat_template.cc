#include "text/chat_template.h"

#include <new>
#include <utility>

#include "text/jinja_evaluator.h"
#include "text/jinja_parser.h"

namespace dure::text {
namespace {

tl::unexpected<Error> AsError(const jinja::TemplateError& error) {
  std::string message = "chat template";
  if (error.line > 0) message += ", line " + std::to_string(error.line);
  return Fail(error.code, message + ": " + error.message);
}

tl::unexpected<Error> OutOfMemory() {
  return Fail(ErrorCode::kResourceExhausted, "chat template: out of memory");
}

// The variables a template finds, as Hugging Face's apply_chat_template names them.
void AddVariables(const ChatTemplateInput& input, jinja::Heap& heap, jinja::Scope& scope) {
  jinja::AddGlobals(heap, scope);
  for (const auto& [name, value] : input.extra.items())
    scope.Set(name, jinja::FromJson(heap, value));
  scope.Set("messages", jinja::FromJson(heap, input.messages));
  scope.Set("tools", jinja::FromJson(heap, input.tools));
  if (scope.Find("documents") == nullptr)
    scope.Set("documents", jinja::Value(jinja::Value::None{}));
  scope.Set("add_generation_prompt", jinja::Value(input.add_generation_prompt));
  scope.Set("bos_token", heap.Trusted(input.bos_token));
  scope.Set("eos_token", heap.Trusted(input.eos_token));
}

}  // namespace

struct ChatTemplate::Impl {
  std::unique_ptr<jinja::Template> tree;
  TemplateLimits limits;
};

ChatTemplate::ChatTemplate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

Result<ChatTemplate> ChatTemplate::Parse(std::string_view source, const TemplateLimits& limits) {
  try {
    auto impl = std::make_unique<Impl>();
    impl->tree = jinja::ParseTemplate(source, limits);
    impl->limits = limits;
    return ChatTemplate(std::move(impl));
  } catch (const jinja::TemplateError& error) {
    return AsError(error);
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

Result<RenderedPrompt> ChatTemplate::Render(const ChatTemplateInput& input) const {
  try {
    jinja::Heap heap;
    jinja::Scope globals;
    AddVariables(input, heap, globals);
    jinja::Evaluator evaluator(impl_->limits, heap, globals, input.unix_time);
    const TaintedString text = evaluator.Render(*impl_->tree);
    return RenderedPrompt{text.bytes(), text.input_ranges()};
  } catch (const jinja::TemplateError& error) {
    return AsError(error);
  } catch (const std::bad_alloc&) {
    return OutOfMemory();
  }
}

}  // namespace dure::text
