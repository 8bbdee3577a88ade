//! A store that lasts as long as the process.

mod events;
mod marks;
mod tables;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use trunkline_core::{Clock, ConnectionId, ConnectionKey, Ticks};

use self::tables::{Row, Tables};
use crate::{
    Body, Change, Commit, ConsentOutcome, Event, Expected, Feed, Fence, Intent, KeyId, LeaseAsk, LeaseOwner,
    Mark, NewMark, Placed, Proof, Record, Rewrap, SealedConsent, Seen, Settle, State, Store, StoreError,
    Stored, StoredConsent, Take, Taken, Topic, Wrapped, decide,
};

/// Keeps everything in memory: for tests and first tries. Sealed like everywhere else.
#[derive(Default)]
pub struct MemoryStore {
    tables: Mutex<Tables>,
    /// For the age of intents; without one it is unknown, as after a reboot.
    clock: Option<Arc<dyn Clock>>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that tells the age of an intent by this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..Self::default() }
    }

    /// No change is left half done by a panic: each is one insertion after all checks.
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Option<Ticks> {
        self.clock.as_ref().map(|clock| clock.coarse())
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
        Ok(self.tables().rows.get(key).map(|row| row.stored(self.now())))
    }

    async fn get_by_id(&self, id: ConnectionId) -> Result<Option<Stored>, StoreError> {
        Ok(self.tables().row(id).map(|row| row.stored(self.now())))
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

    async fn list_all(&self, after: Option<&ConnectionKey>, limit: u32) -> Result<Vec<Record>, StoreError> {
        let tables = self.tables();
        let rest = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let page = tables.rows.range::<ConnectionKey, _>(rest).map(|(_, row)| row.record.clone());
        Ok(page.take(usize::try_from(limit).unwrap_or(usize::MAX)).collect())
    }

    async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        let mut ids = self.tables().holding(connector, |account| account.key() == account_key);
        ids.retain(|id| *id != except);
        Ok(ids)
    }

    async fn holders(
        &self,
        connector: &str,
        account_keys: &RangeInclusive<String>,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(self.tables().holding(connector, |account| account_keys.contains(&account.key())))
    }

    async fn company_holders(&self, connector: &str, company: &str) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(self.tables().holding(connector, |account| account.company == company))
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
        let is_credential = change.body != Body::Keep;
        let admits =
            |row: &Row, epoch| row.has_intent(epoch) || (is_credential && row.has_intent(Intent::REFUSED));
        let fenced = change.under.is_some_and(|fence| !stored.is_some_and(|row| admits(row, fence.epoch)));
        if !fits || fenced {
            return Ok(Commit::Conflict { generation });
        }
        let mut record = change.record.clone();
        let (before, created_at) =
            stored.map_or((0, record.created_at), |row| (row.record.sequence, row.record.created_at));
        let body = match &change.body {
            Body::Keep => stored.and_then(|row| row.body.clone()),
            Body::Replace(sealed) | Body::Restore(sealed) => Some(sealed.clone()),
            Body::Clear => None,
        };
        let (lease, intent_at) =
            stored.map_or_else(Default::default, |row| (row.lease.clone(), row.intent_at));
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
        record.proved_at = record.proved_at.max(stored.and_then(|row| row.record.proved_at));
        let (id, sequence) = (record.id, record.sequence);
        tables.keys.insert(id, key.clone());
        tables.events.add(id, events);
        let mut row = Row { record, body, lease, intent_at };
        match (change.under, &change.body) {
            (Some(fence), _) => row.settle(fence.then),
            (None, Body::Keep) => {}
            (None, _) => row.settle(Settle::Close),
        }
        tables.rows.insert(key.clone(), row);
        Ok(Commit::Done { sequence })
    }

    async fn lease(&self, ask: &LeaseAsk) -> Result<Option<u64>, StoreError> {
        let now = self.now();
        let mut tables = self.tables();
        let Some(row) = tables.row_mut(ask.id) else { return Ok(None) };
        let lease = &mut row.lease;
        let open = lease.intent.as_ref().map(|intent| intent.epoch);
        if (row.record.generation, lease.seen(), open) != (ask.generation, ask.seen, ask.intent) {
            return Ok(None);
        }
        lease.epoch += 1;
        lease.owner = Some(ask.owner);
        lease.beat = 0;
        let before = lease.intent.take().filter(|intent| intent.fingerprint == ask.fingerprint);
        if before.is_none() {
            row.intent_at = now;
        }
        lease.intent = Some(Intent {
            epoch: lease.epoch,
            fingerprint: ask.fingerprint,
            attempt: before.map_or(1, |intent| intent.attempt.saturating_add(1)),
            age: None,
        });
        Ok(Some(lease.epoch))
    }

    async fn knock(
        &self,
        id: ConnectionId,
        seen: Seen,
        intent: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        let mut tables = self.tables();
        let Some(Row { lease, .. }) = tables.row_mut(id) else { return Ok(None) };
        let open = lease.intent.as_ref().map(|intent| intent.epoch);
        if (lease.seen(), open) != (seen, intent) {
            return Ok(None);
        }
        lease.beat += 1;
        Ok(Some(lease.beat))
    }

    async fn beat(&self, id: ConnectionId, owner: LeaseOwner, epoch: u64) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let Some(row) = tables.row_mut(id) else { return Ok(false) };
        let holds = (row.lease.owner, row.lease.epoch) == (Some(owner), epoch);
        if holds {
            row.lease.beat += 1;
        }
        Ok(holds)
    }

    async fn settle(&self, id: ConnectionId, fence: &Fence) -> Result<bool, StoreError> {
        let mut tables = self.tables();
        let row = tables.row_mut(id).filter(|row| row.has_intent(fence.epoch));
        Ok(row.map(|row| row.settle(fence.then)).is_some())
    }

    async fn claim_due(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(self.tables().claim(connector, |record| &mut record.due_at, now, until, limit))
    }

    async fn claim_probes(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(self.tables().claim(connector, |record| &mut record.probe_at, now, until, limit))
    }

    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut done = 0;
        for proof in Proof::latest(proofs) {
            let Some(Row { record, .. }) = tables.row_mut(proof.id) else { continue };
            if record.status.state().serves() && record.proved_at < Some(proof.at) {
                (record.proved_at, record.probe_at) = (Some(proof.at), proof.probe_at);
                done += 1;
            }
        }
        Ok(done)
    }

    async fn count_tenants(&self, connector: &str, at_most: u32) -> Result<u64, StoreError> {
        let tables = self.tables();
        let counts = |record: &&Record| {
            record.key.connector() == connector && record.status.state() != State::Disconnected
        };
        let records = tables.rows.values().map(|row| &row.record).filter(counts);
        // Rows are ordered by tenant.
        let mut last = None;
        let tenants = records.filter(|record| last.replace(record.key.tenant()) != Some(record.key.tenant()));
        Ok(tenants.take(usize::try_from(at_most).unwrap_or(usize::MAX)).count() as u64)
    }

    async fn events(
        &self,
        id: ConnectionId,
        after_sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        Ok(self.tables().events.of(id, after_sequence, limit))
    }

    async fn feed(&self, after: u64, limit: u32) -> Result<Feed, StoreError> {
        let tables = self.tables();
        let Feed { purged, last, .. } = tables.events.bounds();
        let named = |(position, event): (u64, &Event)| {
            let key = tables.keys.get(&event.connection)?.clone();
            Some(Placed { position, key, event: event.clone() })
        };
        let events = tables.events.placed(after).take(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Feed { purged, last, events: events.filter_map(named).collect() })
    }

    async fn purge_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        Ok(self.tables().events.purge(before, limit))
    }

    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        let tables = self.tables();
        let ids: BTreeSet<_> =
            tables.rows.values().filter_map(|row| Some(row.body.as_ref()?.key_id)).collect();
        Ok(ids.into_iter().collect())
    }

    async fn wrapped_under(
        &self,
        key_id: KeyId,
        after: Option<ConnectionId>,
        limit: u32,
    ) -> Result<Vec<Wrapped>, StoreError> {
        let tables = self.tables();
        let under = |row: &Row| {
            let sealed = row.body.as_ref().filter(|sealed| sealed.key_id == key_id)?;
            let Record { id, generation, .. } = row.record;
            (Some(id) > after).then(|| Wrapped { id, generation, wrapped_key: sealed.wrapped_key.clone() })
        };
        let mut rows: Vec<_> = tables.rows.values().filter_map(under).collect();
        rows.sort_by_key(|row| row.id);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(rows)
    }

    async fn count_wrapped_under(&self, key_id: KeyId) -> Result<u64, StoreError> {
        let under = |row: &&Row| row.body.as_ref().is_some_and(|sealed| sealed.key_id == key_id);
        Ok(self.tables().rows.values().filter(under).count() as u64)
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        let mut tables = self.tables();
        let mut done = 0;
        for new in rows {
            let row = tables.row_mut(new.id).filter(|row| row.record.generation == new.generation);
            let Some(sealed) = row.and_then(|row| row.body.as_mut()) else { continue };
            if sealed.key_id == from {
                sealed.key_id = new.key_id;
                sealed.wrapped_key.clone_from(&new.wrapped_key);
                done += 1;
            }
        }
        Ok(done)
    }

    async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError> {
        let tables = self.tables();
        let waits = |row: &&Row| row.record.status.state() == State::Disconnected && row.body.is_some();
        let mut waiting: Vec<_> = tables
            .rows
            .values()
            .filter(waits)
            .map(|row| (row.record.status.since(), row.record.id))
            .collect();
        waiting.sort_unstable();
        waiting.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(waiting.into_iter().map(|(_, id)| id).collect())
    }

    async fn mark(&self, topic: Topic<'_>, mark: &NewMark<'_>) -> Result<u64, StoreError> {
        Ok(self.tables().marks.make(topic, mark))
    }

    async fn marks(&self, topic: Topic<'_>, since: Timestamp, limit: u32) -> Result<Vec<Mark>, StoreError> {
        let tables = self.tables();
        let found = tables.marks.on(topic, since);
        Ok(found.take(usize::try_from(limit).unwrap_or(usize::MAX)).cloned().collect())
    }

    async fn count_marks(&self, topic: Topic<'_>, since: Timestamp) -> Result<u64, StoreError> {
        Ok(self.tables().marks.on(topic, since).count() as u64)
    }

    async fn unmark(&self, topic: Topic<'_>) -> Result<u64, StoreError> {
        Ok(self.tables().marks.take_away(topic))
    }

    async fn purge_marks(&self, before: Timestamp) -> Result<u64, StoreError> {
        Ok(self.tables().marks.purge(before))
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

    async fn peek_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        Ok(decide(self.tables().consents.get(take.state).cloned(), take, now))
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
