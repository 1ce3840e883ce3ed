// An engine's answer as a command reads it: events in order, on the command's own thread.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"

namespace dure {

/// The sink side is the engine's, Next the command's; each is used by one thread.
class AnswerStream : public engine::Sink {
 public:
  using Event = std::variant<engine::TokenEvent, engine::FinishEvent>;

  void OnToken(const engine::TokenEvent& event) override { Add(event); }
  void OnFinish(const engine::FinishEvent& event) override { Add(event); }

  /// Waits for the next event. The finish comes last.
  Event Next();

 private:
  void Add(Event event);

  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
};

struct Answer {
  std::vector<engine::TokenId> tokens;
  std::vector<std::vector<engine::TokenLogprob>> top;  // one row for each token, when asked for
  std::vector<float> logprobs;                         // likewise: of the token itself
  std::string text;
  engine::FinishEvent finish;
};

/// Runs a request to its end. Errors: those of Submit, and the error that ended it.
Result<Answer> RunToEnd(engine::Engine& engine, engine::GenerateRequest request);

/// Collects what a submitted request still gives.
Result<Answer> CollectAnswer(AnswerStream& stream);

}  // namespace dure
