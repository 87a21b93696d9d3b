-- The disclosure ledger.

-- name: append
INSERT INTO entry (chain, at, request_id, client, context, purpose, interaction, target, passed, outcome, previous, digest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: head
SELECT digest FROM entry WHERE chain = ? ORDER BY seq DESC LIMIT 1

-- name: heads
SELECT digest FROM entry WHERE seq IN (SELECT max(seq) FROM entry GROUP BY chain) ORDER BY digest

-- name: of_request
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome FROM entry WHERE request_id = ?
ORDER BY seq

-- name: since
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome FROM entry WHERE at >= ? ORDER BY seq

-- name: all
SELECT at, request_id, client, context, purpose, interaction, target, passed, outcome, chain, previous, digest FROM entry
ORDER BY seq
