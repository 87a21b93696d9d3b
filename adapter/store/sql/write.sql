-- Statements of the writer. `:name` bindings throughout.

-- name: in_place
SELECT rid, id, type, patient, revision, segment, digest, seeded, updated, version FROM resource WHERE rid IN carray(?)

-- name: named_before
-- What another is about to take the place of is still among the current ones until the writer flushes.
SELECT 1 FROM resource_history WHERE rid = :rid AND version = :version
UNION ALL SELECT 1 FROM resource WHERE rid = :rid AND version = :version AND NOT seeded

-- name: taken_back
SELECT rid FROM taken_back WHERE rid IN carray(?)

-- name: keep_history
INSERT INTO resource_history (rid, revision, version, segment, updated, head, tail)
SELECT rid, revision, version, segment, updated, head, tail FROM resource WHERE rid = ?

-- name: put_history
INSERT INTO resource_history (rid, revision, version, segment, updated, head, tail) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: put_resource
INSERT INTO resource (rid, revision, version, segment, updated, head, tail, type, id, patient, digest, seeded)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (rid) DO UPDATE SET patient = excluded.patient, segment = excluded.segment,
  revision = excluded.revision, version = excluded.version, updated = excluded.updated,
  digest = excluded.digest, head = excluded.head, tail = excluded.tail, seeded = excluded.seeded

-- name: put_clinical
INSERT OR REPLACE INTO clinical (patient, type, low, rid, high, segment) VALUES (?, ?, ?, ?, ?, ?)

-- name: put_token
INSERT OR REPLACE INTO token (type, param, term, patient, rid, segment, low, high) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: put_string
INSERT OR REPLACE INTO string (type, param, value, exact, rid) VALUES (?, ?, ?, ?, ?)

-- name: put_date
INSERT OR REPLACE INTO date (type, param, low, high, rid) VALUES (?, ?, ?, ?, ?)

-- name: put_reference
INSERT OR REPLACE INTO reference (type, param, target, rid) VALUES (?, ?, ?, ?)

-- name: put_quantity
INSERT OR REPLACE INTO quantity (type, param, low, high, system, code, unit, rid) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: put_indexed
INSERT OR REPLACE INTO indexed (rid, rows) VALUES (?, ?)

-- name: indexed
SELECT rows FROM indexed WHERE rid = ?

-- Index rows are dropped by type, patient and rid, and what `indexed` holds of their keys.

-- name: drop_clinical
DELETE FROM clinical WHERE type = ?1 AND patient = ?2 AND rid = ?3 AND low = ?4

-- name: drop_token
DELETE FROM token WHERE type = ?1 AND patient = ?2 AND rid = ?3 AND param = ?4 AND term = ?5

-- name: drop_string
DELETE FROM string WHERE type = ?1 AND rid = ?3 AND param = ?4 AND value = ?5 AND exact = ?6

-- name: drop_date
DELETE FROM date WHERE type = ?1 AND rid = ?3 AND param = ?4 AND low = ?5 AND high = ?6

-- name: drop_reference
DELETE FROM reference WHERE type = ?1 AND rid = ?3 AND param = ?4 AND target = ?5

-- name: drop_quantity
DELETE FROM quantity WHERE type = ?1 AND rid = ?3 AND param = ?4 AND low = ?5 AND high = ?6 AND system = ?7 AND code = ?8
  AND unit = ?9

-- name: drop_indexed
DELETE FROM indexed WHERE rid = ?

-- name: whose
SELECT type, patient FROM resource WHERE rid = ?

-- name: drop_exceptions
DELETE FROM exception WHERE rid = ?

-- name: drop_screening
DELETE FROM screening WHERE rid = ?

-- name: put_screening
INSERT OR REPLACE INTO screening (patient, instrument, day, rid, instant, risk) VALUES (?, ?, ?, ?, ?, ?)

-- name: mark_repeats
-- Every screening of the same instrument and day is marked once there are two.
UPDATE resource SET repeats = 1 WHERE rid IN (
  SELECT rid FROM screening WHERE patient = :patient AND instrument = :instrument AND day = :day)
  AND (SELECT count(*) FROM screening WHERE patient = :patient AND instrument = :instrument AND day = :day) > 1

-- name: put_relation
INSERT OR REPLACE INTO relation (rid, kind, other) VALUES (?, ?, ?)

-- name: told
SELECT r.rid, r.revision, r.seeded, coalesce(t.at, -4611686018427387904), coalesce(t.times, '{}'), r.head, r.tail
FROM json_each(?) k CROSS JOIN resource r ON r.rid = k.value LEFT JOIN told t ON t.rid = r.rid

-- name: put_told
INSERT OR REPLACE INTO told (rid, at, times) VALUES (?, ?, ?)

-- name: put_origin
INSERT OR REPLACE INTO origin (rid, receipt, line) VALUES (?, ?, ?)

-- name: outdated
SELECT 1 FROM origin WHERE receipt = ?2 AND rid = ?1 AND line > ?3
UNION ALL SELECT 1 FROM origin WHERE receipt IN (SELECT value FROM json_each(?4)) AND rid = ?1
LIMIT 1

