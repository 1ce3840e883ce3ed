#include "store/sqlite/sqlite_conversations.h"

#include <algorithm>

#include "store/sqlite/conversation_rows.h"
#include "store/sqlite/message_tree.h"

namespace dure::store::sqlite {

namespace {

using FoundConversation = std::optional<Conversation>;
using FoundMessage = std::optional<Message>;

Result<Conversation> CreateIn(Connection& connection, const Conversation& wanted) {
  auto statement = connection.Prepare(
      "INSERT INTO conversations (id, account_id, title, model, instructions, sampling, pinned, "
      "archived, imported_from, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  auto done = statement->Bind(wanted.id)
                  .Bind(wanted.account_id)
                  .Bind(wanted.title)
                  .Bind(wanted.model)
                  .Bind(wanted.instructions)
                  .Bind(wanted.sampling)
                  .Bind(int64_t{wanted.pinned})
                  .Bind(int64_t{wanted.archived})
                  .Bind(wanted.imported_from)
                  .Bind(wanted.created_ms)
                  .Bind(wanted.updated_ms)
                  .Run();
  if (!done) return tl::unexpected(done.error());
  const int64_t number = connection.last_row_id();
  if (auto indexed = IndexText(connection, -number, wanted.title); !indexed) {
    return tl::unexpected(indexed.error());
  }
  auto made = RequireConversation(connection, wanted.account_id, wanted.id);
  if (!made) return tl::unexpected(made.error());
  return std::move(made->conversation);
}

Result<Conversation> ChangeIn(Connection& connection, const std::string& account_id,
                              const std::string& id, const ConversationChange& change,
                              int64_t now_ms) {
  auto row = RequireConversation(connection, account_id, id);
  if (!row) return tl::unexpected(row.error());
  Conversation& now = row->conversation;
  std::string leaf = now.active_leaf;
  if (change.active_leaf) {
    const auto tree = MessageTree::Read(connection, row->number);
    if (!tree) return tl::unexpected(tree.error());
    if (!tree->Has(*change.active_leaf)) {
      return Fail(ErrorCode::kNotFound, "there is no such message");
    }
    leaf = tree->LeafBelow(*change.active_leaf);
  }
  auto statement = connection.Prepare(
      "UPDATE conversations SET (title, model, instructions, sampling, pinned, archived, "
      "active_leaf, updated_ms) = (?, ?, ?, ?, ?, ?, ?, ?) WHERE number = ?");
  if (!statement) return tl::unexpected(statement.error());
  const std::string title = change.title.value_or(now.title);
  // Pinning and looking at another branch do not move a conversation to the top.
  const bool moves = change.title || change.instructions;
  auto done = statement->Bind(title)
                  .Bind(change.model.value_or(now.model))
                  .Bind(change.instructions.value_or(now.instructions))
                  .Bind(change.sampling.value_or(now.sampling))
                  .Bind(int64_t{change.pinned.value_or(now.pinned)})
                  .Bind(int64_t{change.archived.value_or(now.archived)})
                  .Bind(leaf)
                  .Bind(moves ? std::max(now.updated_ms, now_ms) : now.updated_ms)
                  .Bind(row->number)
                  .Run();
  if (done && change.title) done = IndexText(connection, -row->number, title);
  if (!done) return tl::unexpected(done.error());
  auto changed = RequireConversation(connection, account_id, id);
  if (!changed) return tl::unexpected(changed.error());
  return std::move(changed->conversation);
}

Result<int64_t> RemoveIn(Connection& connection, const std::string& account_id,
                         const std::vector<std::string>& ids) {
  const auto remove = [&](const std::string& which, const std::string& id) -> Result<int64_t> {
    if (auto done = ForgetWords(connection, account_id, id); !done) {
      return tl::unexpected(done.error());
    }
    for (const char* table : {"messages WHERE conversation IN (SELECT number FROM conversations",
                              "conversations WHERE number IN (SELECT number FROM conversations"}) {
      auto statement = connection.Prepare("DELETE FROM " + std::string(table) +
                                          " WHERE account_id = ?" + which + ")");
      if (!statement) return tl::unexpected(statement.error());
      statement->Bind(account_id);
      if (!id.empty()) statement->Bind(id);
      if (auto done = statement->Run(); !done) return tl::unexpected(done.error());
    }
    return connection.changed_rows();
  };
  if (ids.empty()) return remove("", "");
  int64_t removed = 0;
  for (const std::string& id : ids) {
    const auto one = remove(" AND id = ?", id);
    if (!one) return one;
    removed += *one;
  }
  return removed;
}

Result<void> CheckMessage(const Message& message) {
  if (message.content.size() + message.reasoning.size() > kMostMessageBytes) {
    return Fail(ErrorCode::kInvalidArgument,
                "a message may have " + std::to_string(kMostMessageBytes) + " bytes at most");
  }
  return {};
}

Result<void> CheckParent(Connection& connection, int64_t conversation, const std::string& parent) {
  if (parent.empty()) return {};
  auto statement =
      connection.Prepare("SELECT status, role FROM messages WHERE conversation = ? AND id = ?");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(conversation).Bind(parent).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return Fail(ErrorCode::kNotFound, "there is no such parent message");
  if (statement->Text(0) == "running") {
    return Fail(ErrorCode::kConflict, "the answer above is still running");
  }
  return {};
}

Result<void> AddIn(Connection& connection, const std::string& account_id,
                   const std::vector<Message>& messages, int64_t now_ms) {
  const auto row = RequireConversation(connection, account_id, messages[0].conversation_id);
  if (!row) return tl::unexpected(row.error());
  const auto more = static_cast<int64_t>(messages.size());
  if (row->conversation.messages + more > kMostMessages) {
    return Fail(ErrorCode::kResourceExhausted,
                "a conversation may have " + std::to_string(kMostMessages) + " messages at most");
  }
  for (const Message& message : messages) {
    auto done = CheckMessage(message);
    if (done) done = CheckParent(connection, row->number, message.parent_id);
    if (done) done = InsertMessage(connection, row->number, message);
    if (!done) return done;
  }
  return Touch(connection, row->number, messages.back().id, now_ms);
}

struct MessagePlace {
  Message message;
  int64_t number = 0;
  int64_t conversation = 0;
};

Result<std::optional<MessagePlace>> PlaceOf(Connection& connection, const std::string& account_id,
                                            const std::string& id) {
  auto statement = connection.Prepare(
      std::string("SELECT messages.number, conversations.number, conversations.id, ") +
      kMessageColumns +
      " FROM messages JOIN conversations ON conversations.number = messages.conversation WHERE "
      "messages.id = ? AND (account_id = ? OR ? = '')");
  if (!statement) return tl::unexpected(statement.error());
  const auto row = statement->Bind(id).Bind(account_id).Bind(account_id).Step();
  if (!row) return tl::unexpected(row.error());
  if (!*row) return std::nullopt;
  return MessagePlace{ReadMessage(*statement, statement->Text(2), 3), statement->Int(0),
                      statement->Int(1)};
}

Result<MessagePath> PathIn(Connection& connection, int64_t conversation, const Conversation& about,
                           std::string leaf, const std::string& before, int most) {
  MessagePath path;
  if (leaf.empty()) leaf = about.active_leaf;
  if (leaf.empty()) return path;
  const auto tree = MessageTree::Read(connection, conversation);
  if (!tree) return tl::unexpected(tree.error());
  if (!tree->Has(leaf)) return Fail(ErrorCode::kNotFound, "there is no such message");
  std::vector<std::string> ids = tree->PathTo(leaf);
  if (!before.empty()) ids.erase(std::find(ids.begin(), ids.end(), before), ids.end());
  const size_t skipped = ids.size() - std::min(ids.size(), static_cast<size_t>(most));
  path.earlier = skipped > 0;
  for (size_t i = skipped; i < ids.size(); ++i) {
    auto one = connection.Prepare(std::string("SELECT ") + kMessageColumns +
                                  " FROM messages WHERE messages.id = ?");
    if (!one) return tl::unexpected(one.error());
    const auto row = one->Bind(ids[i]).Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) continue;
    path.messages.push_back(ReadMessage(*one, about.id, 0));
    path.messages.back().siblings = tree->Children(path.messages.back().parent_id);
  }
  return path;
}

Result<void> CompleteIn(Connection& connection, const Message& answer, int64_t now_ms) {
  const auto place = PlaceOf(connection, "", answer.id);
  if (!place) return tl::unexpected(place.error());
  if (!*place) return Fail(ErrorCode::kNotFound, "the message is gone");
  if ((*place)->message.status != "running") {
    return Fail(ErrorCode::kConflict, "the answer is complete already");
  }
  auto statement = connection.Prepare(
      "UPDATE messages SET (content, reasoning, status, model, details) = (?, ?, ?, ?, ?) WHERE "
      "number = ?");
  if (!statement) return tl::unexpected(statement.error());
  auto done = statement->Bind(answer.content)
                  .Bind(answer.reasoning)
                  .Bind(answer.status)
                  .Bind(answer.model)
                  .Bind(answer.details)
                  .Bind((*place)->number)
                  .Run();
  if (done) done = IndexText(connection, (*place)->number, answer.content);
  if (!done) return done;
  auto touched = connection.Prepare(
      "UPDATE conversations SET updated_ms = max(updated_ms, ?) WHERE number = ?");
  if (!touched) return tl::unexpected(touched.error());
  return touched->Bind(now_ms).Bind((*place)->conversation).Run();
}

Result<void> RemoveMessageIn(Connection& connection, const std::string& account_id,
                             const std::string& id, int64_t now_ms) {
  const auto place = PlaceOf(connection, account_id, id);
  if (!place) return tl::unexpected(place.error());
  if (!*place) return Fail(ErrorCode::kNotFound, "there is no such message");
  const int64_t conversation = (*place)->conversation;
  const auto tree = MessageTree::Read(connection, conversation);
  if (!tree) return tl::unexpected(tree.error());
  for (const std::string& gone : tree->Subtree(id)) {
    for (const char* sql :
         {"DELETE FROM words WHERE rowid = (SELECT number FROM messages WHERE id = ?)",
          "DELETE FROM messages WHERE id = ?"}) {
      auto statement = connection.Prepare(sql);
      if (!statement) return tl::unexpected(statement.error());
      if (auto done = statement->Bind(gone).Run(); !done) return done;
    }
  }
  const auto left = MessageTree::Read(connection, conversation);
  if (!left) return tl::unexpected(left.error());
  const std::string& parent = (*place)->message.parent_id;
  return Touch(connection, conversation, left->LeafBelow(parent), now_ms);
}

Result<std::vector<SearchHit>> SearchIn(Connection& connection, const std::string& account_id,
                                        const std::string& typed, int most) {
  std::vector<SearchHit> hits;
  const std::string query = SearchQuery(typed);
  if (query.empty()) return hits;
  auto statement = connection.Prepare(
      std::string("WITH found AS MATERIALIZED (SELECT rowid AS row, bm25(words) AS score FROM "
                  "words WHERE words MATCH ?), "
                  "best AS (SELECT coalesce(m.conversation, -row) AS number, row, "
                  "min(CASE WHEN row < 0 THEN score * 2 ELSE score END) AS score FROM found LEFT "
                  "JOIN messages AS m ON m.number = row JOIN conversations AS c ON c.number = "
                  "coalesce(m.conversation, -row) WHERE c.account_id = ? GROUP BY 1 ORDER BY 3 "
                  "LIMIT ?) SELECT ") +
      kConversationColumns +
      ", messages.id, role, content, messages.created_ms FROM best JOIN "
      "conversations ON conversations.number = best.number LEFT JOIN "
      "messages ON messages.number = best.row ORDER BY best.score");
  if (!statement) return tl::unexpected(statement.error());
  statement->Bind(query).Bind(account_id).Bind(int64_t{most});
  constexpr size_t kTitleCharacters = 200;
  constexpr size_t kSnippetCharacters = 160;
  for (;;) {
    const auto row = statement->Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return hits;
    SearchHit hit;
    hit.conversation = ReadConversation(*statement, 0).conversation;
    hit.message_id = statement->Text(kConversationColumnCount);
    hit.role = statement->Text(kConversationColumnCount + 1);
    hit.created_ms = hit.message_id.empty() ? hit.conversation.created_ms
                                            : statement->Int(kConversationColumnCount + 3);
    hit.title = Highlight(hit.conversation.title, typed, kTitleCharacters);
    hit.snippet =
        Highlight(statement->Text(kConversationColumnCount + 2), typed, kSnippetCharacters);
    hits.push_back(std::move(hit));
  }
}

}  // namespace

Result<Conversation> SqliteConversations::Create(const Conversation& conversation) {
  return database_.Write<Conversation>(
      [&](Connection& connection) { return CreateIn(connection, conversation); });
}

Result<FoundConversation> SqliteConversations::Find(std::string_view account_id,
                                                    std::string_view id) {
  return database_.Read<FoundConversation>(
      [&](Connection& connection) -> Result<FoundConversation> {
        auto found = FindConversation(connection, account_id, id);
        if (!found) return tl::unexpected(found.error());
        if (!*found) return std::nullopt;
        return std::move((*found)->conversation);
      });
}

Result<std::vector<Conversation>> SqliteConversations::List(std::string_view account_id,
                                                            const ConversationFilter& filter) {
  using All = std::vector<Conversation>;
  return database_.Read<All>([&](Connection& connection) -> Result<All> {
    auto statement = connection.Prepare(
        std::string("SELECT ") + kConversationColumns +
        " FROM conversations WHERE account_id = ? AND archived = ? AND (updated_ms < ? OR "
        "(updated_ms = ? AND conversations.id < ?)) AND (pinned = ? OR ? < 0) ORDER BY updated_ms "
        "DESC, conversations.id DESC LIMIT ?");
    if (!statement) return tl::unexpected(statement.error());
    const int64_t pinned = filter.pinned ? int64_t{*filter.pinned} : -1;
    statement->Bind(account_id)
        .Bind(int64_t{filter.archived})
        .Bind(filter.before_ms)
        .Bind(filter.before_ms)
        .Bind(filter.before_id)
        .Bind(pinned)
        .Bind(pinned)
        .Bind(int64_t{filter.most});
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back(ReadConversation(*statement, 0).conversation);
    }
  });
}

