//! Writing rows: single statements, or transactions that lock the file from their start, so that none
//! fails half way because another process wrote in between.

use jiff::Timestamp;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnection, SqlitePool};
use sqlx::{Connection as _, Row as _};
use trunkline_core::{Account, ConnectionKey, Diagnosis};

use super::failure::{corrupt, failed};
use super::lease::close;
use super::row;
use crate::{
    Body, Change, Commit, ConsentOutcome, Expected, NewEvent, Sealed, SealedConsent, Settle, StoreError,
    Take, Taken, decide,
};

pub(super) const LOCKED: &str = "BEGIN IMMEDIATE";

const INSERT: &str = "INSERT INTO trunkline_connections \
     (method, account, account_key, state, state_since, diagnosis, generation, sequence, credential_at, \
      access_expires_at, due_at, id, tenant, connector, label, key_id, wrapped_key, body, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19) \
     ON CONFLICT DO NOTHING RETURNING sequence";

/// An update of the record; `$more` is what else it sets.
macro_rules! update {
    ($($more:expr)?) => {
        concat!(
            "UPDATE trunkline_connections SET method = ?1, account = ?2, account_key = ?3, state = ?4, \
             state_since = ?5, diagnosis = ?6, generation = ?7, sequence = sequence + ?8, \
             credential_at = ?9, access_expires_at = ?10, due_at = ?11",
            $(", ", $more,)?
            " WHERE id = ?12 AND tenant = ?13 AND connector = ?14 AND label = ?15 AND generation = ?19 \
             AND (?20 IS NULL OR sequence = ?20) AND (?21 IS NULL OR intent_epoch = ?21) RETURNING sequence"
        )
    };
}

/// The secrets and the lease stay.
const UPDATE_RECORD: &str = update!();
const UPDATE_RECORD_CLOSE: &str = update!(close!());
const UPDATE_RECORD_LEAVE_OPEN: &str = update!("lease_owner = NULL, intent_epoch = ?22");
const UPDATE_RECORD_GIVE_BACK: &str = update!("intent_epoch = ?22");
/// New secrets end every lease and every intent.
const UPDATE_ALL: &str = update!(concat!("key_id = ?16, wrapped_key = ?17, body = ?18, ", close!()));

const INSERT_EVENT: &str =
    "INSERT INTO trunkline_events (connection, sequence, kind, at, detail) VALUES (?, ?, ?, ?, ?)";

pub(super) async fn commit(pool: &SqlitePool, change: &Change) -> Result<Commit, StoreError> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    if change.events.is_empty() {
        return match swap(&mut connection, change).await? {
            Some(sequence) => Ok(Commit::Done { sequence: unsigned(sequence)? }),
            None => conflict(&mut connection, &change.record.key).await,
        };
    }
    let mut writing = connection.begin_with(LOCKED).await.map_err(failed)?;
    let Some(last) = swap(&mut writing, change).await? else {
        let answer = conflict(&mut writing, &change.record.key).await?;
        writing.rollback().await.map_err(failed)?;
        return Ok(answer);
    };
    let first = last - signed(change.events.len() as u64)? + 1;
    for (sequence, event) in (first..).zip(&change.events) {
        insert_event(&mut writing, change, sequence, event).await?;
    }
    writing.commit().await.map_err(failed)?;
    Ok(Commit::Done { sequence: unsigned(last)? })
}

/// Writes the row if it is as expected, and answers the number of its last event.
async fn swap(connection: &mut SqliteConnection, change: &Change) -> Result<Option<i64>, StoreError> {
    let record = &change.record;
    let then = change.under.map(|fence| fence.then);
    let statement = match (change.expected, &change.body, then) {
        (Expected::Absent, ..) => INSERT,
        (_, Body::Replace(_) | Body::Restore(_) | Body::Clear, _) => UPDATE_ALL,
        (_, Body::Keep, None) => UPDATE_RECORD,
        (_, Body::Keep, Some(Settle::Close)) => UPDATE_RECORD_CLOSE,
        (_, Body::Keep, Some(Settle::LeaveOpen { .. })) => UPDATE_RECORD_LEAVE_OPEN,
        (_, Body::Keep, Some(Settle::GiveBack { .. })) => UPDATE_RECORD_GIVE_BACK,
    };
    let account = record.account.as_ref().map(serde_json::to_string).transpose();
    let mut query = sqlx::query(statement)
        .bind(record.method.as_str())
        .bind(account.map_err(|_| StoreError::Invalid { what: "the account" })?)
        .bind(record.account.as_ref().map(Account::key))
        .bind(record.status.state.code())
        .bind(record.status.since.as_microsecond())
        .bind(record.status.diagnosis.as_ref().map(json).transpose()?)
        .bind(signed(record.generation)?)
        .bind(signed(change.events.len() as u64)?)
        .bind(record.credential_at.map(Timestamp::as_microsecond))
        .bind(record.access_expires_at.map(Timestamp::as_microsecond))
        .bind(record.due_at.map(Timestamp::as_microsecond))
        .bind(record.id.as_bytes().as_slice())
        .bind(record.key.tenant())
        .bind(record.key.connector())
        .bind(record.key.label());
    let sealed = match &change.body {
        Body::Replace(sealed) | Body::Restore(sealed) => Some(sealed),
        Body::Clear | Body::Keep => None,
    };
    query = bind_sealed(query, sealed);
    query = match change.expected {
        Expected::Absent => query.bind(record.created_at.as_microsecond()),
        Expected::Generation(generation) => query.bind(signed(generation)?).bind(None::<i64>),
        Expected::Unchanged { generation, sequence } => {
            query.bind(signed(generation)?).bind(signed(sequence)?)
        }
    };
    if change.expected != Expected::Absent {
        query = query.bind(change.under.map(|fence| signed(fence.epoch)).transpose()?);
        if let Some(Settle::LeaveOpen { epoch } | Settle::GiveBack { epoch }) = then {
            query = query.bind(signed(epoch)?);
        }
    }
    // All rows are asked for, although there is one at most: a statement that is left after its
    // first row has not committed yet when that row arrives.
    let rows = query.fetch_all(connection).await.map_err(failed)?;
    rows.first().map(|row| row.try_get(0).map_err(failed)).transpose()
}

