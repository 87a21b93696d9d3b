-- The raw inbox.

-- name: begin
INSERT INTO receipt (id, feed, name, bytes, sha256, received, complete) VALUES (?, ?, ?, 0, x'', ?, 0)
ON CONFLICT (id) DO UPDATE SET complete = 0

-- name: clear
DELETE FROM chunk WHERE receipt = ?

-- name: add
INSERT INTO chunk (receipt, seq, data) VALUES (?, ?, ?)

-- name: write_over
UPDATE chunk SET data = ? WHERE receipt = ? AND seq = ?

-- name: finish
UPDATE receipt SET name = ?, bytes = ?, sha256 = ?, complete = 1 WHERE id = ?

-- name: drop
DELETE FROM receipt WHERE id = ?

-- name: latest
-- The last file of this name, which a sender may repeat; an older one that comes again is news.
SELECT id, feed, name, bytes, sha256, received FROM receipt
WHERE feed = ? AND name = ? AND complete = 1 AND id <> ? ORDER BY seq DESC LIMIT 1

-- name: by_id
SELECT id, feed, name, bytes, sha256, received FROM receipt WHERE id = ? AND complete = 1

-- name: all
SELECT id, feed, name, bytes, sha256, received FROM receipt
WHERE complete = 1 AND (:feed IS NULL OR feed = :feed) ORDER BY seq

-- name: chunk
SELECT data FROM chunk WHERE receipt = ? AND seq = ?
