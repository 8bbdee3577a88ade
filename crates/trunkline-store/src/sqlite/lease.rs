//! Leases, intents, due times and data keys: single statements on one row or a bounded number of rows.

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Connection as _, Row as _};
use trunkline_core::ConnectionId;

use super::boot::BootTime;
use super::failure::failed;
use super::row;
use super::write::{LOCKED, signed, unsigned};
use crate::{Fence, KeyId, LeaseAsk, LeaseOwner, Rewrap, Seen, Settle, StoreError};

/// The columns of a lease without an intent, in an UPDATE.
macro_rules! close {
    () => {
        "lease_owner = NULL, intent_epoch = NULL, intent_fingerprint = NULL, intent_attempt = NULL, \
         intent_at = NULL, intent_boot = NULL"
    };
}
pub(super) use close;

/// No epoch, where one is compared: none is negative.
const NONE: i64 = -1;

const LEASE: &str = "UPDATE trunkline_connections SET \
     lease_owner = $1, lease_epoch = lease_epoch + 1, lease_beat = 0, intent_epoch = lease_epoch + 1, \
     intent_attempt = CASE WHEN intent_fingerprint = $2 THEN intent_attempt + 1 ELSE 1 END, \
     intent_at = CASE WHEN intent_fingerprint = $2 THEN intent_at ELSE $3 END, \
     intent_boot = CASE WHEN intent_fingerprint = $2 THEN intent_boot ELSE $4 END, \
     intent_fingerprint = $2 \
     WHERE id = $5 AND generation = $6 \
     AND CASE WHEN lease_owner IS NULL THEN -1 ELSE lease_epoch END = $7 \
     AND (lease_owner IS NULL OR lease_beat = $8) AND coalesce(intent_epoch, -1) = $9 \
     RETURNING lease_epoch";

const BEAT: &str = "UPDATE trunkline_connections SET lease_beat = lease_beat + 1 \
     WHERE id = $1 AND lease_owner = $2 AND lease_epoch = $3";

const SETTLE: [&str; 3] = [
    concat!("UPDATE trunkline_connections SET ", close!(), " WHERE id = $1 AND intent_epoch = $2"),
    "UPDATE trunkline_connections SET lease_owner = NULL, intent_epoch = $3 WHERE id = $1 AND intent_epoch = $2",
    "UPDATE trunkline_connections SET intent_epoch = $3 WHERE id = $1 AND intent_epoch = $2",
];

const CLAIM_DUE: &str = "UPDATE trunkline_connections SET due_at = $3 WHERE number IN ( \
         SELECT number FROM trunkline_connections WHERE connector = $1 AND due_at <= $2 \
         ORDER BY due_at, id LIMIT $4 \
     ) RETURNING id";

const REWRAP: &str = "UPDATE trunkline_connections SET key_id = $1, wrapped_key = $2 \
     WHERE id = $3 AND generation = $4 AND key_id = $5";

pub(super) async fn lease(pool: &SqlitePool, ask: &LeaseAsk) -> Result<Option<u64>, StoreError> {
    let now = BootTime::now();
    let (epoch, beat) = match ask.seen {
        Seen::Free => (NONE, NONE),
        Seen::Held { epoch, beat } => (signed(epoch)?, signed(beat)?),
    };
    // All rows are asked for: see `swap`.
    let rows = sqlx::query(LEASE)
        .bind(ask.owner.as_bytes().as_slice())
        .bind(ask.fingerprint.as_slice())
        .bind(now.millis)
        .bind(now.boot)
        .bind(ask.id.as_bytes().as_slice())
        .bind(signed(ask.generation)?)
        .bind(epoch)
        .bind(beat)
        .bind(ask.intent.map_or(Ok(NONE), signed)?)
        .fetch_all(pool)
        .await
        .map_err(failed)?;
    rows.first().map(|row| unsigned(row.try_get(0).map_err(failed)?)).transpose()
}

pub(super) async fn beat(
    pool: &SqlitePool,
    id: ConnectionId,
    owner: LeaseOwner,
    epoch: u64,
) -> Result<bool, StoreError> {
    let done = sqlx::query(BEAT)
        .bind(id.as_bytes().as_slice())
        .bind(owner.as_bytes().as_slice())
        .bind(signed(epoch)?)
        .execute(pool)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected() > 0)
}

pub(super) async fn settle(pool: &SqlitePool, id: ConnectionId, fence: &Fence) -> Result<bool, StoreError> {
    let (statement, epoch) = match fence.then {
        Settle::Close => (SETTLE[0], None),
        Settle::LeaveOpen { epoch } => (SETTLE[1], Some(epoch)),
        Settle::GiveBack { epoch } => (SETTLE[2], Some(epoch)),
    };
    let mut query = sqlx::query(statement).bind(id.as_bytes().as_slice()).bind(signed(fence.epoch)?);
    if let Some(epoch) = epoch {
        query = query.bind(signed(epoch)?);
    }
    Ok(query.execute(pool).await.map_err(failed)?.rows_affected() > 0)
}

pub(super) async fn claim_due(
    pool: &SqlitePool,
    connector: &str,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<ConnectionId>, StoreError> {
    let rows = sqlx::query(CLAIM_DUE)
        .bind(connector)
        .bind(now.as_microsecond())
        .bind(until.as_microsecond())
        .bind(limit)
        .fetch_all(pool)
        .await
        .map_err(failed)?;
    rows.iter().map(|found| row::id(found, 0)).collect()
}

/// One transaction for all rows: each commit costs a write to the disk.
pub(super) async fn rewrap(pool: &SqlitePool, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
    let mut connection = pool.acquire().await.map_err(failed)?;
    let mut writing = connection.begin_with(LOCKED).await.map_err(failed)?;
    let mut done = 0;
    for row in rows {
        done += rewrap_one(&mut writing, from, row).await?;
    }
    writing.commit().await.map_err(failed)?;
    Ok(done)
}

async fn rewrap_one(connection: &mut SqliteConnection, from: KeyId, row: &Rewrap) -> Result<u64, StoreError> {
    let done = sqlx::query(REWRAP)
        .bind(row.key_id.as_bytes().as_slice())
        .bind(row.wrapped_key.as_slice())
        .bind(row.id.as_bytes().as_slice())
        .bind(signed(row.generation)?)
        .bind(from.as_bytes().as_slice())
        .execute(connection)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected())
}
