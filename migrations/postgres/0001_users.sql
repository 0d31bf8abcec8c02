-- Users, and the counters that answer "how many" without reading them.
--
-- All text is COLLATE "C": keys are compared and ordered by their bytes, as the application compares them,
-- whatever the locale of the database is.

CREATE TABLE users (
    -- UUIDv7, made by the application: sorts by creation, so new rows go to the end of the index.
    id uuid NOT NULL,
    -- The handle as typed, for people.
    name text COLLATE "C" NOT NULL,
    -- Its canonical form (RFC 8265), made by the application: what is unique and looked up.
    name_key text COLLATE "C" NOT NULL,
    -- Canonical already: an email has one spelling. Absent only for anonymous users.
    email text COLLATE "C",
    email_verified boolean NOT NULL,
    full_name text COLLATE "C",
    display_name text COLLATE "C",
    avatar_url text COLLATE "C",
    -- A word and not a number, so that a query by hand reads well.
    status text COLLATE "C" NOT NULL,
    -- Bits: 1 admin, 2 user, 4 anonymous. A set, so that "holds any of these" is one operation.
    roles smallint NOT NULL,
    is_bot boolean NOT NULL,
    -- A hint for anonymous users; no identity, so not unique.
    fingerprint text COLLATE "C",
    -- SHA-256 of the secret that an anonymous user was created with; the secret itself is nowhere.
    token_hash bytea,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    -- Moves without a new version: being seen is no change.
    last_active_at timestamptz NOT NULL,
    deleted_at timestamptz,
    -- Where a restore goes back to.
    status_before_delete text COLLATE "C",
    -- Whom an old id resolves to after a merge. Cleared by the purge of that user, in the application,
    -- which counts these references too; so it needs no foreign key.
    merged_into uuid,
    legal_hold boolean NOT NULL,
    -- Optimistic concurrency: each change is made from the version before it.
    version bigint NOT NULL,
    -- All properties that lists filter by in one number, so that one index per order serves every
    -- combination of filters: a list merges the few cells that meet its filter.
    -- roles * 12 + status * 4 + verified * 2 + bot; `Cell` in the adapter says the same.
    cell smallint NOT NULL GENERATED ALWAYS AS (
        roles * 12::smallint
        + CASE status WHEN 'active' THEN 0::smallint WHEN 'suspended' THEN 4::smallint ELSE 8::smallint END
        + CASE WHEN email_verified THEN 2::smallint ELSE 0::smallint END
        + CASE WHEN is_bot THEN 1::smallint ELSE 0::smallint END
    ) STORED,

    CONSTRAINT users_id PRIMARY KEY (id),
    CONSTRAINT users_status_known CHECK (status IN ('active', 'suspended', 'deleted')),
    CONSTRAINT users_status_before_delete_known
        CHECK (status_before_delete IN ('active', 'suspended')),
    -- At least one role, and anonymous alone.
    CONSTRAINT users_roles_valid CHECK (roles > 0 AND roles < 256 AND (roles & 4 = 0 OR roles = 4)),
    CONSTRAINT users_token_hash_size CHECK (octet_length(token_hash) = 32),
    CONSTRAINT users_version_positive CHECK (version > 0)
);

-- Names and emails are unique among live users only: a deletion frees them.
CREATE UNIQUE INDEX users_name ON users (name_key) WHERE status <> 'deleted';
CREATE UNIQUE INDEX users_email ON users (email) WHERE status <> 'deleted' AND email IS NOT NULL;
-- A token is the identity of an anonymous user, of any status.
CREATE UNIQUE INDEX users_token ON users (token_hash) WHERE token_hash IS NOT NULL;

-- The deleted user of a name or an email that was deleted last, for a restore.
CREATE INDEX users_deleted_name ON users (name_key, deleted_at DESC NULLS LAST, id DESC)
    WHERE status = 'deleted';
CREATE INDEX users_deleted_email ON users (email, deleted_at DESC NULLS LAST, id DESC)
    WHERE status = 'deleted' AND email IS NOT NULL;

-- The active anonymous user of a fingerprint that was created last.
CREATE INDEX users_fingerprint ON users (fingerprint, created_at, id)
    WHERE status = 'active' AND roles = 4 AND fingerprint IS NOT NULL;

-- Lists: one index per order, read in either direction. Counting the edge of a range uses the first one,
-- and so does the question whether an active admin is left.
CREATE INDEX users_by_created ON users (cell, created_at, id);
CREATE INDEX users_by_last_active ON users (cell, last_active_at, id);
CREATE INDEX users_by_name ON users (cell, name_key, id);

-- Clean-up: anonymous visitors by how long they have been away, deleted users by how long ago.
-- Rows under a legal hold are left out, or they would pile up at the front.
CREATE INDEX users_idle_anonymous ON users (last_active_at, id)
    WHERE status = 'active' AND roles = 4 AND NOT legal_hold;
CREATE INDEX users_purgeable ON users (deleted_at, id) WHERE status = 'deleted' AND NOT legal_hold;

-- Who was merged into a user that is about to be purged.
CREATE INDEX users_merged_into ON users (merged_into) WHERE merged_into IS NOT NULL;

