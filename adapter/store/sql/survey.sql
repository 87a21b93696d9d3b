-- Statements of explanations and rehearsals: they read what decisions are made from and decide nothing.
-- `{patients}` is a condition on the patient, `{policies}` one on the policy; values are always bound.

-- name: consents_known
-- Every version that was held, the latest of each Consent last.
SELECT r.type, r.id, r.rid, r.patient, r.segment, r.version, r.updated, r.head, r.tail, r.revision
FROM clinical c JOIN resource r ON r.rid = c.rid WHERE c.patient = :patient AND c.type = 6 AND r.updated <= :at
UNION ALL
SELECT r.type, r.id, r.rid, r.patient, h.segment, h.version, h.updated, h.head, h.tail, h.revision
FROM clinical c JOIN resource r ON r.rid = c.rid JOIN resource_history h ON h.rid = r.rid
WHERE c.patient = :patient AND c.type = 6 AND h.updated <= :at
ORDER BY 2, 10

-- name: row
SELECT type, id, rid, patient, segment, version, updated, head, tail FROM resource WHERE rid = ?

-- name: version
SELECT r.type, r.id, r.rid, r.patient, h.segment, h.version, h.updated, h.head, h.tail
FROM resource_history h JOIN resource r ON r.rid = h.rid WHERE h.rid = ? AND h.version = ?

-- name: linked
SELECT other FROM patient_link WHERE patient = ? AND since <= ?

-- name: joins
SELECT other, since, until FROM former_link WHERE patient = :patient
UNION ALL SELECT other, since, 4611686018427387904 FROM patient_link WHERE patient = :patient
ORDER BY since, other

-- name: theirs
-- Whatever is or was held of a patient: what was sealed, destroyed or taken back too, of which no index knows.
SELECT r.rid, r.type, r.id, r.patient, r.segment FROM clinical c JOIN resource r ON r.rid = c.rid WHERE c.patient = :patient
UNION SELECT rid, type, id, patient, segment FROM resource
WHERE rid = :patient AND type = 1 AND rid NOT IN (SELECT rid FROM set_apart UNION ALL SELECT rid FROM taken_back)
UNION SELECT rid, type, id, patient, segment FROM set_apart WHERE patient = :patient
UNION SELECT r.rid, r.type, r.id, r.patient, t.segment FROM taken_back t JOIN resource r ON r.rid = t.rid
WHERE t.patient = :patient AND t.rid NOT IN (SELECT rid FROM clinical WHERE patient = :patient UNION ALL SELECT rid FROM set_apart)
ORDER BY 1

-- name: owner
SELECT patient FROM set_apart WHERE rid = :rid UNION ALL SELECT patient FROM resource WHERE rid = :rid LIMIT 1

-- name: held
SELECT 1 FROM resource WHERE rid = :rid AND updated <= :at
UNION ALL SELECT 1 FROM resource_history WHERE rid = :rid AND updated <= :at LIMIT 1

-- name: records
SELECT type, id, rid, patient, segment, version, updated, head, tail FROM resource
WHERE rid IN (SELECT rid FROM clinical WHERE patient = :patient AND (:type IS NULL OR type = :type))
  OR (rid = :patient AND type = 1 AND (:type IS NULL OR :type = 1))
ORDER BY type, rid

-- name: freshness
SELECT number, feed, until FROM freshness ORDER BY number

-- name: decided
SELECT p.policy, c.segment, count(*) FROM patient_policy p JOIN clinical c ON c.patient = p.patient
WHERE p.start <= :at AND :at < p.stop AND {patients} GROUP BY p.policy, c.segment
UNION ALL
SELECT p.policy, c.segment, count(*) FROM patient_policy p JOIN resource c ON c.rid = p.patient AND c.type = 1
WHERE p.start <= :at AND :at < p.stop AND {patients} GROUP BY p.policy, c.segment

-- name: placed
SELECT p.policy, c.segment, c.patient, c.rid FROM patient_policy p JOIN clinical c ON c.patient = p.patient
WHERE p.start <= :at AND :at < p.stop AND {policies} AND {patients}

-- name: people
SELECT p.policy, c.segment, c.patient, c.rid FROM patient_policy p JOIN resource c ON c.rid = p.patient AND c.type = 1
WHERE p.start <= :at AND :at < p.stop AND {policies} AND {patients}

-- name: ruled
SELECT policy, segment, effect FROM rule WHERE key >= :context << 47 AND key < (:context + 1) << 47

-- name: name
SELECT type, id FROM resource WHERE rid = ?
