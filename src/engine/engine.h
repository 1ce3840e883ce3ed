// Tokens in, tokens out: one scheduler thread forms steps from all running sequences and hands
// results to their sinks.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/page_arena.h"
#include "models/model.h"
#include "numerics/kv_layout.h"

namespace dure {
class ThreadTeam;
}
namespace dure::numerics {
struct Kernels;
}
namespace dure::text {
class TokenConstraint;
class Tokenizer;
}  // namespace dure::text

namespace dure::engine {

using TokenId = int32_t;

/// Defaults leave the distribution as the model gives it. Order of application: logit bias,
/// penalties (repetition, presence, frequency), temperature, top-k, typical, top-p, min-p, then the
/// draw.
struct SamplingParams {
  float temperature = 1.0f;  // 0: the largest logit, ties to the lower id
  int top_k = 0;             // 0: off
  float top_p = 1.0f;
  float min_p = 0.0f;
  float typical_p = 1.0f;
  float repetition_penalty = 1.0f;  // over the last penalty_window tokens, prompt included
  float presence_penalty = 0.0f;    // over generated tokens, as OpenAI defines it
  float frequency_penalty = 0.0f;
  int penalty_window = 64;  // -1: all
  std::vector<std::pair<TokenId, float>> logit_bias;
  uint64_t seed = 0;
  uint32_t choice = 0;  // index among n choices: part of the generator's key
};

/// Who goes first when not everybody can: a sequence of low priority is the first to make room, and
/// waits while others have prompts to compute.
enum class Priority { kLow, kNormal, kHigh };
inline constexpr int kPriorities = 3;

struct GenerateRequest {
  std::vector<TokenId> prompt;  // at least one token
  SamplingParams sampling;
  int max_tokens = -1;            // -1: up to the context
  std::vector<std::string> stop;  // text that ends the answer, not part of it
  bool ignore_eos = false;        // benchmarks
  int top_logprobs = -1;          // -1: none; 0: the chosen token's only; K: the K best too
  std::vector<TokenId> forced;    // teacher forcing (score): exactly these tokens, one event each;
                                  // stops, max_tokens and end-of-generation tokens do not apply
  // What the answer is believed to be: computed many tokens at a time, as far as sampling gives the
  // same ones. Like speculation it changes speed, never output. Not together with `forced`.
  std::vector<TokenId> expected;
  // Control tokens whose spelling is part of the answer's text: marks of tool calls, say.
  std::vector<TokenId> shown_tokens;
  // Tokens that this very request gave before it was cut off: they come again as events, without
  // being computed or drawn, and what follows has the bits that it would have had. Not together
  // with `forced` or top_logprobs.
  std::vector<TokenId> continued;
  std::string tenant;  // whose cache may be shared, and among whom time is shared fairly
  Priority priority = Priority::kNormal;
  // Only tokens it allows are drawn, end-of-generation tokens included; null: all. Each submission
  // clones it as it stands. Not together with `forced` or `ignore_eos`.
  std::shared_ptr<const text::TokenConstraint> constraint;
  // When these pass, the request ends with kUnavailable: still waiting to start, or at all. Looked
  // at between steps.
  std::optional<std::chrono::steady_clock::time_point> queue_deadline;
  std::optional<std::chrono::steady_clock::time_point> deadline;
};

struct TokenLogprob {
  TokenId id;
  float logprob;  // natural log, of the raw distribution: before bias, penalties, temperature and
                  // masks
};

/// One generated token. `text` is what can be shown now: it never splits a UTF-8 character and
/// holds back what may become a stop string. The end-of-generation token that ends an answer is an
/// event too (its text is empty), as is every token whose text a stop string cut off.
struct TokenEvent {
  TokenId id;
  float logprob = 0;              // valid when top_logprobs >= 0
  std::vector<TokenLogprob> top;  // top_logprobs entries: logprob descending, id ascending
  std::string text;
};

enum class FinishReason { kStop, kLength, kCancelled, kError };

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // of the prompt, that were not computed again
  int completion_tokens = 0;
  double queue_ms = 0;
  double prefill_ms = 0;  // admission to first token
  double decode_ms = 0;   // first token to last
};

struct FinishEvent {
  FinishReason reason;
  std::optional<Error> error;             // with kError
  std::string text;                       // text still held back when the end came
  std::optional<std::string> stop_match;  // which stop string ended it
  std::optional<TokenId> stop_token;      // which end-of-generation token ended it
  Usage usage;
};

