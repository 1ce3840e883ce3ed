// Rows of conversations and messages, for those who hold a connection. Private to store/.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "store/conversations.h"
#include "store/sqlite/connection.h"

namespace dure::store::sqlite {

struct ConversationRow {
  int64_t number = 0;
  Conversation conversation;
};

inline constexpr char kConversationColumns[] =
    "conversations.number, conversations.id, account_id, title, conversations.model, instructions, "
    "sampling, pinned, archived, active_leaf, imported_from, conversations.created_ms, updated_ms, "
    "(SELECT count(*) FROM messages AS m WHERE m.conversation = conversations.number)";
inline constexpr int kConversationColumnCount = 14;
ConversationRow ReadConversation(const Statement& row, int column);

inline constexpr char kMessageColumns[] =
    "messages.id, messages.parent, role, content, reasoning, status, messages.model, details, "
    "messages.created_ms";
Message ReadMessage(const Statement& row, const std::string& conversation_id, int column);

/// Nothing where it is another account's; "": any account's.
Result<std::optional<ConversationRow>> FindConversation(Connection& connection,
                                                        std::string_view account_id,
                                                        std::string_view id);
/// As that; kNotFound instead of nothing.
Result<ConversationRow> RequireConversation(Connection& connection, std::string_view account_id,
                                            std::string_view id);
Result<void> InsertMessage(Connection& connection, int64_t conversation, const Message& message);
/// Puts the text into the index in place of what was there.
Result<void> IndexText(Connection& connection, int64_t row, std::string_view text);
/// Takes the words of what is to be deleted out of the index, messages and titles: all of the
/// account's, or of one conversation ("": all).
Result<void> ForgetWords(Connection& connection, std::string_view account_id,
                         std::string_view conversation_id);
Result<void> Touch(Connection& connection, int64_t conversation, std::string_view leaf,
                   int64_t now_ms);

}  // namespace dure::store::sqlite
