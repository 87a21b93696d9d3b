-- Statements that make a store of a backup.

-- name: columns
SELECT name, type FROM pragma_table_info(?) ORDER BY cid

-- name: tombstone
-- Where it stood before was for opening a seal.
INSERT INTO set_apart (rid, type, id, patient, sealing, times, segment, state) VALUES (?, ?, ?, ?, ?, ?, 0, 1)
ON CONFLICT (rid) DO UPDATE SET sealing = excluded.sealing, times = excluded.times, state = 1, screening = NULL
WHERE excluded.times > times

-- name: forget_in_force
DELETE FROM setting WHERE name = 'policies'

-- name: forget_index
DELETE FROM setting WHERE name = 'search-index'

-- name: put_act
INSERT OR REPLACE INTO sealing (id, what, kind, authority, words, author, at, second, ended)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: drop_incomplete
-- Nobody was told that these were received; whoever sent them sends them again.
DELETE FROM receipt WHERE complete = 0

-- name: put_chunk
INSERT INTO chunk (receipt, seq, data) VALUES (?, ?, ?)

-- name: quarantined
SELECT receipt, ordinal, raw FROM quarantine WHERE receipt = ? ORDER BY ordinal

-- name: move_quarantine
UPDATE quarantine SET ordinal = ?3 WHERE receipt = ?1 AND ordinal = ?2

-- name: move_alert
UPDATE alert SET ordinal = ?3 WHERE receipt = ?1 AND ordinal = ?2

-- name: put_setting
INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value
