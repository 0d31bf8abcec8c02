-- Bans: a ledger of facts for each address or network, the state that follows from them, and the allow-list.
-- Addresses and networks are text in canonical form; what covers an address is looked up by listing its at
-- most 129 networks. `until` of a ban that never ends by itself is the largest number there is, so that "ends
-- after now" is one comparison.

CREATE TABLE ban_ledgers (
    id             BLOB NOT NULL CHECK (length(id) = 16),
    target         TEXT NOT NULL,
    banned_at      INTEGER NOT NULL,
    until          INTEGER NOT NULL,
    lifted_at      INTEGER,
    -- Of the ban that determines `until`.
    reason         TEXT,
    source         TEXT,
    fingerprint    TEXT,
    offence_path   TEXT,
    user_agent     TEXT,
    -- A JSON array of ids.
    session_ids    TEXT NOT NULL CHECK (json_valid(session_ids)),
    -- No foreign key: the ledger outlives the user, and may speak of one that is not here.
    user_id        BLOB CHECK (length(user_id) = 16),
    ban_count      INTEGER NOT NULL CHECK (ban_count >= 0),
    fact_count     INTEGER NOT NULL CHECK (fact_count >= 1),
    lifted_through INTEGER NOT NULL CHECK (lifted_through >= 0),
    -- When it was over: lifted or run out.
    over_at        INTEGER NOT NULL GENERATED ALWAYS AS (ifnull(lifted_at, until)) VIRTUAL,
    -- How long the ban in force lasts, in bands: 0 ever, 1 to ten minutes, 2 to two hours, 3 to two days, 4 to
    -- two weeks, 5 to 90 days, 6 longer. A ban of a band that is in force began no longer ago than the band is
    -- wide, so a list of bans in force passes over few that have run out.
    band           INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE
            WHEN until = 9223372036854775807 THEN 0
            WHEN until - banned_at <= 600000000 THEN 1
            WHEN until - banned_at <= 7200000000 THEN 2
            WHEN until - banned_at <= 172800000000 THEN 3
            WHEN until - banned_at <= 1209600000000 THEN 4
            WHEN until - banned_at <= 7776000000000 THEN 5
            ELSE 6
        END
    ) VIRTUAL
) STRICT;

CREATE UNIQUE INDEX ban_ledgers_id ON ban_ledgers (id);

-- One ledger for each target; the lookup of every request.
CREATE UNIQUE INDEX ban_ledgers_target ON ban_ledgers (target);

-- Bans in force, those that began last first.
CREATE INDEX ban_ledgers_band ON ban_ledgers (band, banned_at, id) WHERE lifted_at IS NULL;

-- The edges of a count of bans in force.
CREATE INDEX ban_ledgers_until ON ban_ledgers (until) WHERE lifted_at IS NULL;

-- Ledgers past their retention, over longest first.
CREATE INDEX ban_ledgers_over ON ban_ledgers (over_at, id);

-- What a merge moves and a purge forgets.
CREATE INDEX ban_ledgers_user ON ban_ledgers (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE ban_facts (
    ban_id       BLOB NOT NULL REFERENCES ban_ledgers (id) ON DELETE CASCADE,
    -- From 1 without a gap.
    sequence     INTEGER NOT NULL CHECK (sequence >= 1),
    target       TEXT NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('banned', 'lifted')),
    -- When this ban alone would end; absent for a lift.
    until        INTEGER CHECK ((until IS NULL) = (kind = 'lifted')),
    at           INTEGER NOT NULL,
    -- JSON, as the events have it.
    actor        TEXT NOT NULL CHECK (json_valid(actor)),
    reason       TEXT,
    source       TEXT,
    fingerprint  TEXT,
    offence_path TEXT,
    user_agent   TEXT,
    session_ids  TEXT NOT NULL CHECK (json_valid(session_ids)),
    user_id      BLOB CHECK (length(user_id) = 16),
    PRIMARY KEY (ban_id, sequence)
) STRICT, WITHOUT ROWID;

