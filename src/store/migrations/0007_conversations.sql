-- What people and models said to each other. A conversation is a tree of messages; rows are added, and an answer's row is
-- filled once, when it is complete.
CREATE TABLE conversations (
  number        INTEGER PRIMARY KEY,
  id            TEXT NOT NULL UNIQUE,
  account_id    TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  title         TEXT NOT NULL,
  model         TEXT NOT NULL,             -- '': the server's default
  instructions  TEXT NOT NULL,
  sampling      TEXT NOT NULL,             -- JSON object
  pinned        INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
  archived      INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
  active_leaf   TEXT NOT NULL DEFAULT '',  -- id of a message; '': none
  imported_from TEXT NOT NULL DEFAULT '',
  created_ms    INTEGER NOT NULL,
  updated_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_of_account ON conversations (account_id, archived, updated_ms);

CREATE TABLE messages (
  number       INTEGER PRIMARY KEY,
  id           TEXT NOT NULL UNIQUE,
  conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
  parent       TEXT NOT NULL,  -- id of a message of this conversation; '': a first message
  role         TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
  content      TEXT NOT NULL,
  reasoning    TEXT NOT NULL DEFAULT '',
  status       TEXT NOT NULL CHECK (status IN ('running', 'complete', 'stopped', 'failed')),
  model        TEXT NOT NULL,
  details      TEXT NOT NULL,  -- JSON object: usage, context, durations, error
  created_ms   INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_of_conversation ON messages (conversation, parent);
CREATE TRIGGER messages_stay BEFORE UPDATE ON messages WHEN old.status <> 'running'
BEGIN SELECT raise(ABORT, 'a message that is complete does not change'); END;

-- Words of messages (by their number) and of titles (by the negative number of their conversation), as
-- store/search_words.h makes them of NFC text. Whoever deletes those deletes these: a trigger may not, as the schema is
-- not trusted.
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = "unicode61 remove_diacritics 0");
