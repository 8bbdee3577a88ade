-- The event of the consent says when it was completed.
UPDATE trunkline_connections SET granted_at = coalesce(
    (SELECT max(at) FROM trunkline_events
     WHERE connection = id AND kind IN ('connected', 'reconnected', 'account_changed')),
    created_at)
    WHERE granted_at IS NULL;

CREATE INDEX IF NOT EXISTS trunkline_connections_company
    ON trunkline_connections (connector, (account::jsonb ->> 'company')) WHERE account_key IS NOT NULL;
