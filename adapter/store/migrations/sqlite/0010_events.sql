-- Since when what a resource says holds, where its feed sends changes and not states: a message that was held up on its
-- way must not take back what a later one told. `gone` are the elements that were taken back since, as JSON.
CREATE TABLE told (
  rid  INTEGER PRIMARY KEY,
  at   INTEGER NOT NULL,            -- when the event happened, epoch microseconds
  gone TEXT    NOT NULL
) STRICT;
