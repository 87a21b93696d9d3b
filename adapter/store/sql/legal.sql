-- Statements about what people record of a person besides consents.

-- name: put_legal_fact
INSERT INTO legal_fact (id, patient, kind, start, stop, fact, evidence, author, recorded, request)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: legal_fact
SELECT id, patient, kind, start, stop, fact, evidence, author, recorded, request FROM legal_fact WHERE id = ?

-- name: end_legal_fact
UPDATE legal_fact SET stop = max(start, ?2) WHERE id = ?1 AND stop > ?2

-- name: legal_facts_of
SELECT f.id, f.patient, f.kind, f.start, f.stop, f.fact, f.evidence, f.author, f.recorded, f.request
FROM json_each(?) k CROSS JOIN legal_fact f ON f.patient = k.value ORDER BY f.patient, f.id

-- name: legal_facts_of_kind
SELECT id, patient, kind, start, stop, fact, evidence, author, recorded, request FROM legal_fact WHERE kind = ?
ORDER BY recorded, id

-- name: recorded_kind
SELECT DISTINCT patient FROM legal_fact WHERE kind = ? AND stop > ?

-- name: recordings
-- Of an author, and of the users that a client acted for.
SELECT count(*) FROM legal_fact
WHERE (author = ?1 OR (author >= ?1 || ' for ' AND author < ?1 || ' for!')) AND recorded > ?2

-- name: put_legal_act
INSERT INTO legal_act (fact, act, author, at, words) VALUES (?, ?, ?, ?, ?)

-- name: legal_acts_of
SELECT fact, act, author, at, words FROM legal_act WHERE fact = ? ORDER BY seq

-- name: put_awaited
INSERT OR IGNORE INTO awaited (person, facts) VALUES (?, ?)

-- name: put_awaited_key
INSERT OR IGNORE INTO awaited_key (key, person) VALUES (?, ?)

-- name: sharing
SELECT DISTINCT k.patient FROM awaited_key a JOIN identity_key k ON k.key = a.key WHERE a.person = ? ORDER BY k.patient

-- name: awaited
-- The awaited people who share a key with records, with what is known of both.
SELECT DISTINCT i.patient, w.person, w.facts, i.facts FROM json_each(?) r
CROSS JOIN identity i ON i.patient = r.value CROSS JOIN json_each(CAST(i.keys AS TEXT)) k
CROSS JOIN awaited_key a ON a.key = unhex(k.value) CROSS JOIN awaited w ON w.person = a.person
WHERE EXISTS (SELECT 1 FROM awaited)
ORDER BY i.patient, w.person

-- name: put_revocation
INSERT INTO revocation (feed, submission, person, body, author, at)
SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS (
  SELECT 1 FROM revocation WHERE feed = ?1 AND submission = ?2 AND person = ?3 AND body = ?4)

-- name: revocations
SELECT submission, person, body FROM revocation WHERE feed = ? ORDER BY seq
