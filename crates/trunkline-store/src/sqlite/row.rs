//! Reading rows.

use jiff::Timestamp;
use sqlx::sqlite::{Sqlite, SqliteRow};
use sqlx::{Executor, Row as _};
use trunkline_core::{ConnectionId, ConnectionKey, Diagnosis};

use super::boot::BootTime;
use super::failure::{corrupt, failed};
use crate::{
    ConsentOutcome, Event, EventKind, Intent, KeyId, Lease, LeaseOwner, Record, Sealed, State, Status,
    StoreError, Stored, StoredConsent, Wrapped,
};

/// The columns that [`record`] reads, by their numbers.
macro_rules! record_columns {
    () => {
        "id, method, account, state, state_since, diagnosis, generation, sequence, created_at, \
         credential_at, access_expires_at, due_at"
    };
}

/// The columns that [`stored`] reads after those of the record.
macro_rules! lease_columns {
    () => {
        "key_id, wrapped_key, body, lease_owner, lease_epoch, lease_beat, intent_epoch, intent_fingerprint, \
         intent_attempt, intent_at, intent_boot"
    };
}

pub(super) const BY_KEY: &str = concat!(
    "SELECT ",
    record_columns!(),
    ", ",
    lease_columns!(),
    " FROM trunkline_connections WHERE tenant = ? AND connector = ? AND label = ?"
);

pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    record_columns!(),
    ", ",
    lease_columns!(),
    ", tenant, connector, label FROM trunkline_connections WHERE id = ?"
);

pub(super) const PAGE: &str = concat!(
    "SELECT ",
    record_columns!(),
    ", tenant, connector, label FROM trunkline_connections \
     WHERE tenant = ? AND (connector, label) > (?, ?) ORDER BY connector, label LIMIT ?"
);

pub(super) const SAME_ACCOUNT: &str = "SELECT id FROM trunkline_connections \
     WHERE connector = ? AND account_key = ? AND id <> ? AND state <> 'disconnected' AND key_id IS NOT NULL \
     ORDER BY id";

pub(super) const PENDING_REVOCATIONS: &str = "SELECT id FROM trunkline_connections \
     WHERE state = 'disconnected' AND key_id IS NOT NULL ORDER BY state_since, id LIMIT ?";

/// Steps from one key to the next in the index: there are few keys and many rows.
pub(super) const KEY_IDS: &str = "WITH RECURSIVE used (key_id) AS ( \
         SELECT min(key_id) FROM trunkline_connections WHERE key_id IS NOT NULL \
         UNION ALL \
         SELECT (SELECT min(c.key_id) FROM trunkline_connections c WHERE c.key_id > used.key_id) \
         FROM used WHERE used.key_id IS NOT NULL \
     ) SELECT key_id FROM used WHERE key_id IS NOT NULL";

pub(super) const WRAPPED_UNDER: &str = "SELECT id, generation, wrapped_key FROM trunkline_connections \
     WHERE key_id = ? AND id > ? ORDER BY id LIMIT ?";

pub(super) const COUNT_WRAPPED_UNDER: &str = "SELECT count(*) FROM trunkline_connections WHERE key_id = ?";

pub(super) const EVENTS: &str = "SELECT sequence, kind, at, detail FROM trunkline_events \
     WHERE connection = ? AND sequence > ? ORDER BY sequence LIMIT ?";

const CONSENT: &str = "SELECT key_id, wrapped_key, body, tenant, connector, label, browser, expires_at, answer, \
     outcome_connection, outcome_diagnosis FROM trunkline_consents WHERE state = ?";

pub(super) fn stored(row: &SqliteRow, key: ConnectionKey) -> Result<Stored, StoreError> {
    Ok(Stored { record: record(row, key)?, body: sealed(row, 12)?, lease: lease(row)? })
}

fn lease(row: &SqliteRow) -> Result<Lease, StoreError> {
    let owner = get::<Option<&[u8]>>(row, 15)?.map(bytes).transpose()?;
    let intent = get::<Option<i64>>(row, 18)?.map(|epoch| intent(row, epoch)).transpose()?;
    Ok(Lease {
        owner: owner.map(LeaseOwner::from_bytes),
        epoch: count(get(row, 16)?)?,
        beat: count(get(row, 17)?)?,
        intent,
    })
}

fn intent(row: &SqliteRow, epoch: i64) -> Result<Intent, StoreError> {
    let at = BootTime { millis: get(row, 21)?, boot: get(row, 22)? };
    Ok(Intent {
        epoch: count(epoch)?,
        fingerprint: bytes(get(row, 19)?)?,
        attempt: u32::try_from(get::<i64>(row, 20)?).map_err(|_| corrupt("an attempt"))?,
        age: BootTime::now().since(&at),
    })
}

