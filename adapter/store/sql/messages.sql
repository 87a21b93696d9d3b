-- Messages beside the raw inbox.

-- name: last
SELECT coalesce(max(seq), 0) FROM receipt

-- name: keep
INSERT INTO receipt (id, feed, name, bytes, sha256, received, seq, complete) VALUES (?, ?, ?, ?, ?, ?, ?, 1)

-- name: add
INSERT INTO chunk (receipt, seq, data) VALUES (?, ?, ?)

-- name: known
SELECT receipt, answer, applied, batch FROM message WHERE feed = ? AND control = ? AND sender = ? AND sha256 = ?

-- name: control_known
SELECT 1 FROM message WHERE feed = ? AND control = ? AND sender = ? LIMIT 1

-- name: put
INSERT INTO message (feed, organisation, sender, control, sha256, receipt, line, stop, batch, code, fault, reused,
  answer, apply)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: repeat
INSERT INTO repeated (receipt, line, stop) VALUES (?, ?, ?) ON CONFLICT DO NOTHING

-- name: answers
SELECT answer, applied FROM message WHERE receipt = ? AND batch = 0 ORDER BY line

-- name: indexed
SELECT 1 FROM message WHERE receipt = ? LIMIT 1

-- name: of_control
SELECT organisation, sender, control, sha256, line, stop, code, fault, answer, apply, batch, receipt, reused, applied
FROM message
WHERE feed = :feed AND control = :control AND (:organisation IS NULL OR organisation = :organisation)
ORDER BY seq DESC LIMIT 100

-- name: of_receipt
SELECT organisation, sender, control, sha256, line, stop, code, fault, answer, apply, batch, receipt, reused, applied
FROM message WHERE receipt = ? ORDER BY seq

-- name: applied
UPDATE message SET applied = ? WHERE receipt = ? AND line = ? AND batch = 0

-- name: note
INSERT INTO channel_event (feed, day, peer, kind, times, bytes, last) VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (feed, day, peer, kind)
DO UPDATE SET times = times + excluded.times, bytes = bytes + excluded.bytes, last = max(last, excluded.last)

-- name: events
SELECT feed, day, peer, kind, times, bytes, last FROM channel_event WHERE :feed IS NULL OR feed = :feed
ORDER BY day, feed, peer, kind

-- name: is_watched
SELECT 1 FROM watched WHERE feed = ? AND place = ? AND name = ? AND bytes = ? AND modified = ?

-- name: watched
INSERT OR REPLACE INTO watched (feed, place, name, bytes, modified, receipt) VALUES (?, ?, ?, ?, ?, ?)
