\set n random(0, 999999999999)
\set e random(0, 999999999999)
BEGIN ISOLATION LEVEL READ COMMITTED;
-- $1: (lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:n::bigint), 16, '0'))::uuid
-- $2: 'new' || :n::text
-- $3: 'new' || :n::text
-- $4: 'new' || :n::text || '@example.com'
-- $5: false
-- $6: NULL
-- $7: NULL
-- $8: NULL
-- $9: 'active'
-- $10: 2
-- $11: false
-- $12: NULL
-- $13: NULL
-- $14: now()
-- $15: now()
-- $16: now()
-- $17: NULL
-- $18: NULL
-- $19: NULL
-- $20: false
-- $21: 1
INSERT INTO users (
    id, name, name_key, email, email_verified, full_name, display_name, avatar_url, status,
    roles, is_bot, fingerprint, token_hash, created_at, updated_at, last_active_at,
    deleted_at, status_before_delete, merged_into, legal_hold, version
) VALUES (
    $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,
    $20, $21
) ON CONFLICT DO NOTHING;
-- $1: ARRAY[(lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:n::bigint), 16, '0'))::uuid]
-- $2: ARRAY[chr(31) || 'new' || :n::text || chr(31) || 'new' || :n::text || '@example.com']
-- $3: ARRAY[NULL]
-- $4: (SELECT ARRAY[id, id] FROM (SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:n::bigint), 16, '0'))::uuid
--   AS id OFFSET 0) t)
-- $5: ARRAY[24, 24]
-- $6: ARRAY[0, 3 + length(:n::text)]
-- $7: ARRAY['new' || :n::text, 'new' || :n::text || '@example.com']
WITH searchable AS (
    INSERT INTO user_search (user_id, search_text, visitor_text)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[])
    ON CONFLICT (user_id) DO UPDATE
        SET search_text = excluded.search_text, visitor_text = excluded.visitor_text
)
INSERT INTO user_terms (user_id, cell, shared, term)
SELECT * FROM unnest($4::uuid[], $5::smallint[], $6::smallint[], $7::text[])
ON CONFLICT (user_id, term) DO UPDATE SET cell = excluded.cell, shared = excluded.shared;
-- $1: ARRAY[(lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:e::bigint), 16, '0'))::uuid]
-- $2: ARRAY[now()]
-- $3: ARRAY[(lpad(to_hex((extract(epoch FROM now()) * 1000000)::bigint), 16, '0')
--   || lpad(to_hex(:n::bigint), 16, '0'))::uuid]
-- $4: ARRAY[NULL]
-- $5: ARRAY['{"type": "system"}']
-- $6: ARRAY[('{"kind": "user_created", "user_id": "'
--   || lpad(to_hex(:n::bigint), 32, '0') || '", "roles": ["user"]}')::jsonb]
INSERT INTO events (id, at, user_id, target, actor, kind)
SELECT e.id, e.at, e.user_id, e.target, e.actor, e.kind
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::cidr[], $5::jsonb[], $6::jsonb[])
    WITH ORDINALITY AS e (id, at, user_id, target, actor, kind, place)
ORDER BY e.place;
COMMIT;
