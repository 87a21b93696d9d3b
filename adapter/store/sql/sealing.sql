-- Statements of sealing and destruction.

-- name: any
SELECT 1 FROM set_apart LIMIT 1

-- name: apart
SELECT rid, state FROM set_apart WHERE rid IN carray(?)

-- name: put_sealing
INSERT INTO sealing (id, what, kind, authority, words, author, at) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: end_sealing
UPDATE sealing SET second = ?, ended = ? WHERE id = ? AND ended IS NULL

-- name: sealing
SELECT id, what, kind, authority, words, author, at, second, ended FROM sealing WHERE id = ?

-- name: sealings
SELECT id, what, kind, authority, words, author, at, second, ended FROM sealing ORDER BY at, id

-- name: members
SELECT rid, type, id, patient, segment, screening, state FROM set_apart WHERE sealing = ? ORDER BY rid

-- name: of_record
SELECT s.id, s.what, s.kind, s.authority, s.words, s.author, s.at, s.second, s.ended
FROM set_apart a JOIN sealing s ON s.id = a.sealing WHERE a.rid = ? AND a.state < 2

-- name: put_apart
INSERT INTO set_apart (rid, sealing, type, id, patient, segment, screening)
SELECT r.rid, ?2, r.type, r.id, r.patient, r.segment,
  (SELECT CAST(json_array(s.instrument, s.day, s.instant, s.risk) AS BLOB) FROM screening s WHERE s.rid = r.rid)
FROM resource r WHERE r.rid = ?1 AND r.rid NOT IN (SELECT rid FROM set_apart WHERE state < 2)
-- A person who came back is sealed anew.
ON CONFLICT (rid) DO UPDATE SET sealing = excluded.sealing, segment = excluded.segment, screening = excluded.screening,
  state = 0
RETURNING rid

-- name: move
UPDATE resource SET segment = ?2 WHERE rid = ?1

-- name: move_history
UPDATE resource_history SET segment = ?2 WHERE rid = ?1

-- name: now_true
UPDATE set_apart SET segment = ?2, screening = ?3 WHERE rid = ?1

-- name: drop_apart
DELETE FROM set_apart WHERE rid = ? AND times = 0

-- name: back_again
UPDATE set_apart SET state = 2 WHERE rid = ? AND times > 0

-- name: set_state
UPDATE set_apart SET state = ?2 WHERE rid = ?1

-- name: destroy
UPDATE set_apart SET state = 1, times = times + 1 WHERE rid = ?

-- name: related
-- Whatever was derived from a record or is what it was derived from, and where it came from.
SELECT other FROM relation WHERE rid = ?1 AND kind = 'derived-from'
UNION SELECT rid FROM relation WHERE other = ?1 AND kind = 'derived-from'
UNION SELECT i.rid FROM reference i JOIN resource r ON r.rid = ?1
WHERE i.type = 7 AND i.param = 'target' AND i.target = ?2 || '/' || r.id

-- name: of_patient
-- What its writer took back is in no index and belongs to it all the same.
SELECT rid FROM clinical WHERE patient = ? UNION SELECT rid FROM resource WHERE rid = ?1 AND type = 1
UNION SELECT rid FROM taken_back WHERE patient = ?1

-- name: kind_of
SELECT type, id, patient FROM resource WHERE rid = ?

-- name: linked
SELECT other FROM patient_link WHERE patient = ?

-- name: to_erase
INSERT OR IGNORE INTO erasure (receipt, line) SELECT receipt, line FROM origin WHERE rid IN carray(?)

-- name: erase_line
INSERT OR IGNORE INTO erasure (receipt, line) VALUES (?, ?)

-- name: erasures
SELECT receipt, line FROM erasure ORDER BY receipt, line

-- name: erased
DELETE FROM erasure WHERE receipt = ?

-- name: drop_terms
-- Numbers of people and bookings stand there, and nothing tells whose they were once no index row has them.
DELETE FROM term WHERE id NOT IN (SELECT term FROM token)

-- name: drop_quarantined
DELETE FROM quarantine WHERE (receipt, line) IN (SELECT receipt, line FROM erasure)

-- name: was_unowned
-- Which of the lines that wait to be erased a backup may hold under keys of their own. Line 0 is a whole receipt that
-- nobody could take apart then.
SELECT e.receipt, e.line FROM erasure e
WHERE EXISTS (SELECT 1 FROM unowned u WHERE u.receipt = e.receipt AND u.line IN (0, e.line))
UNION SELECT u.receipt, 0 FROM unowned u WHERE u.line = 0 AND u.receipt IN (SELECT receipt FROM erasure)

-- name: put_key_erasure
INSERT OR IGNORE INTO key_erasure (address) VALUES (?)

-- name: key_erasures
SELECT address FROM key_erasure

-- name: key_erasures_of_records
SELECT a.rid, a.type, a.id, a.patient, a.sealing, a.times FROM key_erasure k JOIN set_apart a ON a.rid = k.address

-- name: acts_of_key_erasures
SELECT id, what, kind, authority, words, author, at, second, ended FROM sealing
WHERE id IN (SELECT a.sealing FROM key_erasure k JOIN set_apart a ON a.rid = k.address)

-- name: keys_erased
DELETE FROM key_erasure

-- name: destroyed
SELECT rid, times FROM set_apart WHERE times > 0

-- name: put_copy
INSERT OR REPLACE INTO key_copy (place, generation, at) VALUES (?, ?, ?)

-- name: copies
SELECT place, generation, at FROM key_copy ORDER BY place

-- name: tables
SELECT t.name, c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
WHERE t.type = 'table' AND c.name IN ('rid', 'patient', 'other') ORDER BY 1, 2
