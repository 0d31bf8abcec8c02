-- Each user has one turn: see `Services::next_turn`.
\set n 1 + 2 * ((:first + :clients * :i + :client_id) * 7919 % (:users / 2))
\set i :i + 1
\set e random(0, 999999999999)
\set f :e + 1
BEGIN ISOLATION LEVEL READ COMMITTED;
-- $1: lpad(to_hex(:n::int), 32, '0')::uuid
SELECT u.id, u.name, u.email, u.email_verified, u.full_name, u.display_name, u.avatar_url,
    u.status, u.roles, u.is_bot, u.fingerprint, u.token_hash, u.created_at, u.updated_at,
    u.last_active_at, u.deleted_at, u.status_before_delete, u.merged_into, u.legal_hold, u.version
FROM users u
WHERE u.id = $1 FOR NO KEY UPDATE;
-- $1: lpad(to_hex(:n::int), 32, '0')::uuid
SELECT u.id, u.version, u.name_key, u.email, u.token_hash,
    u.status <> 'deleted' AS "is_live!", u.cell AS "cell!", s.search_text, s.visitor_text
FROM users u LEFT JOIN user_search s ON s.user_id = u.id WHERE u.id = $1 FOR NO KEY UPDATE OF u;
-- $1: lpad(to_hex(:n::int), 32, '0')::uuid
-- $2: 'user' || :n::text
-- $3: 'user' || :n::text
-- $4: 'user' || :n::text || '@example.com'
-- $5: :n::int % 3 > 0
-- $6: 'Somebody ' || :n::text
-- $7: NULL
-- $8: NULL
-- $9: 'suspended'
-- $10: 2
-- $11: false
-- $12: NULL
-- $13: NULL
-- $14: timestamptz '2026-01-01 UTC' - :n::int * interval '1 minute'
-- $15: now()
-- $16: timestamptz '2026-01-01 UTC' - :n::int * interval '1 second'
-- $17: NULL
-- $18: NULL
-- $19: NULL
-- $20: false
-- $21: 2
UPDATE users SET
    name = $2, name_key = $3, email = $4, email_verified = $5, full_name = $6,
    display_name = $7, avatar_url = $8, status = $9, roles = $10, is_bot = $11,
    fingerprint = $12, token_hash = $13, created_at = $14, updated_at = $15,
    last_active_at = $16, deleted_at = $17, status_before_delete = $18, merged_into = $19,
    legal_hold = $20, version = $21
WHERE id = $1;
-- $1: lpad(to_hex(:n::int), 32, '0')::uuid
-- $2: 28 + CASE WHEN :n::int % 3 > 0 THEN 2 ELSE 0 END
UPDATE user_terms SET cell = $2 WHERE user_id = $1;
-- $1: lpad(to_hex(:n::int), 32, '0')::uuid
-- $2: NULL::uuid
-- $3: now()
-- $4: 'suspended'
WITH open AS MATERIALIZED (
    SELECT id FROM sessions
    WHERE user_id = $1 AND ended_at IS NULL AND id IS DISTINCT FROM $2
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE sessions s SET ended_at = $3, end_reason = $4 FROM open
WHERE s.id = open.id AND s.ended_at IS NULL
RETURNING s.id, s.user_id;
-- $1: ARRAY[(lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:e::bigint), 16, '0'))::uuid,
--   (lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:f::bigint), 16, '0'))::uuid]
-- $2: ARRAY[now(), now()]
-- $3: ARRAY[lpad(to_hex(:n::int), 32, '0')::uuid, lpad(to_hex(:n::int), 32, '0')::uuid]
-- $4: ARRAY[NULL, NULL]
-- $5: ARRAY['{"type": "system"}', '{"type": "system"}']
-- $6: ARRAY[('{"kind": "status_changed", "user_id": "'
--   || lpad(to_hex(:n::int), 32, '0') || '", "from": "active", "to": "suspended"}')::jsonb,
--   ('{"kind": "sessions_ended", "user_id": "'
--   || lpad(to_hex(:n::int), 32, '0') || '", "reason": "suspended", "session_ids":
--   ["00000000-0000-0000-0000-000000000002", "00000000-0000-0000-0000-000000000003"]}')::jsonb]
INSERT INTO events (id, at, user_id, target, actor, kind)
SELECT e.id, e.at, e.user_id, e.target, e.actor, e.kind
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::cidr[], $5::jsonb[], $6::jsonb[])
    WITH ORDINALITY AS e (id, at, user_id, target, actor, kind, place)
ORDER BY e.place;
COMMIT;
NOTIFY systemprompt_users;
