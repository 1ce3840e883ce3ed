#include "store/sqlite/sqlite_answers.h"

#include <utility>

namespace dure::store::sqlite {

namespace {

constexpr char kOne[] = " WHERE account_id = ? AND route = ? AND key = ?";

Statement& BindKey(Statement& statement, const AnswerKey& key) {
  return statement.Bind(std::string_view(key.account_id))
      .Bind(std::string_view(key.route))
      .Bind(std::string_view(key.key));
}

Result<void> Delete(Connection& connection, const AnswerKey& key) {
  auto statement = connection.Prepare(std::string("DELETE FROM answers") + kOne);
  if (!statement) return tl::unexpected(statement.error());
  return BindKey(*statement, key).Run();
}

Result<void> Insert(Connection& connection, const AnswerKey& key, const std::string& hash,
                    int64_t now_ms) {
  auto insert = connection.Prepare(
      "INSERT INTO answers (account_id, route, key, request_hash, created_ms) "
      "VALUES (?, ?, ?, ?, ?)");
  if (!insert) return tl::unexpected(insert.error());
  if (auto done = BindKey(*insert, key).BindBlob(hash).Bind(now_ms).Run(); !done) return done;
  auto oldest = connection.Prepare(
      "DELETE FROM answers WHERE (account_id, route, key) IN (SELECT account_id, route, key FROM "
      "answers WHERE account_id = ? AND status IS NOT NULL ORDER BY created_ms DESC LIMIT -1 "
      "OFFSET ?)");
  if (!oldest) return tl::unexpected(oldest.error());
  return oldest->Bind(std::string_view(key.account_id))
      .Bind(static_cast<int64_t>(Answers::kMostAnswers))
      .Run();
}

Result<Answers::Found> BeginIn(Connection& connection, const AnswerKey& key,
                               const std::string& hash, int64_t now_ms, int64_t oldest_ms) {
  using State = Answers::State;
  Answers::Found found;
  bool outdated = false;
  {
    auto statement = connection.Prepare(
        std::string("SELECT request_hash, created_ms, status, content_type, stream, body FROM "
                    "answers") +
        kOne);
    if (!statement) return tl::unexpected(statement.error());
    const auto row = BindKey(*statement, key).Step();
    if (!row) return tl::unexpected(row.error());
    outdated = *row && statement->Int(1) < oldest_ms;
    if (*row && !outdated) {
      found.state = statement->Text(0) != hash ? State::kOther
                    : statement->IsNull(2)     ? State::kRunning
                                               : State::kKept;
      found.answer = {static_cast<int>(statement->Int(2)), statement->Text(3),
                      statement->Int(4) != 0, statement->Text(5)};
      return found;
    }
  }
  if (outdated) {
    if (auto done = Delete(connection, key); !done) return tl::unexpected(done.error());
  }
  if (auto done = Insert(connection, key, hash, now_ms); !done) {
    return tl::unexpected(done.error());
  }
  return found;
}

}  // namespace

Result<Answers::Found> SqliteAnswers::Begin(const AnswerKey& key, std::string_view request_hash,
                                            int64_t now_ms, int64_t oldest_ms) {
  return database_.Write<Found>([&](Connection& connection) {
    return BeginIn(connection, key, std::string(request_hash), now_ms, oldest_ms);
  });
}

void SqliteAnswers::Keep(const AnswerKey& key, StoredAnswer answer) {
  database_.writer.Later([key, answer = std::move(answer)](Connection& connection) -> Result<void> {
    auto statement = connection.Prepare(
        std::string("UPDATE answers SET (status, content_type, stream, body) = (?, ?, ?, ?)") +
        kOne);
    if (!statement) return tl::unexpected(statement.error());
    statement->Bind(static_cast<int64_t>(answer.status))
        .Bind(std::string_view(answer.content_type))
        .Bind(static_cast<int64_t>(answer.stream))
        .BindBlob(answer.body);
    return BindKey(*statement, key).Run();
  });
}

void SqliteAnswers::Forget(const AnswerKey& key) {
  database_.writer.Later([key](Connection& connection) { return Delete(connection, key); });
}

Result<void> SqliteAnswers::ForgetRunning() {
  return database_.writer.Now([](Connection& connection) {
    return connection.Execute("DELETE FROM answers WHERE status IS NULL");
  });
}

Result<void> SqliteAnswers::RemoveBefore(int64_t oldest_ms) {
  return database_.writer.Now([&](Connection& connection) -> Result<void> {
    auto statement = connection.Prepare("DELETE FROM answers WHERE created_ms < ?");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(oldest_ms).Run();
  });
}

}  // namespace dure::store::sqlite
