//! What the tests of the SQLite file share.
#![allow(dead_code, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, reason = "only tests use it")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use trunkline_core::{ConnectionId, ConnectionKey, Held, Secret};
use trunkline_store::{
    Commit, EventKind, Expected, KeyRing, NewBody, NewEvent, Record, SqliteStore, State, Status, StoreError,
    Vault,
};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::new([7; 32])
}

pub(crate) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    (folder, path)
}

pub(crate) async fn open(path: &Path) -> Result<(Arc<SqliteStore>, Vault), StoreError> {
    let store = Arc::new(SqliteStore::open(path).await?);
    Ok((store.clone(), Vault::open(store, keys()).await?))
}

pub(crate) fn key(label: &str) -> ConnectionKey {
    ConnectionKey::new("acme", "sage_intacct", label).unwrap()
}

pub(crate) fn record(number: u8, generation: u64) -> Record {
    Record {
        id: ConnectionId::from_bytes([number; 16]),
        key: key(&format!("label {number}")),
        method: "oauth2".into(),
        account: None,
        status: Status { state: State::Active, since: at(0), diagnosis: None },
        generation,
        sequence: 0,
        created_at: at(0),
        credential_at: None,
        access_expires_at: None,
        due_at: None,
    }
}

pub(crate) fn held(token: &str) -> Held {
    let mut held = Held::default();
    held.credential.access_token = Some(Secret::new(token));
    held
}

pub(crate) async fn insert(vault: &Vault, number: u8, token: &str) {
    let events = vec![NewEvent::new(EventKind::Connected, at(0))];
    let done = vault
        .commit(Expected::Absent, &record(number, 1), NewBody::Replace(&held(token)), events)
        .await
        .unwrap();
    assert_eq!(done, Commit::Done { sequence: 1 });
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
