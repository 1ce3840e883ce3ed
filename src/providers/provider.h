// "Something that completes a chat": the waist of the house. Above it nobody knows whether tokens
// come from this machine or another; below it nobody knows what a user or a conversation is.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/error.h"

namespace dure::providers {

using Json = nlohmann::ordered_json;

enum class Role { kSystem, kDeveloper, kUser, kAssistant, kTool };

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON, as the model wrote it
};

struct ChatMessage {
  Role role = Role::kUser;
  std::string content;               // text; several text parts joined by a line end
  std::string name;                  // of the participant; may be empty
  std::vector<ToolCall> tool_calls;  // of an assistant
  std::string tool_call_id;          // of a tool's answer
};

/// Defaults leave the model's distribution as it is. Meaning and order of application:
/// engine::SamplingParams.
struct Sampling {
  float temperature = 1.0f;
  float top_p = 1.0f;
  int top_k = 0;
  float min_p = 0.0f;
  float typical_p = 1.0f;
  float repetition_penalty = 1.0f;
  float presence_penalty = 0.0f;
  float frequency_penalty = 0.0f;
  std::vector<std::pair<int32_t, float>> logit_bias;  // by token id of the model
  std::optional<uint64_t> seed;                       // absent: another one each time
};

/// What every request for generated text says about the answer.
struct CompletionOptions {
  std::string model;
  Sampling sampling;
  std::optional<std::string> json_schema;  // the answer is JSON that fits this schema
  int max_tokens = -1;                     // -1: up to the end of the context
  std::vector<std::string> stop;
  int choices = 1;
  int top_logprobs =
      -1;  // -1: no log-probabilities; 0: of the chosen token only; K: of the K best too
  std::string tenant;  // whose cache may be shared
  // Tokens that this very request, its seed and its time included, gave before it was cut off:
  // their text comes again first, and the rest is what it would have been. For a model that runs
  // here; others begin anew.
  std::vector<int32_t> continued;
  std::string request_id;  // names the request in logs
  // When this passes before the answer was begun, the completion ends with kUnavailable.
  std::optional<std::chrono::steady_clock::time_point> queue_deadline;
};

/// A function the model may ask for.
struct Tool {
  std::string name;
  std::string description;
  Json parameters;      // JSON Schema of the arguments' object; null: none are taken
  bool strict = false;  // arguments fit the schema even where the model chooses to call by itself
};

enum class ToolChoice { kAuto, kNone, kRequired, kNamed };

struct ChatRequest : CompletionOptions {
  std::vector<ChatMessage> messages;
  std::vector<Tool> tools;
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string named_tool;  // with kNamed
  bool parallel_tool_calls = true;
  std::string reasoning_effort;  // "none", "minimal", "low", "medium", "high"; "": the model's own
  Json template_arguments = Json::object();  // more variables for the model's chat template
  std::optional<int64_t> unix_time;          // what templates print as the date; absent: now
};

/// A text to be continued as it stands, without a chat template.
struct TextRequest : CompletionOptions {
  std::variant<std::string, std::vector<int32_t>> prompt;  // text, or the model's token ids
  std::optional<std::string> suffix;  // fill in the middle: what comes after the answer
  bool echo = false;                  // the prompt comes back in front of the answer
};

struct TokenLogprob {
  std::string bytes;  // the token's text; not always whole UTF-8
  float logprob = 0;  // natural log; NaN: of a text's first token, which nothing stands before
};

struct TokenInfo {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // best first
};

/// A piece of one tool call; pieces of one index belong together, in order.
struct ToolCallDelta {
  int index = 0;          // of the call in its choice, ascending from 0
  std::string id;         // in a call's first piece, as is
  std::string name;       // this
  std::string arguments;  // appended: the next bytes of the JSON text
};

struct ChatDelta {
  int choice = 0;
  std::string text;               // whole UTF-8 characters; may be empty
  std::vector<TokenInfo> tokens;  // where log-probabilities were asked for
  std::string reasoning;          // what the model thinks before it answers, likewise
  std::vector<ToolCallDelta> tool_calls;
  std::vector<int32_t> token_ids =
      {};  // new tokens of the choice; empty where others run the model
};

enum class FinishReason { kStop, kLength, kToolCalls };

struct ChoiceEnd {
  FinishReason reason = FinishReason::kStop;
  std::optional<std::string> stop_match;  // which of the request's stop strings ended it
};

struct ChatUsage {
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;  // of all choices
};

/// Calls come one at a time, from any thread, and must return quickly: OnDelta and one OnChoiceEnd
/// per choice in any interleaving, then OnEnd exactly once, after which the sink is let go.
class ChatSink {
 public:
  virtual ~ChatSink() = default;
  virtual void OnDelta(ChatDelta delta) = 0;
  virtual void OnChoiceEnd(int choice, const ChoiceEnd& end) = 0;
  /// Right before OnEnd, also before an error: what was used until then.
  virtual void OnUsage(const ChatUsage&) {}
  /// An error ends the whole completion; choices may lack their end. kCancelled after Cancel.
  virtual void OnEnd(const Result<ChatUsage>& usage) = 0;
};

