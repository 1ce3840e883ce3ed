-- One row for each request that asked a model for something. It holds no content, and outlives the account and the key
-- that it names.
CREATE TABLE usage (
  id                INTEGER PRIMARY KEY,
  at_ms             INTEGER NOT NULL,  -- when the request ended
  account_id        TEXT NOT NULL,
  key_id            TEXT,              -- NULL: a session, or a server without accounts
  route             TEXT NOT NULL,     -- 'POST /v1/chat/completions'
  model             TEXT NOT NULL,     -- '': the request did not get as far
  status            INTEGER NOT NULL,  -- HTTP; of a stream that broke off: what its error would have had
  error             TEXT NOT NULL,     -- the error's code; '': none
  stream            INTEGER NOT NULL CHECK (stream IN (0, 1)),
  prompt_tokens     INTEGER NOT NULL CHECK (prompt_tokens >= 0),
  cached_tokens     INTEGER NOT NULL CHECK (cached_tokens >= 0),
  completion_tokens INTEGER NOT NULL CHECK (completion_tokens >= 0),
  duration_ms       INTEGER NOT NULL CHECK (duration_ms >= 0)
) STRICT;
CREATE INDEX usage_of_account ON usage (account_id, at_ms);
CREATE INDEX usage_of_key ON usage (key_id, at_ms) WHERE key_id IS NOT NULL;
CREATE INDEX usage_by_time ON usage (at_ms);
