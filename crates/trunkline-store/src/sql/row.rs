//! Reading rows.

use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, Diagnosis};

use super::{Sql, corrupt, unsigned};
use crate::{
    ConsentOutcome, Event, EventKind, Feed, Intent, KeyId, Lease, LeaseOwner, Mark, Placed, Record, Sealed,
    State, Status, StoreError, Stored, StoredConsent, Wrapped,
};

/// A row, column by column, as any of the databases gives it.
pub(crate) trait Cells {
    fn integer(&self, column: usize) -> Result<Option<i64>, StoreError>;
    fn text(&self, column: usize) -> Result<Option<&str>, StoreError>;
    fn bytes(&self, column: usize) -> Result<Option<&[u8]>, StoreError>;
}

/// Reads cells of a sqlx row.
macro_rules! cells {
    ($row:ty, $failed:path) => {
        impl $crate::sql::Cells for $row {
            fn integer(&self, column: usize) -> Result<Option<i64>, $crate::StoreError> {
                ::sqlx::Row::try_get(self, column).map_err($failed)
            }

            fn text(&self, column: usize) -> Result<Option<&str>, $crate::StoreError> {
                ::sqlx::Row::try_get(self, column).map_err($failed)
            }

            fn bytes(&self, column: usize) -> Result<Option<&[u8]>, $crate::StoreError> {
                ::sqlx::Row::try_get(self, column).map_err($failed)
            }
        }
    };
}
pub(crate) use cells;

pub(super) fn record(row: &impl Cells) -> Result<Record, StoreError> {
    let state = State::from_code(text(row, 6)?).ok_or(corrupt("a state"))?;
    let status = Status::read(state, time(row, 7)?, diagnosis(row, 8)?);
    let account = row.text(5)?.map(serde_json::from_str).transpose();
    let scopes = row.text(19)?.map(serde_json::from_str).transpose();
    Ok(Record {
        account: account.map_err(|_| corrupt("an account"))?,
        generation: count(row, 9)?,
        sequence: count(row, 10)?,
        credential_at: optional_time(row, 12)?,
        access_expires_at: optional_time(row, 13)?,
        due_at: optional_time(row, 14)?,
        grant_expires_at: optional_time(row, 15)?,
        proved_at: optional_time(row, 16)?,
        probe_at: optional_time(row, 17)?,
        granted_at: optional_time(row, 18)?,
        scopes: scopes.map_err(|_| corrupt("scopes"))?.unwrap_or_default(),
        ..Record::read(id(row, 0)?, key(row, 1)?, text(row, 4)?.to_owned(), time(row, 11)?, status)
    })
}

pub(super) fn stored<S: Sql>(row: &S::Row) -> Result<Stored, StoreError> {
    Ok(Stored { record: record(row)?, body: sealed(row, 20)?, lease: lease::<S>(row)? })
}

fn lease<S: Sql>(row: &S::Row) -> Result<Lease, StoreError> {
    let owner = row.bytes(23)?.map(exact).transpose()?;
    let intent = row.integer(26)?.map(|epoch| intent::<S>(row, epoch)).transpose()?;
    Ok(Lease {
        owner: owner.map(LeaseOwner::from_bytes),
        epoch: count(row, 24)?,
        beat: count(row, 25)?,
        intent,
    })
}

fn intent<S: Sql>(row: &S::Row, epoch: i64) -> Result<Intent, StoreError> {
    Ok(Intent {
        epoch: unsigned(epoch)?,
        fingerprint: exact(bytes(row, 27)?)?,
        attempt: u32::try_from(integer(row, 28)?).map_err(|_| corrupt("an attempt"))?,
        age: S::age(row, 29)?,
    })
}

pub(super) fn wrapped(row: &impl Cells) -> Result<Wrapped, StoreError> {
    Ok(Wrapped { id: id(row, 0)?, generation: count(row, 1)?, wrapped_key: bytes(row, 2)?.to_vec() })
}

/// Sequence, kind, time and detail, from `first` on.
pub(super) fn event(row: &impl Cells, connection: ConnectionId, first: usize) -> Result<Event, StoreError> {
    Ok(Event {
        connection,
        sequence: count(row, first)?,
        kind: EventKind::from_code(text(row, first + 1)?).ok_or(corrupt("an event"))?,
        at: time(row, first + 2)?,
        detail: diagnosis(row, first + 3)?,
    })
}

