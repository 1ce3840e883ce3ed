// A completion whose prompt comes back in front of the answer, with its log-probabilities where
// they are wanted. Private to providers/.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/engine.h"
#include "providers/local_completion.h"
#include "providers/provider.h"

namespace dure::providers {

/// What is echoed.
struct Echo {
  std::string text;
  std::vector<engine::TokenId> tokens;  // of the text
  // Per token of `tokens` its bytes; the engine adds the probabilities.
  std::vector<std::string> bytes;
  std::vector<engine::TokenId> before;  // that the model reads in front of them (BOS)
};

/// Asks the engine at most twice: for the log-probabilities along the prompt (teacher forcing), and
/// for the answer. Both read the same prompt, which the engine computes once.
class EchoedCompletion : public Completion, public std::enable_shared_from_this<EchoedCompletion> {
 public:
  EchoedCompletion(std::shared_ptr<EngineLink> link,
                   std::shared_ptr<const text::Tokenizer> tokenizer, std::shared_ptr<ChatSink> sink,
                   int choices, Echo echo, std::shared_ptr<void> use);

  /// request: of the answer; max_tokens 0: there is none. With an error the sink is never called.
  Result<void> Start(engine::Engine& engine, const engine::GenerateRequest& request);
  void Cancel() override;

 private:
  class ScoreSink;
  class AnswerSink;
  using Event = std::variant<ChatDelta, std::pair<int, ChoiceEnd>>;

  Result<void> Submit(engine::Engine& engine, const engine::GenerateRequest& request);
  Result<void> SubmitScore(engine::Engine& engine, const engine::GenerateRequest& request);
  /// Whether events count: not before Start is through, and not when it failed.
  bool Counts();
  void OnScored(const engine::TokenEvent& event);
  void OnScoreEnd(const engine::FinishEvent& event);
  void OnEvent(Event event);
  void OnAnswerEnd(const Result<ChatUsage>& usage);
  void SendEcho();
  void Send(Event event);
  void End();

  const std::shared_ptr<EngineLink> link_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  const int choices_;
  const Echo echo_;

  // One event at a time: from Start, then from the engine's thread.
  std::shared_ptr<void> use_;
  std::shared_ptr<ChatSink> sink_;
  std::vector<TokenInfo> scored_;
  std::vector<Event> held_;  // of the answer, until the prompt is scored
  bool wants_answer_ = false;
  bool scoring_ = false;
  bool answering_ = false;
  bool echoed_ = false;
  ChatUsage usage_;
  std::optional<Error> error_;

  std::mutex start_mutex_;  // held by Start
  bool abandoned_ = false;

  std::mutex cancel_mutex_;
  std::shared_ptr<LocalCompletion> answer_;
  std::optional<engine::RequestId> score_;
};

}  // namespace dure::providers
