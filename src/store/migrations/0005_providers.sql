-- Other servers whose models are offered here, as administrators add them while the server runs.
CREATE TABLE providers (
  id                    TEXT PRIMARY KEY,
  name                  TEXT NOT NULL UNIQUE,  -- in front of its models' names: 'name/model'
  base_url              TEXT NOT NULL,
  key_sealed            BLOB,                  -- NULL: none. Encrypted, see store/providers.h
  key_hint              TEXT NOT NULL,         -- the key's last characters, for people to tell keys apart
  models                TEXT,                  -- JSON array: these and no others; NULL: all that it lists
  enabled               INTEGER NOT NULL CHECK (enabled IN (0, 1)),
  connect_timeout_ms    INTEGER CHECK (connect_timeout_ms > 0),  -- NULL, here and below: the program's default
  first_byte_timeout_ms INTEGER CHECK (first_byte_timeout_ms > 0),
  idle_timeout_ms       INTEGER CHECK (idle_timeout_ms > 0),
  max_tokens_parameter  TEXT,
  omit_defaults         INTEGER CHECK (omit_defaults IN (0, 1)),
  created_ms            INTEGER NOT NULL,
  changed_ms            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