-- name: find_term
SELECT system, code, id FROM term WHERE system = ? AND code = ?

-- name: last_term
SELECT coalesce(max(id), 0) FROM term

-- name: put_term
INSERT INTO term (system, code, id) VALUES (?, ?, ?)

-- name: resources_behind
SELECT type, id, rid, patient, segment, version, updated, head, tail FROM resource WHERE rid > ? ORDER BY rid LIMIT ?

-- name: of_type
SELECT r.type, r.id, r.rid, r.patient, r.segment, r.version, r.updated, r.head, r.tail
FROM json_each(?) k CROSS JOIN clinical c ON c.patient = k.value AND c.type = ? CROSS JOIN resource r ON r.rid = c.rid
ORDER BY c.patient, r.id

-- name: elements
SELECT r.rid, json_extract(r.head || ']' || r.tail, '$.' || ?2) FROM json_each(?1) k CROSS JOIN resource r ON r.rid = k.value

-- name: having_links
SELECT k.value FROM json_each(?) k WHERE EXISTS (SELECT 1 FROM patient_link l WHERE l.patient = k.value)

-- name: drop_policy
DELETE FROM patient_policy WHERE patient = ?

-- name: put_policy
INSERT INTO patient_policy (patient, start, stop, policy, ends) VALUES (?, ?, ?, ?, ?)

-- name: drop_policy_sources
DELETE FROM patient_policy_source WHERE patient = ?

-- name: put_policy_sources
INSERT INTO patient_policy_source (patient, start, sources) VALUES (?, ?, ?)

-- name: admit
-- Policies cover all time, so that whoever has one has one from the beginning.
INSERT INTO patient_policy (patient, start, stop, policy, ends)
VALUES (?, -4611686018427387904, 4611686018427387904, ?, 4611686018427387904)

-- name: having_policy
SELECT DISTINCT k.value FROM json_each(?) k CROSS JOIN patient_policy p ON p.patient = k.value

-- name: former_segments
SELECT DISTINCT h.rid, h.segment FROM json_each(?) k CROSS JOIN resource_history h ON h.rid = k.value

-- name: clinical_of
-- What the wide index knows of a patient's records of one type.
SELECT c.patient, c.low, c.high, c.rid, c.segment
FROM json_each(?) k CROSS JOIN clinical c ON c.patient = k.value AND c.type = ? ORDER BY c.patient, c.low, c.rid

-- name: put_freshness
INSERT INTO freshness (feed, number, until)
SELECT ?1, coalesce((SELECT max(number) + 1 FROM freshness), 0), ?2 WHERE true
ON CONFLICT (feed) DO UPDATE SET until = max(until, excluded.until) RETURNING number

-- name: put_bound
INSERT INTO bound (context, segment, start, stop, bases, agreement) VALUES (?, ?, ?, ?, ?, ?)

-- name: drop_bounds
DELETE FROM bound WHERE context = ? AND segment = ?

-- name: put_rule
INSERT OR REPLACE INTO rule (key, context, policy, segment, effect, obligation)
VALUES ((?1 << 47) | (?2 << 20) | ?3, ?1, ?2, ?3, ?4, ?5)

-- name: put_exception
INSERT OR REPLACE INTO exception (rid, policy, context, effect, obligation) VALUES (?, ?, ?, ?, ?)

-- name: drop_identity_key
DELETE FROM identity_key WHERE key = ? AND patient = ?

-- name: put_identity_key
INSERT OR REPLACE INTO identity_key (key, patient) VALUES (?, ?)

-- name: put_identity
INSERT OR REPLACE INTO identity (patient, source, keys, facts) VALUES (?, ?, ?, ?)

-- name: identities
SELECT patient, source, keys, facts FROM identity WHERE patient IN carray(?)

-- name: sharing
SELECT key, patient FROM identity_key WHERE key = ? LIMIT 200

-- name: put_link
INSERT OR IGNORE INTO patient_link (patient, other, rule, since) VALUES (?, ?, ?, ?)

-- name: keep_link
INSERT OR REPLACE INTO former_link (patient, other, since, until)
SELECT patient, other, since, ?3 FROM patient_link WHERE patient = ?1 AND other = ?2

-- name: drop_link
DELETE FROM patient_link WHERE patient = ? AND other = ?

-- name: linked
SELECT other FROM patient_link WHERE patient = ? ORDER BY other

-- name: put_quarantine
INSERT INTO quarantine (feed, receipt, ordinal, line, part, code, element, expected, raw, since)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (receipt, ordinal) DO UPDATE SET code = excluded.code, element = excluded.element, expected = excluded.expected

-- name: drop_quarantine
DELETE FROM quarantine WHERE id = ?

-- name: put_progress
INSERT OR REPLACE INTO ingest_progress (receipt, records, report, done) VALUES (?, ?, ?, ?)

-- name: put_boundary
INSERT OR IGNORE INTO boundary (due, patient) VALUES (?, ?)

-- name: enqueue
INSERT INTO outbox (channel, due, body) VALUES (?, ?, ?)

-- name: setting
SELECT value FROM setting WHERE name = ?

-- name: put_setting
INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)
