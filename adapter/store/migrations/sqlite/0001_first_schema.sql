-- The store: one file, one writer. Keys that leave are text in `resource`; everything else is internal.
-- `rid` is 63 bits of the hash of `Type/id`, so that order and joins never show when or beside what a row came.

CREATE TABLE resource (
  rid      INTEGER PRIMARY KEY,
  type     INTEGER NOT NULL,
  id       TEXT    NOT NULL,
  patient  INTEGER NOT NULL,        -- rid of the Patient it is about; 0 in the directory
  segment  INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  version  TEXT    NOT NULL,
  updated  INTEGER NOT NULL,        -- epoch microseconds
  digest   BLOB    NOT NULL,        -- of the content without version id and lastUpdated
  seeded   INTEGER NOT NULL,        -- put only so that its records have a Patient; the first content takes its place
  repeats  INTEGER NOT NULL DEFAULT 0, -- another screening of the instrument, person and day is held
  head     BLOB    NOT NULL,
  tail     BLOB    NOT NULL
) STRICT;

-- Every version but the current one.
CREATE TABLE resource_history (
  rid      INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  version  TEXT    NOT NULL,
  segment  INTEGER NOT NULL,
  updated  INTEGER NOT NULL,
  head     BLOB    NOT NULL,
  tail     BLOB    NOT NULL,
  PRIMARY KEY (rid, revision)
) STRICT, WITHOUT ROWID;

-- The patient-first wide index of clinical types: everything a decision and an order need, nothing else.
CREATE TABLE clinical (
  patient INTEGER NOT NULL,
  type    INTEGER NOT NULL,
  low     INTEGER NOT NULL,         -- clinical date as a half-open interval, epoch microseconds
  high    INTEGER NOT NULL,
  rid     INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  PRIMARY KEY (patient, type, low, rid)
) STRICT, WITHOUT ROWID;

CREATE TABLE term (
  id     INTEGER PRIMARY KEY,
  system TEXT NOT NULL,
  code   TEXT NOT NULL,
  UNIQUE (code, system)
) STRICT;

-- Token index; patient, segment and date are carried so that a population search reads this table alone.
CREATE TABLE token (
  type    INTEGER NOT NULL,
  param   TEXT    NOT NULL,
  term    INTEGER NOT NULL,
  patient INTEGER NOT NULL,
  rid     INTEGER NOT NULL,
  segment INTEGER NOT NULL,
  low     INTEGER NOT NULL,
  high    INTEGER NOT NULL,
  PRIMARY KEY (type, param, term, patient, rid)
) STRICT, WITHOUT ROWID;

CREATE TABLE string (
  type    INTEGER NOT NULL,
  param   TEXT    NOT NULL,
  value   TEXT    NOT NULL,         -- normalised
  exact   TEXT    NOT NULL,
  rid     INTEGER NOT NULL,
  PRIMARY KEY (type, param, value, rid, exact)
) STRICT, WITHOUT ROWID;

CREATE TABLE date (
  type    INTEGER NOT NULL,
  param   TEXT    NOT NULL,
  low     INTEGER NOT NULL,
  high    INTEGER NOT NULL,
  rid     INTEGER NOT NULL,
  PRIMARY KEY (type, param, low, rid, high)
) STRICT, WITHOUT ROWID;

CREATE TABLE reference (
  type    INTEGER NOT NULL,
  param   TEXT    NOT NULL,
  target  TEXT    NOT NULL,
  rid     INTEGER NOT NULL,
  PRIMARY KEY (type, param, target, rid)
) STRICT, WITHOUT ROWID;

-- Which index rows a resource owns, so that a new version replaces them.
CREATE TABLE indexed (
  rid  INTEGER PRIMARY KEY,
  rows BLOB NOT NULL                -- JSON
) STRICT;

