-- Statements of the reader. Every answer to a caller joins the decision tables inside the statement, so that
-- filtering comes before sorting, counting and paging. Effects are masks of the grounds that permit (1 alone: ask
-- `exception`); a row passes by a ground that its effect, the bound of its agreements and `:live` have in common. A
-- missing rule or exception row shows as effect NULL: the services fill it and ask again; it is never taken for a permit
-- or a denial.

-- name: read
SELECT CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END & b.bases & :live, r.effect,
  c.type, c.id, c.rid, c.patient, c.segment, c.version, c.updated, c.head, c.tail, c.repeats, p.policy, p.ends,
  CASE r.effect WHEN 1 THEN e.obligation ELSE r.obligation END
FROM resource c
JOIN patient_policy p ON p.patient = c.patient AND p.start <= :at AND :at < p.stop
JOIN bound b ON b.context = :context AND b.segment = c.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | c.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = c.rid AND e.policy = p.policy AND e.context = :context
WHERE c.rid = :rid

-- name: read_patient
SELECT c.type, c.id, c.rid, c.patient, c.segment, c.version, c.updated, c.head, c.tail, c.repeats, p.policy, p.ends, ({sees_patient})
FROM resource c JOIN patient_policy p ON p.patient = c.rid AND p.start <= :at AND :at < p.stop
WHERE c.rid = :rid AND c.type = 1

-- name: seen_patients
SELECT c.rid, ({sees_patient}) FROM resource c WHERE c.type = 1 AND c.rid IN ({rids})

-- name: gaps
-- Decisions that the tables do not hold yet for one patient's records and the Patient itself.
SELECT DISTINCT p.policy, c.segment, CASE WHEN r.effect = 1 THEN c.rid END
FROM patient_policy p
JOIN (SELECT rid, segment FROM clinical WHERE patient = :rid UNION ALL SELECT rid, segment FROM resource WHERE rid = :rid) c
JOIN bound b ON b.context = :context AND b.segment = c.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | c.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = c.rid AND e.policy = p.policy AND e.context = :context
WHERE p.patient = :rid AND p.start <= :at AND :at < p.stop
  AND (r.effect IS NULL OR (r.effect = 1 AND e.effect IS NULL))

-- name: sees_patient
-- Fragment: how the Patient `c.rid` is seen, itself or through one of its records (architecture, decision 8):
-- 0 or NULL not at all, 1 + 2 * obligation if it is, 4611686018427387904 if a decision is missing.
SELECT max(CASE WHEN CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END IS NULL THEN 4611686018427387904
  WHEN CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END & b.bases & :live
  THEN 1 + 2 * CASE r.effect WHEN 1 THEN e.obligation ELSE r.obligation END ELSE 0 END)
FROM patient_policy p
JOIN (SELECT x.rid, x.segment FROM clinical x WHERE x.patient = c.rid UNION ALL SELECT c.rid, c.segment) x
JOIN bound b ON b.context = :context AND b.segment = x.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | x.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = x.rid AND e.policy = p.policy AND e.context = :context
WHERE p.patient = c.rid AND p.start <= :at AND :at < p.stop

-- name: patient_rows
-- Fragment: candidate Patients with what the context sees of them, in the shape of `decided_rows`.
SELECT 0 AS low, q.rid, q.segment, p.policy, p.ends,
  CASE q.seen WHEN 4611686018427387904 THEN NULL ELSE 1 END AS effect, (q.seen - 1) / 2 AS obligation, NULL AS ruled
FROM (SELECT c.rid, c.segment, ({sees_patient}) AS seen FROM resource c WHERE c.type = 1 AND {where}) q
JOIN patient_policy p ON p.patient = q.rid AND p.start <= :at AND :at < p.stop
WHERE q.seen > 0

-- name: decided_rows
-- Fragment: candidate rows of `{candidates}` (alias c: patient, type, low, high, rid, segment) with their decision.
SELECT {distinct} c.low, c.rid, c.segment, p.policy, p.ends,
  CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END & b.bases & :live AS effect,
  CASE r.effect WHEN 1 THEN e.obligation ELSE r.obligation END AS obligation,
  r.effect AS ruled
FROM {candidates}
JOIN bound b ON b.context = :context AND b.segment = c.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | c.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = c.rid AND e.policy = p.policy AND e.context = :context
WHERE {where}
  AND (r.effect IS NULL OR r.effect & b.bases & :live
    OR (r.effect = 1 AND (e.effect IS NULL OR e.effect & b.bases & :live)))

