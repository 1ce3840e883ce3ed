// Private to store/.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/conversations.h"
#include "store/sqlite/database.h"

namespace dure::store::sqlite {

class SqliteConversations : public Conversations {
 public:
  explicit SqliteConversations(Database& database) : database_(database) {}

  Result<Conversation> Create(const Conversation& conversation) override;
  Result<std::optional<Conversation>> Find(std::string_view account_id,
                                           std::string_view id) override;
  Result<std::vector<Conversation>> List(std::string_view account_id,
                                         const ConversationFilter& filter) override;
  Result<Conversation> Change(std::string_view account_id, std::string_view id,
                              const ConversationChange& change, int64_t now_ms) override;
  Result<int64_t> Remove(std::string_view account_id, const std::vector<std::string>& ids) override;
  Result<void> Add(std::string_view account_id, const std::vector<Message>& messages,
                   int64_t now_ms) override;
  Result<std::optional<Message>> FindMessage(std::string_view account_id,
                                             std::string_view id) override;
  Result<MessagePath> Path(std::string_view account_id, std::string_view conversation_id,
                           std::string_view leaf, std::string_view before, int most) override;
  Result<void> Complete(const Message& answer, int64_t now_ms) override;
  Result<void> RemoveMessage(std::string_view account_id, std::string_view id,
                             int64_t now_ms) override;
  Result<std::vector<SearchHit>> Search(std::string_view account_id, std::string_view typed,
                                        int most) override;

 private:
  /// What was deleted is not in the index's older segments, and not in the write-ahead log.
  Result<void> Forget();

  Database& database_;
};

}  // namespace dure::store::sqlite
