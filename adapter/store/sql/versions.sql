-- Earlier versions, each decided by the segment it was stored under and what is in force now.

-- name: earlier
-- Newest first. A version that no agreement bounds shows as bases NULL; a missing decision as effect NULL under bases.
SELECT b.bases, CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END & b.bases & :live, r.effect,
  c.type, c.id, c.rid, c.patient, h.segment, h.version, h.updated, h.head, h.tail, 0, p.policy, p.ends,
  CASE r.effect WHEN 1 THEN e.obligation ELSE r.obligation END
FROM resource c JOIN resource_history h ON h.rid = c.rid
JOIN patient_policy p ON p.patient = c.patient AND p.start <= :at AND :at < p.stop
LEFT JOIN bound b ON b.context = :context AND b.segment = h.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | h.segment
LEFT JOIN version_exception e
  ON r.effect = 1 AND e.rid = h.rid AND e.version = h.version AND e.policy = p.policy AND e.context = :context
WHERE c.rid = :rid
ORDER BY h.revision DESC

-- name: through
-- How a Patient is seen through its records alone: as `sees_patient` tells it.
SELECT max(CASE WHEN CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END IS NULL THEN 4611686018427387904
  WHEN CASE r.effect WHEN 1 THEN e.effect ELSE r.effect END & b.bases & :live
  THEN 1 + 2 * CASE r.effect WHEN 1 THEN e.obligation ELSE r.obligation END ELSE 0 END)
FROM patient_policy p
JOIN clinical x ON x.patient = p.patient
JOIN bound b ON b.context = :context AND b.segment = x.segment AND b.start <= :at AND :at < b.stop
LEFT JOIN rule r ON r.key = (:context << 47) | (p.policy << 20) | x.segment
LEFT JOIN exception e ON r.effect = 1 AND e.rid = x.rid AND e.policy = p.policy AND e.context = :context
WHERE p.patient = :rid AND p.start <= :at AND :at < p.stop

-- name: put_version_exception
INSERT OR REPLACE INTO version_exception (rid, version, policy, context, effect, obligation) VALUES (?, ?, ?, ?, ?, ?)
