#include "providers/local_encoder.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <numeric>
#include <optional>
#include <utility>

#include "formats/gguf.h"
#include "text/encoder_input.h"

namespace dure::providers {
namespace {

// Below that of the threads that write answers, which somebody is reading.
constexpr int kNiceness = 10;

struct Loaded {
  std::unique_ptr<models::Encoder> encoder;
  std::shared_ptr<const text::Tokenizer> tokenizer;
};

Result<Loaded> Both(Result<std::unique_ptr<models::Encoder>> encoder,
                    Result<std::unique_ptr<text::Tokenizer>> tokenizer) {
  if (!tokenizer) return tl::unexpected(tokenizer.error());
  if (!encoder) return tl::unexpected(encoder.error());
  return Loaded{*std::move(encoder), *std::move(tokenizer)};
}

Result<Loaded> LoadParts(const std::string& path, const models::LoadOptions& options) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) {
    return Both(models::LoadEncoderFolder(path, options),
                text::Tokenizer::FromJsonFile(path + "/tokenizer.json"));
  }
  auto file = formats::GgufFile::Open(path);
  if (!file) return tl::unexpected(file.error());
  return Both(models::LoadEncoder(**file, options), text::Tokenizer::FromGguf(**file));
}

class Running : public Completion {
 public:
  explicit Running(std::shared_ptr<std::atomic<bool>> cancelled)
      : cancelled_(std::move(cancelled)) {}
  void Cancel() override { *cancelled_ = true; }

 private:
  const std::shared_ptr<std::atomic<bool>> cancelled_;
};

}  // namespace

ModelKind ModelKindOf(const std::string& path) {
  std::error_code none;
  if (std::filesystem::is_directory(path, none)) return ModelKind::kEmbedding;
  const auto file = formats::GgufFile::Open(path);
  return file && models::IsEncoder(**file) ? ModelKind::kEmbedding : ModelKind::kText;
}

/// One request. Everything but `cancelled` is the computing thread's.
struct LocalEncoder::Job {
  std::vector<std::vector<int32_t>> texts;
  std::vector<size_t> order;  // of the texts, the longest first
  size_t next = 0;            // in `order`
  int64_t tokens = 0;
  std::vector<std::vector<float>> vectors;
  std::optional<Error> error;
  std::atomic<bool> cancelled = false;
  std::shared_ptr<void> use;
  std::function<void(Result<Embeddings>)> done;

  bool over() const { return cancelled || error || next == order.size(); }
  void End() {
    const std::shared_ptr<void> used = std::exchange(use, nullptr);
    const auto tell = std::exchange(done, nullptr);
    const bool whole = !error && next == order.size();
    if (whole) return tell(Embeddings{std::move(vectors), static_cast<int>(tokens)});
    tell(tl::unexpected(error.value_or(Error{ErrorCode::kCancelled, "the request was cancelled"})));
  }
};

/// One text of a job.
struct LocalEncoder::Piece {
  std::shared_ptr<Job> job;
  size_t text;
};

LocalEncoder::LocalEncoder(std::unique_ptr<ThreadTeam> team,
                           std::unique_ptr<models::Encoder> encoder,
                           std::shared_ptr<const text::Tokenizer> tokenizer, EncoderLimits limits)
    : team_(std::move(team)),
      encoder_(std::move(encoder)),
      tokenizer_(std::move(tokenizer)),
      limits_(limits),
      thread_([this] { Run(); }) {}

Result<std::unique_ptr<LocalEncoder>> LocalEncoder::Load(const std::string& path,
                                                         const LocalEncoderOptions& options) {
  auto team =
      std::make_unique<ThreadTeam>(options.threads > 0 ? options.threads : AvailableCores());
  models::LoadOptions load;
  load.team = team.get();
  load.on_progress = options.on_progress;
  auto loaded = LoadParts(path, load);
  if (!loaded) return tl::unexpected(loaded.error());
  const int vocabulary = loaded->encoder->config().vocab_size;
  if (loaded->tokenizer->vocab_size() > vocabulary) {
    return Fail(ErrorCode::kCorrupt, "the tokenizer has " +
                                         std::to_string(loaded->tokenizer->vocab_size()) +
                                         " tokens, the model " + std::to_string(vocabulary));
  }
  return std::unique_ptr<LocalEncoder>(new LocalEncoder(
      std::move(team), std::move(loaded->encoder), std::move(loaded->tokenizer), options.limits));
}

LocalEncoder::~LocalEncoder() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  for (const std::shared_ptr<Job>& job : jobs_) {
    if (!job->over()) job->error = Error{ErrorCode::kUnavailable, "the server is shutting down"};
    job->End();
  }
}

