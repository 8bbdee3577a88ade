//! What the tests of the databases share.
#![allow(dead_code, unused_imports, reason = "each test file uses its part")]
#![expect(clippy::unwrap_used, reason = "only tests use it")]

#[cfg(feature = "sqlite")]
mod file;

#[cfg(feature = "sqlite")]
pub(crate) use file::*;
use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, Held, Secret};
use trunkline_store::{Commit, EventKind, Expected, KeyRing, NewBody, NewEvent, Record, Vault};

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
