//! What the rules write.

use std::sync::Arc;

use jiff::Timestamp;
use trunkline_core::{
    Account, Cause, ConnectionId, ConnectionKey, Credential, Diagnosis, Held, Inputs, ScopeSet, Secret,
};

use super::Backend;
use crate::{
    Commit, EventKind, Expected, Granted, KeyRing, NewBody, NewEvent, PendingConsent, Record, State,
    StoreError, Turn, Vault,
};

pub(super) const GENERATION_1: Expected = Expected::Generation(1);

pub(super) fn keys() -> KeyRing {
    KeyRing::new([7; 32])
}

pub(super) async fn vault(backend: &impl Backend) -> Result<Vault, StoreError> {
    Vault::open(backend.open().await?, keys()).await
}

/// Seconds after an arbitrary point, with a part that only microseconds can hold.
pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_microsecond((1_700_000_000 + second) * 1_000_000 + 123_456).unwrap_or_default()
}

pub(super) fn id(number: u8) -> ConnectionId {
    ConnectionId::from_bytes([number; 16])
}

pub(super) fn key(tenant: &str, connector: &str, label: &str) -> ConnectionKey {
    ConnectionKey::new(tenant, connector, label).unwrap_or_else(|_| panic!("{tenant}/{connector}/{label}"))
}

pub(super) fn record(number: u8, key: ConnectionKey) -> Record {
    let (mut record, _) = Record::connected(id(number), key, "oauth2", at(0));
    record.credential_at = Some(at(0));
    record.access_expires_at = Some(at(3_600));
    record
}

/// The usual record of the tenant `acme`.
pub(super) fn acme(number: u8) -> Record {
    record(number, key("acme", "sage_intacct", "default"))
}

pub(super) fn with_account(mut record: Record, user: &str) -> Record {
    record.account = Some(Account::new("company", user));
    record
}

pub(super) fn with_state(mut record: Record, state: State) -> Record {
    let why = diagnosis(Cause::GrantRevoked);
    let turn = match state {
        State::Active => Turn::Reconnected,
        State::Degraded => Turn::Degraded(why),
        State::NeedsConsent => Turn::NeedsConsent(why),
        State::Suspended => Turn::Suspended(why),
        State::Disconnected => Turn::Disconnected(why),
    };
    drop(record.turn(turn, at(10)));
    record
}

pub(super) fn with_generation(mut record: Record, generation: u64) -> Record {
    record.generation = generation;
    record
}

pub(super) fn diagnosis(cause: Cause) -> Diagnosis {
    Diagnosis::new(cause).code("GW-0011").message("said the service")
}

pub(super) fn held(token: &str) -> Held {
    Held {
        credential: Credential {
            access_token: Some(Secret::new(token)),
            refresh_token: Some(Secret::new(format!("refresh of {token}"))),
            access_expires_at: Some(at(3_600)),
            scopes: Some(ScopeSet::from_iter(["a", "b"])),
            ..Credential::default()
        },
        ..Held::default()
    }
}

pub(super) fn events(kinds: &[EventKind]) -> Vec<NewEvent> {
    kinds.iter().map(|kind| NewEvent::new(*kind, at(1))).collect()
}

/// Inserts a record with secrets and one event.
pub(super) async fn insert(vault: &Vault, record: &Record, token: &str) -> Result<(), StoreError> {
    let connected = events(&[EventKind::Connected]);
    let done = vault.commit(Expected::Absent, record, NewBody::Replace(&held(token)), connected).await?;
    assert_eq!(done, Commit::Done { sequence: 1 }, "a new record is inserted");
    Ok(())
}

/// What is stored under the key of `record`.
pub(super) async fn stored(vault: &Vault, record: &Record) -> Result<(Record, Option<Held>), StoreError> {
    let opened = vault.load(&record.key).await?;
    let opened = opened.unwrap_or_else(|| panic!("{:?} is not stored", record.key));
    Ok((opened.record, opened.held))
}

pub(super) fn consent(expires_at: Timestamp) -> PendingConsent {
    let mut inputs = Inputs::default();
    inputs.insert("username", Secret::new("u"));
    PendingConsent {
        key: key("acme", "sage_intacct", "default"),
        method: "oauth2".to_owned(),
        browser: Secret::new("browser"),
        inputs,
        pending: [("verifier".to_owned(), Secret::new("v"))].into(),
        requested: ScopeSet::from_iter(["offline_access"]),
        return_to: "https://app.example/done?x=1".parse().ok(),
        replace_account: true,
        granted: Some(Box::new(Granted { held: held("kept"), account: Some(Account::new("c", "u")) })),
        expires_at,
    }
}

/// A store of its own behind the same vault type, with other keys.
pub(super) async fn vault_with(backend: &impl Backend, keys: KeyRing) -> Result<Vault, StoreError> {
    let store: Arc<dyn crate::Store> = backend.open().await?;
    Vault::open(store, keys).await
}
