-- Statements of what clients wrote over FHIR REST.

-- name: of_rids
-- What is sealed is as if it were not there.
SELECT w.rid, r.type, r.id, w.source, w.patient, w.unit, w.revision, w.version, w.updated, w.body
FROM json_each(?1) k CROSS JOIN written w ON w.rid = k.value CROSS JOIN resource r ON r.rid = w.rid
WHERE w.rid NOT IN (SELECT rid FROM set_apart WHERE state = 0)

-- name: before
SELECT version, updated, body FROM written_history WHERE rid = ? ORDER BY revision DESC

-- name: of_patient
SELECT w.rid FROM written w WHERE w.patient = ?1 AND w.source = ?2 ORDER BY w.rid

-- name: named
SELECT rid FROM written_identifier
WHERE source = ?1 AND type = ?2 AND value = ?3 AND (?4 IS NULL OR system = ?4)
  AND rid NOT IN (SELECT rid FROM set_apart WHERE state = 0)
ORDER BY rid

-- name: referring
SELECT w.other, w.rid, r.type FROM json_each(?1) k
CROSS JOIN written_reference w ON w.other = k.value CROSS JOIN resource r ON r.rid = w.rid

-- name: mark
SELECT number FROM written_mark WHERE source = ?

-- name: raise_mark
INSERT INTO written_mark (source, number) VALUES (?, 1) ON CONFLICT (source) DO UPDATE SET number = number + 1

-- name: keep
INSERT INTO written_history (rid, revision, version, updated, body)
SELECT rid, revision, version, updated, body FROM written WHERE rid = ?

-- name: put
INSERT OR REPLACE INTO written (rid, source, patient, unit, revision, version, updated, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: drop
DELETE FROM written WHERE rid = ?

-- name: drop_identifiers
DELETE FROM written_identifier WHERE rid = ?

-- name: put_identifier
INSERT OR IGNORE INTO written_identifier (source, type, value, system, rid) VALUES (?, ?, ?, ?, ?)

-- name: drop_references
DELETE FROM written_reference WHERE rid = ?

-- name: put_reference
INSERT OR IGNORE INTO written_reference (other, rid) VALUES (?, ?)

-- name: derived
-- What was derived from these resources, with whatever else each was derived from.
SELECT d.other, d.rid, o.other FROM json_each(?1) k
CROSS JOIN relation d ON d.other = k.value AND d.kind = 'derived-from'
CROSS JOIN relation o ON o.rid = d.rid AND o.kind = 'derived-from'

-- name: underive
DELETE FROM relation WHERE rid = ? AND kind = 'derived-from' AND other = ?

-- name: derive
INSERT OR IGNORE INTO relation (rid, kind, other) VALUES (?, 'derived-from', ?)

-- name: derived_no_more
DELETE FROM relation WHERE kind = 'derived-from' AND (rid = ?1 OR other = ?1)

-- name: traces
-- The Provenance of resources that are derived, which go with them.
SELECT i.rid FROM resource r JOIN reference i ON i.type = 7 AND i.param = 'target' AND i.target = 'Observation/' || r.id
WHERE r.rid = ?

-- name: back_again
DELETE FROM taken_back WHERE rid = ?

-- name: put_taken_back
INSERT OR REPLACE INTO taken_back (rid, patient, segment, at) SELECT rid, patient, segment, ?2 FROM resource WHERE rid = ?1

-- name: move
UPDATE resource SET segment = ?2 WHERE rid = ?1

-- name: move_history
UPDATE resource_history SET segment = ?2 WHERE rid = ?1

-- name: kind_of
SELECT type FROM resource WHERE rid = ?

-- name: remove
DELETE FROM resource WHERE rid = ?

-- name: linked
SELECT other FROM patient_link WHERE patient = ?
