-- A large installation: 70,000 users, of whom few are suspended, deleted, admins, bots or verified; 100,000
-- sessions, most of them over; 50,000 bans, most of them over; 50,000 events; 20,000 runs.
-- Ids and times are those of the fixtures: user `n`, created n times ten minutes after the start.

CREATE FUNCTION pg_temp.id(n bigint) RETURNS uuid LANGUAGE sql AS
    $$ SELECT ('018f3400-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
CREATE FUNCTION pg_temp.at(n bigint) RETURNS timestamptz LANGUAGE sql AS
    $$ SELECT '2024-05-01T10:00:00Z'::timestamptz + n * interval '10 minutes' $$;

INSERT INTO users (
    id, name, name_key, email, email_verified, full_name, status, roles, is_bot, created_at,
    updated_at, last_active_at, deleted_at, status_before_delete, legal_hold, version
)
SELECT pg_temp.id(n), 'Person' || n, 'person' || n, 'person' || n || '@example.com',
    n % 2500 = 5, CASE n % 2500 WHEN 6 THEN 'Xylophone 100% ' || n ELSE 'Given Name' || n END,
    CASE n % 2500 WHEN 1 THEN 'suspended' WHEN 2 THEN 'deleted' ELSE 'active' END,
    CASE n % 2500 WHEN 3 THEN 3 ELSE 2 END, n % 2500 = 4,
    pg_temp.at(n), pg_temp.at(n), pg_temp.at(70000 - n),
    CASE n % 2500 WHEN 2 THEN pg_temp.at(n) END, CASE n % 2500 WHEN 2 THEN 'active' END, false, 1
FROM generate_series(1, 50000) n;

INSERT INTO users (
    id, name, name_key, email_verified, status, roles, is_bot, fingerprint, token_hash, created_at,
    updated_at, last_active_at, legal_hold, version
)
SELECT pg_temp.id(n), 'anonymous-' || n, 'anonymous-' || n, false, 'active', 4, false,
    'browser' || n, sha256(n::text::bytea), pg_temp.at(n), pg_temp.at(n), pg_temp.at(n), false, 1
FROM generate_series(50001, 70000) n;

UPDATE users SET merged_into = pg_temp.id(1) WHERE status = 'deleted';

INSERT INTO user_search (user_id, search_text, visitor_text)
SELECT id,
    CASE WHEN roles <> 4 THEN concat(E'\x1F', lower(name), E'\x1F' || email, E'\x1F' || lower(full_name)) END,
    CASE WHEN roles = 4 THEN concat(E'\x1F', lower(name)) END FROM users;
INSERT INTO user_terms (user_id, cell, shared, term)
SELECT id, cell, 0, lower(name) FROM users
UNION ALL SELECT id, cell, length(name), email FROM users WHERE email IS NOT NULL
UNION ALL SELECT id, cell, 0, lower(full_name) FROM users WHERE full_name IS NOT NULL;

INSERT INTO sessions (
    id, user_id, token_hash, started_at, last_activity_at, expires_at, live_until, ended_at,
    end_reason
)
SELECT pg_temp.id(n), pg_temp.id(1 + n % 50000), sha256(('s' || n)::bytea), pg_temp.at(n % 70000),
    pg_temp.at(n % 70000), pg_temp.at(n % 70000 + 4000), pg_temp.at(n % 70000 + 4000),
    CASE WHEN n % 10 <> 0 THEN pg_temp.at(n % 70000 + 1) END,
    CASE WHEN n % 10 <> 0 THEN 'logout' END
FROM generate_series(1, 100000) n;

-- Three of five bans have run out, one ends in a year, one never. `stale` is a source of which hardly any
-- ban is left.
INSERT INTO bans (
    id, target, banned_at, until, source, session_ids, user_id, ban_count, fact_count,
    lifted_through, length_class
)
SELECT pg_temp.id(n), set_masklen('10.0.0.0'::inet + n, 32), pg_temp.at(n),
    CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN pg_temp.at(n + 52560) ELSE pg_temp.at(n + 144) END,
    CASE WHEN n % 5 > 1 THEN 'stale' ELSE 'list' END, '{}',
    CASE WHEN n % 5000 = 0 THEN pg_temp.id(n) END, 1, 1, 0,
    CASE n % 5 WHEN 0 THEN 63 WHEN 1 THEN 24 ELSE 16 END
FROM generate_series(1, 50000) n;
INSERT INTO ban_facts (ban_id, sequence, kind, until, at, actor, source, fingerprint, session_ids, user_id)
SELECT id, 1, 'banned', until, banned_at, '{"type": "system"}', source,
    CASE WHEN user_id IS NOT NULL THEN 'offender' END, '{}', user_id FROM bans;

INSERT INTO allowed_networks (target, target_text, added_at, added_by)
SELECT set_masklen('11.0.0.0'::inet + n, 32), host('11.0.0.0'::inet + n), pg_temp.at(n),
    '{"type": "system"}'
FROM generate_series(1, 20000) n;

INSERT INTO events (id, position, at, user_id, target, actor, kind)
SELECT pg_temp.id(n), nextval('event_positions'), pg_temp.at(n), pg_temp.id(1 + n % 50000),
    CASE WHEN n % 10 = 0 THEN set_masklen('10.0.0.0'::inet + n, 32) END, '{"type": "system"}',
    jsonb_build_object('kind', 'user_deleted', 'user_id', pg_temp.id(1 + n % 50000))
FROM generate_series(1, 50000) n;
-- A few that no reader has seen.
INSERT INTO events (id, at, user_id, actor, kind)
SELECT pg_temp.id(n), pg_temp.at(n), pg_temp.id(1), '{"type": "system"}',
    jsonb_build_object('kind', 'user_deleted', 'user_id', pg_temp.id(1))
FROM generate_series(50001, 50020) n;

INSERT INTO job_runs (
    id, job, scheduled_at, trigger, host, attempts, started_at, lease_until, ended_at, outcome,
    report
)
SELECT pg_temp.id(n), 'job' || n % 10, pg_temp.at(n), 'schedule', 'host', 1, pg_temp.at(n),
    pg_temp.at(n + 1), CASE WHEN n <= 19990 THEN pg_temp.at(n + 1) END,
    CASE WHEN n % 2500 = 7 THEN 'failed' WHEN n <= 19990 THEN 'succeeded' END, '{}'
FROM generate_series(1, 20000) n;

INSERT INTO api_keys (id, name, prefix, secret_hash, scopes, created_at, version)
SELECT pg_temp.id(n), 'key ' || n, 'k' || lpad(n::text, 7, '0'),
    sha256(n::text::bytea), 1, pg_temp.at(n), 1
FROM generate_series(1, 20000) n;
INSERT INTO sign_in_links (token_hash, user_id, created_at, expires_at)
SELECT sha256(n::text::bytea), pg_temp.id(1 + n % 50000), pg_temp.at(n), pg_temp.at(n + 1)
FROM generate_series(1, 20000) n;
INSERT INTO remembered_requests (key, request_hash, created_at, locked_until, answer)
SELECT sha256(n::text::bytea), sha256('body'), pg_temp.at(n), pg_temp.at(n + 1), 'answer'
FROM generate_series(1, 20000) n;
