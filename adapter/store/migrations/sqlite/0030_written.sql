-- What clients wrote over FHIR REST, as they wrote it. Others are given what stands in `resource`: without what would
-- tell of records elsewhere. So both have versions of their own, and what only its writer sees changes nothing for others.
CREATE TABLE written (
  rid      INTEGER PRIMARY KEY,
  source   TEXT    NOT NULL,        -- the source system whose client wrote it
  patient  INTEGER NOT NULL,        -- rid of the Patient it is about
  unit     TEXT    NOT NULL,        -- what the client calls the unit that made it
  revision INTEGER NOT NULL,
  version  TEXT    NOT NULL,
  updated  INTEGER NOT NULL,        -- epoch microseconds
  body     BLOB    NOT NULL         -- the whole resource, with the meta it is served with to its writer
) STRICT;
CREATE INDEX written_of_patient ON written (patient);

-- Every version but the current one; of what was deleted the last one too.
CREATE TABLE written_history (
  rid      INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  version  TEXT    NOT NULL,
  updated  INTEGER NOT NULL,
  body     BLOB    NOT NULL,
  PRIMARY KEY (rid, revision)
) STRICT, WITHOUT ROWID;

-- The business identifiers of what a source wrote: conditional writes and duplicates are told by them.
CREATE TABLE written_identifier (
  source TEXT    NOT NULL,
  type   INTEGER NOT NULL,
  value  TEXT    NOT NULL,
  system TEXT    NOT NULL,
  rid    INTEGER NOT NULL,
  PRIMARY KEY (source, type, value, system, rid)
) STRICT, WITHOUT ROWID;
CREATE INDEX written_identifier_of ON written_identifier (rid);

-- Which written resource refers to which: every literal reference in it, wherever it stands.
CREATE TABLE written_reference (
  other INTEGER NOT NULL,           -- rid of what is referred to
  rid   INTEGER NOT NULL,
  PRIMARY KEY (other, rid)
) STRICT, WITHOUT ROWID;
CREATE INDEX written_reference_of ON written_reference (rid);

-- Raised with every change of a source: whoever planned a change sees whether another came between.
CREATE TABLE written_mark (
  source TEXT    PRIMARY KEY,
  number INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What its writer took back, and what was derived from it: in no answer and in no index, under a segment that nobody is
-- allowed. Its versions stay, so that an accounting still says what was disclosed.
CREATE TABLE taken_back (
  rid     INTEGER PRIMARY KEY,
  patient INTEGER NOT NULL,
  segment INTEGER NOT NULL          -- where it stood before
) STRICT;
CREATE INDEX taken_back_of_patient ON taken_back (patient);
