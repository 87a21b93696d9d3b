-- Statements of exports. Rows come in the order of patients' keys and of each patient's records, decided inside the
-- statement as every answer is; see `read.sql` for the effects. With `:since`, a row passes if its version is not older,
-- or if it was not permitted then: by what was in force for its patient at that instant, as it was known at that instant.

-- name: put_export
INSERT INTO export (id, client, context, request, asked, at, expires) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: set_files
UPDATE export SET files = ? WHERE id = ?

-- name: drop_export
DELETE FROM export WHERE id = ?

-- name: forget_exports
DELETE FROM export WHERE expires <= ?

-- name: export
SELECT id, client, context, request, asked, at, expires, files FROM export WHERE id = ?

-- name: open_exports
SELECT count(*) FROM export WHERE client = ? AND expires > ?

-- name: keep_policies
INSERT INTO patient_policy_past (patient, replaced, start, stop, policy)
SELECT p.patient, ?2, p.start, p.stop, p.policy FROM patient_policy p
WHERE p.patient = ?1 AND NOT EXISTS (SELECT 1 FROM patient_policy_past o WHERE o.patient = ?1 AND o.replaced = ?2)

-- name: policies_of
SELECT p.patient, p.start, p.stop, p.policy FROM json_each(?) k CROSS JOIN patient_policy p ON p.patient = k.value
ORDER BY p.patient, p.start

-- name: keep_gap
INSERT OR IGNORE INTO freshness_gap (number, start, stop)
SELECT number, until, ?2 FROM freshness WHERE feed = ?1 AND until > 0 AND until < ?2

-- name: stale_then
-- The custody feeds whose data was too old at an instant.
SELECT number FROM freshness WHERE until <= ?1 UNION SELECT number FROM freshness_gap WHERE start <= ?1 AND ?1 <= stop

-- name: known_then
-- Fragment: what was in force at `:since`, as it was known then.
LEFT JOIN patient_policy q ON q.patient = p.patient AND q.start <= :since AND :since < q.stop
LEFT JOIN patient_policy_past o ON o.patient = p.patient AND o.start <= :since AND :since < o.stop
  AND o.replaced = (SELECT min(z.replaced) FROM patient_policy_past z WHERE z.patient = p.patient AND z.replaced >= :since)

-- name: decided_then
-- Fragment: how a row of `{row}` was decided at `:since`.
LEFT JOIN bound b0 ON b0.context = :context AND b0.segment = {row}.segment AND b0.start <= :since AND :since < b0.stop
LEFT JOIN rule r0 ON r0.key = (:context << 47) | (coalesce(o.policy, q.policy) << 20) | {row}.segment
LEFT JOIN exception e0 ON r0.effect = 1 AND e0.rid = {row}.rid AND e0.policy = coalesce(o.policy, q.policy)
  AND e0.context = :context

-- name: effect_then
-- Fragment: what it came to.
CASE r0.effect WHEN 1 THEN e0.effect ELSE r0.effect END

-- name: records
-- Fragment: the rows of one type of some patients.
FROM patient_policy p {known_then}
CROSS JOIN clinical c ON c.patient = p.patient AND c.type = :type
CROSS JOIN bound b ON b.context = :context AND b.segment = c.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | c.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = c.rid AND e.policy = p.policy AND e.context = :context
{resource} {decided_then}
WHERE p.patient >= :low AND p.patient < :high AND p.start <= :at AND :at < p.stop
  AND (p.patient > :low OR (c.low, c.rid) > (:after_low, :after_rid))
  AND (r.effect IS NULL OR r.effect & b.bases & :live
    OR (r.effect = 1 AND (e.effect IS NULL OR e.effect & b.bases & :live)))
  {changed}
ORDER BY p.patient, p.start, c.low, c.rid

-- name: resource_of
-- Fragment.
CROSS JOIN resource d ON d.rid = c.rid

-- name: record_changed
-- Fragment.
AND (d.updated / 1000 * 1000 >= :since OR coalesce({effect_then} & b0.bases & :live_then, 0) = 0)

-- name: record_gaps
-- Fragment: what tells which decisions are missing, and where a row stands.
CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END, r.effect, {missing_then}, p.policy, {policy_then}, c.segment, c.rid,
p.patient, c.low

-- name: missing_then
-- Fragment: 0 if nothing is missing, else 1 for a rule and 2 for an exception.
CASE WHEN d.updated / 1000 * 1000 >= :since OR b0.bases IS NULL OR {effect_then} IS NOT NULL THEN 0
  WHEN r0.effect = 1 THEN 2 ELSE 1 END

-- name: chunk
SELECT {gaps},
  d.type, d.id, d.rid, d.patient, d.segment, d.version, d.updated, d.head, d.tail, d.repeats, p.policy, p.ends,
  CASE r.effect WHEN 1 THEN e.obligation ELSE r.obligation END
{records} LIMIT :limit

-- name: weigh
SELECT {gaps} {records}

