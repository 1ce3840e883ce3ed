// What a chat becomes before a model reads it. Private to providers/.
#pragma once

#include <cstdint>

#include "providers/chat_format.h"
#include "providers/provider.h"

namespace dure::providers {

/// The prompt by the model's own template. Errors: kUnsupported (the model has no template, or it
/// refuses this chat), kResourceExhausted (a limit of the template).
Result<text::RenderedPrompt> RenderChat(const ChatFormat& format, const ChatRequest& request,
                                        bool add_generation_prompt, int64_t unix_time);

}  // namespace dure::providers
