-- Statements about labels that people lifted.

-- name: any
SELECT 1 FROM label_decision LIMIT 1

-- name: lifted
-- Records from which labels are lifted now, with what their source told then.
SELECT rid, told FROM label_decision WHERE rid IN carray(?) AND act = 'lift'
AND seq = (SELECT max(seq) FROM label_decision later WHERE later.rid = label_decision.rid)

-- name: last
SELECT act, rid, labels, told, made, author, why, at FROM label_decision WHERE rid = ? ORDER BY seq DESC LIMIT 1

-- name: all
SELECT act, rid, labels, told, made, author, why, at FROM label_decision ORDER BY seq

-- name: decide
INSERT INTO label_decision (act, rid, labels, told, made, author, why, at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- name: digest
SELECT digest FROM resource WHERE rid = ?

-- name: place
SELECT instrument, day, instant, risk FROM screening WHERE rid = ?
