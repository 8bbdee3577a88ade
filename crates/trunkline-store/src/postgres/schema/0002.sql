-- Columns come in a step of their own: a database of this family may let nothing use one in the transaction
-- that adds it.

-- When the whole grant ends, when it was last proved alive, and when to look next.
ALTER TABLE trunkline_connections ADD COLUMN IF NOT EXISTS grant_expires_at bigint;
ALTER TABLE trunkline_connections ADD COLUMN IF NOT EXISTS proved_at bigint;
ALTER TABLE trunkline_connections ADD COLUMN IF NOT EXISTS probe_at bigint;

-- The place of an event among those of all connections, given to it once it is committed, and the counter of
-- places: whoever changes its one row is alone with that.
ALTER TABLE trunkline_events ADD COLUMN IF NOT EXISTS position bigint;

CREATE TABLE IF NOT EXISTS trunkline_feed (
    id     bigint PRIMARY KEY CHECK (id = 1),
    last   bigint NOT NULL,
    purged bigint NOT NULL
);

-- What all processes know together: see `MarkKind`.
CREATE TABLE IF NOT EXISTS trunkline_marks (
    kind      text NOT NULL,
    connector text NOT NULL,
    subject   bytea NOT NULL,
    holder    text COLLATE "C" NOT NULL,
    since     bigint NOT NULL,
    at        bigint NOT NULL,
    until     bigint NOT NULL,
    times     bigint NOT NULL,
    why       text, -- a diagnosis, JSON
    PRIMARY KEY (kind, connector, subject, holder)
);

CREATE INDEX IF NOT EXISTS trunkline_marks_until ON trunkline_marks (until);
