-- What people record is append only: an ending only ever brings the end of a fact nearer, and everything done about a
-- fact stands in `legal_act`.
ALTER TABLE legal_fact ADD COLUMN request BLOB NOT NULL DEFAULT x'';  -- SHA-256 of what was asked, to tell a repeat
CREATE INDEX legal_fact_of_author ON legal_fact (author, recorded);
CREATE TRIGGER legal_fact_never_leaves BEFORE DELETE ON legal_fact
BEGIN SELECT raise(ABORT, 'what people recorded is append only'); END;
CREATE TRIGGER legal_fact_only_ends BEFORE UPDATE ON legal_fact
WHEN NEW.stop > OLD.stop OR (NEW.id, NEW.patient, NEW.kind, NEW.start, NEW.fact, NEW.evidence, NEW.author, NEW.recorded,
  NEW.request) <> (OLD.id, OLD.patient, OLD.kind, OLD.start, OLD.fact, OLD.evidence, OLD.author, OLD.recorded, OLD.request)
BEGIN SELECT raise(ABORT, 'what people recorded is append only'); END;

-- Endings, reviews and what they found.
CREATE TABLE legal_act (
  seq    INTEGER PRIMARY KEY,
  fact   TEXT    NOT NULL,          -- id of the legal fact
  act    TEXT    NOT NULL,          -- ended, or the review that was closed
  author TEXT    NOT NULL,
  at     INTEGER NOT NULL,
  words  TEXT    NOT NULL           -- why, or what was found
) STRICT;
CREATE INDEX legal_act_of_fact ON legal_act (fact, seq);
CREATE TRIGGER legal_act_never_changes BEFORE UPDATE ON legal_act
BEGIN SELECT raise(ABORT, 'what people recorded is append only'); END;
CREATE TRIGGER legal_act_never_leaves BEFORE DELETE ON legal_act
BEGIN SELECT raise(ABORT, 'what people recorded is append only'); END;

-- People of whom something was recorded by what is known of them and not by a record of theirs. Their facts count for
-- every record that shares a key with them and contradicts nothing; they never join two records.
CREATE TABLE awaited (
  person INTEGER PRIMARY KEY,
  facts  BLOB NOT NULL              -- JSON of keyed hashes
) STRICT;
CREATE TABLE awaited_key (
  key    BLOB    NOT NULL,
  person INTEGER NOT NULL,
  PRIMARY KEY (key, person)
) STRICT, WITHOUT ROWID;

-- Written revocations that were recorded here. Whatever a registry sends of the same form later, they stay revoked.
CREATE TABLE revocation (
  seq        INTEGER PRIMARY KEY,
  feed       TEXT    NOT NULL,
  submission TEXT    NOT NULL,
  person     TEXT    NOT NULL,      -- as the form calls the person
  body       BLOB    NOT NULL,      -- JSON, as it stands on the form
  author     TEXT    NOT NULL,
  at         INTEGER NOT NULL
) STRICT;
CREATE INDEX revocation_of_feed ON revocation (feed, seq);
CREATE TRIGGER revocation_never_changes BEFORE UPDATE ON revocation
BEGIN SELECT raise(ABORT, 'a revocation is never taken back'); END;
CREATE TRIGGER revocation_never_leaves BEFORE DELETE ON revocation
BEGIN SELECT raise(ABORT, 'a revocation is never taken back'); END;
