-- Statements of backups and their keys.

-- name: schema
-- Tables first: what is made for them needs them.
SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type <> 'table', rowid

-- name: columns
SELECT name, type FROM pragma_table_info(?) ORDER BY cid

-- name: kinds
SELECT type, id, patient, segment FROM resource WHERE rid = ?

-- name: origins
SELECT receipt, line, rid FROM origin ORDER BY receipt, line, rid

-- name: receipts
SELECT id, feed, bytes FROM receipt WHERE complete = 1 ORDER BY id

-- name: done
SELECT receipt FROM ingest_progress WHERE done = 1 ORDER BY receipt

-- name: erasures
SELECT receipt, line FROM erasure

-- name: quarantine
SELECT id, feed, receipt, ordinal, line, part, code, element, expected, raw, since FROM quarantine ORDER BY receipt, ordinal

-- name: origins_of_quarantined
SELECT o.line, o.rid FROM origin o
WHERE o.receipt = ?1 AND o.line IN (SELECT q.line FROM quarantine q WHERE q.receipt = ?1)

-- name: put_unowned
INSERT OR IGNORE INTO unowned (receipt, line) VALUES (?, ?)

-- name: put_setting
INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value

-- name: size
SELECT count(*) FROM resource

-- name: raw_size
SELECT coalesce(sum(bytes), 0) FROM receipt WHERE complete = 1