-- Bans of one source or fingerprint by ledger, and by their end: whichever is shorter is read.
CREATE INDEX ban_facts_source ON ban_facts (source, ban_id, sequence, until)
    WHERE source IS NOT NULL AND until IS NOT NULL;
CREATE INDEX ban_facts_source_until ON ban_facts (source, until)
    WHERE source IS NOT NULL AND until IS NOT NULL;
CREATE INDEX ban_facts_fingerprint ON ban_facts (fingerprint, ban_id, sequence, until)
    WHERE fingerprint IS NOT NULL AND until IS NOT NULL;
CREATE INDEX ban_facts_fingerprint_until ON ban_facts (fingerprint, until)
    WHERE fingerprint IS NOT NULL AND until IS NOT NULL;

-- What a merge moves and a purge forgets.
CREATE INDEX ban_facts_user ON ban_facts (user_id) WHERE user_id IS NOT NULL;

-- How many bans that are not lifted end in each slot of time (see `time_spans`); span 0 has those that never
-- end. So bans in force are counted without looking at them.
CREATE TABLE ban_counts (
    span  INTEGER NOT NULL,
    start INTEGER NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (span, start)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER ban_ledgers_count_insert AFTER INSERT ON ban_ledgers WHEN NEW.lifted_at IS NULL BEGIN
    INSERT INTO ban_counts (span, start, count)
    SELECT span, ifnull(NEW.until - (NEW.until % span + span) % span, 0), 1
    FROM time_spans WHERE (span = 0) = (NEW.until = 9223372036854775807)
    ON CONFLICT (span, start) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER ban_ledgers_count_delete AFTER DELETE ON ban_ledgers WHEN OLD.lifted_at IS NULL BEGIN
    UPDATE ban_counts SET count = count - 1
    WHERE (span, start) IN (
        SELECT span, ifnull(OLD.until - (OLD.until % span + span) % span, 0)
        FROM time_spans WHERE (span = 0) = (OLD.until = 9223372036854775807)
    );
    DELETE FROM ban_counts
    WHERE count = 0 AND (span, start) IN (
        SELECT span, ifnull(OLD.until - (OLD.until % span + span) % span, 0)
        FROM time_spans WHERE (span = 0) = (OLD.until = 9223372036854775807)
    );
END;

-- An update takes the old state out and puts the new one in, each only where it is not lifted.
CREATE TRIGGER ban_ledgers_count_update AFTER UPDATE OF until, lifted_at ON ban_ledgers
WHEN OLD.until <> NEW.until OR (OLD.lifted_at IS NULL) <> (NEW.lifted_at IS NULL) BEGIN
    INSERT INTO ban_counts (span, start, count)
    SELECT span, ifnull(NEW.until - (NEW.until % span + span) % span, 0), 1
    FROM time_spans
    WHERE NEW.lifted_at IS NULL AND (span = 0) = (NEW.until = 9223372036854775807)
    ON CONFLICT (span, start) DO UPDATE SET count = count + 1;
    UPDATE ban_counts SET count = count - 1
    WHERE OLD.lifted_at IS NULL AND (span, start) IN (
        SELECT span, ifnull(OLD.until - (OLD.until % span + span) % span, 0)
        FROM time_spans WHERE (span = 0) = (OLD.until = 9223372036854775807)
    );
    DELETE FROM ban_counts
    WHERE count = 0 AND (span, start) IN (
        SELECT span, ifnull(OLD.until - (OLD.until % span + span) % span, 0)
        FROM time_spans WHERE (span = 0) = (OLD.until = 9223372036854775807)
    );
END;

-- Networks that no ban touches.
CREATE TABLE allowed_networks (
    target   TEXT PRIMARY KEY NOT NULL,
    note     TEXT,
    added_at INTEGER NOT NULL,
    added_by TEXT NOT NULL CHECK (json_valid(added_by))
) STRICT, WITHOUT ROWID;
