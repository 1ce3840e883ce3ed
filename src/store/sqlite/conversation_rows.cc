#include "store/sqlite/conversation_rows.h"

#include "store/search_words.h"

namespace dure::store::sqlite {

ConversationRow ReadConversation(const Statement& row, int column) {
  ConversationRow out;
  Conversation& conversation = out.conversation;
  out.number = row.Int(column);
  conversation.id = row.Text(column + 1);
  conversation.account_id = row.Text(column + 2);
  conversation.title = row.Text(column + 3);
  conversation.model = row.Text(column + 4);
  conversation.instructions = row.Text(column + 5);
  conversation.sampling = row.Text(column + 6);
  conversation.pinned = row.Int(column + 7) != 0;
  conversation.archived = row.Int(column + 8) != 0;
  conversation.active_leaf = row.Text(column + 9);
  conversation.imported_from = row.Text(column + 10);
  conversation.created_ms = row.Int(column + 11);
  conversation.updated_ms = row.Int(column + 12);
  conversation.messages = row.Int(column + 13);
  return out;
}

Message ReadMessage(const Statement& row, const std::string& conversation_id, int column) {
  Message message;
  message.conversation_id = conversation_id;
  message.id = row.Text(column);
  message.parent_id = row.Text(column + 1);
  message.role = row.Text(column + 2);
  message.content = row.Text(column + 3);
  message.reasoning = row.Text(column + 4);
  message.status = row.Text(column + 5);
  message.model = row.Text(column + 6);
  message.details = row.Text(column + 7);
  message.created_ms = row.Int(column + 8);
  return message;
}

Result<std::optional<ConversationRow>> FindConversation(Connection& connection,
                                                        std::string_view account_id,
                                                        std::string_view id) {
  auto statement = connection.Prepare(std::string("SELECT ") + kConversationColumns +
                                      " FROM conversations WHERE conversations.id = ? AND "
                                      "(account_id = ? OR ? = '')");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(id).Bind(account_id).Bind(account_id).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  return ReadConversation(*statement, 0);
}

Result<ConversationRow> RequireConversation(Connection& connection, std::string_view account_id,
                                            std::string_view id) {
  auto found = FindConversation(connection, account_id, id);
  if (!found) return tl::unexpected(found.error());
  if (!*found) return Fail(ErrorCode::kNotFound, "there is no such conversation");
  return std::move(**found);
}

Result<void> InsertMessage(Connection& connection, int64_t conversation, const Message& message) {
  auto statement = connection.Prepare(
      "INSERT INTO messages (id, conversation, parent, role, content, reasoning, status, model, "
      "details, created_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  auto done = statement->Bind(message.id)
                  .Bind(conversation)
                  .Bind(message.parent_id)
                  .Bind(message.role)
                  .Bind(message.content)
                  .Bind(message.reasoning)
                  .Bind(message.status)
                  .Bind(message.model)
                  .Bind(message.details)
                  .Bind(message.created_ms)
                  .Run();
  if (!done) return done;
  return IndexText(connection, connection.last_row_id(), message.content);
}

Result<void> IndexText(Connection& connection, int64_t row, std::string_view text) {
  auto remove = connection.Prepare("DELETE FROM words WHERE rowid = ?");
  if (!remove) return tl::unexpected(remove.error());
  if (auto done = remove->Bind(row).Run(); !done) return done;
  const std::string words = IndexWords(text);
  if (words.empty()) return {};
  auto insert = connection.Prepare("INSERT INTO words (rowid, text) VALUES (?, ?)");
  if (!insert) return tl::unexpected(insert.error());
  return insert->Bind(row).Bind(words).Run();
}

Result<void> ForgetWords(Connection& connection, std::string_view account_id,
                         std::string_view conversation_id) {
  for (const char* rows :
       {"SELECT messages.number FROM messages JOIN conversations ON conversations.number = "
        "conversation",
        "SELECT -number FROM conversations"}) {
    auto statement = connection.Prepare("DELETE FROM words WHERE rowid IN (" + std::string(rows) +
                                        " WHERE account_id = ? AND (conversations.id = ? OR ? = "
                                        "''))");
    if (!statement) return tl::unexpected(statement.error());
    auto done = statement->Bind(account_id).Bind(conversation_id).Bind(conversation_id).Run();
    if (!done) return done;
  }
  return {};
}

Result<void> Touch(Connection& connection, int64_t conversation, std::string_view leaf,
                   int64_t now_ms) {
  auto statement = connection.Prepare(
      "UPDATE conversations SET active_leaf = ?, updated_ms = max(updated_ms, ?) WHERE number = ?");
  if (!statement) return tl::unexpected(statement.error());
  return statement->Bind(leaf).Bind(now_ms).Bind(conversation).Run();
}

}  // namespace dure::store::sqlite
