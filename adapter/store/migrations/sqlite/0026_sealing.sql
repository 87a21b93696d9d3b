-- What was sealed or is to be destroyed, by whom and why. Nothing of the record itself stands here.
CREATE TABLE sealing (
  id        TEXT    PRIMARY KEY,
  what      TEXT    NOT NULL,       -- Type/id of one record, or Patient/id of a source's whole record of a person
  kind      TEXT    NOT NULL CHECK (kind IN ('seal', 'expunge')),
  authority TEXT    NOT NULL,       -- the order or statute, as whoever sealed named it
  words     TEXT    NOT NULL,
  author    TEXT    NOT NULL,
  at        INTEGER NOT NULL,       -- epoch microseconds
  second    TEXT    NOT NULL DEFAULT '', -- who confirmed the destruction, or opened the seal
  ended     INTEGER                 -- when that was
) STRICT, WITHOUT ROWID;

-- The records that are in no answer and in no index. The bytes of a sealed one stay in `resource` under a segment that
-- nobody is allowed; of a destroyed one nothing is left but this row: whose it was, and its keyed names.
CREATE TABLE set_apart (
  rid       INTEGER PRIMARY KEY,
  sealing   TEXT    NOT NULL,
  type      INTEGER NOT NULL,
  id        TEXT    NOT NULL,
  patient   INTEGER NOT NULL,
  segment   INTEGER NOT NULL,       -- where it stood before
  screening BLOB,                   -- JSON, its place among screenings of its day
  state     INTEGER NOT NULL DEFAULT 0 -- 0 sealed, 1 destroyed, 2 a destroyed Patient that came back with a new record
) STRICT;
CREATE INDEX set_apart_of_patient ON set_apart (patient);
CREATE INDEX set_apart_of_sealing ON set_apart (sealing);
CREATE TRIGGER destroyed_stays_destroyed BEFORE UPDATE ON set_apart WHEN NEW.state < OLD.state
BEGIN SELECT raise(ABORT, 'what was destroyed stays so'); END;
CREATE TRIGGER destroyed_is_not_forgotten BEFORE DELETE ON set_apart WHEN OLD.state > 0
BEGIN SELECT raise(ABORT, 'what was destroyed stays so'); END;

-- Raw lines that are still to be erased from the inbox: the inbox is another file, and a crash may come between.
CREATE TABLE erasure (
  receipt TEXT    NOT NULL,
  line    INTEGER NOT NULL,
  PRIMARY KEY (receipt, line)
) STRICT, WITHOUT ROWID;
