-- Effects become masks of the grounds that permit, bounds masks of the grounds that agreements allow, and policies hold
-- facts besides consents. All of these are derived: they are emptied here and filled again at the next start.

DROP TABLE bound;
-- Disjoint in time and complete: exactly one row holds for a context and a segment at any instant.
CREATE TABLE bound (
  context   INTEGER NOT NULL,
  segment   INTEGER NOT NULL,
  start     INTEGER NOT NULL,
  stop      INTEGER NOT NULL,
  bases     INTEGER NOT NULL,
  agreement TEXT    NOT NULL,       -- the agreements that hold, separated by spaces
  PRIMARY KEY (context, segment, start)
) STRICT, WITHOUT ROWID;

DELETE FROM rule;
DELETE FROM exception;
DELETE FROM setting WHERE name = 'decisions';

-- The facets of a segment end with its audience now: none for what was stored before.
UPDATE segment SET body = CAST(substr(CAST(body AS TEXT), 1, length(CAST(body AS TEXT)) - 1) || ',""]' AS BLOB);

DROP TABLE patient_policy;
DELETE FROM patient_policy_source;
DELETE FROM policy;
CREATE TABLE patient_policy (
  patient INTEGER NOT NULL,
  start   INTEGER NOT NULL,
  stop    INTEGER NOT NULL,
  policy  INTEGER NOT NULL,
  ends    INTEGER NOT NULL,         -- when a consent of this policy first ends by its own period
  PRIMARY KEY (patient, start)
) STRICT, WITHOUT ROWID;

-- What people recorded of a person besides consents: holds, restrictions, assertions of a basis, referrals.
-- Append only: what ends gets its `stop`, and who ended it stands in the ledger.
CREATE TABLE legal_fact (
  id       TEXT    PRIMARY KEY,
  patient  INTEGER NOT NULL,        -- rid of the Patient it was recorded for; it counts for all linked records
  kind     TEXT    NOT NULL,        -- hold, restriction, treatment, or the basis asserted
  start    INTEGER NOT NULL,
  stop     INTEGER NOT NULL,
  fact     BLOB    NOT NULL,        -- JSON, as decisions read it
  evidence BLOB    NOT NULL,        -- JSON, the facts the law requires to be recorded
  author   TEXT    NOT NULL,
  recorded INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX legal_fact_of_patient ON legal_fact (patient, id);
CREATE INDEX legal_fact_of_kind ON legal_fact (kind, stop, patient);

-- Until when the custody data of a feed may be relied on; `number` is its bit.
CREATE TABLE freshness (
  feed   TEXT    PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  until  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When what is in force for a person changes by time alone: what becomes permitted then is an event too.
CREATE TABLE boundary (
  due     INTEGER NOT NULL,
  patient INTEGER NOT NULL,
  PRIMARY KEY (due, patient)
) STRICT, WITHOUT ROWID;
DELETE FROM outbox WHERE channel = 'boundary';
