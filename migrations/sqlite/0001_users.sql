-- Users, and the exact figures about them.
--
-- Conventions of all tables: ids are UUIDs as 16 bytes; times are microseconds since 1970 (UTC); yes and no
-- are 1 and 0; tables are STRICT, so that a column holds what its type says.

CREATE TABLE users (
    -- The place of the user in the order of ids, with gaps between neighbours. SQLite's own row number, so
    -- each index ends in it: every index breaks ties in the order of ids, and the search index (0006), which
    -- speaks of row numbers only, is read in that order too. Nothing outside of this file's tables refers
    -- to it, for a place may change when a gap is full.
    place                INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL CHECK (length(id) = 16),
    -- As it was typed, and in the form in which names are compared (RFC 8265, made by the library).
    name                 TEXT NOT NULL,
    name_key             TEXT NOT NULL,
    -- In canonical form only. Absent for anonymous users.
    email                TEXT,
    email_verified       INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    full_name            TEXT,
    display_name         TEXT,
    avatar_url           TEXT,
    status               TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'deleted')),
    -- A set as bits: 1 admin, 2 user, 4 anonymous, which stands alone.
    roles                INTEGER NOT NULL CHECK (roles IN (1, 2, 3, 4)),
    is_bot               INTEGER NOT NULL CHECK (is_bot IN (0, 1)),
    fingerprint          TEXT,
    -- SHA-256 of the token of an anonymous user; the token itself is stored nowhere.
    token_hash           BLOB CHECK (length(token_hash) = 32),
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    last_active_at       INTEGER NOT NULL,
    deleted_at           INTEGER,
    -- What a restore goes back to.
    status_before_delete TEXT CHECK (status_before_delete IN ('active', 'suspended', 'deleted')),
    -- The user that has it all now. No foreign key: the log of a merge outlives the target.
    merged_into          BLOB CHECK (length(merged_into) = 16),
    legal_hold           INTEGER NOT NULL CHECK (legal_hold IN (0, 1)),
    -- Counts changes; an update names the version it was made from.
    version              INTEGER NOT NULL CHECK (version >= 1),
    -- Everything that a filter asks for but the times, as one number: status, roles, verified, bot. A filter
    -- is a short list of cells, so one index per order serves every combination of conditions.
    cell                 INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE status WHEN 'active' THEN 0 WHEN 'suspended' THEN 32 ELSE 64 END
        + roles * 4 + email_verified * 2 + is_bot
    ) VIRTUAL
) STRICT;

-- The identity, for ever.
CREATE UNIQUE INDEX users_id ON users (id);

-- Unique among live users only: a deleted user frees both. Also what lookups by name and email use.
CREATE UNIQUE INDEX users_live_name ON users (name_key) WHERE status <> 'deleted';
CREATE UNIQUE INDEX users_live_email ON users (email) WHERE status <> 'deleted' AND email IS NOT NULL;

-- The token is the identity of an anonymous user, whatever its status.
CREATE UNIQUE INDEX users_token ON users (token_hash) WHERE token_hash IS NOT NULL;

-- A list in each order, of any filter; the first also counts the edges of a range of creation times.
CREATE INDEX users_cell_created ON users (cell, created_at);
CREATE INDEX users_cell_active ON users (cell, last_active_at);
CREATE INDEX users_cell_name ON users (cell, name_key);

-- The deleted user of a name or email that was deleted last, for a restore.
CREATE INDEX users_deleted_name ON users (name_key, deleted_at) WHERE status = 'deleted';
CREATE INDEX users_deleted_email ON users (email, deleted_at) WHERE status = 'deleted' AND email IS NOT NULL;

-- Deleted users whose time of grace is over, deleted longest first.
CREATE INDEX users_purgeable ON users (deleted_at) WHERE status = 'deleted' AND legal_hold = 0;

-- Anonymous users idle longest first, for the clean-up.
CREATE INDEX users_idle_anonymous ON users (last_active_at)
    WHERE status = 'active' AND roles = 4 AND legal_hold = 0;

-- The anonymous user of a fingerprint that was created last.
CREATE INDEX users_fingerprint ON users (fingerprint, created_at)
    WHERE status = 'active' AND roles = 4 AND fingerprint IS NOT NULL;

-- Is there another active admin?
CREATE INDEX users_active_admin ON users (id) WHERE status = 'active' AND roles IN (1, 3);

-- Whose old ids resolve to a user that is about to be purged.
CREATE INDEX users_merged_into ON users (merged_into) WHERE merged_into IS NOT NULL;

-- The lengths of time by which rows are counted, in microseconds: a second, a minute, an hour, a day, 64
-- days; 0 is all time. A range of times is cut into a few slots of each, so that counting it costs the same
-- however many rows there are.
CREATE TABLE time_spans (
    span INTEGER PRIMARY KEY
) STRICT;

INSERT INTO time_spans (span)
VALUES (0), (1000000), (60000000), (3600000000), (86400000000), (5529600000000);

-- How many users of each cell were created in each slot; rows that reach 0 are taken away. Kept by the
-- triggers below, so it can't disagree with the users, whoever writes them.
CREATE TABLE user_counts (
    span  INTEGER NOT NULL,
    -- The first microsecond of the slot; 0 for all time.
    start INTEGER NOT NULL,
    cell  INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (span, start, cell)
) STRICT, WITHOUT ROWID;

-- The start of a slot is rounded down, for times before 1970 too; x % 0 is NULL, which makes it 0.
CREATE TRIGGER users_count_insert AFTER INSERT ON users BEGIN
    INSERT INTO user_counts (span, start, cell, count)
    SELECT span, ifnull(NEW.created_at - (NEW.created_at % span + span) % span, 0), NEW.cell, 1
    FROM time_spans WHERE true
    ON CONFLICT (span, start, cell) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER users_count_delete AFTER DELETE ON users BEGIN
    UPDATE user_counts SET count = count - 1
    WHERE cell = OLD.cell AND (span, start) IN (
        SELECT span, ifnull(OLD.created_at - (OLD.created_at % span + span) % span, 0) FROM time_spans
    );
    DELETE FROM user_counts
    WHERE count = 0 AND cell = OLD.cell AND (span, start) IN (
        SELECT span, ifnull(OLD.created_at - (OLD.created_at % span + span) % span, 0) FROM time_spans
    );
END;

CREATE TRIGGER users_count_update AFTER UPDATE OF status, roles, email_verified, is_bot, created_at ON users
WHEN OLD.cell <> NEW.cell OR OLD.created_at <> NEW.created_at BEGIN
    INSERT INTO user_counts (span, start, cell, count)
    SELECT span, ifnull(NEW.created_at - (NEW.created_at % span + span) % span, 0), NEW.cell, 1
    FROM time_spans WHERE true
    ON CONFLICT (span, start, cell) DO UPDATE SET count = count + 1;
    UPDATE user_counts SET count = count - 1
    WHERE cell = OLD.cell AND (span, start) IN (
        SELECT span, ifnull(OLD.created_at - (OLD.created_at % span + span) % span, 0) FROM time_spans
    );
    DELETE FROM user_counts
    WHERE count = 0 AND cell = OLD.cell AND (span, start) IN (
        SELECT span, ifnull(OLD.created_at - (OLD.created_at % span + span) % span, 0) FROM time_spans
    );
END;
