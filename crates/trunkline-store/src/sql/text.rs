//! The statements that every database understands.
//!
//! `$1` is what both SQLite and PostgreSQL call the first value.

use super::Swap;

/// The columns that `row::record` reads, by their numbers.
macro_rules! record_columns {
    () => {
        "id, tenant, connector, label, method, account, state, state_since, diagnosis, generation, sequence, \
         created_at, credential_at, access_expires_at, due_at, grant_expires_at, proved_at, probe_at, granted_at, \
         scopes"
    };
}

/// A whole row with its lease; `$age` are the columns that tell the age of the intent, which come last.
macro_rules! stored_where {
    ($age:expr, $condition:literal) => {
        concat!(
            "SELECT ",
            record_columns!(),
            ", key_id, wrapped_key, body, lease_owner, lease_epoch, lease_beat, intent_epoch, \
             intent_fingerprint, intent_attempt, ",
            $age,
            " FROM trunkline_connections WHERE ",
            $condition
        )
    };
}

macro_rules! by_key {
    ($age:expr) => {
        stored_where!($age, "tenant = $1 AND connector = $2 AND label = $3")
    };
}

macro_rules! by_id {
    ($age:expr) => {
        stored_where!($age, "id = $1")
    };
}

/// Takes a lease; `$stamp` sets what the age is told by, from the values after the seventh.
macro_rules! lease {
    ($stamp:expr) => {
        concat!(
            "UPDATE trunkline_connections SET lease_owner = $1, lease_epoch = lease_epoch + 1, lease_beat = 0, \
             intent_epoch = lease_epoch + 1, intent_fingerprint = $2, \
             intent_attempt = CASE WHEN intent_fingerprint = $2 THEN intent_attempt + 1 ELSE 1 END, ",
            $stamp,
            // None of the counts is negative, so -1 stands for none.
            " WHERE id = $3 AND generation = $4 \
             AND CASE WHEN lease_owner IS NULL THEN -1 ELSE lease_epoch END = $5 \
             AND CASE WHEN lease_owner IS NULL THEN -1 ELSE lease_beat END = $6 \
             AND coalesce(intent_epoch, -1) = $7 RETURNING lease_epoch"
        )
    };
}

/// Those of a company; `$company` is what the index of companies holds.
macro_rules! company_holders {
    ($company:literal) => {
        concat!(
            "SELECT id FROM trunkline_connections WHERE connector = $1 AND ",
            $company,
            " = $2 AND account_key IS NOT NULL AND state <> 'disconnected' AND key_id IS NOT NULL ORDER BY id"
        )
    };
}

/// The columns of a lease without an intent, in an UPDATE. What else the intent left behind is not looked
/// at without its epoch and its fingerprint.
macro_rules! close {
    () => {
        "lease_owner = NULL, intent_epoch = NULL, intent_fingerprint = NULL, intent_attempt = NULL, intent_at = NULL"
    };
}

/// The columns of a lease whose intent stays open.
macro_rules! leave_open {
    ($epoch:literal) => {
        concat!("lease_owner = NULL, intent_epoch = ", $epoch)
    };
}

/// A new row: 24 values.
macro_rules! insert {
    () => {
        "INSERT INTO trunkline_connections \
         (method, account, account_key, state, state_since, diagnosis, generation, sequence, credential_at, \
          access_expires_at, due_at, grant_expires_at, proved_at, probe_at, granted_at, scopes, id, tenant, connector, \
          label, created_at, key_id, wrapped_key, body) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, \
          $21, $22, $23, $24) \
         ON CONFLICT DO NOTHING RETURNING sequence"
    };
}

/// The columns of the record that no index holds, and of its times. No proof is moved back.
macro_rules! plain_columns {
    () => {
        "method = $1, account = $2, state_since = $5, diagnosis = $6, generation = $7, \
         sequence = sequence + $8, credential_at = $9, access_expires_at = $10, due_at = $11, \
         grant_expires_at = $12, \
         proved_at = CASE WHEN proved_at > $13 THEN proved_at ELSE coalesce($13, proved_at) END, \
         probe_at = $14, granted_at = $15, scopes = $16"
    };
}

/// The row that a change expects.
macro_rules! as_expected {
    () => {
        "id = $17 AND tenant = $18 AND connector = $19 AND label = $20 AND generation = $21 \
         AND ($22 IS NULL OR sequence = $22)"
    };
}

