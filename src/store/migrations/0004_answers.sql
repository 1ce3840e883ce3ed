-- Answers kept for requests with an Idempotency-Key, so that repeating one gives the same answer again.
CREATE TABLE answers (
  account_id   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  route        TEXT NOT NULL,  -- 'POST /v1/chat/completions'
  key          TEXT NOT NULL,
  request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),  -- SHA-256 of the body
  created_ms   INTEGER NOT NULL,
  status       INTEGER,        -- NULL: the first request is still being answered
  content_type TEXT,
  stream       INTEGER CHECK (stream IN (0, 1)),
  body         BLOB,
  PRIMARY KEY (account_id, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX answers_by_time ON answers (created_ms);
