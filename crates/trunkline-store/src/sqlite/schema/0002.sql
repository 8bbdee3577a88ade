-- A lease has no deadline: a successor goes by what it has itself seen unchanged for long enough.
ALTER TABLE trunkline_connections DROP COLUMN lease_until;

-- How often what the intent names was tried, and in which boot `intent_at` counts (milliseconds).
ALTER TABLE trunkline_connections ADD COLUMN intent_attempt INTEGER;
ALTER TABLE trunkline_connections ADD COLUMN intent_boot TEXT;

CREATE INDEX trunkline_connections_due ON trunkline_connections (connector, due_at, id)
    WHERE due_at IS NOT NULL;

-- Data keys are wrapped anew in the order of ids.
DROP INDEX trunkline_connections_key;
CREATE INDEX trunkline_connections_key ON trunkline_connections (key_id, id)
    WHERE key_id IS NOT NULL;
