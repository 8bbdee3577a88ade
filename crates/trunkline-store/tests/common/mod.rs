//! What the tests of the databases share.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, reason = "only tests use it")]

#[cfg(feature = "sqlite")]
mod file;

#[cfg(feature = "sqlite")]
pub(crate) use file::*;
use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, Held, Secret};
use trunkline_store::{Commit, EventKind, Expected, KeyRing, NewBody, NewEvent, Record, State, Store, Vault};

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::new([7; 32])
}

pub(crate) fn key(label: &str) -> ConnectionKey {
    ConnectionKey::new("acme", "sage_intacct", label).unwrap()
}

pub(crate) fn record(number: u8, generation: u64) -> Record {
    let id = ConnectionId::from_bytes([number; 16]);
    let (mut record, _) = Record::connected(id, key(&format!("label {number}")), "oauth2", at(0));
    record.generation = generation;
    record
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

/// A store that was made before proofs and the feed: one active connection and a lost one, of an event each.
pub(crate) async fn check_brought_up_to_date(store: &dyn Store) {
    let rows = store.list("acme", None, 10).await.unwrap();
    let times = |row: &Record| (row.status().state(), row.proved_at, row.probe_at);
    assert_eq!(times(&rows[0]), (State::Active, Some(at(2)), Some(at(1))));
    assert_eq!(times(&rows[1]), (State::NeedsConsent, Some(at(2)), None));
    assert!(rows[1].status().diagnosis().is_some(), "an older version stored none");
    assert_eq!(store.feed(0, 10).await.unwrap().events.len(), 2);
}
