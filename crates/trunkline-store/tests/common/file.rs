//! A SQLite file, and what may be done to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use trunkline_store::{SqliteStore, StoreError, Vault};

use super::{insert, keys};

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    (folder, path)
}

pub(crate) async fn open(path: &Path) -> Result<(Arc<SqliteStore>, Vault), StoreError> {
    let store = Arc::new(SqliteStore::open(path).await?);
    Ok((store.clone(), Vault::open(store, keys()).await?))
}

/// A store with `rows` connections, closed again: everything is in the one file.
pub(crate) async fn closed_store(path: &Path, rows: u8) {
    let (store, vault) = open(path).await.unwrap();
    for number in 1..=rows {
        insert(&vault, number, &"token ".repeat(100)).await;
    }
    store.close().await;
}

/// What somebody who can write to the file might do.
pub(crate) async fn tamper(path: &Path, statement: &str) {
    let mut connection =
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

pub(crate) fn companion(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
