-- API keys. The key itself is shown once and never stored.
CREATE TABLE keys (
  id                  TEXT PRIMARY KEY,
  account_id          TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  name                TEXT NOT NULL,
  prefix              TEXT NOT NULL,  -- the key's first characters, for people to tell keys apart
  key_hash            BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),  -- SHA-256
  scopes              INTEGER NOT NULL CHECK (scopes > 0),  -- bits, see records.h
  created_ms          INTEGER NOT NULL,
  expires_ms          INTEGER,
  revoked_ms          INTEGER,
  last_used_ms        INTEGER,
  requests_per_minute INTEGER CHECK (requests_per_minute >= 0),
  tokens_per_minute   INTEGER CHECK (tokens_per_minute >= 0),
  parallel_requests   INTEGER CHECK (parallel_requests >= 0),
  tokens_per_day      INTEGER CHECK (tokens_per_day >= 0),
  models              TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_of_account ON keys (account_id, created_ms);

CREATE TRIGGER keys_changed
AFTER UPDATE OF scopes, expires_ms, revoked_ms, requests_per_minute, tokens_per_minute, parallel_requests,
                tokens_per_day, models ON keys
BEGIN UPDATE access_version SET value = value + 1; END;
CREATE TRIGGER keys_deleted AFTER DELETE ON keys
BEGIN UPDATE access_version SET value = value + 1; END;
