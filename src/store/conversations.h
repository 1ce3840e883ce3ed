// Conversations: trees of messages, found by their words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "store/search_words.h"

namespace dure::store {

struct Conversation {
  std::string id;  // "conv_..."
  std::string account_id;
  std::string title;  // "": none yet
  std::string model;  // "": the server's default
  std::string instructions;
  std::string sampling = "{}";  // JSON object
  bool pinned = false;
  bool archived = false;
  std::string active_leaf;    // id of a message; "": none
  std::string imported_from;  // "": made here
  int64_t messages = 0;
  int64_t created_ms = 0;
  int64_t updated_ms = 0;
};

/// Absent: stays as it is.
struct ConversationChange {
  std::optional<std::string> title;
  std::optional<std::string> model;
  std::optional<std::string> instructions;
  std::optional<std::string> sampling;
  std::optional<bool> pinned;
  std::optional<bool> archived;
  std::optional<std::string> active_leaf;  // any message: the newest leaf below it is meant
};

struct Message {
  std::string id;  // "msg_..."
  std::string conversation_id;
  std::string parent_id;  // "": a first message
  std::string role;       // "user", "assistant"; imported ones also "system" and "tool"
  std::string content;
  std::string reasoning;
  std::string status = "complete";  // of answers also "running", "stopped", "failed"
  std::string model;
  std::string details = "{}";  // JSON object: usage, context, durations, error
  int64_t created_ms = 0;
  std::vector<std::string> siblings;  // with this one, oldest first; read, not written
};

struct ConversationFilter {
  bool archived = false;
  std::optional<bool> pinned;
  int64_t before_ms = INT64_MAX;  // of the last change; with the same time, before_id decides
  std::string before_id;
  int most = 50;
};

struct MessagePath {
  std::vector<Message> messages;  // from the first on
  bool earlier = false;           // there are more above
};

struct SearchHit {
  Conversation conversation;
  std::string message_id;  // "": only the title
  std::string role;
  int64_t created_ms = 0;
  std::vector<TextPart> title;
  std::vector<TextPart> snippet;
};

inline constexpr size_t kMostMessageBytes = 4 << 20;
inline constexpr int64_t kMostMessages = 100'000;  // of one conversation

/// Thread-safe; see Accounts. Whatever is another account's is as if it were not there: kNotFound.
class Conversations {
 public:
  virtual ~Conversations() = default;

  /// Errors: kNotFound (account), kConflict (the id is taken by another account).
  virtual Result<Conversation> Create(const Conversation& conversation) = 0;
  virtual Result<std::optional<Conversation>> Find(std::string_view account_id,
                                                   std::string_view id) = 0;
  /// Latest change first.
  virtual Result<std::vector<Conversation>> List(std::string_view account_id,
                                                 const ConversationFilter& filter) = 0;
  virtual Result<Conversation> Change(std::string_view account_id, std::string_view id,
                                      const ConversationChange& change, int64_t now_ms) = 0;
  /// How many of these there were. What is removed is gone from the file, the index and the
  /// write-ahead log when it returns. No ids: all of the account's.
  virtual Result<int64_t> Remove(std::string_view account_id,
                                 const std::vector<std::string>& ids) = 0;

  /// In one piece; the last becomes the active leaf. Errors: kNotFound (conversation, parent),
  /// kConflict (an id is taken, the parent is an answer that is running), kInvalidArgument (too
  /// long), kResourceExhausted (too many).
  virtual Result<void> Add(std::string_view account_id, const std::vector<Message>& messages,
                           int64_t now_ms) = 0;
  virtual Result<std::optional<Message>> FindMessage(std::string_view account_id,
                                                     std::string_view id) = 0;
  /// To `leaf` ("": the active one). before: only what stands above that message.
  virtual Result<MessagePath> Path(std::string_view account_id, std::string_view conversation_id,
                                   std::string_view leaf, std::string_view before, int most) = 0;
  /// Fills a running answer, once. Errors: kNotFound; kConflict (it is complete already).
  virtual Result<void> Complete(const Message& answer, int64_t now_ms) = 0;
  /// With everything below it; as Remove.
  virtual Result<void> RemoveMessage(std::string_view account_id, std::string_view id,
                                     int64_t now_ms) = 0;

  /// Best first, each conversation once.
  virtual Result<std::vector<SearchHit>> Search(std::string_view account_id, std::string_view typed,
                                                int most) = 0;
};

}  // namespace dure::store