-- name: of_patients
-- Fragment: candidates of some patients, for which a policy is in force.
patient_policy p CROSS JOIN clinical c ON c.patient = p.patient AND c.type = :type

-- name: of_everyone
-- Fragment: candidates that carry a token, whoever they are about.
token c CROSS JOIN patient_policy p ON p.patient = c.patient AND p.start <= :at AND :at < p.stop

-- name: page
-- The answer of a search: exact total and the rows of one page; rows whose decision is missing come first. Every
-- decided row is permitted or missing, so counting effects counts what is permitted. The page is cut before any
-- resource is read.
WITH hit AS MATERIALIZED ({decided}),
page AS (
  SELECT h.rid, h.policy, h.ends, h.effect, h.obligation, {places} FROM hit h {source}
  WHERE h.effect IS NULL OR ({after})
  ORDER BY h.effect IS NOT NULL, {order}, h.rid
  LIMIT :limit)
SELECT (SELECT count(effect) FROM hit), h.effect, {order_values},
  d.type, d.id, d.rid, d.patient, d.segment, d.version, d.updated, d.head, d.tail, d.repeats, h.policy, h.ends, h.obligation
FROM page h JOIN resource d ON d.rid = h.rid
ORDER BY h.effect IS NOT NULL, {order}, h.rid

-- name: kept
-- Fragment: the keys of a resource's index rows in one table: the parameter, then the values.
indexed x, json_each(CAST(x.rows AS TEXT), '{at}') k WHERE x.rid = {rid} AND k.value ->> 0 = :{param}

-- name: search_gaps
-- The distinct decisions that a search found missing.
SELECT DISTINCT policy, segment, CASE ruled WHEN 1 THEN rid END, rid FROM ({decided}) WHERE effect IS NULL

-- name: total
SELECT count(effect), count(*) - count(effect) FROM ({decided})

-- name: stored
SELECT type, id, rid, patient, segment, version, updated, head, tail FROM resource WHERE rid = ?

-- name: policy_of
SELECT p.start, p.stop, p.policy, p.ends, s.sources FROM patient_policy p
LEFT JOIN patient_policy_source s ON s.patient = p.patient AND s.start = p.start
WHERE p.patient = :patient AND p.start <= :at AND :at < p.stop

-- name: bounds
SELECT context, segment, start, stop, bases, agreement FROM bound WHERE context = ? AND segment = ? ORDER BY start

-- name: linked
SELECT other FROM patient_link WHERE patient = ? ORDER BY other

-- name: merged
SELECT other, 'replaces' FROM relation WHERE rid = ?1 AND kind = 'replaces'
UNION ALL SELECT rid, 'replaced-by' FROM relation WHERE other = ?1 AND kind = 'replaces'

-- name: siblings
SELECT o.rid, o.instant, o.risk FROM screening s
JOIN screening o ON o.patient = s.patient AND o.instrument = s.instrument AND o.day = s.day
WHERE s.rid = ? ORDER BY o.rid

-- name: setting
SELECT value FROM setting WHERE name = ?

-- name: progress
SELECT records, report, done FROM ingest_progress WHERE receipt = ?

-- name: quarantined
SELECT id, feed, receipt, ordinal, line, part, code, element, expected, raw FROM quarantine
WHERE :feed IS NULL OR feed = :feed ORDER BY id

-- name: quarantined_of
SELECT id, feed, receipt, ordinal, line, part, code, element, expected, raw FROM quarantine
WHERE receipt = ? ORDER BY ordinal

-- name: waiting
SELECT (SELECT count(*) FROM quarantine), (SELECT count(*) FROM outbox)

-- name: terms_by_code
SELECT id FROM term WHERE code = ?

-- name: terms_by_both
SELECT id FROM term WHERE code = ? AND system = ?

-- name: terms_by_system
SELECT id FROM term WHERE system = ?

-- name: owner
SELECT patient FROM resource WHERE rid = ?

-- name: referring
SELECT rid FROM reference WHERE type = ? AND param = ? AND target = ?

-- name: stale_feeds
-- The custody feeds whose data is too old at an instant.
SELECT number FROM freshness WHERE until <= ?

-- name: patients
-- Whoever has records, and those alone: a Patient is about itself.
SELECT 0 UNION SELECT rid FROM resource WHERE type = 1