/// An update of the record: 23 values, and those of `$more`, which is what else it sets. With `$or` it is
/// also made where the intent is not that of the twenty-third value.
macro_rules! update {
    ($($more:expr $(, $or:literal)?)?) => {
        concat!(
            "UPDATE trunkline_connections SET ",
            plain_columns!(),
            ", account_key = $3, state = $4",
            $(", ", $more,)?
            " WHERE ",
            as_expected!(),
            " AND ($23 IS NULL OR intent_epoch = $23",
            $($(" OR ", $or,)?)?
            ") RETURNING sequence"
        )
    };
}

/// The columns of new secrets, which end every lease and every intent.
macro_rules! secrets {
    () => {
        concat!("key_id = $24, wrapped_key = $25, body = $26, ", close!())
    };
}

/// The statement that makes a change without events.
pub(crate) const fn change(swap: Swap) -> &'static str {
    match swap {
        Swap::Insert => insert!(),
        Swap::Record => update!(),
        Swap::Close => update!(close!()),
        Swap::LeaveOpen => update!(leave_open!("$24")),
        // An intent that was refused admits whoever holds an answer.
        Swap::Secrets => update!(secrets!(), "intent_epoch = 0"),
    }
}

pub(crate) use {
    as_expected, by_id, by_key, close, company_holders, lease, plain_columns, record_columns, stored_where,
};
// PostgreSQL writes a change and its events in one statement, of these parts.
#[cfg(feature = "postgres")]
pub(crate) use {insert, leave_open, secrets, update};

pub(crate) const GENERATION: &str =
    "SELECT generation FROM trunkline_connections WHERE tenant = $1 AND connector = $2 AND label = $3";

pub(crate) const PAGE: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM trunkline_connections WHERE tenant = $1 AND (connector, label) > ($2, $3) \
     ORDER BY connector, label LIMIT $4"
);

pub(crate) const PAGE_OF_ALL: &str = concat!(
    "SELECT ",
    record_columns!(),
    " FROM trunkline_connections WHERE (tenant, connector, label) > ($1, $2, $3) \
     ORDER BY tenant, connector, label LIMIT $4"
);

pub(crate) const SAME_ACCOUNT: &str = "SELECT id FROM trunkline_connections \
     WHERE connector = $1 AND account_key = $2 AND id <> $3 AND state <> 'disconnected' \
     AND key_id IS NOT NULL ORDER BY id";

/// Those whose account's key lies between two, both included.
pub(crate) const HOLDERS: &str = "SELECT id FROM trunkline_connections \
     WHERE connector = $1 AND account_key BETWEEN $2 AND $3 AND state <> 'disconnected' \
     AND key_id IS NOT NULL ORDER BY id";

pub(crate) const PENDING_REVOCATIONS: &str = "SELECT id FROM trunkline_connections \
     WHERE state = 'disconnected' AND key_id IS NOT NULL ORDER BY state_since, id LIMIT $1";

/// Steps from one key to the next in the index: there are few keys and many rows.
pub(crate) const KEY_IDS: &str = "WITH RECURSIVE used (key_id) AS ( \
         SELECT (SELECT c.key_id FROM trunkline_connections c WHERE c.key_id IS NOT NULL \
                 ORDER BY c.key_id LIMIT 1) \
         UNION ALL \
         SELECT (SELECT c.key_id FROM trunkline_connections c WHERE c.key_id > used.key_id \
                 ORDER BY c.key_id LIMIT 1) \
         FROM used WHERE used.key_id IS NOT NULL \
     ) SELECT key_id FROM used WHERE key_id IS NOT NULL";

/// Says `key_id = $1 AND id > $2` so that only the index of the keys fits: by the ids alone a planner would
/// read every connection to find the few that are left.
pub(crate) const WRAPPED_UNDER: &str = "SELECT id, generation, wrapped_key FROM trunkline_connections \
     WHERE (key_id, id) > ($1, $2) AND key_id <= $1 ORDER BY key_id, id LIMIT $3";

pub(super) const COUNT_WRAPPED_UNDER: &str = "SELECT count(*) FROM trunkline_connections WHERE key_id = $1";

pub(super) const BEAT: &str = "UPDATE trunkline_connections SET lease_beat = lease_beat + 1 \
     WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3 RETURNING lease_beat";

