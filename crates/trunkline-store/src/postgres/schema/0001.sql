-- Times are microseconds since 1970; ids and digests are bytes; codes are those of the Rust enums. The types
-- are those that every database of this family has, and nothing counts rows.
--
-- IF NOT EXISTS is for databases that commit each of these statements by itself: a migration that was
-- broken off there is completed by the next one.

CREATE TABLE IF NOT EXISTS trunkline_connections (
    id                 bytea PRIMARY KEY,
    -- Names are ordered by their bytes, whatever the database's own order is.
    tenant             text COLLATE "C" NOT NULL,
    connector          text COLLATE "C" NOT NULL,
    label              text COLLATE "C" NOT NULL,
    method             text NOT NULL,
    account            text, -- JSON
    account_key        text COLLATE "C",
    state              text NOT NULL,
    state_since        bigint NOT NULL,
    diagnosis          text, -- JSON
    generation         bigint NOT NULL CHECK (generation >= 1),
    sequence           bigint NOT NULL CHECK (sequence >= 0),
    created_at         bigint NOT NULL,
    credential_at      bigint,
    access_expires_at  bigint,
    due_at             bigint,
    -- The right to change the credential, and the record that it is about to be spent. `intent_at` is by this
    -- database's own clock.
    lease_owner        bytea,
    lease_epoch        bigint NOT NULL DEFAULT 0,
    lease_beat         bigint NOT NULL DEFAULT 0,
    intent_epoch       bigint,
    intent_fingerprint bytea,
    intent_attempt     bigint,
    intent_at          bigint,
    -- The sealed secrets: all three or none.
    key_id             bytea,
    wrapped_key        bytea,
    body               bytea,
    UNIQUE (tenant, connector, label),
    CHECK ((key_id IS NULL) = (wrapped_key IS NULL) AND (key_id IS NULL) = (body IS NULL))
);

CREATE INDEX IF NOT EXISTS trunkline_connections_account
    ON trunkline_connections (connector, account_key) WHERE account_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS trunkline_connections_key
    ON trunkline_connections (key_id, id) WHERE key_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS trunkline_connections_due
    ON trunkline_connections (connector, due_at, id) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS trunkline_connections_revocation
    ON trunkline_connections (state_since, id) WHERE state = 'disconnected' AND key_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS trunkline_events (
    connection bytea NOT NULL,
    sequence   bigint NOT NULL,
    kind       text NOT NULL,
    at         bigint NOT NULL,
    detail     text, -- a diagnosis, JSON
    PRIMARY KEY (connection, sequence)
);

CREATE TABLE IF NOT EXISTS trunkline_consents (
    state              bytea PRIMARY KEY,
    browser            bytea NOT NULL,
    tenant             text NOT NULL,
    connector          text NOT NULL,
    label              text NOT NULL,
    expires_at         bigint NOT NULL,
    -- The sealed rest; gone once the consent was taken.
    key_id             bytea,
    wrapped_key        bytea,
    body               bytea,
    answer             bytea,
    outcome_connection bytea,
    outcome_diagnosis  text, -- JSON
    CHECK ((key_id IS NULL) = (wrapped_key IS NULL) AND (key_id IS NULL) = (body IS NULL)),
    CHECK ((body IS NULL) = (answer IS NOT NULL))
);

CREATE INDEX IF NOT EXISTS trunkline_consents_expiry ON trunkline_consents (expires_at);
