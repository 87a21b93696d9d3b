-- Chains hold each other: an entry that comes after one of another chain follows from that one too.
ALTER TABLE entry ADD COLUMN anchored INTEGER NOT NULL DEFAULT 0;  -- 1: `previous` covers the last entry of the file

-- Which entries name a resource, or a person by the key of a Patient. It is filled behind the gate, never by it: an
-- answer waits for its entry and for nothing else.
CREATE TABLE entry_about (
  rid INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (rid, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE entry_read (seq INTEGER PRIMARY KEY) STRICT;  -- one row: how far `entry_about` has come
INSERT INTO entry_read (seq) VALUES (0);