pub(super) const KNOCK: &str = "UPDATE trunkline_connections SET lease_beat = lease_beat + 1 WHERE id = $1 \
     AND CASE WHEN lease_owner IS NULL THEN -1 ELSE lease_epoch END = $2 \
     AND CASE WHEN lease_owner IS NULL THEN -1 ELSE lease_beat END = $3 \
     AND coalesce(intent_epoch, -1) = $4 RETURNING lease_beat";

macro_rules! settle {
    ($set:expr) => {
        concat!(
            "UPDATE trunkline_connections SET ",
            $set,
            " WHERE id = $1 AND intent_epoch = $2 RETURNING lease_epoch"
        )
    };
}

pub(super) const SETTLE_CLOSE: &str = settle!(close!());
pub(super) const SETTLE_LEAVE_OPEN: &str = settle!(leave_open!("$3"));

pub(super) const EVENTS: &str = "SELECT sequence, kind, at, detail FROM trunkline_events \
     WHERE connection = $1 AND sequence > $2 ORDER BY sequence LIMIT $3";

/// Steps from one tenant to the next in the index of connectors, no further than it counts.
pub(crate) const COUNT_TENANTS: &str = "WITH RECURSIVE counted (tenant, place) AS ( \
         SELECT (SELECT c.tenant FROM trunkline_connections c WHERE c.connector = $1 \
                 AND c.state <> 'disconnected' ORDER BY c.tenant LIMIT 1), 1 \
         UNION ALL \
         SELECT (SELECT c.tenant FROM trunkline_connections c WHERE c.connector = $1 \
                 AND c.state <> 'disconnected' AND c.tenant > counted.tenant ORDER BY c.tenant LIMIT 1), \
             counted.place + 1 \
         FROM counted WHERE counted.tenant IS NOT NULL AND counted.place < $2 \
     ) SELECT count(tenant) FROM counted WHERE place <= $2";

pub(super) const MARK: &str = "INSERT INTO trunkline_marks \
     (kind, connector, subject, holder, since, at, until, times, why) VALUES ($1, $2, $3, $4, $5, $5, $6, 1, $7) \
     ON CONFLICT (kind, connector, subject, holder) DO UPDATE SET \
     at = CASE WHEN trunkline_marks.at < excluded.at THEN excluded.at ELSE trunkline_marks.at END, \
     until = excluded.until, times = trunkline_marks.times + 1, why = excluded.why RETURNING times";

pub(super) const MARKS: &str = "SELECT holder, since, at, until, times, why FROM trunkline_marks \
     WHERE kind = $1 AND connector = $2 AND subject = $3 AND at >= $4 ORDER BY holder LIMIT $5";

pub(super) const COUNT_MARKS: &str = "SELECT count(*) FROM trunkline_marks \
     WHERE kind = $1 AND connector = $2 AND subject = $3 AND at >= $4";

pub(super) const UNMARK: &str =
    "DELETE FROM trunkline_marks WHERE kind = $1 AND connector = $2 AND subject = $3 RETURNING times";

pub(super) const PURGE_MARKS: &str = "DELETE FROM trunkline_marks WHERE until < $1 RETURNING times";

pub(super) const CONSENT: &str = "SELECT key_id, wrapped_key, body, tenant, connector, label, browser, \
     expires_at, answer, outcome_connection, outcome_diagnosis FROM trunkline_consents WHERE state = $1";

pub(super) const PUT_CONSENT: &str = "INSERT INTO trunkline_consents \
     (state, browser, tenant, connector, label, expires_at, key_id, wrapped_key, body) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING RETURNING expires_at";

/// The sealed part that was read is still there: so nobody has taken it since.
pub(super) const TAKE_CONSENT: &str = "UPDATE trunkline_consents \
     SET answer = $1, key_id = NULL, wrapped_key = NULL, body = NULL \
     WHERE state = $2 AND wrapped_key = $3 RETURNING expires_at";

pub(super) const FINISH_CONSENT: &str = "UPDATE trunkline_consents \
     SET outcome_connection = $1, outcome_diagnosis = $2 WHERE state = $3 AND answer IS NOT NULL \
     AND outcome_connection IS NULL AND outcome_diagnosis IS NULL RETURNING expires_at";

pub(super) const PURGE_CONSENTS: &str =
    "DELETE FROM trunkline_consents WHERE expires_at < $1 RETURNING expires_at";
