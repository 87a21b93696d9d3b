-- Since when what a resource says holds, where its feed sends changes and not states: a message that was held up on its
-- way must not take back what a later one told. `at` is the latest event, `times` are those of parts that are from other
-- events, and of what was taken back: JSON.
CREATE TABLE told (
  rid   INTEGER PRIMARY KEY,
  at    INTEGER NOT NULL,           -- epoch microseconds
  times TEXT    NOT NULL
) STRICT;

-- Which Patient took the place of which is asked from both ends.
CREATE INDEX relation_of_other ON relation (other, kind);