Result<Conversation> SqliteConversations::Change(std::string_view account_id, std::string_view id,
                                                 const ConversationChange& change, int64_t now_ms) {
  return database_.Write<Conversation>([&](Connection& connection) {
    return ChangeIn(connection, std::string(account_id), std::string(id), change, now_ms);
  });
}

Result<int64_t> SqliteConversations::Remove(std::string_view account_id,
                                            const std::vector<std::string>& ids) {
  auto removed = database_.Write<int64_t>(
      [&](Connection& connection) { return RemoveIn(connection, std::string(account_id), ids); });
  if (!removed) return removed;
  if (auto forgotten = Forget(); !forgotten) return tl::unexpected(forgotten.error());
  return removed;
}

Result<void> SqliteConversations::Add(std::string_view account_id,
                                      const std::vector<Message>& messages, int64_t now_ms) {
  if (messages.empty()) return {};
  return database_.writer.Now([&](Connection& connection) {
    return AddIn(connection, std::string(account_id), messages, now_ms);
  });
}

Result<FoundMessage> SqliteConversations::FindMessage(std::string_view account_id,
                                                      std::string_view id) {
  return database_.Read<FoundMessage>([&](Connection& connection) -> Result<FoundMessage> {
    auto place = PlaceOf(connection, std::string(account_id), std::string(id));
    if (!place) return tl::unexpected(place.error());
    if (!*place) return std::nullopt;
    const auto tree = MessageTree::Read(connection, (*place)->conversation);
    if (!tree) return tl::unexpected(tree.error());
    Message message = std::move((*place)->message);
    message.siblings = tree->Children(message.parent_id);
    return message;
  });
}

