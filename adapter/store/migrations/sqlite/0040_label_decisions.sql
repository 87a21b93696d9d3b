-- Labels of a source that somebody lifted from a record, or put back. Append only: the last word of a record counts, and
-- only while its source says the same of it as then.
CREATE TABLE label_decision (
  seq    INTEGER PRIMARY KEY,
  rid    INTEGER NOT NULL,
  act    TEXT    NOT NULL CHECK (act IN ('lift', 'restore')),
  labels TEXT    NOT NULL,         -- those that were lifted or put back, `system|code`, one a line
  told   BLOB    NOT NULL,         -- digest of what the source says of the record
  made   BLOB    NOT NULL,         -- digest of what stands in its place since
  author TEXT    NOT NULL,
  why    TEXT    NOT NULL,
  at     INTEGER NOT NULL          -- epoch microseconds
) STRICT;
CREATE INDEX label_decision_of_record ON label_decision (rid, seq);
CREATE TRIGGER label_decision_never_changes BEFORE UPDATE ON label_decision
BEGIN SELECT raise(ABORT, 'what people decided is append only'); END;
CREATE TRIGGER label_decision_never_leaves BEFORE DELETE ON label_decision
BEGIN SELECT raise(ABORT, 'what people decided is append only'); END;
