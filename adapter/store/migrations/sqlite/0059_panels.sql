-- People of a group by what its owner knows of them (names, birth dates, numbers), sealed. Which of the records that are
-- held they fit is found whenever somebody asks, and kept nowhere.
CREATE TABLE panel_person (
  panel  TEXT    NOT NULL REFERENCES panel (id) ON DELETE CASCADE,
  sealed BLOB    NOT NULL,             -- AES-SIV: the same person of the same group is the same bytes
  since  INTEGER NOT NULL,             -- when it came in, epoch microseconds
  PRIMARY KEY (panel, sealed)
) STRICT, WITHOUT ROWID;

-- A group that changed: those who came in since `spread` are still to be looked at for whoever subscribed to it.
ALTER TABLE panel ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE panel ADD COLUMN spread INTEGER NOT NULL DEFAULT -1;
CREATE INDEX panel_changed ON panel (id) WHERE changed = 1;

-- The record by which a person was on the group that a subscription follows: what was told is taken back once that is
-- another person's, and not when the person leaves the group.
ALTER TABLE subscription_known ADD COLUMN via INTEGER;
