-- Subscriptions: who is to be looked at, what was told, what waits to be told.

-- name: any
SELECT EXISTS (SELECT 1 FROM subscription WHERE status <> 'off')

-- name: stir
INSERT INTO stirred (patient, marks) SELECT value, 1 FROM json_each(?1) WHERE true
ON CONFLICT (patient) DO UPDATE SET marks = marks + 1

-- name: due_boundaries
DELETE FROM boundary WHERE due <= ? RETURNING patient

-- name: claim_stirred
UPDATE stirred SET lease = :lease WHERE patient IN (
  SELECT patient FROM stirred WHERE lease <= :at ORDER BY patient LIMIT :most)
RETURNING patient, marks

-- name: renew_stirred
UPDATE stirred SET lease = ?2 WHERE lease = ?1

-- name: settle_stirred
DELETE FROM stirred WHERE patient = ?1 AND marks = ?2 AND lease = ?3

-- name: free_stirred
UPDATE stirred SET lease = 0 WHERE patient = ?1 AND lease = ?2

-- name: clear_stirred
DELETE FROM stirred

-- name: stirring
SELECT EXISTS (SELECT 1 FROM stirred WHERE lease <= :at) OR EXISTS (SELECT 1 FROM boundary WHERE due <= :at)
  OR EXISTS (SELECT 1 FROM subscription WHERE sweep IS NOT NULL AND status <> 'off')
  OR EXISTS (SELECT 1 FROM panel WHERE changed = 1)

-- name: anything_due
SELECT EXISTS (SELECT 1 FROM subscription WHERE due <= :at AND lease <= :at)

-- name: put_subscription
INSERT INTO subscription ({columns}) VALUES ({values})
ON CONFLICT (id) DO UPDATE SET {changes}

-- name: subscriptions
SELECT {columns} FROM subscription WHERE :id IS NULL OR id = :id ORDER BY id

-- name: live
SELECT id, revision, sweep IS NOT NULL FROM subscription WHERE status <> 'off' ORDER BY id

-- name: drop_subscription
DELETE FROM subscription WHERE id = ?

-- name: drop_known_of
DELETE FROM subscription_known WHERE subscription = ?

-- name: drop_events_of
DELETE FROM subscription_event WHERE subscription = ?

-- name: sweep_step
UPDATE subscription SET sweep = :until, due = CASE WHEN :until IS NULL THEN min(due, :at) ELSE due END
WHERE id = :id AND sweep = :sweep AND looks = :looks AND status <> 'off'

-- name: sweeping
SELECT id, sweep FROM subscription WHERE sweep IS NOT NULL AND id IN (SELECT value FROM json_each(?))

-- name: passed_over
UPDATE subscription SET looks = looks + 1 WHERE id = ?

-- name: known
SELECT k.subscription, k.rid, k.patient, k.name, k.key, k.sent, k.via FROM json_each(?) p
CROSS JOIN subscription_known k ON k.patient = p.value ORDER BY k.subscription, k.rid

-- name: learn
INSERT INTO subscription_known (subscription, rid, patient, name, key, sent, via) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (subscription, rid) DO UPDATE
SET key = excluded.key, sent = max(sent, excluded.sent), via = excluded.via

-- name: forget
DELETE FROM subscription_known WHERE subscription = ? AND rid = ?

-- name: drop_unsent
DELETE FROM subscription_event WHERE subscription = ? AND rid = ? AND number IS NULL

