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
-- Its place is the one at which it was complete: what looks for receipts after a place must not miss it.
UPDATE receipt SET name = ?, bytes = ?, sha256 = ?, complete = 1,
  seq = (SELECT max(other.seq) + (other.id <> receipt.id) FROM receipt other)
WHERE id = ?

-- name: drop
DELETE FROM receipt WHERE id = ?

-- name: latest
-- The last file of this name, which a sender may repeat; an older one that comes again is news.
SELECT id, feed, name, bytes, sha256, received, seq FROM receipt
WHERE feed = ? AND name = ? AND complete = 1 AND id <> ? ORDER BY seq DESC LIMIT 1

-- name: by_id
SELECT id, feed, name, bytes, sha256, received, seq FROM receipt WHERE id = ? AND complete = 1

-- name: all
SELECT id, feed, name, bytes, sha256, received, seq FROM receipt
WHERE complete = 1 AND (:feed IS NULL OR feed = :feed) AND seq > :after ORDER BY seq

-- name: newest
SELECT coalesce((SELECT seq FROM receipt WHERE feed = ? ORDER BY seq DESC LIMIT 1), 0)

-- name: chunk
SELECT data FROM chunk WHERE receipt = ? AND seq = ?

-- name: sizes
SELECT seq, length(data) FROM chunk WHERE receipt = ? ORDER BY seq

-- name: repeated
SELECT line, stop FROM repeated WHERE receipt = ?
