//! A store in PostgreSQL, for several processes on several machines.
//!
//! Nothing here needs a session that is held open, an advisory lock or a notification, and what is
//! stored has the types that every database of this family has.

mod failure;
mod feed;
mod options;
#[cfg(all(test, feature = "conformance"))]
mod plan;
mod run;
mod schema;
mod suspicion;

use std::fmt;
use std::time::Duration;

use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{ConnectOptions as _, Connection as _, Row as _};
use tokio::time::timeout;

use self::failure::{failed, unavailable};
pub use self::options::PostgresOptions;
use self::suspicion::Suspicion;
use crate::StoreError;

/// The bound on a statement in a pool of the application's.
const STATEMENT_BOUND: Duration = Duration::from_secs(12);

/// Keeps everything in a PostgreSQL database, version 13 or later.
///
/// A commit is on the server's disk when it answers. A read whose connection turns out to be broken is
/// sent again over another one; a write is not, and fails with [`StoreError::Unavailable`].
pub struct PostgresStore {
    pool: PgPool,
    statement_bound: Duration,
    suspicion: Suspicion,
}

impl PostgresStore {
    /// Connects by a URL, with the defaults of [`PostgresOptions`], and brings the schema up to date.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with).
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::connect_with(PostgresOptions::parse(url)?).await
    }

    /// Connects, and brings the schema up to date: the first time, the role needs the right to make
    /// tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::TlsRequired`] and [`StoreError::Invalid`] for settings that cannot be used,
    /// [`StoreError::Unavailable`] when the database cannot be reached, and
    /// [`StoreError::SchemaTooNew`], which leaves it as it is.
    pub async fn connect_with(options: PostgresOptions) -> Result<Self, StoreError> {
        let server = options.server()?;
        // A connection of its own, since the pool would say no more than that it waited in vain.
        let late = |_| unavailable("the database does not answer");
        let connecting = timeout(options.connect_bound(), server.connect());
        let mut connection = connecting.await.map_err(late)?.map_err(failed)?;
        schema::prepare(&mut connection, options.checked_schema()?).await?;
        connection.close().await.map_err(failed)?;

        let suspicion = Suspicion::default();
        let pool = options.pool(suspicion.clone()).connect_lazy_with(server);
        Ok(Self { pool, statement_bound: options.statement_bound(), suspicion })
    }

    /// Uses a pool of the application's, and brings the schema up to date, in the first schema of the
    /// connections' search path. TLS, timeouts and limits are the pool's.
    ///
    /// # Errors
    ///
    /// As [`connect_with`](Self::connect_with); [`StoreError::Invalid`] when the connections have
    /// `synchronous_commit` off: a refresh token that was spent must not be lost with the server.
    pub async fn from_pool(pool: PgPool) -> Result<Self, StoreError> {
        let mut connection = pool.acquire().await.map_err(failed)?;
        check_durable(&mut connection).await?;
        schema::prepare(&mut connection, None).await?;
        drop(connection);
        Ok(Self { pool, statement_bound: STATEMENT_BOUND, suspicion: Suspicion::default() })
    }

    /// The pool, for looking at it.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Waits for what is under way and closes the pool. Afterwards every method fails with
    /// [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

async fn check_durable(connection: &mut PgConnection) -> Result<(), StoreError> {
    let found = sqlx::query("SELECT current_setting('synchronous_commit')").fetch_one(connection).await;
    let setting: String = found.map_err(failed)?.try_get(0).map_err(failed)?;
    match setting.as_str() {
        "off" => Err(StoreError::Invalid { what: "the pool's connections have synchronous_commit off" }),
        _ => Ok(()),
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostgresStore")
    }
}
