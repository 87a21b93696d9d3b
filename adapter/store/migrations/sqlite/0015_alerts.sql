-- Records that wait in quarantine and look urgent. Each was put together with an entry of the outbox, channel `alert`,
-- in the transaction that put the record into quarantine. No content: where it waits, since when, when that was told.
CREATE TABLE alert (
  receipt TEXT    NOT NULL,
  ordinal INTEGER NOT NULL,         -- which record of the receipt
  feed    TEXT    NOT NULL,
  line    INTEGER NOT NULL,
  part    TEXT    NOT NULL,
  since   INTEGER NOT NULL,         -- epoch microseconds
  told    INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (receipt, ordinal)
) STRICT, WITHOUT ROWID;