-- name: patients
-- Patients as they are seen, by `sees_patient`; `saw` is how they were seen at `:since`, by what is still permitted. The
-- inner limit keeps the planner from asking for either several times a row.
SELECT q.seen, q.saw, q.type, q.id, q.rid, q.rid, q.segment, q.version, q.updated, q.head, q.tail, q.repeats, q.policy,
  q.ends, (q.seen - 1) / 2
FROM (SELECT c.*, p.policy, p.ends, ({sees_patient}) AS seen, ({saw}) AS saw
  FROM patient_policy p CROSS JOIN resource c ON c.rid = p.patient AND c.type = 1
  WHERE p.patient >= :low AND p.patient < :high AND p.patient > :after AND p.start <= :at AND :at < p.stop
  ORDER BY p.patient, p.start LIMIT -1 OFFSET 0) q
WHERE q.seen > 0 {changed} LIMIT :limit

-- name: patient_changed
-- Fragment.
AND (q.updated / 1000 * 1000 >= :since OR coalesce(q.saw, 0) <> 1)

-- name: saw_patient
-- Fragment: 1 if the Patient `c.rid` was seen at `:since`, itself or through a record that is still permitted and has not
-- changed since; 4611686018427387904 if a decision is missing.
SELECT max(CASE WHEN NOT CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END & b.bases & :live THEN 0
  WHEN {effect_then} IS NULL THEN 4611686018427387904
  WHEN {effect_then} & b0.bases & :live_then THEN 1 ELSE 0 END)
{saw_rows}

-- name: saw_gaps
SELECT DISTINCT coalesce(o.policy, q.policy), x.segment, CASE WHEN r0.effect = 1 THEN x.rid END
{saw_rows} AND b0.bases IS NOT NULL AND {effect_then} IS NULL

-- name: saw_rows
-- Fragment.
FROM patient_policy p {known_then}
CROSS JOIN (SELECT x.rid, x.segment FROM clinical x WHERE x.patient = {patient}
  UNION ALL SELECT y.rid, y.segment FROM resource y WHERE y.rid = {patient}) x
CROSS JOIN resource d ON d.rid = x.rid AND d.updated / 1000 * 1000 < :since
CROSS JOIN bound b ON b.context = :context AND b.segment = x.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | x.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = x.rid AND e.policy = p.policy AND e.context = :context
{decided_then}
WHERE p.patient = {patient} AND p.start <= :at AND :at < p.stop

-- name: panel
SELECT id, organisation, name, version, updated FROM panel WHERE id = ?

-- name: panel_members
SELECT id, since FROM panel_member WHERE panel = ? ORDER BY id

-- name: panel_keys
SELECT patient FROM panel_member WHERE panel = ?

-- name: panels
SELECT id FROM panel ORDER BY id

-- name: panel_version
SELECT organisation, version FROM panel WHERE id = ?

-- name: panel_people
SELECT sealed, since FROM panel_person WHERE panel = ? ORDER BY sealed

-- name: put_person
INSERT OR IGNORE INTO panel_person (panel, sealed, since) VALUES (?, ?, ?)

-- name: drop_person
DELETE FROM panel_person WHERE panel = ? AND sealed = ?

-- name: changed_panels
SELECT id, spread FROM panel WHERE changed = 1

-- name: panel_spread
UPDATE panel SET changed = 0, spread = updated WHERE id = ? AND version = ?

-- name: sharing
SELECT DISTINCT patient FROM identity_block WHERE key IN carray(?) ORDER BY patient

-- name: put_panel
INSERT INTO panel (id, organisation, name, version, updated, changed) VALUES (?, ?, ?, ?, ?, 1)
ON CONFLICT (id) DO UPDATE
SET name = excluded.name, version = excluded.version, updated = excluded.updated, changed = 1

-- name: put_member
INSERT OR IGNORE INTO panel_member (panel, patient, id, since) VALUES (?, ?, ?, ?)

-- name: drop_member
DELETE FROM panel_member WHERE panel = ? AND patient = ?

-- name: drop_panel
DELETE FROM panel WHERE id = ?

-- name: destroyed
-- What was destroyed, or taken back by whoever wrote it, since an instant and would still be permitted by the segment it
-- stood in. What is decided of single resources cannot be decided any more, and is not told.
SELECT CASE r.effect WHEN 1 THEN 0 ELSE r.effect END & b.bases & :live, a.type, a.id, a.rid, a.patient, a.segment, p.policy
FROM (SELECT d.rid, d.type, d.id, d.patient, d.segment FROM set_apart d
    JOIN sealing s ON s.id = d.sealing AND s.ended >= :since WHERE d.state = 1
  UNION ALL SELECT t.rid, r.type, r.id, t.patient, t.segment FROM taken_back t
    JOIN resource r ON r.rid = t.rid WHERE t.at >= :since) a
JOIN patient_policy p ON p.patient = a.patient AND p.start <= :at AND :at < p.stop
JOIN bound b ON b.context = :context AND b.segment = a.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | a.segment
ORDER BY a.type, a.id
