-- Bookings of rosters that name everybody in custody, and the receipt that named each of them last.
CREATE TABLE roster_booking (
  feed    TEXT    NOT NULL,
  rid     INTEGER NOT NULL,         -- of the Encounter
  receipt TEXT    NOT NULL,
  PRIMARY KEY (feed, rid)
) STRICT, WITHOUT ROWID;

-- What somebody has to look at before a feed is right. Append only but for its closing.
CREATE TABLE work_item (
  id      TEXT    PRIMARY KEY,
  feed    TEXT    NOT NULL,
  kind    TEXT    NOT NULL,         -- held-releases, inferred-release, disclosure-order
  receipt TEXT    NOT NULL,
  about   TEXT    NOT NULL,         -- Type/id, or empty
  number  INTEGER NOT NULL,         -- how many records it is about
  why     TEXT    NOT NULL,         -- a reason without content
  since   INTEGER NOT NULL,
  closed  INTEGER,
  author  TEXT    NOT NULL DEFAULT '',
  finding TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX work_item_open ON work_item (since, id) WHERE closed IS NULL;
CREATE TRIGGER work_item_only_closes BEFORE UPDATE ON work_item
WHEN OLD.closed IS NOT NULL OR NEW.closed IS NULL
  OR (NEW.id, NEW.feed, NEW.kind, NEW.receipt, NEW.about, NEW.number, NEW.why, NEW.since)
  <> (OLD.id, OLD.feed, OLD.kind, OLD.receipt, OLD.about, OLD.number, OLD.why, OLD.since)
BEGIN SELECT raise(ABORT, 'a work item is closed once and never changes'); END;
CREATE TRIGGER work_item_never_leaves BEFORE DELETE ON work_item
BEGIN SELECT raise(ABORT, 'a work item is closed and never removed'); END;

-- The bookings that a held inference of releases is about.
CREATE TABLE held_release (
  work TEXT    NOT NULL,
  rid  INTEGER NOT NULL,
  PRIMARY KEY (work, rid)
) STRICT, WITHOUT ROWID;

-- Codes of senders that no table lists: work for whoever writes mappings. Kept inside; no log or error names them.
CREATE TABLE unmapped_code (
  feed     TEXT    NOT NULL,
  code_set TEXT    NOT NULL,        -- the code table
  place    TEXT    NOT NULL,        -- the column
  code     TEXT    NOT NULL,
  number   INTEGER NOT NULL,
  first    INTEGER NOT NULL,
  last     INTEGER NOT NULL,
  PRIMARY KEY (feed, code_set, place, code)
) STRICT, WITHOUT ROWID;