async fn conflict(connection: &mut SqliteConnection, key: &ConnectionKey) -> Result<Commit, StoreError> {
    let row = sqlx::query(
        "SELECT generation FROM trunkline_connections WHERE tenant = ? AND connector = ? AND label = ?",
    )
    .bind(key.tenant())
    .bind(key.connector())
    .bind(key.label())
    .fetch_optional(connection)
    .await
    .map_err(failed)?;
    let generation = row.map(|row| unsigned(row.try_get(0).map_err(failed)?)).transpose()?;
    Ok(Commit::Conflict { generation })
}

async fn insert_event(
    connection: &mut SqliteConnection,
    change: &Change,
    sequence: i64,
    event: &NewEvent,
) -> Result<(), StoreError> {
    sqlx::query(INSERT_EVENT)
        .bind(change.record.id.as_bytes().as_slice())
        .bind(sequence)
        .bind(event.kind.code())
        .bind(event.at.as_microsecond())
        .bind(event.detail.as_ref().map(json).transpose()?)
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(())
}

pub(super) async fn put_consent(pool: &SqlitePool, consent: &SealedConsent) -> Result<(), StoreError> {
    let query = sqlx::query(
        "INSERT INTO trunkline_consents \
         (state, browser, tenant, connector, label, expires_at, key_id, wrapped_key, body) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(consent.state.as_slice())
    .bind(consent.browser.as_slice())
    .bind(consent.key.tenant())
    .bind(consent.key.connector())
    .bind(consent.key.label())
    .bind(consent.expires_at.as_microsecond());
    let done = bind_sealed(query, Some(&consent.sealed)).execute(pool).await.map_err(failed)?;
    if done.rows_affected() == 0 {
        return Err(StoreError::Invalid { what: "a consent with this state exists" });
    }
    Ok(())
}

pub(super) async fn take_consent(
    pool: &SqlitePool,
    take: &Take<'_>,
    now: Timestamp,
) -> Result<Taken<SealedConsent>, StoreError> {
    let mut writing = pool.begin_with(LOCKED).await.map_err(failed)?;
    let taken = decide(row::consent(&mut *writing, take.state).await?, take, now);
    if !matches!(taken, Taken::Fresh(_)) {
        writing.rollback().await.map_err(failed)?;
        return Ok(taken);
    }
    sqlx::query(
        "UPDATE trunkline_consents SET answer = ?, key_id = NULL, wrapped_key = NULL, body = NULL \
         WHERE state = ?",
    )
    .bind(take.answer.as_slice())
    .bind(take.state.as_slice())
    .execute(&mut *writing)
    .await
    .map_err(failed)?;
    writing.commit().await.map_err(failed)?;
    Ok(taken)
}

pub(super) async fn finish_consent(
    pool: &SqlitePool,
    state: &[u8; 32],
    outcome: &ConsentOutcome,
) -> Result<(), StoreError> {
    let (connection, diagnosis) = match outcome {
        ConsentOutcome::Connected(id) => (Some(id.as_bytes().as_slice()), None),
        ConsentOutcome::Failed(diagnosis) => (None, Some(json(diagnosis)?)),
    };
    sqlx::query(
        "UPDATE trunkline_consents SET outcome_connection = ?, outcome_diagnosis = ? \
         WHERE state = ? AND answer IS NOT NULL AND outcome_connection IS NULL AND outcome_diagnosis IS NULL",
    )
    .bind(connection)
    .bind(diagnosis)
    .bind(state.as_slice())
    .execute(pool)
    .await
    .map_err(failed)?;
    Ok(())
}

pub(super) async fn purge_consents(pool: &SqlitePool, before: Timestamp) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM trunkline_consents WHERE expires_at < ?")
        .bind(before.as_microsecond())
        .execute(pool)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected())
}

type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

fn bind_sealed<'q>(query: Query<'q>, sealed: Option<&'q Sealed>) -> Query<'q> {
    query
        .bind(sealed.map(|sealed| sealed.key_id.as_bytes().as_slice()))
        .bind(sealed.map(|sealed| sealed.wrapped_key.as_slice()))
        .bind(sealed.map(|sealed| sealed.body.as_slice()))
}

fn json(diagnosis: &Diagnosis) -> Result<String, StoreError> {
    serde_json::to_string(diagnosis).map_err(|_| StoreError::Invalid { what: "the diagnosis" })
}

pub(super) fn signed(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(|_| StoreError::Invalid { what: "a count is too large" })
}

pub(super) fn unsigned(count: i64) -> Result<u64, StoreError> {
    u64::try_from(count).map_err(|_| corrupt("a count"))
}
