-- Bans: a ledger of facts per target, the state that follows from it, and the allow-list.

-- The state of a target, computed by the application from the facts and stored with the newest of them.
CREATE TABLE bans (
    id uuid NOT NULL,
    -- An address is the network of its full length. Canonical, so one target has one ledger; a look-up
    -- asks for the at most 129 networks that can cover an address, by equality.
    target cidr NOT NULL,
    -- When the ban in force began.
    banned_at timestamptz NOT NULL,
    -- NULL: until it is lifted.
    until timestamptz,
    lifted_at timestamptz,
    reason text COLLATE "C",
    source text COLLATE "C",
    fingerprint text COLLATE "C",
    offence_path text COLLATE "C",
    user_agent text COLLATE "C",
    session_ids uuid[] NOT NULL,
    -- No foreign key: a host may name whom it likes, and facts outlive users.
    user_id uuid,
    ban_count bigint NOT NULL,
    -- How many facts there are: also what a change is checked against, as a version.
    fact_count bigint NOT NULL,
    -- Facts up to this place are no longer in force.
    lifted_through bigint NOT NULL,
    -- How long the ban lasts, as a power of two of seconds; 63 for ever. Bans of one class that began
    -- lately are in force, those that began long ago are over: so a list of bans in force, newest first,
    -- reads each class from the newest on and passes over few that have run out.
    length_class smallint NOT NULL,
    CONSTRAINT bans_id PRIMARY KEY (id),
    CONSTRAINT bans_target UNIQUE (target)
);

