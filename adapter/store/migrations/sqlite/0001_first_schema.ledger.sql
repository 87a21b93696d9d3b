-- The disclosure ledger, a file of its own so that a batch of writes never delays an answer. Append only.
CREATE TABLE entry (
  seq        INTEGER PRIMARY KEY,
  chain      BLOB    NOT NULL,      -- which process wrote it
  at         INTEGER NOT NULL,
  request_id TEXT    NOT NULL,
  client     TEXT    NOT NULL,
  context    INTEGER NOT NULL,
  purpose    TEXT    NOT NULL,
  interaction TEXT   NOT NULL,
  target     TEXT    NOT NULL,      -- what was asked for, without values of search parameters
  passed     BLOB    NOT NULL,      -- JSON: [[Type/id, version, policy, segment], ...]
  previous   BLOB    NOT NULL,
  digest     BLOB    NOT NULL
) STRICT;
CREATE INDEX entry_of_request ON entry (request_id);
CREATE TRIGGER entry_never_changes BEFORE UPDATE ON entry BEGIN SELECT raise(ABORT, 'the ledger is append only'); END;
CREATE TRIGGER entry_never_leaves BEFORE DELETE ON entry BEGIN SELECT raise(ABORT, 'the ledger is append only'); END;
