-- The raw inbox, a file of its own: what was received, byte for byte, before anyone is told that it was.
CREATE TABLE receipt (
  seq      INTEGER PRIMARY KEY,
  id       TEXT    NOT NULL UNIQUE,
  feed     TEXT    NOT NULL,
  name     TEXT    NOT NULL,
  bytes    INTEGER NOT NULL,
  sha256   BLOB    NOT NULL,
  received INTEGER NOT NULL,
  complete INTEGER NOT NULL
) STRICT;
CREATE INDEX receipt_of_name ON receipt (feed, name, seq);
CREATE TABLE chunk (
  receipt TEXT    NOT NULL,
  seq     INTEGER NOT NULL,
  data    BLOB    NOT NULL,
  PRIMARY KEY (receipt, seq)
) STRICT;
