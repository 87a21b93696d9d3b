-- Who may ask: issued tokens, and what their users signed.

-- name: put_token
INSERT OR REPLACE INTO token_grant
  (digest, client, organisation, purposes, rights, expires, revoked, user, issued, scopes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: grant
-- Fragment: a token with the last word of its user, as `kind at hash`: one look-up in the index, and none without a user.
SELECT digest, client, organisation, purposes, rights, expires, revoked, user, issued, scopes,
  CASE user WHEN '' THEN NULL ELSE (
    SELECT e.kind || ' ' || e.at || ' ' || hex(e.text_hash) FROM user_event e
    WHERE e.user = token_grant.user AND e.organisation = token_grant.organisation ORDER BY e.seq DESC LIMIT 1) END
FROM token_grant

-- name: token
{grant} WHERE digest = ?

-- name: tokens
{grant} ORDER BY issued, digest

-- name: withdrawn
-- Of tokens that were issued by hand. Of two of one moment the revoked one counts.
SELECT revoked FROM token_grant WHERE client = ? AND organisation = ? AND user = ? AND scopes = ''
ORDER BY issued DESC, revoked DESC LIMIT 1

-- name: revoke_token
UPDATE token_grant SET revoked = 1 WHERE digest = ? AND revoked = 0

-- name: forget_tokens
DELETE FROM token_grant WHERE scopes <> '' AND expires <= ?

-- name: forget_assertions
DELETE FROM spent_assertion WHERE expires <= ?

-- name: spend_assertion
INSERT OR IGNORE INTO spent_assertion (digest, expires) VALUES (?, ?)

-- name: client_stopped
SELECT kind = 'stopped' FROM client_event WHERE client = ? ORDER BY seq DESC LIMIT 1

-- name: put_client_event
INSERT INTO client_event (client, kind, author, words, at) VALUES (?, ?, ?, ?, ?)

-- name: client_events
SELECT client, kind, author, words, at FROM client_event ORDER BY seq

-- name: put_user_event
INSERT INTO user_event
  (kind, user, organisation, name, role, client, agreement, version, text_hash, certified, at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: user_events
SELECT kind, user, organisation, name, role, client, agreement, version, text_hash, certified, at
FROM user_event WHERE :user IS NULL OR user = :user ORDER BY seq
