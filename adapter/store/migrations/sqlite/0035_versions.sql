-- Decisions about single earlier versions, where a rule asks for the resource itself. A version never changes, so they
-- go only with what they were decided from; `exception` holds the same of current versions.
CREATE TABLE version_exception (
  rid        INTEGER NOT NULL,
  version    TEXT    NOT NULL,
  policy     INTEGER NOT NULL,
  context    INTEGER NOT NULL,
  effect     INTEGER NOT NULL,
  obligation INTEGER NOT NULL,
  PRIMARY KEY (rid, version, policy, context)
) STRICT, WITHOUT ROWID;
