-- Links that were taken back: an accounting tells which records counted as one person when something was asked.
CREATE TABLE former_link (
  patient INTEGER NOT NULL,
  other   INTEGER NOT NULL,
  since   INTEGER NOT NULL,
  until   INTEGER NOT NULL,         -- when it was taken back, epoch microseconds
  PRIMARY KEY (patient, other, since)
) STRICT, WITHOUT ROWID;
