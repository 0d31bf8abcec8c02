-- The log of events.
--
-- Numbers given out at insertion would become readable out of order: a unit that got a low number may
-- commit after one that got a high number, behind a reader's back. So an event is inserted without a
-- position. Readers give positions to what is committed, one reader at a time, before they read.

CREATE TABLE events (
    id uuid NOT NULL,
    -- Keeps the order in which one unit appended its events. Between units it means nothing.
    appended bigint GENERATED ALWAYS AS IDENTITY,
    -- The place in the log: NULL until a reader has seen the event committed.
    position bigint,
    at timestamptz NOT NULL,
    -- Whom and what it is about, out of `kind`, to look up by.
    user_id uuid,
    target cidr,
    -- As the application serializes them.
    actor jsonb NOT NULL,
    kind jsonb NOT NULL,
    CONSTRAINT events_id PRIMARY KEY (id)
);

-- Positions only ever rise, also after the newest events were removed.
CREATE SEQUENCE event_positions;

-- Those that wait for a position: mostly none, and quickly found.
CREATE INDEX events_waiting ON events (appended) WHERE position IS NULL;
-- The log in order.
CREATE UNIQUE INDEX events_position ON events (position) WHERE position IS NOT NULL;
-- The log of one user, and of one address or network.
CREATE INDEX events_of_user ON events (user_id, position) WHERE user_id IS NOT NULL;
CREATE INDEX events_of_target ON events (target, position) WHERE target IS NOT NULL;
-- Clean-up from the old end.
CREATE INDEX events_by_time ON events (at, appended);
