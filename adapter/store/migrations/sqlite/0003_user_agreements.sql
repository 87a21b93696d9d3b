-- Who signed the user agreement, and who has left the agency. Append only: the last word of a user in an organisation
-- counts, and the earlier ones stay.
CREATE TABLE user_event (
  seq          INTEGER PRIMARY KEY,
  kind         TEXT    NOT NULL CHECK (kind IN ('signed', 'departed')),
  user         TEXT    NOT NULL,
  organisation TEXT    NOT NULL,    -- Organization/id
  name         TEXT    NOT NULL,
  role         TEXT    NOT NULL,
  client       TEXT    NOT NULL,    -- the software the user signed on or signs in with
  agreement    TEXT    NOT NULL,
  version      TEXT    NOT NULL,
  text_hash    BLOB    NOT NULL,    -- SHA-256 of what was signed
  certified    TEXT    NOT NULL,    -- boxes that were ticked, space separated
  at           INTEGER NOT NULL     -- epoch microseconds
) STRICT;
CREATE INDEX user_event_of_user ON user_event (user, organisation, seq);
CREATE TRIGGER user_event_never_changes BEFORE UPDATE ON user_event
BEGIN SELECT raise(ABORT, 'what a user signed is append only'); END;
CREATE TRIGGER user_event_never_leaves BEFORE DELETE ON user_event
BEGIN SELECT raise(ABORT, 'what a user signed is append only'); END;

ALTER TABLE token_grant ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE token_grant ADD COLUMN issued INTEGER NOT NULL DEFAULT 0;
