//! The tables, and how they come to be.
//!
//! Several processes may migrate at the same moment, and no advisory lock keeps them apart. Each step is one
//! transaction that first inserts its version into `trunkline_migrations`: the primary key lets one
//! of them in and makes the others wait until it is done, when they fail and look again. The rest
//! of the step is part of the same transaction, so a version is there with its tables or not at all.

use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use super::failure::{failed, is_missing_table, is_taken};
use crate::StoreError;
use crate::sql::{bound, corrupt};

/// What leads from each version to the next, in order. What is here is never changed, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
    include_str!("schema/0006.sql"),
];

/// `IF NOT EXISTS` does not help two that make it in the same moment.
const OWN_TABLE: &str = "CREATE TABLE IF NOT EXISTS trunkline_migrations \
     (version bigint PRIMARY KEY, applied_at bigint NOT NULL)"; // seconds

const NOTE: &str = "INSERT INTO trunkline_migrations (version, applied_at) \
     VALUES ($1, (extract(epoch FROM clock_timestamp()))::bigint)";

/// More than enough for any number of processes: each failure means that another one came further.
const MOST_TRIES: u32 = 100;

/// Brings the schema up to date. One that is up to date is only read.
pub(super) async fn prepare(connection: &mut PgConnection, schema: Option<&str>) -> Result<(), StoreError> {
    let mut tries = 0;
    loop {
        let done = match version(connection).await? {
            Some(done) if done == MIGRATIONS.len() => return Ok(()),
            Some(done) => migrate(connection, done).await,
            None => make_own_table(connection, schema).await,
        };
        tries += 1;
        match done {
            Err(error) if is_taken(&error) && tries < MOST_TRIES => {}
            done => done.map_err(failed)?,
        }
    }
}

/// How many migrations were applied; `None` where not even their table is there.
async fn version(connection: &mut PgConnection) -> Result<Option<usize>, StoreError> {
    let found =
        sqlx::query("SELECT coalesce(max(version), 0) FROM trunkline_migrations").fetch_one(connection).await;
    let found = match found {
        Err(error) if is_missing_table(&error) => return Ok(None),
        found => found.map_err(failed)?.try_get::<i64, _>(0).map_err(failed)?,
    };
    let found = u64::try_from(found).map_err(|_| corrupt("the schema's version"))?;
    let known = MIGRATIONS.len() as u64;
    if found > known {
        return Err(StoreError::SchemaTooNew { found, known });
    }
    usize::try_from(found).map(Some).map_err(|_| corrupt("the schema's version"))
}

async fn make_own_table(connection: &mut PgConnection, schema: Option<&str>) -> Result<(), sqlx::Error> {
    if let Some(schema) = schema {
        // The name was checked: letters, digits and underscores.
        let statement = format!("CREATE SCHEMA IF NOT EXISTS {schema}");
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    sqlx::raw_sql(OWN_TABLE).execute(connection).await.map(drop)
}

/// The next migration.
async fn migrate(connection: &mut PgConnection, done: usize) -> Result<(), sqlx::Error> {
    let Some((migration, version)) = MIGRATIONS.get(done).zip(i64::try_from(done + 1).ok()) else {
        return Ok(());
    };
    let mut writing = connection.begin().await?;
    bound::<Postgres>(NOTE, &[version.into()]).execute(&mut *writing).await?;
    sqlx::raw_sql(*migration).execute(&mut *writing).await?;
    writing.commit().await
}
