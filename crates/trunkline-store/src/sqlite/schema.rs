//! The tables, and how they come to be.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnection, SqlitePool};
use sqlx::{Connection as _, Row as _};

use super::failure::{failed, is_busy};
use crate::StoreError;
use crate::sql::corrupt;

/// What leads from each version to the next, in order. What is here is never changed, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
];

/// The first switch of a new file to WAL needs it alone, and SQLite does not wait for that by itself.
const PAUSE: Duration = Duration::from_millis(20);

/// Covers one wait for a lock beside the migrations themselves.
const BOUND: Duration = Duration::from_secs(30);

/// Brings the schema up to date. Processes that open a new file together do it once. A file that `is_cut`
/// is refused, unless there is more to say about it.
pub(super) async fn prepare(pool: &SqlitePool, is_cut: bool) -> Result<(), StoreError> {
    let up_to_date = async {
        while let Step::Busy = migrate(pool, is_cut).await? {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    };
    let late = |_| StoreError::Unavailable { reason: "the file stays locked".to_owned() };
    tokio::time::timeout(BOUND, up_to_date).await.map_err(late)?
}

enum Step {
    Done,
    Busy,
}

async fn migrate(pool: &SqlitePool, is_cut: bool) -> Result<Step, StoreError> {
    let mut connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) if is_busy(&error) => return Ok(Step::Busy),
        Err(error) => return Err(failed(error)),
    };
    // A look first: a file that is up to date is not written to, and one that is too new not at all.
    let found = version(&mut connection).await?;
    if is_cut {
        return Err(corrupt("the end of the file is lost"));
    }
    if found == MIGRATIONS.len() {
        return Ok(Step::Done);
    }
    let mut writing = match connection.begin_with("BEGIN IMMEDIATE").await {
        Ok(writing) => writing,
        Err(error) if is_busy(&error) => return Ok(Step::Busy),
        Err(error) => return Err(failed(error)),
    };
    // Once more, with the file locked: another process may have been faster.
    let done = version(&mut writing).await?;
    for (step, migration) in (1_i64..).zip(MIGRATIONS).skip(done) {
        sqlx::raw_sql(*migration).execute(&mut *writing).await.map_err(failed)?;
        sqlx::query("INSERT INTO trunkline_migrations (version, applied_at) VALUES (?, unixepoch())")
            .bind(step)
            .execute(&mut *writing)
            .await
            .map_err(failed)?;
    }
    writing.commit().await.map_err(failed)?;
    Ok(Step::Done)
}

/// How many migrations were applied.
async fn version(connection: &mut SqliteConnection) -> Result<usize, StoreError> {
    let exists =
        sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'trunkline_migrations'")
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed)?;
    if exists.is_none() {
        return Ok(0);
    }
    let found = sqlx::query("SELECT coalesce(max(version), 0) FROM trunkline_migrations")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let found: i64 = found.try_get(0).map_err(failed)?;
    let found = u64::try_from(found).map_err(|_| corrupt("the schema's version"))?;
    let known = MIGRATIONS.len() as u64;
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    usize::try_from(found).map_err(|_| corrupt("the schema's version"))
}
