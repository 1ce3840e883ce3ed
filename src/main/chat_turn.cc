#include "main/chat_turn.h"

#include <ctime>
#include <memory>
#include <utility>

#include "main/answer_stream.h"

namespace dure {

Result<std::vector<engine::TokenId>> ChatPrompt(const providers::ChatFormat& format,
                                                const Json& messages) {
  providers::ChatInput chat;
  chat.messages = messages;
  chat.unix_time = std::time(nullptr);
  const auto rendered = format.Render(chat);
  if (!rendered) return tl::unexpected(rendered.error());
  return format.EncodeChat(*rendered);
}

Result<TurnResult> StreamAnswer(providers::LocalModel& local,
                                const std::vector<engine::TokenId>& prompt,
                                const SamplingOptions& sampling, InterruptWatcher* interrupts,
                                const std::function<void(const std::string&)>& show) {
  engine::GenerateRequest request;
  request.prompt = prompt;
  sampling.Apply(request);
  const auto stream = std::make_shared<AnswerStream>();
  const auto id = local.engine().Submit(std::move(request), stream);
  if (!id) return tl::unexpected(id.error());
  if (interrupts != nullptr) {
    interrupts->SetAction([&local, cancelled = *id] { local.engine().Cancel(cancelled); });
  }
  TurnResult result;
  const auto add = [&](const std::string& text) {
    if (text.empty()) return;
    result.text += text;
    show(text);
  };
  for (bool finished = false; !finished;) {
    AnswerStream::Event event = stream->Next();
    if (auto* token = std::get_if<engine::TokenEvent>(&event)) {
      add(token->text);
      continue;
    }
    result.finish = std::move(std::get<engine::FinishEvent>(event));
    add(result.finish.text);
    finished = true;
  }
  if (interrupts != nullptr) interrupts->SetAction(nullptr);
  if (result.finish.error) return tl::unexpected(*result.finish.error);
  return result;
}

const char* FinishReasonName(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop:
      return "stop";
    case engine::FinishReason::kLength:
      return "length";
    case engine::FinishReason::kCancelled:
      return "cancelled";
    case engine::FinishReason::kError:
      return "error";
  }
  return "unknown";
}

}  // namespace dure