-- Bans that may be in force, newest first, by class.
CREATE INDEX bans_by_start ON bans (length_class, banned_at, id) WHERE lifted_at IS NULL;
-- Counts the bans that run out within the hour.
CREATE INDEX bans_by_end ON bans (until) WHERE lifted_at IS NULL;
-- Clean-up: by when a ban was over.
CREATE INDEX bans_over ON bans (COALESCE(lifted_at, until), id) WHERE COALESCE(lifted_at, until) IS NOT NULL;
CREATE INDEX bans_of_user ON bans (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE ban_facts (
    -- A ledger goes with all its facts.
    ban_id uuid NOT NULL,
    -- From 1 without a gap.
    sequence bigint NOT NULL,
    -- `banned` or `lifted`.
    kind text COLLATE "C" NOT NULL,
    -- When this ban alone would end; NULL for ever, and for a lift.
    until timestamptz,
    at timestamptz NOT NULL,
    actor jsonb NOT NULL,
    reason text COLLATE "C",
    source text COLLATE "C",
    fingerprint text COLLATE "C",
    offence_path text COLLATE "C",
    user_agent text COLLATE "C",
    session_ids uuid[] NOT NULL,
    user_id uuid,
    -- In order within a ledger: the history, and what keeps a fact from being written twice.
    CONSTRAINT ban_facts_place PRIMARY KEY (ban_id, sequence),
    CONSTRAINT ban_facts_ledger FOREIGN KEY (ban_id) REFERENCES bans (id) ON DELETE CASCADE,
    CONSTRAINT ban_facts_kind_known CHECK (kind IN ('banned', 'lifted'))
);

-- Bans by what reported them and by who offended, in the order of ledgers; and those facts that have not
-- run out, where most of a source have.
CREATE INDEX ban_facts_of_source ON ban_facts (source, ban_id, sequence)
    WHERE source IS NOT NULL AND kind = 'banned';
CREATE INDEX ban_facts_of_source_by_end ON ban_facts (source, until)
    WHERE source IS NOT NULL AND kind = 'banned';
CREATE INDEX ban_facts_of_fingerprint ON ban_facts (fingerprint, ban_id, sequence)
    WHERE fingerprint IS NOT NULL AND kind = 'banned';
CREATE INDEX ban_facts_of_fingerprint_by_end ON ban_facts (fingerprint, until)
    WHERE fingerprint IS NOT NULL AND kind = 'banned';
CREATE INDEX ban_facts_of_user ON ban_facts (user_id) WHERE user_id IS NOT NULL;

-- Networks that no ban touches.
CREATE TABLE allowed_networks (
    target cidr NOT NULL,
    -- Its canonical text, which lists are ordered by.
    target_text text COLLATE "C" NOT NULL,
    note text COLLATE "C",
    added_at timestamptz NOT NULL,
    added_by jsonb NOT NULL,
    CONSTRAINT allowed_networks_target PRIMARY KEY (target),
    CONSTRAINT allowed_networks_text UNIQUE (target_text)
);

-- Counts bans that are not lifted by the day and the hour (UTC) in which they end; for ever is infinity.
CREATE FUNCTION tally_bans() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    all_series text[];
    all_starts timestamptz[];
    all_cells smallint[];
    deltas bigint[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(d.series), array_agg(d.starts), array_agg(0::smallint), array_agg(d.delta)
        INTO all_series, all_starts, all_cells, deltas
        FROM (
            SELECT p.series, p.starts, count(*) AS delta
            FROM new_bans b CROSS JOIN LATERAL ban_periods(b.until) p
            WHERE b.lifted_at IS NULL GROUP BY 1, 2
        ) d;
    ELSIF TG_OP = 'DELETE' THEN
        SELECT array_agg(d.series), array_agg(d.starts), array_agg(0::smallint), array_agg(d.delta)
        INTO all_series, all_starts, all_cells, deltas
        FROM (
            SELECT p.series, p.starts, -count(*) AS delta
            FROM old_bans b CROSS JOIN LATERAL ban_periods(b.until) p
            WHERE b.lifted_at IS NULL GROUP BY 1, 2
        ) d;
    ELSE
        SELECT array_agg(d.series), array_agg(d.starts), array_agg(0::smallint), array_agg(d.delta)
        INTO all_series, all_starts, all_cells, deltas
        FROM (
            SELECT p.series, p.starts, sum(b.delta)::bigint AS delta
            FROM (
                SELECT until, 1 AS delta FROM new_bans WHERE lifted_at IS NULL
                UNION ALL SELECT until, -1 FROM old_bans WHERE lifted_at IS NULL
            ) b
            CROSS JOIN LATERAL ban_periods(b.until) p
            GROUP BY 1, 2 HAVING sum(b.delta) <> 0
        ) d;
    END IF;
    IF all_series IS NOT NULL THEN
        PERFORM tally(all_series, all_starts, all_cells, deltas);
    END IF;
    RETURN NULL;
END
$$;

-- The periods that a ban until `moment` counts in.
CREATE FUNCTION ban_periods(moment timestamptz)
RETURNS TABLE (series text, starts timestamptz) LANGUAGE sql STABLE AS $$
    VALUES ('bans_by_day', COALESCE(date_trunc('day', moment, 'UTC'), 'infinity'::timestamptz)),
        ('bans_by_hour', COALESCE(date_trunc('hour', moment, 'UTC'), 'infinity'::timestamptz))
$$;

CREATE TRIGGER bans_tally_insert AFTER INSERT ON bans
    REFERENCING NEW TABLE AS new_bans FOR EACH STATEMENT EXECUTE FUNCTION tally_bans();
CREATE TRIGGER bans_tally_update AFTER UPDATE ON bans
    REFERENCING OLD TABLE AS old_bans NEW TABLE AS new_bans
    FOR EACH STATEMENT EXECUTE FUNCTION tally_bans();
CREATE TRIGGER bans_tally_delete AFTER DELETE ON bans
    REFERENCING OLD TABLE AS old_bans FOR EACH STATEMENT EXECUTE FUNCTION tally_bans();

-- TRUNCATE names no rows; without this, the counters would go on counting what it removed.
CREATE FUNCTION forget_ban_tallies() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tallies WHERE series IN ('bans_by_day', 'bans_by_hour');
    RETURN NULL;
END
$$;
CREATE TRIGGER bans_tally_truncate AFTER TRUNCATE ON bans
    FOR EACH STATEMENT EXECUTE FUNCTION forget_ban_tallies();
