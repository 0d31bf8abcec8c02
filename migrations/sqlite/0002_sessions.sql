-- Sessions: who is signed in, from where, and until when.

CREATE TABLE sessions (
    id               BLOB NOT NULL CHECK (length(id) = 16),
    -- A session without its user is nothing; a purge takes both.
    user_id          BLOB NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- SHA-256 of the token; the token itself is stored nowhere.
    token_hash       BLOB NOT NULL CHECK (length(token_hash) = 32),
    -- In canonical text.
    ip               TEXT,
    user_agent       TEXT,
    device_type      TEXT,
    os               TEXT,
    browser          TEXT,
    fingerprint      TEXT,
    started_at       INTEGER NOT NULL,
    last_activity_at INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    -- In microseconds; absent is without a limit.
    idle_timeout     INTEGER,
    ended_at         INTEGER,
    end_reason       TEXT CHECK (
        end_reason IN ('logout', 'revoked', 'limit', 'expired', 'suspended', 'deleted', 'merged')
    ),
    -- The first moment at which it is over by itself. Computed here, so that a touch can't forget it.
    live_until       INTEGER NOT NULL GENERATED ALWAYS AS (
        min(expires_at, ifnull(last_activity_at + idle_timeout, expires_at))
    ) VIRTUAL
) STRICT;

CREATE UNIQUE INDEX sessions_id ON sessions (id);

-- The lookup of every request.
CREATE UNIQUE INDEX sessions_token ON sessions (token_hash);

-- Lists in both orders, of all users and of one; the id breaks ties.
CREATE INDEX sessions_started ON sessions (started_at, id);
CREATE INDEX sessions_active ON sessions (last_activity_at, id);
CREATE INDEX sessions_user_started ON sessions (user_id, started_at, id);
CREATE INDEX sessions_user_active ON sessions (user_id, last_activity_at, id);

-- The same of sessions that are not ended, which are few beside those kept for the record.
CREATE INDEX sessions_open_started ON sessions (started_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_open_active ON sessions (last_activity_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_user_open_started ON sessions (user_id, started_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_user_open_active ON sessions (user_id, last_activity_at, id) WHERE ended_at IS NULL;

-- Sessions over by themselves, over longest first, for the clean-up.
CREATE INDEX sessions_run_out ON sessions (live_until) WHERE ended_at IS NULL;

-- Sessions past their retention, ended longest first.
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