/// Called from the scheduler thread: must return quickly and not call into the engine except
/// Cancel. OnToken any number of times, then OnFinish exactly once.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void OnToken(const TokenEvent& event) = 0;
  virtual void OnFinish(const FinishEvent& event) = 0;
};

using RequestId = uint64_t;

/// What one request may ask for.
struct RequestLimits {
  size_t max_stops = 64;           // strings
  size_t max_stop_bytes = 1024;    // of one string
  size_t max_logit_biases = 4096;  // entries
  int max_top_logprobs = 256;
};

enum class Speculation { kOff, kNgram };

struct EngineOptions {
  int context_length =
      0;  // positions; 0: the model's, or what kv_bytes has room for if that is less
  uint64_t kv_bytes =
      0;  // memory for the cache; 0: 1024 positions for each of max_sequences and at least one
          // whole context, but not more than a quarter of the machine's memory
  numerics::CacheType kv_type = numerics::CacheType::kF16;
  int max_sequences = 64;  // running at once
  int max_queued = 1024;   // waiting beyond max_sequences; then Submit gives kUnavailable
  int64_t max_queued_prompt_tokens = 1 << 20;  // of those that wait, likewise; one may always wait
  int step_token_budget = 512;  // rows in one step: decode rows first, prompt chunks fill the rest
  // Keeps what was computed for requests whose tokens begin alike (of one tenant). Off: every
  // prompt is computed from its start.
  bool prefix_cache = true;
  // Where sequences decode, a step gets as many prompt rows as this time allows by what earlier
  // steps took, so that streams keep their pace.
  double step_budget_ms = 60;
  // Guesses from the text so far, computed together with the last token and taken where sampling
  // gives the same tokens. They change speed, never output.
  Speculation speculation = Speculation::kNgram;
  int max_draft = 15;       // guessed tokens in one step of a sequence
  int max_speculating = 4;  // not tried while more sequences than this decode
  // nullptr: the machine's best, or what DURE_ISA names. The model has its own.
  const numerics::Kernels* kernels = nullptr;
  // Samples the rows of a step side by side; may be null; outlives the engine.
  ThreadTeam* team = nullptr;
  RequestLimits request_limits;
};

struct EngineStats {
  int running = 0;
  int queued = 0;
  int64_t queued_prompt_tokens = 0;  // of requests that have not started yet
  double wait_ms = 0;     // an estimate: how long a request that comes now waits for its start
  int blocks_used = 0;    // by what runs
  int blocks_cached = 0;  // by nothing but the prefix cache: given up when somebody needs them
  int blocks_total = 0;
  uint64_t steps = 0;
  uint64_t tokens_generated = 0;
  uint64_t preemptions = 0;       // sequences that gave up their blocks to others, to be recomputed
  uint64_t drafted_tokens = 0;    // guessed and computed
  uint64_t accepted_tokens = 0;   // of those, right
  uint64_t prefix_hits = 0;       // finished requests whose prompt began with cached tokens
  uint64_t prefix_tokens = 0;     // cached tokens of those
  uint64_t prefix_evictions = 0;  // cached blocks that were given up
};

/// Owns the scheduler thread. Submit, Cancel and stats may be called from any thread; the engine
/// must not be destroyed from within a sink.
class Engine {
 public:
  /// Errors: kInvalidArgument (an option out of range, named), kResourceExhausted (memory for the
  /// cache).
  static Result<std::unique_ptr<Engine>> Create(std::unique_ptr<models::Model> model,
                                                std::shared_ptr<const text::Tokenizer> tokenizer,
                                                const EngineOptions& options);
  /// Cancels what runs (every sink gets its OnFinish) and joins.
  ~Engine();

  /// Errors: kInvalidArgument (names the parameter), kContextLengthExceeded (with the numbers),
  /// kUnavailable (queue full). The sink lives until its OnFinish has returned.
  Result<RequestId> Submit(GenerateRequest request, std::shared_ptr<Sink> sink);
  /// The sequence leaves within one step and its sink gets kCancelled. Unknown or finished ids are
  /// ignored.
  void Cancel(RequestId id);

  /// Forgets the keys and values of everything that is over; returns when that is done. Not to be
  /// called from a sink.
  void ClearCache();

  const models::ModelConfig& config() const;
  /// Positions a sequence may have, prompt and answer together.
  int context_length() const;
  EngineStats stats() const;
  /// The cache's, touched as it fills.
  MemoryRegion cache_memory() const;

 private:
  struct Impl;
  explicit Engine(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace dure::engine
