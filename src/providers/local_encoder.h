// An embedding model made ready on this machine: threads, weights, tokenizer, and the thread that
// computes what is asked of it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/thread_team.h"
#include "models/encoder.h"
#include "models/registry.h"
#include "providers/provider.h"
#include "text/tokenizer.h"

namespace dure::providers {

struct EncoderLimits {
  int64_t max_request_tokens = 300'000;   // of all inputs of one request
  int64_t max_queued_tokens = 4'000'000;  // of requests that wait or run; one may always
  int rows_at_once = 1024;  // tokens computed together: how soon a cancelled request ends, and
                            // others get their turn
};

struct LocalEncoderOptions {
  int threads = 0;  // 0: AvailableCores()
  EncoderLimits limits;
  std::function<void(const models::LoadProgress&)> on_progress;  // called from the loading thread
};

/// What kind of model stands there: a folder is one for embeddings (config.json, model.safetensors,
/// tokenizer.json), as is a GGUF file of an encoder; what cannot be read counts as kText, whose
/// loading says why.
ModelKind ModelKindOf(const std::string& path);

/// Members may be used from any thread. Destroying it ends what waits with kUnavailable. Its
/// threads have a lower priority than those that write answers.
class LocalEncoder {
 public:
  /// Errors: those of models::LoadEncoder, LoadEncoderFolder and text::Tokenizer; kCorrupt
  /// (tokenizer and model do not belong together).
  static Result<std::unique_ptr<LocalEncoder>> Load(const std::string& path,
                                                    const LocalEncoderOptions& options);
  ~LocalEncoder();
  LocalEncoder(const LocalEncoder&) = delete;
  LocalEncoder& operator=(const LocalEncoder&) = delete;

  const models::EncoderConfig& config() const { return encoder_->config(); }
  uint64_t weight_bytes() const { return encoder_->weight_bytes(); }
  const std::shared_ptr<const text::Tokenizer>& shared_tokenizer() const { return tokenizer_; }

  /// As Provider::Embed; use: kept until `done` was called. Texts are computed together whoever's
  /// they are: a vector depends on nothing but its own text.
  Result<std::shared_ptr<Completion>> Embed(const EmbeddingRequest& request,
                                            std::shared_ptr<void> use,
                                            std::function<void(Result<Embeddings>)> done);

 private:
  struct Job;
  struct Piece;

  LocalEncoder(std::unique_ptr<ThreadTeam> team, std::unique_ptr<models::Encoder> encoder,
               std::shared_ptr<const text::Tokenizer> tokenizer, EncoderLimits limits);
  Result<std::shared_ptr<Job>> MakeJob(const EmbeddingRequest& request) const;
  void Run();
  /// Takes the jobs that are over out of the line. With the lock.
  std::vector<std::shared_ptr<Job>> TakeEnded();
  /// The next texts to compute, the oldest job's first. With the lock.
  std::vector<Piece> NextBatch();
  void Compute(const std::vector<Piece>& batch);

  const std::unique_ptr<ThreadTeam> team_;  // outlives the encoder, which computes on it
  const std::unique_ptr<models::Encoder> encoder_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  const EncoderLimits limits_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  int64_t queued_tokens_ = 0;
  std::deque<std::shared_ptr<Job>> jobs_;
  std::thread thread_;
};

}  // namespace dure::providers
