// What a completion says, as the events of a response: which come in which order, and the response
// as it stands. Pure: it knows neither connections nor the store.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "api/error_table.h"
#include "api/json_body.h"
#include "api/responses/items.h"
#include "providers/provider.h"

namespace dure::api {

/// Not thread-safe.
class ResponseEvents {
 public:
  struct Settings {
    std::string id;  // "resp_..."
    int64_t created_at = 0;
    Json echo;  // of the request
    bool background = false;
    bool with_logprobs = false;
    IdMaker new_id;
    std::function<int64_t()> unix_time;
  };
  explicit ResponseEvents(Settings settings) : settings_(std::move(settings)) {}

  // What happens; nothing is taken any more after an end.

  void Add(providers::ChatDelta delta);
  void EndChoice(const providers::ChoiceEnd& end);
  void Complete(const providers::ChatUsage& usage);
  void Fail(const ApiError& error, const providers::ChatUsage& usage);
  void Cancel();

  /// The next event that follows from it, or nothing. What was added between two calls is one
  /// delta: who calls less often gets larger ones.
  std::optional<Json> Next();
  /// One of Complete, Fail and Cancel was called.
  bool ended() const { return end_.has_value(); }
  /// The response as it stands.
  Json Response() const;

 private:
  enum class Kind { kReasoning, kMessage, kCall };
  enum class Stage { kAdd, kAddPart, kText, kTextDone, kPartDone, kItemDone, kPast };
  struct Item {
    Kind kind = Kind::kMessage;
    std::string id;
    int call = 0;  // index of the tool call
    std::string call_id;
    std::string name;
    std::string text;  // also a call's arguments
    std::vector<providers::TokenInfo> tokens;
    Stage stage = Stage::kAdd;
    size_t text_sent = 0;
    size_t tokens_sent = 0;
  };
  struct End {
    const char* status;
    const char* event;
    Json error;
    Json incomplete_details;
    Json usage;
    int64_t at = 0;
  };

  Item& Open(Kind kind);
  void AddCall(providers::ToolCallDelta& piece);
  void SetEnd(End end);
  bool IsClosed(size_t index) const;
  std::optional<Json> ItemEvent(size_t index);
  Json DeltaEvent(Item& item, size_t index);
  Json Event(const char* type, Json members);
  Json PartEvent(const char* type, const Item& item, size_t index, Json members);
  Json ItemJson(size_t index, bool begun) const;
  Json PartJson(const Item& item, bool begun) const;
  Json TokensJson(const Item& item, size_t from) const;
  const char* ItemStatus(size_t index) const;
  Json Shape(const char* status, Json output) const;

  const Settings settings_;
  std::vector<Item> items_;
  std::optional<providers::FinishReason> reason_;
  std::optional<End> end_;
  size_t cursor_ = 0;  // items before it are told to their end
  int64_t sequence_ = 0;
  bool created_told_ = false;
  bool queued_told_ = false;
  bool progress_told_ = false;
  bool end_told_ = false;
};

/// What of a response a server that was killed left behind: the events told so far, folded into the
/// response as it stood, and its end as a failure. `events` are the payloads in order; null where
/// there is none to begin with.
Json FoldEvents(const std::vector<Json>& events);

}  // namespace dure::api
