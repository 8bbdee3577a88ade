//! One change of one connection, as the values of one statement.

use jiff::Timestamp;
use trunkline_core::permission::Scopes;
use trunkline_core::{Account, ConnectionKey, Diagnosis};

use super::{Sql, Value, row, signed, text, unsigned};
use crate::{Body, Change, Commit, Expected, NewEvent, Sealed, Settle, StoreError};

/// Which statement makes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Swap {
    Insert,
    /// The secrets and the lease stay.
    Record,
    /// The secrets stay, and the lease is settled in one of two ways.
    Close,
    LeaveOpen,
    /// New secrets, or none.
    Secrets,
}

/// An event with its place: 0 is the last of its change, -1 the one before.
#[derive(Clone)]
pub(crate) struct Happened {
    pub(crate) place: i64,
    pub(crate) kind: &'static str,
    pub(crate) at: i64,
    pub(crate) detail: Option<String>,
}

pub(super) async fn commit<S: Sql>(store: &S, change: &Change) -> Result<Commit, StoreError> {
    let record = &change.record;
    let events = happened(&change.events)?;
    let account = record.account.as_ref().map(serde_json::to_string).transpose();
    let account = account.map_err(|_| StoreError::Invalid { what: "the account" })?;
    let account_key = record.account.as_ref().map(Account::key);
    let diagnosis = record.status.diagnosis().map(json).transpose()?;
    let scopes =
        Some(&record.scopes).filter(|scopes| **scopes != Scopes::default()).map(serde_json::to_string);
    let scopes = scopes.transpose().map_err(|_| StoreError::Invalid { what: "the scopes" })?;
    let mut values: Vec<Value<'_>> = vec![
        record.method.as_str().into(),
        account.as_deref().into(),
        account_key.as_deref().into(),
        record.status.state().code().into(),
        record.status.since().as_microsecond().into(),
        diagnosis.as_deref().into(),
        signed(record.generation)?.into(),
        signed(change.events.len() as u64)?.into(),
        record.credential_at.map(Timestamp::as_microsecond).into(),
        record.access_expires_at.map(Timestamp::as_microsecond).into(),
        record.due_at.map(Timestamp::as_microsecond).into(),
        record.grant_expires_at.map(Timestamp::as_microsecond).into(),
        record.proved_at.map(Timestamp::as_microsecond).into(),
        record.probe_at.map(Timestamp::as_microsecond).into(),
        record.granted_at.map(Timestamp::as_microsecond).into(),
        scopes.as_deref().into(),
        record.id.as_bytes().into(),
        record.key.tenant().into(),
        record.key.connector().into(),
        record.key.label().into(),
    ];
    let swap = condition(change, &mut values)?;
    match store.swap(swap, &values, &events).await? {
        Some(sequence) => Ok(Commit::Done { sequence: unsigned(sequence)? }),
        None => conflict(store, &record.key).await,
    }
}

/// What must be stored, and what becomes of secrets and lease.
fn condition<'c>(change: &'c Change, values: &mut Vec<Value<'c>>) -> Result<Swap, StoreError> {
    let sealed = match &change.body {
        Body::Replace(sealed) | Body::Restore(sealed) => Some(sealed),
        Body::Clear | Body::Keep => None,
    };
    let (generation, sequence) = match change.expected {
        Expected::Absent => {
            values.push(change.record.created_at.as_microsecond().into());
            values.extend(sealed_values(sealed));
            return Ok(Swap::Insert);
        }
        Expected::Generation(generation) => (generation, None),
        Expected::Unchanged { generation, sequence } => (generation, Some(signed(sequence)?)),
    };
    let under = change.under.map(|fence| signed(fence.epoch)).transpose()?;
    let seen: [Value<'_>; 3] = [signed(generation)?.into(), sequence.into(), under.into()];
    values.extend(seen);
    if change.body != Body::Keep {
        values.extend(sealed_values(sealed));
        return Ok(Swap::Secrets);
    }
    Ok(match change.under.map(|fence| fence.then) {
        None => Swap::Record,
        Some(Settle::Close) => Swap::Close,
        Some(Settle::LeaveOpen { epoch }) => {
            values.push(signed(epoch)?.into());
            Swap::LeaveOpen
        }
    })
}

async fn conflict<S: Sql>(store: &S, key: &ConnectionKey) -> Result<Commit, StoreError> {
    let found = store.read(text::GENERATION, &key_values(key)).await?;
    Ok(Commit::Conflict { generation: found.first().map(|found| row::count(found, 0)).transpose()? })
}

pub(super) fn key_values(key: &ConnectionKey) -> [Value<'_>; 3] {
    [key.tenant().into(), key.connector().into(), key.label().into()]
}

pub(super) fn sealed_values(sealed: Option<&Sealed>) -> [Value<'_>; 3] {
    [
        Value::Bytes(sealed.map(|sealed| sealed.key_id.as_bytes().as_slice())),
        Value::Bytes(sealed.map(|sealed| sealed.wrapped_key.as_slice())),
        Value::Bytes(sealed.map(|sealed| sealed.body.as_slice())),
    ]
}

fn happened(events: &[NewEvent]) -> Result<Vec<Happened>, StoreError> {
    let places = (1 - signed(events.len() as u64)?)..;
    let event = |(place, event): (i64, &NewEvent)| {
        let detail = event.detail.as_ref().map(json).transpose()?;
        Ok(Happened { place, kind: event.kind.code(), at: event.at.as_microsecond(), detail })
    };
    places.zip(events).map(event).collect()
}

pub(super) fn json(diagnosis: &Diagnosis) -> Result<String, StoreError> {
    serde_json::to_string(diagnosis).map_err(|_| StoreError::Invalid { what: "the diagnosis" })
}
