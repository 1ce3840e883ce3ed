// What a local model makes of text. Private to providers/.
#pragma once

#include <cstdint>
#include <memory>

#include "providers/model_pool.h"
#include "providers/provider.h"

namespace dure::providers {

/// Keeps the tokenizer and the chat template, not the model. unix_time: for templates that print
/// the date.
std::shared_ptr<const ModelText> MakeModelText(const ModelPool::Use& use, int64_t unix_time);

}  // namespace dure::providers
