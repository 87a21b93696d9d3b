-- Statements about who is who: sealed traits, blocks, pairs and what people decided of them.

-- name: portraits
SELECT patient, source, told, sealed, blocks, doubted FROM identity_trait WHERE patient IN carray(?)

-- name: put_portrait
INSERT INTO identity_trait (patient, source, told, sealed, blocks, doubted) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (patient) DO UPDATE SET source = excluded.source, told = excluded.told, sealed = excluded.sealed,
  blocks = excluded.blocks, doubted = excluded.doubted

-- name: every_portrait
SELECT patient FROM identity_trait ORDER BY patient

-- name: put_block
INSERT OR REPLACE INTO identity_block (key, patient, source) VALUES (?, ?, ?)

-- name: drop_block
DELETE FROM identity_block WHERE key = ? AND patient = ?

-- name: block
-- One row more than may count: a key that so many share recognises nobody.
SELECT key, patient, source FROM identity_block WHERE key = ? LIMIT 201

-- name: pairs
SELECT patient, other, score, band, state, since FROM identity_pair WHERE patient IN carray(?) ORDER BY patient, other

-- name: links
SELECT patient, other FROM patient_link WHERE patient IN carray(?)

-- name: put_pair
INSERT OR REPLACE INTO identity_pair (patient, other, score, band, state, since) VALUES (?, ?, ?, ?, ?, ?)

-- name: drop_pair
DELETE FROM identity_pair WHERE patient = ? AND other = ?

-- name: leaning
SELECT patient, other FROM identity_pair
WHERE patient IN (SELECT value FROM json_each(?1)) AND state = 2 AND since <= ?2 ORDER BY patient, other

-- name: merging
-- Pairs that nobody has confirmed and of which their source says that they are one person's.
SELECT p.patient, p.other FROM identity_pair p
WHERE p.patient IN (SELECT value FROM json_each(?1)) AND p.state = 2 AND p.since <= ?2 AND EXISTS (
  SELECT 1 FROM identity_decision d
  WHERE d.patient = min(p.patient, p.other) AND d.other = max(p.patient, p.other) AND d.verdict = 'likely'
) ORDER BY p.patient, p.other

-- name: merges
SELECT r.rid, r.other FROM relation r JOIN resource o ON o.rid = r.other
WHERE r.rid IN carray(?1) AND r.kind IN ('replaces', 'same')
UNION SELECT r.rid, r.other FROM relation r JOIN resource o ON o.rid = r.rid
WHERE r.other IN carray(?1) AND r.kind IN ('replaces', 'same')
ORDER BY 1, 2

-- name: pairs_in
SELECT patient, other, score, band, state, since FROM identity_pair
WHERE state = ?1 AND patient < other ORDER BY since DESC, patient, other LIMIT ?2

-- name: counted
SELECT state, count(*) FROM identity_pair WHERE patient < other GROUP BY state

-- name: doubted
SELECT patient FROM identity_trait WHERE doubted ORDER BY patient

-- name: decide
INSERT INTO identity_decision (patient, other, verdict, knowing, author, why, at) VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: decisions
SELECT patient, other, verdict, knowing, author, why, at, seq FROM identity_decision WHERE patient IN carray(?1)
UNION SELECT patient, other, verdict, knowing, author, why, at, seq FROM identity_decision WHERE other IN carray(?1)
ORDER BY 8

-- name: sample
-- Records in the order of a hash, which has nothing to do with who they are.
SELECT patient, source, told, sealed, blocks, doubted FROM identity_trait WHERE patient > ?1 ORDER BY patient LIMIT ?2
