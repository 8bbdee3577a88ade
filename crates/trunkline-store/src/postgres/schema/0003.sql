-- A stored credential came with an answer. Those that nobody has looked at since are looked at soon.
UPDATE trunkline_connections SET proved_at = credential_at WHERE proved_at IS NULL;
UPDATE trunkline_connections SET probe_at = created_at
    WHERE probe_at IS NULL AND state IN ('active', 'degraded');

CREATE INDEX IF NOT EXISTS trunkline_connections_probe
    ON trunkline_connections (connector, probe_at, id) WHERE probe_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS trunkline_connections_tenant
    ON trunkline_connections (connector, tenant) WHERE state <> 'disconnected';

CREATE UNIQUE INDEX IF NOT EXISTS trunkline_events_position
    ON trunkline_events (position) WHERE position IS NOT NULL;
CREATE INDEX IF NOT EXISTS trunkline_events_unplaced
    ON trunkline_events (connection, sequence) WHERE position IS NULL;

INSERT INTO trunkline_feed (id, last, purged) VALUES (1, 0, 0) ON CONFLICT DO NOTHING;
