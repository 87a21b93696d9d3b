-- Rows are written a batch at a time, in forms that take less of each other's space.

-- What of the keys of a resource's index rows is not its own, for the tables clinical, token, string, date and
-- reference in this order: JSON. Before, an object of whole keys.
UPDATE indexed SET rows = CAST(json_array(
  json((SELECT json_group_array(json_array(value ->> 2)) FROM json_each(CAST(rows AS TEXT), '$.clinical'))),
  json((SELECT json_group_array(json_array(value ->> 1, value ->> 2)) FROM json_each(CAST(rows AS TEXT), '$.token'))),
  json((SELECT json_group_array(json_array(value ->> 1, value ->> 2, value ->> 4))
    FROM json_each(CAST(rows AS TEXT), '$.string'))),
  json((SELECT json_group_array(json_array(value ->> 1, value ->> 2, value ->> 4))
    FROM json_each(CAST(rows AS TEXT), '$.date'))),
  json((SELECT json_group_array(json_array(value ->> 1, value ->> 2))
    FROM json_each(CAST(rows AS TEXT), '$.reference')))
) AS BLOB);

-- The keys of a record stand with its facts, so that others replace them without an index of their own.
ALTER TABLE identity RENAME TO identity_before;
CREATE TABLE identity (
  patient INTEGER PRIMARY KEY,
  source  TEXT NOT NULL,
  keys    BLOB NOT NULL,            -- JSON: its rows of identity_key
  facts   BLOB NOT NULL             -- JSON of keyed hashes; contradictions between two records show here
) STRICT;
INSERT INTO identity (patient, source, keys, facts)
SELECT i.patient, i.source,
  CAST((SELECT json_group_array(lower(hex(k.key)) ORDER BY k.key) FROM identity_key k WHERE k.patient = i.patient)
    AS BLOB),
  i.facts
FROM identity_before i;
DROP TABLE identity_before;
DROP INDEX identity_key_of_patient;

-- The receipt leads, so that reading one fills a few pages of its own instead of touching those of every receipt.
ALTER TABLE origin RENAME TO origin_before;
CREATE TABLE origin (
  rid     INTEGER NOT NULL,
  receipt TEXT    NOT NULL,
  line    INTEGER NOT NULL,
  PRIMARY KEY (receipt, rid, line)
) STRICT, WITHOUT ROWID;
INSERT INTO origin (rid, receipt, line) SELECT rid, receipt, line FROM origin_before;
DROP TABLE origin_before;
