-- When the consent was completed that the grant is of: its event says it.
ALTER TABLE trunkline_connections ADD COLUMN granted_at INTEGER;

UPDATE trunkline_connections SET granted_at = coalesce(
    (SELECT max(at) FROM trunkline_events
     WHERE connection = id AND kind IN ('connected', 'reconnected', 'account_changed')),
    created_at);

CREATE INDEX trunkline_connections_company ON trunkline_connections (connector, (account ->> '$.company'))
    WHERE account_key IS NOT NULL;