/// Every row begins with the bounds; without events there is one that has nothing else.
pub(super) fn feed(rows: &[impl Cells]) -> Result<Feed, StoreError> {
    let first = rows.first().ok_or(corrupt("the feed"))?;
    let placed = rows.iter().filter_map(|row| placed(row).transpose());
    Ok(Feed { last: count(first, 0)?, purged: count(first, 1)?, events: placed.collect::<Result<_, _>>()? })
}

fn placed(row: &impl Cells) -> Result<Option<Placed>, StoreError> {
    let Some(position) = row.integer(2)? else { return Ok(None) };
    let event = event(row, id(row, 3)?, 7)?;
    Ok(Some(Placed { position: unsigned(position)?, key: key(row, 4)?, event }))
}

pub(super) fn mark(row: &impl Cells) -> Result<Mark, StoreError> {
    Ok(Mark {
        holder: text(row, 0)?.to_owned(),
        since: time(row, 1)?,
        at: time(row, 2)?,
        until: time(row, 3)?,
        times: count(row, 4)?,
        why: diagnosis(row, 5)?,
    })
}

pub(super) fn consent(row: &impl Cells) -> Result<StoredConsent, StoreError> {
    let connected = row.bytes(9)?.map(exact).transpose()?;
    let outcome = match connected {
        Some(id) => Some(ConsentOutcome::Connected(ConnectionId::from_bytes(id))),
        None => diagnosis(row, 10)?.map(|why| ConsentOutcome::Failed(Box::new(why))),
    };
    Ok(StoredConsent {
        key: key(row, 3)?,
        browser: exact(bytes(row, 6)?)?,
        expires_at: time(row, 7)?,
        sealed: sealed(row, 0)?,
        answer: row.bytes(8)?.map(exact).transpose()?,
        outcome,
    })
}

/// Key id, wrapped key and body, from `first` on.
fn sealed(row: &impl Cells, first: usize) -> Result<Option<Sealed>, StoreError> {
    let Some(key_id) = row.bytes(first)? else { return Ok(None) };
    Ok(Some(Sealed {
        key_id: KeyId::from_bytes(exact(key_id)?),
        wrapped_key: bytes(row, first + 1)?.to_vec(),
        body: bytes(row, first + 2)?.to_vec(),
    }))
}

/// Tenant, connector and label, from `first` on.
fn key(row: &impl Cells, first: usize) -> Result<ConnectionKey, StoreError> {
    let name = |column| text(row, first + column);
    ConnectionKey::new(name(0)?, name(1)?, name(2)?).map_err(|_| corrupt("a name"))
}

pub(super) fn id(row: &impl Cells, column: usize) -> Result<ConnectionId, StoreError> {
    Ok(ConnectionId::from_bytes(exact(bytes(row, column)?)?))
}

pub(super) fn key_id(row: &impl Cells, column: usize) -> Result<KeyId, StoreError> {
    Ok(KeyId::from_bytes(exact(bytes(row, column)?)?))
}

pub(super) fn count(row: &impl Cells, column: usize) -> Result<u64, StoreError> {
    unsigned(integer(row, column)?)
}

pub(super) fn diagnosis(row: &impl Cells, column: usize) -> Result<Option<Diagnosis>, StoreError> {
    row.text(column)?.map(serde_json::from_str).transpose().map_err(|_| corrupt("a diagnosis"))
}

fn time(row: &impl Cells, column: usize) -> Result<Timestamp, StoreError> {
    optional_time(row, column)?.ok_or(EMPTY)
}

fn optional_time(row: &impl Cells, column: usize) -> Result<Option<Timestamp>, StoreError> {
    row.integer(column)?.map(Timestamp::from_microsecond).transpose().map_err(|_| corrupt("a time"))
}

const EMPTY: StoreError = corrupt("a column is empty");

pub(super) fn integer(row: &impl Cells, column: usize) -> Result<i64, StoreError> {
    row.integer(column)?.ok_or(EMPTY)
}

fn text(row: &impl Cells, column: usize) -> Result<&str, StoreError> {
    row.text(column)?.ok_or(EMPTY)
}

fn bytes(row: &impl Cells, column: usize) -> Result<&[u8], StoreError> {
    row.bytes(column)?.ok_or(EMPTY)
}

fn exact<const N: usize>(found: &[u8]) -> Result<[u8; N], StoreError> {
    found.try_into().map_err(|_| corrupt("an id or a digest"))
}