Result<std::shared_ptr<LocalEncoder::Job>> LocalEncoder::MakeJob(
    const EmbeddingRequest& request) const {
  auto job = std::make_shared<Job>();
  const int most = config().context_length;
  for (const auto& input : request.inputs) {
    const auto* text = std::get_if<std::string>(&input);
    auto tokens = text != nullptr ? text::EncoderInput(*tokenizer_, *text, most)
                                  : text::EncoderInput(*tokenizer_,
                                                       std::get<std::vector<int32_t>>(input), most);
    if (!tokens) {
      return Fail(tokens.error().code,
                  "input " + std::to_string(job->texts.size()) + ": " + tokens.error().message);
    }
    job->tokens += static_cast<int64_t>(tokens->size());
    job->texts.push_back(*std::move(tokens));
  }
  if (job->tokens > limits_.max_request_tokens) {
    return Fail(ErrorCode::kContextLengthExceeded,
                "the inputs have " + std::to_string(job->tokens) + " tokens together; at most " +
                    std::to_string(limits_.max_request_tokens) + " are taken at once");
  }
  job->order.resize(job->texts.size());
  std::iota(job->order.begin(), job->order.end(), size_t{0});
  std::sort(job->order.begin(), job->order.end(), [&](size_t a, size_t b) {
    const size_t length_a = job->texts[a].size();
    const size_t length_b = job->texts[b].size();
    return length_a != length_b ? length_a > length_b : a < b;
  });
  job->vectors.resize(job->texts.size());
  return job;
}

Result<std::shared_ptr<Completion>> LocalEncoder::Embed(
    const EmbeddingRequest& request, std::shared_ptr<void> use,
    std::function<void(Result<Embeddings>)> done) {
  auto made = MakeJob(request);
  if (!made) return tl::unexpected(made.error());
  const std::shared_ptr<Job> job = *std::move(made);
  {
    const std::lock_guard lock(mutex_);
    if (queued_tokens_ > 0 && queued_tokens_ + job->tokens > limits_.max_queued_tokens) {
      return Fail(ErrorCode::kUnavailable, "texts of " + std::to_string(queued_tokens_) +
                                               " tokens are waiting; try again later");
    }
    job->use = std::move(use);
    job->done = std::move(done);
    queued_tokens_ += job->tokens;
    jobs_.push_back(job);
  }
  changed_.notify_all();
  return std::make_shared<Running>(std::shared_ptr<std::atomic<bool>>(job, &job->cancelled));
}

void LocalEncoder::Run() {
  team_->Run([](int) { ::setpriority(PRIO_PROCESS, 0, kNiceness); });
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto ended = TakeEnded();
    const auto batch = ended.empty() ? NextBatch() : std::vector<Piece>();
    if (ended.empty() && batch.empty()) {
      changed_.wait(lock);
      continue;
    }
    // Nothing of a job may be let go of with the lock: with it the model may go.
    lock.unlock();
    for (const std::shared_ptr<Job>& job : ended) job->End();
    if (!batch.empty()) Compute(batch);
    lock.lock();
  }
}

std::vector<std::shared_ptr<LocalEncoder::Job>> LocalEncoder::TakeEnded() {
  std::vector<std::shared_ptr<Job>> ended;
  std::erase_if(jobs_, [&](const std::shared_ptr<Job>& job) {
    if (!job->over()) return false;
    queued_tokens_ -= job->tokens;
    ended.push_back(job);
    return true;
  });
  return ended;
}

std::vector<LocalEncoder::Piece> LocalEncoder::NextBatch() {
  std::vector<Piece> batch;
  int64_t rows = 0;
  for (const std::shared_ptr<Job>& job : jobs_) {
    for (; job->next < job->order.size(); ++job->next) {
      const size_t text = job->order[job->next];
      const auto size = static_cast<int64_t>(job->texts[text].size());
      if (!batch.empty() && rows + size > limits_.rows_at_once) break;
      rows += size;
      batch.push_back({job, text});
    }
  }
  // The next batch begins with somebody else's.
  if (jobs_.size() > 1) {
    jobs_.push_back(jobs_.front());
    jobs_.pop_front();
  }
  return batch;
}

void LocalEncoder::Compute(const std::vector<Piece>& batch) {
  const auto width = static_cast<size_t>(config().width);
  Result<void> computed;
  try {
    std::vector<std::vector<int32_t>> texts;
    texts.reserve(batch.size());
    for (const Piece& piece : batch) texts.push_back(piece.job->texts[piece.text]);
    std::vector<float> vectors(batch.size() * width);
    computed = encoder_->Encode(texts, vectors);
    for (size_t i = 0; computed && i < batch.size(); ++i) {
      const auto first = vectors.begin() + static_cast<ptrdiff_t>(i * width);
      batch[i].job->vectors[batch[i].text].assign(first, first + static_cast<ptrdiff_t>(width));
    }
  } catch (const std::exception& error) {
    computed = Fail(ErrorCode::kResourceExhausted, error.what());
  }
  if (computed) return;
  for (const Piece& piece : batch) piece.job->error = computed.error();
}

}  // namespace dure::providers