-- Counters. What is counted (`series`), for which period (`starts`; -infinity for all time), for which cell.
-- A counter may lie in several rows, and is their sum: a writer that finds all rows of a counter locked by
-- others adds a row, so that counting makes nobody wait and no two writers can deadlock.
CREATE TABLE tallies (
    -- Names one row of a counter, to lock it in one statement and update it in the next.
    id bigint GENERATED ALWAYS AS IDENTITY,
    series text COLLATE "C" NOT NULL,
    starts timestamptz NOT NULL,
    cell smallint NOT NULL,
    -- A row may be negative; the sum of a counter never is.
    n bigint NOT NULL,
    CONSTRAINT tallies_id PRIMARY KEY (id)
) WITH (fillfactor = 50); -- Room for updates in place, since these rows change all the time.

-- Ranges of time, and the rows of one counter. `n` stays out of it: an update then touches no index.
CREATE INDEX tallies_counter ON tallies (series, starts, cell);

-- Adds `deltas[i]` to the counter (`series[i]`, `starts[i]`, `cells[i]`). Each counter is to be named once.
CREATE FUNCTION tally(all_series text[], all_starts timestamptz[], all_cells smallint[], deltas bigint[])
RETURNS void LANGUAGE plpgsql
-- The few rows of a counter are always found by the index, however large a change is.
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off
AS $$
DECLARE
    free_rows bigint[];
BEGIN
    SELECT array_agg(free.id ORDER BY change.place) INTO free_rows
    FROM unnest(all_series, all_starts, all_cells) WITH ORDINALITY
        AS change (series, starts, cell, place)
    LEFT JOIN LATERAL (
        SELECT t.id FROM tallies t
        WHERE t.series = change.series AND t.starts = change.starts AND t.cell = change.cell
        LIMIT 1 FOR UPDATE SKIP LOCKED
    ) AS free ON true;

    UPDATE tallies t SET n = t.n + change.delta
    FROM unnest(free_rows, deltas) AS change (id, delta)
    WHERE t.id = change.id;

    INSERT INTO tallies (series, starts, cell, n)
    SELECT change.series, change.starts, change.cell, change.delta
    FROM unnest(free_rows, all_series, all_starts, all_cells, deltas)
        AS change (id, series, starts, cell, delta)
    WHERE change.id IS NULL;
END
$$;

-- Counts users by cell: of all time, by the day and by the hour (UTC) of their creation.
CREATE FUNCTION tally_users() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    all_series text[];
    all_starts timestamptz[];
    all_cells smallint[];
    deltas bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(d.series), array_agg(d.starts), array_agg(d.cell), array_agg(d.delta)
        INTO all_series, all_starts, all_cells, deltas
        FROM (
            SELECT p.series, p.starts, u.cell, count(*) AS delta
            FROM new_users u CROSS JOIN LATERAL user_periods(u.created_at) p GROUP BY 1, 2, 3
        ) d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(d.series), array_agg(d.starts), array_agg(d.cell), array_agg(d.delta)
        INTO all_series, all_starts, all_cells, deltas
        FROM (
            SELECT p.series, p.starts, u.cell, -count(*) AS delta
            FROM old_users u CROSS JOIN LATERAL user_periods(u.created_at) p GROUP BY 1, 2, 3
        ) d;
    ELSE
        SELECT array_agg(d.series), array_agg(d.starts), array_agg(d.cell), array_agg(d.delta)
        INTO all_series, all_starts, all_cells, deltas
        FROM (
            SELECT p.series, p.starts, u.cell, sum(u.delta)::bigint AS delta
            FROM (
                -- What stays as it is cancels out before it is multiplied by the periods.
                SELECT both_users.created_at, both_users.cell, sum(both_users.delta) AS delta
                FROM (
                    SELECT created_at, cell, 1 AS delta FROM new_users
                    UNION ALL SELECT created_at, cell, -1 FROM old_users
                ) both_users
                GROUP BY 1, 2 HAVING sum(both_users.delta) <> 0
            ) u
            CROSS JOIN LATERAL user_periods(u.created_at) p
            GROUP BY 1, 2, 3 HAVING sum(u.delta) <> 0
        ) d;
    END IF;
    IF all_series IS NOT NULL THEN
        PERFORM tally(all_series, all_starts, all_cells, deltas);
    END IF;
    RETURN NULL;
END
$$;

-- The periods that a user created at `moment` counts in.
CREATE FUNCTION user_periods(moment timestamptz)
RETURNS TABLE (series text, starts timestamptz) LANGUAGE sql STABLE AS $$
    VALUES ('users', '-infinity'::timestamptz),
        ('users_by_day', date_trunc('day', moment, 'UTC')),
        ('users_by_hour', date_trunc('hour', moment, 'UTC'))
$$;

CREATE TRIGGER users_tally_insert AFTER INSERT ON users
    REFERENCING NEW TABLE AS new_users FOR EACH STATEMENT EXECUTE FUNCTION tally_users();
CREATE TRIGGER users_tally_update AFTER UPDATE ON users
    REFERENCING OLD TABLE AS old_users NEW TABLE AS new_users
    FOR EACH STATEMENT EXECUTE FUNCTION tally_users();
CREATE TRIGGER users_tally_delete AFTER DELETE ON users
    REFERENCING OLD TABLE AS old_users FOR EACH STATEMENT EXECUTE FUNCTION tally_users();

-- TRUNCATE names no rows; without this, the counters would go on counting what it removed.
CREATE FUNCTION forget_user_tallies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tallies WHERE series IN ('users', 'users_by_day', 'users_by_hour');
    RETURN NULL;
END
$$;
CREATE TRIGGER users_tally_truncate AFTER TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION forget_user_tallies();
