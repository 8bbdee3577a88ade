//! A store in one SQLite file.

mod boot;
mod failure;
mod file;
mod lease;
mod row;
mod schema;
mod write;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};
use tokio::sync::Mutex;
use trunkline_core::{ConnectionId, ConnectionKey};

use self::failure::failed;
use crate::{
    Change, Commit, ConsentOutcome, Event, Fence, KeyId, LeaseAsk, LeaseOwner, Record, Rewrap, SealedConsent,
    Store, StoreError, Stored, Take, Taken, Wrapped,
};

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than a write may take, so that it is the busy file that is reported and not the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Readers do not block each other, and the file has one writer at a time; each connection costs a
/// thread.
const MAX_CONNECTIONS: u32 = 4;

/// Keeps everything in one SQLite file, which several processes may use at the same time.
///
/// The file and its companions (`-wal`, `-shm`) are readable by their owner only. A commit is on the
/// disk when it answers (`WAL`, `synchronous=FULL`).
pub struct SqliteStore {
    pool: SqlitePool,
    /// Writers of this process queue here, in order. In SQLite's own queue they would poll.
    writing: Mutex<()>,
}

impl SqliteStore {
    /// Opens the file, or makes it, and brings its schema up to date. An empty file without a log is
    /// taken for a new one.
    ///
    /// # Errors
    ///
    /// [`StoreError::NotADatabase`], [`StoreError::Corrupt`] for a truncated or damaged file and
    /// [`StoreError::SchemaTooNew`]: the file is left as it is. [`StoreError::Unavailable`] when it
    /// cannot be read and written, or stays locked for longer than 5 s.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = file::prepare(path.as_ref())?;
        let is_cut = file::is_cut(&path)?;
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            // Sealed bytes that were replaced or cleared are overwritten where that costs no extra write.
            .pragma("secure_delete", "fast")
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            // A connection to a file does not go stale, and asking costs as much as a read.
            .test_before_acquire(false)
            .connect_lazy_with(options);
        schema::prepare(&pool, is_cut).await?;
        file::restrict(&path)?;
        Ok(Self { pool, writing: Mutex::new(()) })
    }

    /// Waits for what is under way and closes the file. Afterwards every method fails with
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteStore")
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &ConnectionKey) -> Result<Option<Stored>, StoreError> {
        let found = sqlx::query(row::BY_KEY)
            .bind(key.tenant())
            .bind(key.connector())
            .bind(key.label())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)?;
        found.map(|found| row::stored(&found, key.clone())).transpose()
    }

    async fn get_by_id(&self, id: ConnectionId) -> Result<Option<Stored>, StoreError> {
        let found = sqlx::query(row::BY_ID)
            .bind(id.as_bytes().as_slice())
            .fetch_optional(&self.pool)
            .await
            .map_err(failed)?;
        found.map(|found| row::stored(&found, row::key(&found)?)).transpose()
    }

    async fn list(
        &self,
        tenant: &str,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        // No name is empty, so every pair comes after this one.
        let (connector, label) = after.unwrap_or(("", ""));
        let found = sqlx::query(row::PAGE)
            .bind(tenant)
            .bind(connector)
            .bind(label)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        found.iter().map(|found| row::record(found, row::key(found)?)).collect()
    }

    async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let found = sqlx::query(row::SAME_ACCOUNT)
            .bind(connector)
            .bind(account_key)
            .bind(except.as_bytes().as_slice())
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        found.iter().map(|found| row::id(found, 0)).collect()
    }

    async fn commit(&self, change: &Change) -> Result<Commit, StoreError> {
        change.check()?;
        let _turn = self.writing.lock().await;
        write::commit(&self.pool, change).await
    }

    async fn lease(&self, ask: &LeaseAsk) -> Result<Option<u64>, StoreError> {
        let _turn = self.writing.lock().await;
        lease::lease(&self.pool, ask).await
    }

    async fn beat(&self, id: ConnectionId, owner: LeaseOwner, epoch: u64) -> Result<bool, StoreError> {
        let _turn = self.writing.lock().await;
        lease::beat(&self.pool, id, owner, epoch).await
    }

    async fn settle(&self, id: ConnectionId, fence: &Fence) -> Result<bool, StoreError> {
        let _turn = self.writing.lock().await;
        lease::settle(&self.pool, id, fence).await
    }

    async fn claim_due(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let _turn = self.writing.lock().await;
        lease::claim_due(&self.pool, connector, now, until, limit).await
    }

    async fn events(
        &self,
        id: ConnectionId,
        after_sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        // No number is beyond what the column can hold.
        let after = i64::try_from(after_sequence).unwrap_or(i64::MAX);
        let found = sqlx::query(row::EVENTS)
            .bind(id.as_bytes().as_slice())
            .bind(after)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        found.iter().map(|found| row::event(found, id)).collect()
    }

    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        let found = sqlx::query(row::KEY_IDS).fetch_all(&self.pool).await.map_err(failed)?;
        found.iter().map(|found| row::key_id(found, 0)).collect()
    }

    async fn wrapped_under(
        &self,
        key_id: KeyId,
        after: Option<ConnectionId>,
        limit: u32,
    ) -> Result<Vec<Wrapped>, StoreError> {
        // Every id comes after no bytes at all.
        let after = after.as_ref().map_or(&[][..], |id| id.as_bytes().as_slice());
        let found = sqlx::query(row::WRAPPED_UNDER)
            .bind(key_id.as_bytes().as_slice())
            .bind(after)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(failed)?;
        found.iter().map(row::wrapped).collect()
    }

    async fn count_wrapped_under(&self, key_id: KeyId) -> Result<u64, StoreError> {
        let found = sqlx::query(row::COUNT_WRAPPED_UNDER)
            .bind(key_id.as_bytes().as_slice())
            .fetch_one(&self.pool)
            .await
            .map_err(failed)?;
        write::unsigned(found.try_get(0).map_err(failed)?)
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        let _turn = self.writing.lock().await;
        lease::rewrap(&self.pool, from, rows).await
    }

    async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError> {
        let found =
            sqlx::query(row::PENDING_REVOCATIONS).bind(limit).fetch_all(&self.pool).await.map_err(failed)?;
        found.iter().map(|found| row::id(found, 0)).collect()
    }

    async fn put_consent(&self, consent: &SealedConsent) -> Result<(), StoreError> {
        let _turn = self.writing.lock().await;
        write::put_consent(&self.pool, consent).await
    }

    async fn take_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        // A look first: a flood of made-up states must not lock the file against renewals.
        let found = row::consent(&self.pool, take.state).await?;
        let seen = crate::decide(found, take, now);
        if !matches!(seen, Taken::Fresh(_)) {
            return Ok(seen);
        }
        let _turn = self.writing.lock().await;
        write::take_consent(&self.pool, take, now).await
    }

    async fn finish_consent(&self, state: &[u8; 32], outcome: &ConsentOutcome) -> Result<(), StoreError> {
        let _turn = self.writing.lock().await;
        write::finish_consent(&self.pool, state, outcome).await
    }

    async fn purge_consents(&self, before: Timestamp) -> Result<u64, StoreError> {
        let _turn = self.writing.lock().await;
        write::purge_consents(&self.pool, before).await
    }
}
