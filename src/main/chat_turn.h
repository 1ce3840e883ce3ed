// One answer in a chat at the terminal: rendered, generated, shown as it comes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"
#include "main/interrupt.h"
#include "main/json_io.h"
#include "main/sampling_options.h"
#include "providers/local_model.h"

namespace dure {

struct TurnResult {
  std::string text;
  engine::FinishEvent finish;
};

/// The prompt of a chat. Errors: those of ChatFormat::Render.
Result<std::vector<engine::TokenId>> ChatPrompt(const providers::ChatFormat& format,
                                                const Json& messages);

/// Generates from a prompt and calls `show` with each piece of text, on the calling thread. Ctrl-C
/// cancels the answer (finish.reason is kCancelled) where `interrupts` is given. Errors: those of
/// Engine::Submit, and the error that ended it.
Result<TurnResult> StreamAnswer(providers::LocalModel& local,
                                const std::vector<engine::TokenId>& prompt,
                                const SamplingOptions& sampling, InterruptWatcher* interrupts,
                                const std::function<void(const std::string&)>& show);

/// "stop", "length", "cancelled" or "error", as the OpenAI API names them.
const char* FinishReasonName(engine::FinishReason reason);

}  // namespace dure
