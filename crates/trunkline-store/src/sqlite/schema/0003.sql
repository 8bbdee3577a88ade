-- When the whole grant ends, when it was last proved alive, and when to look next.
ALTER TABLE trunkline_connections ADD COLUMN grant_expires_at INTEGER;
ALTER TABLE trunkline_connections ADD COLUMN proved_at INTEGER;
ALTER TABLE trunkline_connections ADD COLUMN probe_at INTEGER;

-- A stored credential came with an answer. Those that nobody has looked at since are looked at soon.
UPDATE trunkline_connections SET proved_at = credential_at;
UPDATE trunkline_connections SET probe_at = created_at WHERE state IN ('active', 'degraded');

CREATE INDEX trunkline_connections_probe ON trunkline_connections (connector, probe_at, id)
    WHERE probe_at IS NOT NULL;
CREATE INDEX trunkline_connections_tenant ON trunkline_connections (connector, tenant)
    WHERE state <> 'disconnected';

-- What all processes know together: see `MarkKind`.
CREATE TABLE trunkline_marks (
    number    INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    connector TEXT NOT NULL,
    subject   BLOB NOT NULL,
    holder    TEXT NOT NULL,
    since     INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    until     INTEGER NOT NULL,
    times     INTEGER NOT NULL,
    why       TEXT, -- a diagnosis, JSON
    UNIQUE (kind, connector, subject, holder)
) STRICT;

CREATE INDEX trunkline_marks_until ON trunkline_marks (until);
