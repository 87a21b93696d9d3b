-- What backups hold is sealed record by record, and destroying a record destroys its keys.

-- Raw lines of which a backup may hold the bytes while nothing said yet which records they make: they waited in
-- quarantine, or their receipt (line 0: all of it) was not brought in yet. Such a line is sealed under a key of its own.
CREATE TABLE unowned (
  receipt TEXT    NOT NULL,
  line    INTEGER NOT NULL,
  PRIMARY KEY (receipt, line)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER quarantine_was_unowned AFTER DELETE ON quarantine
BEGIN INSERT OR IGNORE INTO unowned (receipt, line) VALUES (OLD.receipt, OLD.line); END;

-- Keys that are still to be destroyed: their file is no part of the store, and a crash may come between. The address of
-- a record is its key.
CREATE TABLE key_erasure (address INTEGER PRIMARY KEY) STRICT;

-- Copies of the keys that somebody made, and how old they are.
CREATE TABLE key_copy (
  place      TEXT    PRIMARY KEY,
  generation INTEGER NOT NULL,
  at         INTEGER NOT NULL       -- epoch microseconds
) STRICT, WITHOUT ROWID;
