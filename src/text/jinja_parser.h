// From template source to syntax tree.
#pragma once

#include <memory>
#include <string_view>

#include "text/chat_template.h"
#include "text/jinja_ast.h"

namespace dure::text::jinja {

/// Throws TemplateError: kInvalidArgument for bad syntax, kUnsupported for a tag that is not known,
/// kResourceExhausted for a limit.
std::unique_ptr<Template> ParseTemplate(std::string_view source, const TemplateLimits& limits);

}  // namespace dure::text::jinja
