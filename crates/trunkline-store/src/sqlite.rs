//! A store in one SQLite file.

mod boot;
mod failure;
mod file;
mod job;
mod queue;
mod run;
mod schema;
mod turn;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use self::queue::Turns;
use crate::StoreError;

/// How long a statement waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Longer than a statement may wait, so that it is the busy file that is reported and not the pool.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Readers do not block each other; each connection costs a thread, and writing has one of its own.
const MAX_CONNECTIONS: u32 = 4;

/// Keeps everything in one SQLite file, which several processes may use at the same time.
///
/// The file and its companions (`-wal`, `-shm`) are readable by their owner only. A commit is on the
/// disk when it answers (`WAL`, `synchronous=FULL`); changes that are made at the same time share one.
pub struct SqliteStore {
    /// For reading.
    pool: SqlitePool,
    turns: Turns,
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
            .connect_lazy_with(options.clone());
        schema::prepare(&pool, is_cut).await?;
        file::restrict(&path)?;
        Ok(Self { pool, turns: Turns::new(options) })
    }

    /// Waits for what is under way and closes the file. Afterwards every method fails with
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.turns.close().await;
        self.pool.close().await;
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqliteStore")
    }
}
