-- What a sender says is gone: where its last record came from.

-- name: came_from
-- The last line of a receipt that one of these resources came from.
SELECT max(line) FROM origin WHERE receipt = ?1 AND rid IN (SELECT value FROM json_each(?2))

-- name: waits
SELECT EXISTS (SELECT 1 FROM quarantine WHERE feed = ?)
