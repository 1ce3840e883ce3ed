-- Who may sign in, and from where they are signed in. Times are milliseconds since 1970 UTC.
CREATE TABLE accounts (
  id                  TEXT PRIMARY KEY,
  name                TEXT NOT NULL,
  name_key            TEXT NOT NULL UNIQUE,  -- NFKC, case folded: one name, one account
  role                TEXT NOT NULL CHECK (role IN ('member', 'admin')),
  password_hash       TEXT,                  -- argon2id; NULL: cannot sign in
  created_ms          INTEGER NOT NULL,
  disabled_ms         INTEGER,               -- since when; NULL: not
  -- NULL: the server's default; 0: no limit
  requests_per_minute INTEGER CHECK (requests_per_minute >= 0),
  tokens_per_minute   INTEGER CHECK (tokens_per_minute >= 0),
  parallel_requests   INTEGER CHECK (parallel_requests >= 0),
  tokens_per_day      INTEGER CHECK (tokens_per_day >= 0),
  models              TEXT                   -- JSON array of the ids that may be used; NULL: all
) STRICT, WITHOUT ROWID;

-- Whoever uses the server before it has accounts. The first administrator takes this row over, and with it what was
-- written until then.
INSERT INTO accounts (id, name, name_key, role, created_ms) VALUES ('owner', 'owner', 'owner', 'admin', 0);

CREATE TABLE sessions (
  id           TEXT PRIMARY KEY,
  account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  token_hash   BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),  -- SHA-256
  created_ms   INTEGER NOT NULL,
  expires_ms   INTEGER NOT NULL,
  last_used_ms INTEGER NOT NULL,
  user_agent   TEXT NOT NULL,
  address      TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_account ON sessions (account_id, created_ms);
CREATE INDEX sessions_by_expiry ON sessions (expires_ms);

-- Grows whenever a right was taken or changed: a server that sees another value than before asks again who may go on.
CREATE TABLE access_version (
  id    INTEGER PRIMARY KEY CHECK (id = 1),
  value INTEGER NOT NULL
) STRICT;
INSERT INTO access_version VALUES (1, 1);

CREATE TRIGGER accounts_changed
AFTER UPDATE OF role, password_hash, disabled_ms, requests_per_minute, tokens_per_minute, parallel_requests,
                tokens_per_day, models ON accounts
BEGIN UPDATE access_version SET value = value + 1; END;
CREATE TRIGGER accounts_deleted AFTER DELETE ON accounts
BEGIN UPDATE access_version SET value = value + 1; END;
CREATE TRIGGER sessions_deleted AFTER DELETE ON sessions
BEGIN UPDATE access_version SET value = value + 1; END;