-- name: add_event
INSERT INTO subscription_event (subscription, rid, patient, name, notice, at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (
  SELECT 1 FROM subscription_event WHERE subscription = ?1 AND rid = ?2 AND number IS NULL AND notice = ?5)

-- name: wake
UPDATE subscription SET due = min(due, ?2) WHERE id = ?1 AND status IN ('active', 'error') AND attempts = 0

-- name: claim
-- The well ones first, and no more of one place than its share: who does not answer keeps nobody else waiting.
WITH busy AS MATERIALIZED (
  SELECT s.place, count(*) AS n FROM json_each(:sending) k CROSS JOIN subscription s ON s.id = k.value GROUP BY 1),
ready AS MATERIALIZED (
  SELECT id, due, place, attempts > 0 AS ailing,
    row_number() OVER (PARTITION BY place ORDER BY attempts > 0, due, id) AS nth
  FROM subscription WHERE due <= :at AND lease <= :at),
within AS (
  SELECT r.id, r.due, r.ailing, row_number() OVER (PARTITION BY r.ailing ORDER BY r.due, r.id) AS turn
  FROM ready r LEFT JOIN busy b ON b.place = r.place WHERE r.nth + coalesce(b.n, 0) <= :each)
UPDATE subscription SET lease = :lease WHERE id IN (
  SELECT id FROM within WHERE NOT ailing OR turn <= :ailing ORDER BY ailing, due LIMIT :most)
RETURNING {columns}

-- name: renew
UPDATE subscription SET lease = ?1 WHERE id = ?2 AND lease = ?3

-- name: last_number
SELECT events FROM subscription WHERE id = ?

-- name: number_event
UPDATE subscription_event SET number = ? WHERE seq = ? AND number IS NULL RETURNING rid, notice

-- name: set_events
UPDATE subscription SET events = ? WHERE id = ?

-- name: drop_event
DELETE FROM subscription_event WHERE seq = ? AND number IS NULL

-- name: drop_unnumbered
DELETE FROM subscription_event WHERE subscription = ? AND number IS NULL

-- name: accept
UPDATE subscription_event SET accepted = ? WHERE subscription = ? AND seq = ?

-- name: mark_sent
UPDATE subscription_known SET sent = 1 WHERE subscription = ? AND rid = ?

-- name: give_up
UPDATE subscription_event SET dead = :at
WHERE subscription = :subscription AND number IS NOT NULL AND accepted IS NULL AND dead IS NULL
  AND (:seqs IS NULL OR seq IN (SELECT value FROM json_each(:seqs)))

-- name: revive
UPDATE subscription_event SET dead = NULL WHERE subscription = ? AND dead IS NOT NULL

-- name: forget_accepted
DELETE FROM subscription_event WHERE accepted < ?

-- name: waiting
SELECT seq, rid, patient, name, notice, at, number, accepted, dead FROM subscription_event
WHERE subscription = ? AND accepted IS NULL AND dead IS NULL ORDER BY seq LIMIT ?

-- name: told
SELECT seq, rid, patient, name, notice, at, number, accepted, dead FROM subscription_event
WHERE subscription = ? AND number BETWEEN ? AND ? ORDER BY number

-- name: backlogs
SELECT subscription, sum(dead IS NULL), min(CASE WHEN dead IS NULL THEN at END), sum(dead IS NOT NULL)
FROM subscription_event WHERE accepted IS NULL GROUP BY subscription

-- name: bounds_between
SELECT EXISTS (SELECT 1 FROM bound WHERE (start > ?1 AND start <= ?2) OR (stop > ?1 AND stop <= ?2))

-- name: patients_after
SELECT DISTINCT patient FROM patient_policy WHERE patient > ? ORDER BY patient LIMIT ?

-- name: gone
SELECT k.value FROM json_each(?) k WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.rid = k.value)
  OR EXISTS (SELECT 1 FROM set_apart a WHERE a.rid = k.value)
  OR EXISTS (SELECT 1 FROM taken_back t WHERE t.rid = k.value)

-- name: patients_of
SELECT DISTINCT r.patient FROM json_each(?) k CROSS JOIN resource r ON r.rid = k.value

-- name: stale
SELECT number FROM freshness WHERE until <= ?

-- name: holds
SELECT 1 FROM subscription WHERE id = ? AND revision = ? AND lease = ?

-- name: release
-- An event may have come since what is to be done was looked at: then it is due, whatever else would be.
UPDATE subscription SET lease = CASE WHEN :keep THEN lease ELSE 0 END, status = :status, reason = :reason, attempts = :attempts, failing = :failing,
  spoke = :spoke, due = CASE WHEN :attempts = 0 AND :status IN ('active', 'error')
    AND EXISTS (SELECT 1 FROM subscription_event e
      WHERE e.subscription = :id AND e.accepted IS NULL AND e.dead IS NULL) THEN min(:due, :updated) ELSE :due END
WHERE id = :id AND revision = :revision AND lease = :lease
