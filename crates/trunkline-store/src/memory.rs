//! A store that lasts as long as the process.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use trunkline_core::{Account, ConnectionId, ConnectionKey};

use crate::{
    Body, Change, Commit, ConsentOutcome, Event, Expected, KeyId, Record, SealedConsent, State, Store,
    StoreError, Stored, StoredConsent, Take, Taken, decide,
};

/// Keeps everything in memory: for tests and first tries. Sealed like everywhere else.
#[derive(Default)]
pub struct MemoryStore(Mutex<Tables>);

#[derive(Default)]
struct Tables {
    rows: BTreeMap<ConnectionKey, Stored>,
    keys: HashMap<ConnectionId, ConnectionKey>,
    events: HashMap<ConnectionId, Vec<Event>>,
    consents: HashMap<[u8; 32], StoredConsent>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No change is left half done by a panic: each is one insertion after all checks.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemoryStore({} connections)", self.tables().rows.len())
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &ConnectionKey) -> Result<Option<Stored>, StoreError> {
        Ok(self.tables().rows.get(key).cloned())
    }

    async fn get_by_id(&self, id: ConnectionId) -> Result<Option<Stored>, StoreError> {
        let tables = self.tables();
        Ok(tables.keys.get(&id).and_then(|key| tables.rows.get(key)).cloned())
    }

    async fn list(
        &self,
        tenant: &str,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        let tables = self.tables();
        let page = tables
            .rows
            .values()
            .map(|row| &row.record)
            .filter(|record| record.key.tenant() == tenant)
            .filter(|record| after.is_none_or(|after| (record.key.connector(), record.key.label()) > after))
            .take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(page.cloned().collect())
    }

    async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let holds = |row: &&Stored| {
            let record = &row.record;
            record.id != except
                && record.key.connector() == connector
                && record.status.state != State::Disconnected
                && row.body.is_some()
                && record.account.as_ref().map(Account::key).as_deref() == Some(account_key)
        };
        let mut ids: Vec<_> = self.tables().rows.values().filter(holds).map(|row| row.record.id).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    async fn commit(&self, change: &Change) -> Result<Commit, StoreError> {
        change.check()?;
        let mut tables = self.tables();
        let key = &change.record.key;
        let stored = tables.rows.get(key);
        let generation = stored.map(|row| row.record.generation);
        let fits = match (change.expected, stored) {
            (Expected::Absent, None) => !tables.keys.contains_key(&change.record.id),
            (Expected::Generation(expected), Some(row)) => {
                row.record.id == change.record.id && row.record.generation == expected
            }
            (Expected::Unchanged { generation, sequence }, Some(row)) => {
                row.record.id == change.record.id
                    && (row.record.generation, row.record.sequence) == (generation, sequence)
            }
            (Expected::Absent, Some(_)) | (_, None) => false,
        };
        if !fits {
            return Ok(Commit::Conflict { generation });
        }
        let mut record = change.record.clone();
        let (before, created_at) =
            stored.map_or((0, record.created_at), |row| (row.record.sequence, row.record.created_at));
        let body = match &change.body {
            Body::Keep => stored.and_then(|row| row.body.clone()),
            Body::Replace(sealed) => Some(sealed.clone()),
            Body::Clear => None,
        };
        let numbered = (before + 1..).zip(&change.events).map(|(sequence, event)| Event {
            connection: record.id,
            sequence,
            kind: event.kind,
            at: event.at,
            detail: event.detail.clone(),
        });
        let events: Vec<_> = numbered.collect();
        record.sequence = before + events.len() as u64;
        record.created_at = created_at;
        let (id, sequence) = (record.id, record.sequence);
        tables.keys.insert(id, key.clone());
        tables.events.entry(id).or_default().extend(events);
        tables.rows.insert(key.clone(), Stored { record, body });
        Ok(Commit::Done { sequence })
    }

    async fn events(
        &self,
        id: ConnectionId,
        after_sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let tables = self.tables();
        let events = tables.events.get(&id).into_iter().flatten();
        let page = events.filter(|event| event.sequence > after_sequence);
        Ok(page.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        let tables = self.tables();
        let ids: BTreeSet<_> =
            tables.rows.values().filter_map(|row| Some(row.body.as_ref()?.key_id)).collect();
        Ok(ids.into_iter().collect())
    }

    async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError> {
        let tables = self.tables();
        let waits = |row: &&Stored| row.record.status.state == State::Disconnected && row.body.is_some();
        let mut waiting: Vec<_> =
            tables.rows.values().filter(waits).map(|row| (row.record.status.since, row.record.id)).collect();
        waiting.sort_unstable();
        waiting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(waiting.into_iter().map(|(_, id)| id).collect())
    }

    async fn put_consent(&self, consent: &SealedConsent) -> Result<(), StoreError> {
        let mut tables = self.tables();
        if tables.consents.contains_key(&consent.state) {
            return Err(StoreError::Invalid { what: "a consent with this state exists" });
        }
        let row = StoredConsent {
            key: consent.key.clone(),
            browser: consent.browser,
            expires_at: consent.expires_at,
            sealed: Some(consent.sealed.clone()),
            answer: None,
            outcome: None,
        };
        tables.consents.insert(consent.state, row);
        Ok(())
    }

    async fn take_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        let mut tables = self.tables();
        let taken = decide(tables.consents.get(take.state).cloned(), take, now);
        if let (Taken::Fresh(_), Some(row)) = (&taken, tables.consents.get_mut(take.state)) {
            row.sealed = None;
            row.answer = Some(*take.answer);
        }
        Ok(taken)
    }

    async fn finish_consent(&self, state: &[u8; 32], outcome: &ConsentOutcome) -> Result<(), StoreError> {
        if let Some(row) = self.tables().consents.get_mut(state).filter(|row| row.sealed.is_none()) {
            row.outcome.get_or_insert_with(|| outcome.clone());
        }
        Ok(())
    }

    async fn purge_consents(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let had = tables.consents.len();
        tables.consents.retain(|_, row| row.expires_at >= before);
        Ok((had - tables.consents.len()) as u64)
    }
}
