// Chat templates: the Jinja dialect that published models use, with Hugging Face's settings
// (trim_blocks, lstrip_blocks, loop controls, tojson without ASCII escapes). Tracks which bytes of
// the output come from input.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer.h"

namespace dure::text {

using Json = nlohmann::ordered_json;

struct TemplateLimits {
  uint64_t max_source_bytes = 1 << 20;
  uint64_t max_output_bytes = 64ull << 20;
  uint64_t max_steps = 20'000'000;  // nodes evaluated
  uint32_t max_depth = 200;         // nesting of expressions, blocks and macro calls
};

struct ChatTemplateInput {
  Json messages = Json::array();  // OpenAI's shape
  Json tools;                     // null when there are none
  bool add_generation_prompt = true;
  std::string bos_token;  // spellings, as the template prints them; trusted, not input
  std::string eos_token;
  Json extra = Json::object();  // chat_template_kwargs: more variables, treated as input
  int64_t unix_time = 0;        // for strftime_now, seconds UTC
};

/// A parsed template. Immutable; Render is thread-safe.
class ChatTemplate {
 public:
  /// Errors: kInvalidArgument with line number and what was expected; kUnsupported for a tag that
  /// is not known; kResourceExhausted for a limit.
  static Result<ChatTemplate> Parse(std::string_view source, const TemplateLimits& limits = {});
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// Errors: kInvalidArgument (raise_exception's text, undefined use, wrong types: message says
  /// which line); kUnsupported for a filter or test that is not known (only where it is reached, as
  /// in Jinja); kResourceExhausted for a limit. Never falls back to another format.
  Result<RenderedPrompt> Render(const ChatTemplateInput& input) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::text
