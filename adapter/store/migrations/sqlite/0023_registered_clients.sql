-- Clients that prove themselves with a key: what their tokens may do, which of their assertions were used, and which
-- clients the county has shut out.

-- Empty where the county issued the token itself; then no scope narrows it.
ALTER TABLE token_grant ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
-- Tokens of registered clients live for minutes and are forgotten some time after.
CREATE INDEX token_grant_expired ON token_grant (expires) WHERE scopes <> '';

CREATE TABLE spent_assertion (
  digest  BLOB PRIMARY KEY,         -- SHA-256 of client and jti
  expires INTEGER NOT NULL          -- epoch microseconds: from then on it is refused for its age
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_assertion_expires ON spent_assertion (expires);

-- Append only: the last word about a client counts.
CREATE TABLE client_event (
  seq    INTEGER PRIMARY KEY,
  client TEXT    NOT NULL,
  kind   TEXT    NOT NULL CHECK (kind IN ('stopped', 'restored')),
  author TEXT    NOT NULL,          -- who of the county's staff
  words  TEXT    NOT NULL,
  at     INTEGER NOT NULL           -- epoch microseconds
) STRICT;
CREATE INDEX client_event_of_client ON client_event (client, seq);
CREATE TRIGGER client_event_never_changes BEFORE UPDATE ON client_event
BEGIN SELECT raise(ABORT, 'what was done about a client is append only'); END;
CREATE TRIGGER client_event_never_leaves BEFORE DELETE ON client_event
BEGIN SELECT raise(ABORT, 'what was done about a client is append only'); END;
