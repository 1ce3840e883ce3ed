// The answers that this server is generating: each runs to its end whoever listens, is kept on disk
// as it grows, and goes on after a crash to the bits it would have had.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "assistant/generation.h"
#include "base/error.h"
#include "providers/provider.h"
#include "store/store.h"

namespace dure::assistant {

/// What an answer is to be made of. The message is in the store already, with the status "running".
struct AnswerOrder {
  std::string account_id;
  std::string message_id;
  std::string conversation_id;
  std::string parent_id;  // the message to be answered
  std::string model;
  std::string instructions;
  providers::Json sampling = providers::Json::object();  // docs/web-api.md
  /// Told what was used, once; held until the end. Both may be empty.
  std::function<void(const providers::ChatUsage&)> used;
};

/// Errors: kInvalidArgument (the message names the member).
Result<void> ReadSampling(const providers::Json& json, providers::CompletionOptions& options);

/// Thread-safe. Provider and store outlive it.
class Answers {
 public:
  Answers(providers::Provider& provider, store::Store& store, std::function<int64_t()> now_ms,
          std::function<void(const std::string&)> log);
  /// What runs then goes on at the next start.
  ~Answers();
  Answers(const Answers&) = delete;
  Answers& operator=(const Answers&) = delete;

  /// Errors: the store's, kInvalidArgument (sampling). What the model says against it becomes the
  /// answer's end.
  Result<void> Start(AnswerOrder order);
  /// Goes on with what a crash or a stop of the server cut off.
  Result<void> Resume();
  /// nullptr: it does not run.
  std::shared_ptr<Generation> Find(const std::string& message_id) const;
  /// Ends it and forgets what it said; for messages that are being deleted.
  void Drop(const std::string& message_id);
  void DropAll(const std::string& conversation_id);
  void DropAccount(const std::string& account_id);

 private:
  struct Running;
  /// What a model's thread reaches this through: cut before this is gone.
  struct Link {
    std::mutex mutex;
    Answers* answers = nullptr;
  };

  std::shared_ptr<Generation> MakeGeneration(const std::shared_ptr<Running>& running) const;
  Result<void> Run(const std::shared_ptr<Running>& running);
  Result<void> ResumeOne(const store::StreamInfo& stream);
  void Keep(const std::string& id, const GenerationEvent& event,
            const std::vector<int32_t>& tokens);
  void Ended(const std::shared_ptr<Running>& running, const Generation::End& end);
  void Write(const std::shared_ptr<Running>& running, const Generation::End& end);
  void GiveTitle(const Running& running);
  void Loop();

  providers::Provider& provider_;
  store::Store& store_;
  const std::function<int64_t()> now_ms_;
  const std::function<void(const std::string&)> log_;
  const std::shared_ptr<Link> link_ = std::make_shared<Link>();
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<std::string, std::shared_ptr<Running>> running_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace dure::assistant
