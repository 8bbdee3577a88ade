-- Times are microseconds since 1970; ids and digests are bytes; codes are those of the Rust enums.
-- Every table has a rowid and unique indexes: rows of a kilobyte in a WITHOUT ROWID table are three to
-- four times slower.

CREATE TABLE trunkline_migrations (
    version    INTEGER PRIMARY KEY,
    applied_at INTEGER NOT NULL -- seconds
) STRICT;

CREATE TABLE trunkline_connections (
    number             INTEGER PRIMARY KEY,
    id                 BLOB NOT NULL UNIQUE,
    tenant             TEXT NOT NULL,
    connector          TEXT NOT NULL,
    label              TEXT NOT NULL,
    method             TEXT NOT NULL,
    account            TEXT, -- JSON
    account_key        TEXT,
    state              TEXT NOT NULL,
    state_since        INTEGER NOT NULL,
    diagnosis          TEXT, -- JSON
    generation         INTEGER NOT NULL CHECK (generation >= 1),
    sequence           INTEGER NOT NULL CHECK (sequence >= 0),
    created_at         INTEGER NOT NULL,
    credential_at      INTEGER,
    access_expires_at  INTEGER,
    due_at             INTEGER,
    -- The right to change the credential, and the record that it is about to be spent.
    lease_owner        BLOB,
    lease_epoch        INTEGER NOT NULL DEFAULT 0,
    lease_beat         INTEGER NOT NULL DEFAULT 0,
    lease_until        INTEGER,
    intent_epoch       INTEGER,
    intent_fingerprint BLOB,
    intent_at          INTEGER,
    -- The sealed secrets: all three or none.
    key_id             BLOB,
    wrapped_key        BLOB,
    body               BLOB,
    UNIQUE (tenant, connector, label),
    CHECK ((key_id IS NULL) = (wrapped_key IS NULL) AND (key_id IS NULL) = (body IS NULL))
) STRICT;

CREATE INDEX trunkline_connections_account ON trunkline_connections (connector, account_key)
    WHERE account_key IS NOT NULL;
CREATE INDEX trunkline_connections_key ON trunkline_connections (key_id)
    WHERE key_id IS NOT NULL;
CREATE INDEX trunkline_connections_revocation ON trunkline_connections (state_since, id)
    WHERE state = 'disconnected' AND key_id IS NOT NULL;

CREATE TABLE trunkline_events (
    number     INTEGER PRIMARY KEY,
    connection BLOB NOT NULL,
    sequence   INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    at         INTEGER NOT NULL,
    detail     TEXT, -- a diagnosis, JSON
    UNIQUE (connection, sequence)
) STRICT;

CREATE TABLE trunkline_consents (
    number             INTEGER PRIMARY KEY,
    state              BLOB NOT NULL UNIQUE,
    browser            BLOB NOT NULL,
    tenant             TEXT NOT NULL,
    connector          TEXT NOT NULL,
    label              TEXT NOT NULL,
    expires_at         INTEGER NOT NULL,
    -- The sealed rest; gone once the consent was taken.
    key_id             BLOB,
    wrapped_key        BLOB,
    body               BLOB,
    answer             BLOB,
    outcome_connection BLOB,
    outcome_diagnosis  TEXT, -- JSON
    CHECK ((key_id IS NULL) = (wrapped_key IS NULL) AND (key_id IS NULL) = (body IS NULL)),
    CHECK ((body IS NULL) = (answer IS NOT NULL))
) STRICT;

CREATE INDEX trunkline_consents_expiry ON trunkline_consents (expires_at);