-- Decision tables (architecture, decision 3).
CREATE TABLE segment (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE policy (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE context (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE) STRICT;
CREATE TABLE obligation (id INTEGER PRIMARY KEY, body BLOB NOT NULL UNIQUE) STRICT;

CREATE TABLE patient_policy (
  patient INTEGER NOT NULL,
  start   INTEGER NOT NULL,
  stop    INTEGER NOT NULL,
  policy  INTEGER NOT NULL,
  PRIMARY KEY (patient, start)
) STRICT, WITHOUT ROWID;

-- Which Consents a policy was made from; apart, because only explanations read it.
CREATE TABLE patient_policy_source (
  patient INTEGER NOT NULL,
  start   INTEGER NOT NULL,
  sources BLOB    NOT NULL,         -- JSON: Consent ids in the order of the policy's directives
  PRIMARY KEY (patient, start)
) STRICT, WITHOUT ROWID;

-- effect: 0 deny, 1 permit, 2 ask `exception`. The key packs context, policy and segment into one integer
-- (15, 27 and 20 bits): a population search looks up one for every candidate.
CREATE TABLE rule (
  key        INTEGER PRIMARY KEY,
  context    INTEGER NOT NULL,
  policy     INTEGER NOT NULL,
  segment    INTEGER NOT NULL,
  effect     INTEGER NOT NULL,
  obligation INTEGER NOT NULL,
  CHECK (context < 32768 AND policy < 134217728 AND segment < 1048576)
) STRICT;

CREATE TABLE bound (
  context   INTEGER NOT NULL,
  segment   INTEGER NOT NULL,
  start     INTEGER NOT NULL,
  stop      INTEGER NOT NULL,
  agreement TEXT    NOT NULL,
  PRIMARY KEY (context, segment, start)
) STRICT, WITHOUT ROWID;

-- Keyed by policy, so that the time of a policy is the time of its exceptions.
CREATE TABLE exception (
  rid        INTEGER NOT NULL,
  policy     INTEGER NOT NULL,
  context    INTEGER NOT NULL,
  effect     INTEGER NOT NULL,
  obligation INTEGER NOT NULL,
  PRIMARY KEY (rid, policy, context)
) STRICT, WITHOUT ROWID;

-- Identity: each source record of a person is its own Patient; confirmed pairs are internal.
CREATE TABLE identity_key (
  key     BLOB    NOT NULL,         -- keyed hash of a match key
  patient INTEGER NOT NULL,
  PRIMARY KEY (key, patient)
) STRICT, WITHOUT ROWID;
CREATE INDEX identity_key_of_patient ON identity_key (patient);
CREATE TABLE identity (
  patient INTEGER PRIMARY KEY,
  source  TEXT NOT NULL,
  facts   BLOB NOT NULL,            -- JSON of keyed hashes; contradictions between two records show here
  digest  BLOB NOT NULL             -- of keys and facts, to see that nothing changed
) STRICT;
CREATE TABLE patient_link (
  patient INTEGER NOT NULL,
  other   INTEGER NOT NULL,
  rule    TEXT    NOT NULL,
  since   INTEGER NOT NULL,
  PRIMARY KEY (patient, other)
) STRICT, WITHOUT ROWID;

-- Screenings of one instrument, person, unit and day, so that repeats keep their order.
CREATE TABLE screening (
  patient    INTEGER NOT NULL,
  instrument TEXT    NOT NULL,
  day        TEXT    NOT NULL,
  rid        INTEGER NOT NULL,
  instant    INTEGER,               -- NULL while only the day is known
  risk       INTEGER NOT NULL,
  PRIMARY KEY (patient, instrument, day, rid)
) STRICT, WITHOUT ROWID;
CREATE INDEX screening_of_resource ON screening (rid);

-- Internal relations that served bytes must not carry (summary to detail, record to encounter).
CREATE TABLE relation (
  rid    INTEGER NOT NULL,
  kind   TEXT    NOT NULL,
  other  INTEGER NOT NULL,
  PRIMARY KEY (rid, kind, other)
) STRICT, WITHOUT ROWID;

-- Where a resource came from: receipt and line in the raw inbox.
CREATE TABLE origin (
  rid     INTEGER NOT NULL,
  receipt TEXT    NOT NULL,
  line    INTEGER NOT NULL,
  PRIMARY KEY (rid, receipt, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE ingest_progress (
  receipt TEXT PRIMARY KEY,
  records INTEGER NOT NULL,         -- how many records of the receipt are in the store
  report  BLOB NOT NULL,
  done    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE quarantine (
  id       INTEGER PRIMARY KEY,
  feed     TEXT    NOT NULL,
  receipt  TEXT    NOT NULL,
  ordinal  INTEGER NOT NULL,        -- which record of the receipt
  line     INTEGER NOT NULL,
  part     TEXT    NOT NULL,
  code     TEXT    NOT NULL,
  element  TEXT    NOT NULL,
  expected TEXT    NOT NULL,
  raw      BLOB    NOT NULL,
  since    INTEGER NOT NULL,
  UNIQUE (receipt, ordinal)
) STRICT;
CREATE INDEX quarantine_of_feed ON quarantine (feed, id);

CREATE TABLE outbox (
  seq      INTEGER PRIMARY KEY,
  channel  TEXT    NOT NULL,
  due      INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  lease    INTEGER NOT NULL DEFAULT 0,
  body     BLOB    NOT NULL
) STRICT;
CREATE INDEX outbox_due ON outbox (channel, due);

CREATE TABLE token_grant (
  digest       BLOB PRIMARY KEY,
  client       TEXT NOT NULL,
  organisation TEXT NOT NULL,
  purposes     TEXT NOT NULL,       -- space separated
  rights       TEXT NOT NULL,
  expires      INTEGER NOT NULL,
  revoked      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
