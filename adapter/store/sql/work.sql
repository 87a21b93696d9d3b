-- Rosters, work items and unmapped codes of feeds.

-- name: name_booking
INSERT INTO roster_booking (feed, rid, receipt) VALUES (?, ?, ?)
ON CONFLICT (feed, rid) DO UPDATE SET receipt = excluded.receipt

-- name: name_late_booking
INSERT OR IGNORE INTO roster_booking (feed, rid, receipt) VALUES (?, ?, ?)

-- name: drop_booking
DELETE FROM roster_booking WHERE feed = ? AND rid = ?

-- name: unnamed_bookings
SELECT rid FROM roster_booking
WHERE feed = ? AND receipt NOT IN (SELECT value FROM json_each(?)) ORDER BY rid

-- name: roster_size
SELECT count(*) FROM roster_booking WHERE feed = ?

-- name: put_work
INSERT OR IGNORE INTO work_item (id, feed, kind, receipt, about, number, why, since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: open_work
SELECT id, feed, kind, receipt, about, number, why, since FROM work_item WHERE closed IS NULL ORDER BY since, id

-- name: close_work
UPDATE work_item SET closed = ?2, author = ?3, finding = ?4 WHERE id = ?1 AND closed IS NULL

-- name: hold_release
INSERT INTO held_release (work, rid) VALUES (?, ?)

-- name: held_releases
SELECT rid FROM held_release WHERE work = ? ORDER BY rid

-- name: count_code
INSERT INTO unmapped_code (feed, code_set, place, code, number, first, last) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
ON CONFLICT (feed, code_set, place, code) DO UPDATE SET number = number + excluded.number, last = excluded.last

-- name: codes
SELECT feed, code_set, place, code, number, first, last FROM unmapped_code
WHERE ?1 IS NULL OR feed = ?1 ORDER BY feed, number DESC, code_set, place, code

-- name: forget_code
DELETE FROM unmapped_code WHERE feed = ? AND code_set = ? AND place = ? AND code = ?

-- name: stored
SELECT type, id, rid, patient, segment, version, updated, head, tail FROM resource WHERE rid = ?
