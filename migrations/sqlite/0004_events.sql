-- The log of events.

CREATE TABLE events (
    -- Only one unit writes at a time, so positions are given in the order of commits: a reader that goes on
    -- from the last position misses nothing. AUTOINCREMENT, so that no position comes back after a clean-up.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The identity; nobody looks an event up by it, so it has no index.
    id       BLOB NOT NULL CHECK (length(id) = 16),
    at       INTEGER NOT NULL,
    -- JSON; names of fields, no personal values.
    actor    TEXT NOT NULL CHECK (json_valid(actor)),
    details  TEXT NOT NULL CHECK (json_valid(details)),
    -- Whom and what it is about, out of `details`, for lists. No foreign key: the log outlives both.
    user_id  BLOB CHECK (length(user_id) = 16),
    target   TEXT
) STRICT;

-- The history of a user, and of an address or network. The position ends every index.
CREATE INDEX events_user ON events (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX events_target ON events (target) WHERE target IS NOT NULL;

-- Events past their retention, oldest first.
CREATE INDEX events_at ON events (at);
