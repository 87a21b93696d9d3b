-- Exports that clients asked for. What is in one is decided while it is downloaded: nothing of a record stands here.
CREATE TABLE export (
  id           TEXT    PRIMARY KEY,  -- unguessable, part of its addresses
  client       TEXT    NOT NULL,
  context      INTEGER NOT NULL,
  request      TEXT    NOT NULL,     -- the address it was asked for by
  asked        BLOB    NOT NULL,     -- JSON
  at           INTEGER NOT NULL,     -- epoch microseconds
  expires      INTEGER NOT NULL,
  files        BLOB                  -- JSON: type and bounds of the keys of patients of each file; NULL until planned
) STRICT, WITHOUT ROWID;
CREATE INDEX export_of_client ON export (client);

-- What was in force for a patient, as it was known until an instant: the rows that others took the place of then. They
-- tell what a recipient could see before, so that what became permitted since can be told from what was.
CREATE TABLE patient_policy_past (
  patient  INTEGER NOT NULL,
  replaced INTEGER NOT NULL,         -- epoch microseconds
  start    INTEGER NOT NULL,
  stop     INTEGER NOT NULL,
  policy   INTEGER NOT NULL,
  PRIMARY KEY (patient, replaced, start)
) STRICT, WITHOUT ROWID;

-- Periods in which what a feed told of custody was too old, once it told anew.
CREATE TABLE freshness_gap (
  number INTEGER NOT NULL,
  start  INTEGER NOT NULL,
  stop   INTEGER NOT NULL,
  PRIMARY KEY (number, start)
) STRICT, WITHOUT ROWID;

-- Groups of people that an organisation keeps for itself. Whether a member is held, or may be seen, is no part of it.
CREATE TABLE panel (
  id           TEXT    PRIMARY KEY,
  organisation TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  version      TEXT    NOT NULL,
  updated      INTEGER NOT NULL      -- epoch microseconds
) STRICT, WITHOUT ROWID;
CREATE TABLE panel_member (
  panel   TEXT    NOT NULL REFERENCES panel (id) ON DELETE CASCADE,
  patient INTEGER NOT NULL,
  id      TEXT    NOT NULL,          -- of the Patient, as its owner wrote it
  since   INTEGER NOT NULL,          -- when it came in, epoch microseconds
  PRIMARY KEY (panel, patient)
) STRICT, WITHOUT ROWID;