Result<MessagePath> SqliteConversations::Path(std::string_view account_id,
                                              std::string_view conversation_id,
                                              std::string_view leaf, std::string_view before,
                                              int most) {
  return database_.Read<MessagePath>([&](Connection& connection) -> Result<MessagePath> {
    const auto row = RequireConversation(connection, account_id, conversation_id);
    if (!row) return tl::unexpected(row.error());
    return PathIn(connection, row->number, row->conversation, std::string(leaf),
                  std::string(before), most);
  });
}

Result<void> SqliteConversations::Complete(const Message& answer, int64_t now_ms) {
  return database_.writer.Now(
      [&](Connection& connection) { return CompleteIn(connection, answer, now_ms); });
}

Result<void> SqliteConversations::RemoveMessage(std::string_view account_id, std::string_view id,
                                                int64_t now_ms) {
  auto done = database_.writer.Now([&](Connection& connection) {
    return RemoveMessageIn(connection, std::string(account_id), std::string(id), now_ms);
  });
  return done ? Forget() : done;
}

Result<std::vector<SearchHit>> SqliteConversations::Search(std::string_view account_id,
                                                           std::string_view typed, int most) {
  return database_.Read<std::vector<SearchHit>>([&](Connection& connection) {
    return SearchIn(connection, std::string(account_id), std::string(typed), most);
  });
}

Result<void> SqliteConversations::Forget() {
  // FTS5 keeps deleted words in its older segments until they are merged: all of them, now.
  auto merged = database_.writer.Now([](Connection& connection) {
    return connection.Execute("INSERT INTO words (words) VALUES ('optimize')");
  });
  return merged ? database_.writer.EmptyLog() : merged;
}

}  // namespace dure::store::sqlite
