#include "main/answer_stream.h"

#include <utility>

namespace dure {

void AnswerStream::Add(Event event) {
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
  }
  arrived_.notify_one();
}

AnswerStream::Event AnswerStream::Next() {
  std::unique_lock lock(mutex_);
  arrived_.wait(lock, [this] { return !events_.empty(); });
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

Result<Answer> CollectAnswer(AnswerStream& stream) {
  Answer answer;
  for (;;) {
    AnswerStream::Event event = stream.Next();
    if (auto* finish = std::get_if<engine::FinishEvent>(&event)) {
      answer.text += finish->text;
      if (finish->error) return tl::unexpected(*finish->error);
      answer.finish = std::move(*finish);
      return answer;
    }
    auto& token = std::get<engine::TokenEvent>(event);
    answer.tokens.push_back(token.id);
    answer.logprobs.push_back(token.logprob);
    answer.top.push_back(std::move(token.top));
    answer.text += token.text;
  }
}

Result<Answer> RunToEnd(engine::Engine& engine, engine::GenerateRequest request) {
  const auto stream = std::make_shared<AnswerStream>();
  const auto id = engine.Submit(std::move(request), stream);
  if (!id) return tl::unexpected(id.error());
  return CollectAnswer(*stream);
}

}  // namespace dure
