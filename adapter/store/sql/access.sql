-- Who may ask: issued tokens, and what their users signed.

-- name: put_token
INSERT OR REPLACE INTO token_grant (digest, client, organisation, purposes, rights, expires, revoked, user, issued)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: token
-- One look-up of the token and one of its user's last word, so that what was signed counts for the next request.
SELECT g.digest, g.client, g.organisation, g.purposes, g.rights, g.expires, g.revoked, g.user, g.issued,
  s.kind, s.text_hash, s.at
FROM token_grant g LEFT JOIN user_event s ON s.seq =
  (SELECT max(seq) FROM user_event WHERE user = g.user AND organisation = g.organisation)
WHERE g.digest = ?

-- name: tokens
SELECT g.digest, g.client, g.organisation, g.purposes, g.rights, g.expires, g.revoked, g.user, g.issued,
  s.kind, s.text_hash, s.at
FROM token_grant g LEFT JOIN user_event s ON s.seq =
  (SELECT max(seq) FROM user_event WHERE user = g.user AND organisation = g.organisation)
ORDER BY g.issued, g.digest

-- name: revoke_token
UPDATE token_grant SET revoked = 1 WHERE digest = ? AND revoked = 0

-- name: put_user_event
INSERT INTO user_event
  (kind, user, organisation, name, role, client, agreement, version, text_hash, certified, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: user_events
SELECT kind, user, organisation, name, role, client, agreement, version, text_hash, certified, at
FROM user_event WHERE :user IS NULL OR user = :user ORDER BY seq
