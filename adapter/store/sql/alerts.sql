-- Alerts, and the entries of the outbox that are taken out again.

-- name: put_alert
INSERT OR IGNORE INTO alert (receipt, ordinal, feed, line, part, since) VALUES (?, ?, ?, ?, ?, ?)

-- name: alerts
-- Those of a receipt or of all, oldest first, and whether the record still waits.
SELECT a.feed, a.receipt, a.ordinal, a.line, a.part, a.since, a.told,
  EXISTS (SELECT 1 FROM quarantine q WHERE q.receipt = a.receipt AND q.ordinal = a.ordinal)
FROM alert a WHERE :receipt IS NULL OR a.receipt = :receipt ORDER BY a.since, a.receipt, a.ordinal

-- name: told
UPDATE alert SET told = ? WHERE receipt = ? AND ordinal = ?

-- name: claim
-- Entries that are due and that nobody else works on, in order; they are ours until the lease ends.
UPDATE outbox SET lease = :lease, attempts = attempts + 1 WHERE seq IN (
  SELECT seq FROM outbox WHERE channel = :channel AND due <= :at AND lease <= :at ORDER BY seq LIMIT :most)
RETURNING seq, attempts, body

-- name: settle
DELETE FROM outbox WHERE seq = ?