pub(super) fn key_id(row: &SqliteRow, column: usize) -> Result<KeyId, StoreError> {
    get::<&[u8]>(row, column)?.try_into().map(KeyId::from_bytes).map_err(|_| corrupt("a key id"))
}

pub(super) fn wrapped(row: &SqliteRow) -> Result<Wrapped, StoreError> {
    Ok(Wrapped { id: id(row, 0)?, generation: count(get(row, 1)?)?, wrapped_key: get(row, 2)? })
}

pub(super) fn record(row: &SqliteRow, key: ConnectionKey) -> Result<Record, StoreError> {
    let state = State::from_code(get(row, 3)?).ok_or(corrupt("a state"))?;
    let status = Status { state, since: time(get(row, 4)?)?, diagnosis: diagnosis(row, 5)? };
    let account = get::<Option<&str>>(row, 2)?.map(serde_json::from_str).transpose();
    Ok(Record {
        id: id(row, 0)?,
        key,
        method: get(row, 1)?,
        account: account.map_err(|_| corrupt("an account"))?,
        status,
        generation: count(get(row, 6)?)?,
        sequence: count(get(row, 7)?)?,
        created_at: time(get(row, 8)?)?,
        credential_at: optional_time(row, 9)?,
        access_expires_at: optional_time(row, 10)?,
        due_at: optional_time(row, 11)?,
    })
}

pub(super) fn key(row: &SqliteRow) -> Result<ConnectionKey, StoreError> {
    let name = |column| row.try_get::<&str, &str>(column).map_err(failed);
    ConnectionKey::new(name("tenant")?, name("connector")?, name("label")?).map_err(|_| corrupt("a name"))
}

pub(super) fn id(row: &SqliteRow, column: usize) -> Result<ConnectionId, StoreError> {
    Ok(ConnectionId::from_bytes(bytes(get(row, column)?)?))
}

pub(super) fn event(row: &SqliteRow, connection: ConnectionId) -> Result<Event, StoreError> {
    Ok(Event {
        connection,
        sequence: count(get(row, 0)?)?,
        kind: EventKind::from_code(get(row, 1)?).ok_or(corrupt("an event"))?,
        at: time(get(row, 2)?)?,
        detail: diagnosis(row, 3)?,
    })
}

pub(super) async fn consent<'c>(
    from: impl Executor<'c, Database = Sqlite>,
    state: &[u8; 32],
) -> Result<Option<StoredConsent>, StoreError> {
    let row = sqlx::query(CONSENT).bind(state.as_slice()).fetch_optional(from).await.map_err(failed)?;
    row.map(|row| {
        let connected = get::<Option<&[u8]>>(&row, 9)?.map(bytes).transpose()?;
        let outcome = match connected {
            Some(id) => Some(ConsentOutcome::Connected(ConnectionId::from_bytes(id))),
            None => diagnosis(&row, 10)?.map(ConsentOutcome::Failed),
        };
        Ok(StoredConsent {
            key: key(&row)?,
            browser: bytes(get(&row, 6)?)?,
            expires_at: time(get(&row, 7)?)?,
            sealed: sealed(&row, 0)?,
            answer: get::<Option<&[u8]>>(&row, 8)?.map(bytes).transpose()?,
            outcome,
        })
    })
    .transpose()
}

/// Key id, wrapped key and body, from `first` on.
fn sealed(row: &SqliteRow, first: usize) -> Result<Option<Sealed>, StoreError> {
    let Some(key_id) = get::<Option<&[u8]>>(row, first)? else { return Ok(None) };
    Ok(Some(Sealed {
        key_id: KeyId::from_bytes(bytes(key_id)?),
        wrapped_key: get(row, first + 1)?,
        body: get(row, first + 2)?,
    }))
}

fn diagnosis(row: &SqliteRow, column: usize) -> Result<Option<Diagnosis>, StoreError> {
    let text = get::<Option<&str>>(row, column)?;
    text.map(serde_json::from_str).transpose().map_err(|_| corrupt("a diagnosis"))
}

fn get<'r, T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Result<T, StoreError> {
    row.try_get(column).map_err(failed)
}

fn bytes<const N: usize>(found: &[u8]) -> Result<[u8; N], StoreError> {
    found.try_into().map_err(|_| corrupt("an id or a digest"))
}

fn count(found: i64) -> Result<u64, StoreError> {
    u64::try_from(found).map_err(|_| corrupt("a count"))
}

fn time(found: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(found).map_err(|_| corrupt("a time"))
}

fn optional_time(row: &SqliteRow, column: usize) -> Result<Option<Timestamp>, StoreError> {
    get::<Option<i64>>(row, column)?.map(time).transpose()
}
