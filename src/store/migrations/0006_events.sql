-- Streams of events: what a generation said, as it was said.
CREATE TABLE streams (
  number      INTEGER PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE,
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  kind        TEXT NOT NULL,
  created_ms  INTEGER NOT NULL,
  finished    INTEGER NOT NULL DEFAULT 0 CHECK (finished IN (0, 1)),
  last_event  INTEGER NOT NULL DEFAULT 0,  -- of a finished stream
  bytes       INTEGER NOT NULL,            -- head, result and events, as they are stored
  head        BLOB NOT NULL,
  result      BLOB NOT NULL DEFAULT x''
) STRICT;
CREATE INDEX streams_of_account ON streams (account_id, kind, created_ms);
CREATE INDEX streams_by_time ON streams (kind, created_ms);
CREATE INDEX streams_unfinished ON streams (kind) WHERE finished = 0;

-- Of streams that are being written.
CREATE TABLE events (
  stream  INTEGER NOT NULL REFERENCES streams (number) ON DELETE CASCADE,
  id      INTEGER NOT NULL CHECK (id > 0),
  payload BLOB NOT NULL,
  PRIMARY KEY (stream, id)
) STRICT, WITHOUT ROWID;

-- Of finished streams: several events in one row, compressed (store/event_pack.h).
CREATE TABLE event_packs (
  number INTEGER PRIMARY KEY,
  stream INTEGER NOT NULL REFERENCES streams (number) ON DELETE CASCADE,
  first  INTEGER NOT NULL,
  last   INTEGER NOT NULL CHECK (last >= first),
  data   BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX event_packs_of_stream ON event_packs (stream, last);
