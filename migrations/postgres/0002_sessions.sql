-- Sessions: who is signed in, from where, and until when.

CREATE TABLE sessions (
    id uuid NOT NULL,
    -- A purge takes the sessions along, also one that another unit is just starting.
    user_id uuid NOT NULL,
    -- SHA-256 of the token; the token itself is nowhere.
    token_hash bytea NOT NULL,
    ip inet,
    user_agent text COLLATE "C",
    device_type text COLLATE "C",
    os text COLLATE "C",
    browser text COLLATE "C",
    fingerprint text COLLATE "C",
    started_at timestamptz NOT NULL,
    last_activity_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    -- Whole seconds; absent is without a limit.
    idle_seconds bigint,
    -- The earlier of expiry and idling, kept by whoever writes the row, so that an index can order by it.
    live_until timestamptz NOT NULL,
    ended_at timestamptz,
    end_reason text COLLATE "C",

    CONSTRAINT sessions_id PRIMARY KEY (id),
    CONSTRAINT sessions_token UNIQUE (token_hash),
    CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_token_hash_size CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sessions_end_complete CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

-- A user's sessions in both orders; the second one also finds those beyond the limit per user.
CREATE INDEX sessions_of_user_by_start ON sessions (user_id, started_at, id);
CREATE INDEX sessions_of_user_by_activity ON sessions (user_id, last_activity_at, id);

-- Everybody's sessions in both orders.
CREATE INDEX sessions_by_start ON sessions (started_at, id);
CREATE INDEX sessions_by_activity ON sessions (last_activity_at, id);
-- The same without those that were ended, which are most: a list of live sessions passes over none of them.
CREATE INDEX sessions_open_by_start ON sessions (started_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_by_activity ON sessions (last_activity_at, id) WHERE ended_at IS NULL;

-- Clean-up: those over by themselves are ended, those ended long ago are removed.
CREATE INDEX sessions_expired ON sessions (live_until, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at, id) WHERE ended_at IS NOT NULL;
