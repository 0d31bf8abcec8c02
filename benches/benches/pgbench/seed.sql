-- Users with two sessions each, and bans of every seventh address.
SET synchronize_seqscans = off;
INSERT INTO users (
    id, name, name_key, email, email_verified, full_name, status, roles, is_bot, created_at,
    updated_at, last_active_at, legal_hold, version
)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'user' || n, 'user' || n, 'user' || n || '@example.com',
    n % 3 > 0, 'Somebody ' || n, 'active', 2, false,
    timestamptz '2026-01-01 UTC' - n * interval '1 minute',
    timestamptz '2026-01-01 UTC' - n * interval '1 minute',
    timestamptz '2026-01-01 UTC' - n * interval '1 second', false, 1
FROM generate_series(1, :users) n;

INSERT INTO user_search (user_id, search_text)
SELECT id, E'\x1f' || name || E'\x1f' || email || E'\x1f' || lower(full_name) FROM users;

INSERT INTO user_terms (user_id, cell, shared, term)
SELECT id, cell, t.shared, t.term FROM users CROSS JOIN LATERAL (
    VALUES (0, lower(full_name)), (0, name), (length(name), email)
) t (shared, term);

INSERT INTO sessions (
    id, user_id, token_hash, ip, user_agent, device_type, os, browser, started_at,
    last_activity_at, expires_at, idle_seconds, live_until
)
SELECT lpad(to_hex(s), 32, '0')::uuid, lpad(to_hex(s / 2), 32, '0')::uuid,
    sha256(decode(lpad(to_hex(s), 64, '0'), 'hex')), '16.0.0.0'::inet + s,
    'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0', 'desktop', 'Linux',
    'Firefox', now() - s * interval '1 second', now() - s % 1000 * interval '1 second',
    now() + interval '30 days', 604800, now() + interval '6 days'
FROM generate_series(2, 2 * :users + 1) s;

INSERT INTO bans (
    id, target, banned_at, until, reason, source, session_ids, ban_count, fact_count,
    lifted_through, length_class
)
SELECT lpad(to_hex(n), 32, '0')::uuid, ('16.0.0.0'::inet + 7 * n)::cidr, now(),
    CASE WHEN n % 2 = 0 THEN NULL ELSE now() + (n % 90 + 1) * interval '1 day' END,
    'Too many attempts', 'bench', '{}', 1, 1, 0, CASE WHEN n % 2 = 0 THEN 63 ELSE 20 END
FROM generate_series(0, :bans - 1) n;

INSERT INTO ban_facts (ban_id, sequence, kind, until, at, actor, reason, source, session_ids)
SELECT id, 1, 'banned', until, banned_at, '"System"', reason, source, '{}' FROM bans;

VACUUM (ANALYZE);
CHECKPOINT;
