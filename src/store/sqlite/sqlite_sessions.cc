#include "store/sqlite/sqlite_sessions.h"

#include "store/secrets.h"
#include "store/sqlite/columns.h"

namespace dure::store::sqlite {

namespace {

constexpr size_t kMostUserAgentBytes = 256;
constexpr int64_t kTouchMs = 60'000;

constexpr char kSessionColumns[] =
    "sessions.id, sessions.account_id, sessions.created_ms, sessions.expires_ms, "
    "sessions.last_used_ms, sessions.user_agent, sessions.address";
constexpr int kSessionColumnCount = 7;

Session ReadSession(const Statement& row) {
  return {row.Text(0), row.Text(1), row.Int(2), row.Int(3), row.Int(4), row.Text(5), row.Text(6)};
}

Result<void> RemoveOldest(Connection& connection, const std::string& account_id) {
  auto statement = connection.Prepare(
      "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE account_id = ? "
      "ORDER BY created_ms DESC, id LIMIT -1 OFFSET ?)");
  if (!statement) return tl::unexpected(statement.error());
  return statement->Bind(std::string_view(account_id))
      .Bind(static_cast<int64_t>(Sessions::kMostSessions))
      .Run();
}

Result<Session> CreateIn(Connection& connection, const NewSession& wanted) {
  Session session{NewId("session"), wanted.account_id,
                  wanted.now_ms,    wanted.expires_ms,
                  wanted.now_ms,    wanted.user_agent.substr(0, kMostUserAgentBytes),
                  wanted.address};
  auto statement = connection.Prepare(
      "INSERT INTO sessions (id, account_id, created_ms, expires_ms, last_used_ms, user_agent, "
      "address, token_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  if (!statement) return tl::unexpected(statement.error());
  statement->Bind(std::string_view(session.id))
      .Bind(std::string_view(session.account_id))
      .Bind(session.created_ms)
      .Bind(session.expires_ms)
      .Bind(session.last_used_ms)
      .Bind(std::string_view(session.user_agent))
      .Bind(std::string_view(session.address))
      .BindBlob(wanted.token_hash);
  if (auto done = statement->Run(); !done) {
    if (done.error().code == ErrorCode::kConflict) {
      return Fail(ErrorCode::kNotFound, "there is no such account");
    }
    return tl::unexpected(done.error());
  }
  if (auto done = RemoveOldest(connection, session.account_id); !done) {
    return tl::unexpected(done.error());
  }
  return session;
}

}  // namespace

Result<Session> SqliteSessions::Create(const NewSession& session) {
  return database_.Write<Session>(
      [&](Connection& connection) { return CreateIn(connection, session); });
}

Result<std::optional<SessionOwner>> SqliteSessions::FindByToken(std::string_view token_hash,
                                                                int64_t now_ms) {
  using Found = std::optional<SessionOwner>;
  return database_.Read<Found>([&](Connection& connection) -> Result<Found> {
    auto statement =
        connection.Prepare(std::string("SELECT ") + kSessionColumns + ", " + kAccountColumns +
                           " FROM sessions JOIN accounts ON accounts.id = sessions.account_id "
                           "WHERE token_hash = ? AND expires_ms > ? AND disabled_ms IS NULL");
    if (!statement) return tl::unexpected(statement.error());
    const auto row = statement->BindBlob(token_hash).Bind(now_ms).Step();
    if (!row) return tl::unexpected(row.error());
    if (!*row) return Found();
    return Found({ReadSession(*statement), ReadAccount(*statement, kSessionColumnCount)});
  });
}

Result<bool> SqliteSessions::IsLive(std::string_view id, int64_t now_ms) {
  return database_.Read<bool>([&](Connection& connection) -> Result<bool> {
    auto statement = connection.Prepare(
        "SELECT 1 FROM sessions JOIN accounts ON accounts.id = sessions.account_id "
        "WHERE sessions.id = ? AND expires_ms > ? AND disabled_ms IS NULL");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(id).Bind(now_ms).Step();
  });
}

Result<std::vector<Session>> SqliteSessions::List(std::string_view account_id, int64_t now_ms) {
  using All = std::vector<Session>;
  return database_.Read<All>([&](Connection& connection) -> Result<All> {
    auto statement = connection.Prepare(std::string("SELECT ") + kSessionColumns +
                                        " FROM sessions WHERE account_id = ? AND expires_ms > ? "
                                        "ORDER BY created_ms DESC, id");
    if (!statement) return tl::unexpected(statement.error());
    statement->Bind(account_id).Bind(now_ms);
    All all;
    for (;;) {
      const auto row = statement->Step();
      if (!row) return tl::unexpected(row.error());
      if (!*row) return all;
      all.push_back(ReadSession(*statement));
    }
  });
}

Result<bool> SqliteSessions::Remove(std::string_view account_id, std::string_view id) {
  return database_.Write<bool>([&](Connection& connection) -> Result<bool> {
    auto statement = connection.Prepare("DELETE FROM sessions WHERE id = ? AND account_id = ?");
    if (!statement) return tl::unexpected(statement.error());
    if (auto done = statement->Bind(id).Bind(account_id).Run(); !done) {
      return tl::unexpected(done.error());
    }
    return connection.changed_rows() > 0;
  });
}

Result<void> SqliteSessions::RemoveOthers(std::string_view account_id, std::string_view kept_id) {
  return database_.writer.Now([&](Connection& connection) -> Result<void> {
    auto statement = connection.Prepare("DELETE FROM sessions WHERE account_id = ? AND id <> ?");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(account_id).Bind(kept_id).Run();
  });
}

Result<void> SqliteSessions::RemoveExpired(int64_t now_ms) {
  return database_.writer.Now([&](Connection& connection) -> Result<void> {
    auto statement = connection.Prepare("DELETE FROM sessions WHERE expires_ms <= ?");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(now_ms).Run();
  });
}

void SqliteSessions::Touch(const Session& session, int64_t now_ms) {
  if (now_ms - session.last_used_ms < kTouchMs) return;
  // Requests that come before the first one's note is written repeat it; it stays one row.
  database_.writer.Later([id = session.id, now_ms](Connection& connection) -> Result<void> {
    auto statement = connection.Prepare(
        "UPDATE sessions SET last_used_ms = ? WHERE id = ? AND last_used_ms < ?");
    if (!statement) return tl::unexpected(statement.error());
    return statement->Bind(now_ms).Bind(std::string_view(id)).Bind(now_ms - kTouchMs + 1).Run();
  });
}

}  // namespace dure::store::sqlite
