-- Messages of receipts as their senders know them: control id, the acknowledgement that was given, what is still owed.
-- A batch has a row of its own (batch = 1) before those of its messages.
CREATE TABLE message (
  seq          INTEGER PRIMARY KEY,
  feed         TEXT    NOT NULL,
  organisation TEXT    NOT NULL,    -- who delivered it
  sender       TEXT    NOT NULL,    -- MSH-3 and MSH-4
  control      TEXT    NOT NULL,    -- MSH-10
  sha256       BLOB    NOT NULL,
  receipt      TEXT    NOT NULL,
  line         INTEGER NOT NULL,    -- where it starts in the receipt
  stop         INTEGER NOT NULL,    -- the line after its last
  batch        INTEGER NOT NULL,
  code         TEXT    NOT NULL,    -- table 0008, as answered
  fault        TEXT    NOT NULL,    -- table 0357; empty where there is none
  reused       INTEGER NOT NULL,    -- whether another message of this sender had the control id before
  answer       BLOB    NOT NULL,    -- the acknowledgement, byte for byte; empty where none was wanted
  apply        TEXT    NOT NULL,    -- when an application acknowledgement is wanted: AL, NE, ER, SU
  applied      BLOB                 -- that acknowledgement, once it was made
) STRICT;
CREATE UNIQUE INDEX message_key ON message (feed, control, sender, sha256);
CREATE INDEX message_of_receipt ON message (receipt);

-- Messages of a batch that had come before: they are in the raw bytes and are not brought in a second time.
CREATE TABLE repeated (
  receipt TEXT    NOT NULL,
  line    INTEGER NOT NULL,
  stop    INTEGER NOT NULL,
  PRIMARY KEY (receipt, line)
) STRICT, WITHOUT ROWID;

-- What was wrong on a channel, by day: framing, refused senders. Never content.
CREATE TABLE channel_event (
  feed  TEXT    NOT NULL,
  day   TEXT    NOT NULL,
  peer  TEXT    NOT NULL,
  kind  TEXT    NOT NULL,
  times INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  last  INTEGER NOT NULL,
  PRIMARY KEY (feed, day, peer, kind)
) STRICT, WITHOUT ROWID;

-- Files of watched places that were taken in, as they were then. One that is written anew is another.
CREATE TABLE watched (
  feed     TEXT    NOT NULL,
  place    TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  bytes    INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  receipt  TEXT    NOT NULL,
  PRIMARY KEY (feed, place, name)
) STRICT, WITHOUT ROWID;
