-- The disclosure ledger.

-- name: append
INSERT INTO entry (chain, at, request_id, client, context, purpose, interaction, target, passed, outcome, previous, digest, anchored)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: last
SELECT chain, digest FROM entry ORDER BY seq DESC LIMIT 1

-- name: of_request
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome FROM entry WHERE request_id = ?
ORDER BY seq

-- name: since
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome FROM entry WHERE at >= ? ORDER BY seq

-- name: all
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome, chain, previous, digest, anchored,
  seq
FROM entry ORDER BY seq

-- name: bounds
-- Entries are never taken out, so that the place of the last is how many there are.
SELECT coalesce(max(seq), 0), (SELECT digest FROM entry ORDER BY seq DESC LIMIT 1) FROM entry

-- name: read_to
SELECT seq FROM entry_read

-- name: unread
SELECT seq, target, passed FROM entry WHERE seq > ? ORDER BY seq LIMIT ?

-- name: put_about
INSERT OR IGNORE INTO entry_about (rid, seq) VALUES (?, ?)

-- name: set_read
UPDATE entry_read SET seq = ?

-- name: about
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome, seq FROM entry
WHERE seq IN (SELECT seq FROM entry_about WHERE rid IN carray(?1)) AND at >= ?2 AND at < ?3 ORDER BY at, seq

-- name: of_seq
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome, seq FROM entry WHERE seq = ?