/// A completion that runs. Letting go of it does not stop it.
class Completion {
 public:
  virtual ~Completion() = default;
  /// Any thread, also from inside the sink; at once or within one step OnEnd comes. Harmless after
  /// the end.
  virtual void Cancel() = 0;
};

struct EmbeddingRequest {
  std::string model;
  std::vector<std::variant<std::string, std::vector<int32_t>>> inputs;  // text or token ids
  std::string tenant;
  std::string request_id;
};

struct Embeddings {
  std::vector<std::vector<float>> vectors;  // one per input, of length 1 (L2)
  int prompt_tokens = 0;
};

/// What a model makes of text, without generating. Thread-safe; it keeps nothing of the model but
/// what it needs.
class ModelText {
 public:
  struct Prompt {
    std::string text;
    std::vector<int32_t> tokens;
  };

  virtual ~ModelText() = default;
  /// special: spellings of control tokens in the text count as those tokens.
  virtual std::vector<int32_t> Encode(std::string_view text, bool special) const = 0;
  /// The bytes may not be whole UTF-8. Errors: kInvalidArgument (an id the model does not have).
  virtual Result<std::string> Decode(const std::vector<int32_t>& tokens) const = 0;
  /// The prompt that a chat becomes. Errors: as Provider::Complete's about messages and template.
  virtual Result<Prompt> Render(const ChatRequest& request, bool add_generation_prompt) const = 0;
};

/// kUnloaded: not in memory; the next request for it loads it.
enum class ModelState { kLoading, kReady, kFailed, kUnloaded };

enum class ModelKind { kText, kEmbedding };

struct ModelInfo {
  std::string id;
  int64_t created = 0;     // seconds UTC
  int context_length = 0;  // tokens; 0: not known yet
  ModelState state = ModelState::kReady;
  uint64_t bytes_loaded = 0;  // with kLoading, and with kUnloaded while a request loads it
  uint64_t bytes_total = 0;
  std::string error;  // with kFailed: one line; with kUnloaded: why the last try failed
  ModelKind kind = ModelKind::kText;
  std::string owner = "dure";  // whose machine it runs on: this program's, or a provider's name
  uint64_t loads = 0;          // how often it was read into memory
};

/// What a model's engine does now.
struct ModelStats {
  std::string id;
  int running = 0;
  int queued = 0;
  int blocks_used = 0;
  int blocks_total = 0;
  uint64_t steps = 0;
  uint64_t tokens_generated = 0;
  double wait_ms = 0;  // an estimate: how long a request that comes now waits for its start
  int64_t queued_prompt_tokens = 0;
  int blocks_cached = 0;         // by nothing but the prefix cache
  uint64_t preemptions = 0;      // from here on: since the model was loaded
  uint64_t drafted_tokens = 0;   // guessed and computed
  uint64_t accepted_tokens = 0;  // of those, right
  uint64_t prefix_hits = 0;      // finished requests whose prompt began with cached tokens
  uint64_t prefix_tokens = 0;    // cached tokens of those
};

/// Every member is thread-safe. WatchedProvider passes each of them on.
class Provider {
 public:
  virtual ~Provider() = default;
  /// The default model first.
  virtual std::vector<ModelInfo> models() const = 0;
  virtual std::vector<ModelStats> stats() const = 0;
  /// Renders, encodes and queues: takes up to some milliseconds for a long chat. Where the model
  /// has to be loaded first, the same happens later, and its errors reach OnEnd. The sink may be
  /// called before this returns; with an error it is never called. Errors: kNotFound (model),
  /// kCorrupt (the model could not be loaded), kUnavailable (queue full, or the deadline passed),
  /// kContextLengthExceeded (numbers in the message), kInvalidArgument (the message begins with the
  /// parameter's name), kUnsupported (the model has no chat template, or its template refuses this
  /// chat), kResourceExhausted (a limit of the template).
  virtual Result<std::shared_ptr<Completion>> Complete(const ChatRequest& request,
                                                       std::shared_ptr<ChatSink> sink) = 0;
  /// Continues a text; no tool calls and no reasoning come of it. Otherwise as Complete. More
  /// errors: kUnsupported (this model cannot, or cannot fill in the middle).
  virtual Result<std::shared_ptr<Completion>> CompleteText(const TextRequest& request,
                                                           std::shared_ptr<ChatSink> sink);
  /// `done` is called once, from any thread; with an error here never. Errors: kNotFound,
  /// kUnavailable, kInvalidArgument, kContextLengthExceeded (an input is too long; numbers in the
  /// message), kUnsupported (no model for embeddings).
  virtual Result<std::shared_ptr<Completion>> Embed(const EmbeddingRequest& request,
                                                    std::function<void(Result<Embeddings>)> done);
  /// `ready` is called once, from here or another thread. Errors: kNotFound, kUnavailable,
  /// kUnsupported (what the model makes of text is not known here).
  virtual void WithText(const std::string& model,
                        std::function<void(Result<std::shared_ptr<const ModelText>>)> ready);
};

}  // namespace dure::providers
