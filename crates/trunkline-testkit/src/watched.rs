//! A store that something watches: calls can be counted, held up, refused, or be the last thing that the
//! process does.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, PoisonError};

use trunkline_core::jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, async_trait};
use trunkline_store::{
    Change, Commit, ConsentOutcome, Event, Feed, Fence, KeyId, LeaseAsk, LeaseOwner, Mark, NewMark, Proof,
    Record, Rewrap, SealedConsent, Seen, Store, StoreError, Stored, Take, Taken, Topic, Wrapped,
};

/// Which call of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// Something is read.
    Read,
    /// A lease is taken and an intent opened.
    Lease,
    /// A successor shows that the store takes writes.
    Knock,
    /// An owner shows that it lives.
    Beat,
    /// Lease and intent are settled.
    Settle,
    /// A change is made.
    Commit,
    /// Due connections are claimed, by either of their times.
    ClaimDue,
    /// Proofs are written down.
    Prove,
    /// Marks are made, read or taken away.
    Mark,
    /// The events of all connections are read or purged.
    Feed,
    /// Data keys are wrapped anew.
    Rewrap,
    /// A consent is written or taken.
    Consent,
}

/// What watches a store.
#[async_trait]
pub trait Watch: Send + Sync {
    /// Comes before each call. An error is what the caller gets, and the store is not asked.
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        let _ = call;
        Ok(())
    }

    /// Comes after each call that was done.
    async fn after(&self, call: Call) -> Result<(), StoreError> {
        let _ = call;
        Ok(())
    }
}

/// A store and what watches it. Clones share both.
#[derive(Clone)]
pub struct Watched {
    store: Arc<Mutex<Arc<dyn Store>>>,
    watch: Arc<dyn Watch>,
}

impl Watched {
    /// Watches `store`, which others may use beside this.
    pub fn new(store: Arc<dyn Store>, watch: Arc<dyn Watch>) -> Self {
        Self { store: Arc::new(Mutex::new(store)), watch }
    }

    /// Puts another store in the place of this one, as a failover does.
    pub fn fails_over(&self, to: Arc<dyn Store>) {
        *self.store.lock().unwrap_or_else(PoisonError::into_inner) = to;
    }

    fn store(&self) -> Arc<dyn Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn watch<T>(
        &self,
        call: Call,
        answer: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.watch.before(call).await?;
        let answer = answer.await?;
        self.watch.after(call).await?;
        Ok(answer)
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watched").field(&self.store()).finish()
    }
}

#[async_trait]
impl Store for Watched {
    async fn get(&self, key: &ConnectionKey) -> Result<Option<Stored>, StoreError> {
        self.watch(Call::Read, self.store().get(key)).await
    }

    async fn get_by_id(&self, id: ConnectionId) -> Result<Option<Stored>, StoreError> {
        self.watch(Call::Read, self.store().get_by_id(id)).await
    }

    async fn list(
        &self,
        tenant: &str,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.watch(Call::Read, self.store().list(tenant, after, limit)).await
    }

    async fn list_all(&self, after: Option<&ConnectionKey>, limit: u32) -> Result<Vec<Record>, StoreError> {
        self.watch(Call::Read, self.store().list_all(after, limit)).await
    }

    async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        self.watch(Call::Read, self.store().same_account(connector, account_key, except)).await
    }

    async fn holders(
        &self,
        connector: &str,
        account_keys: &RangeInclusive<String>,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        self.watch(Call::Read, self.store().holders(connector, account_keys)).await
    }

    async fn company_holders(&self, connector: &str, company: &str) -> Result<Vec<ConnectionId>, StoreError> {
        self.watch(Call::Read, self.store().company_holders(connector, company)).await
    }

    async fn commit(&self, change: &Change) -> Result<Commit, StoreError> {
        self.watch(Call::Commit, self.store().commit(change)).await
    }

    async fn lease(&self, ask: &LeaseAsk) -> Result<Option<u64>, StoreError> {
        self.watch(Call::Lease, self.store().lease(ask)).await
    }

    async fn knock(
        &self,
        id: ConnectionId,
        seen: Seen,
        intent: Option<u64>,
    ) -> Result<Option<u64>, StoreError> {
        self.watch(Call::Knock, self.store().knock(id, seen, intent)).await
    }

    async fn beat(&self, id: ConnectionId, owner: LeaseOwner, epoch: u64) -> Result<bool, StoreError> {
        self.watch(Call::Beat, self.store().beat(id, owner, epoch)).await
    }

    async fn settle(&self, id: ConnectionId, fence: &Fence) -> Result<bool, StoreError> {
        self.watch(Call::Settle, self.store().settle(id, fence)).await
    }

    async fn claim_due(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        self.watch(Call::ClaimDue, self.store().claim_due(connector, now, until, limit)).await
    }

    async fn claim_probes(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        self.watch(Call::ClaimDue, self.store().claim_probes(connector, now, until, limit)).await
    }

    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError> {
        self.watch(Call::Prove, self.store().prove(proofs)).await
    }

    async fn count_tenants(&self, connector: &str, at_most: u32) -> Result<u64, StoreError> {
        self.watch(Call::Read, self.store().count_tenants(connector, at_most)).await
    }

    async fn events(&self, id: ConnectionId, after: u64, limit: u32) -> Result<Vec<Event>, StoreError> {
        self.watch(Call::Read, self.store().events(id, after, limit)).await
    }

    async fn feed(&self, after: u64, limit: u32) -> Result<Feed, StoreError> {
        self.watch(Call::Feed, self.store().feed(after, limit)).await
    }

    async fn purge_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.watch(Call::Feed, self.store().purge_events(before, limit)).await
    }

    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        self.watch(Call::Read, self.store().key_ids()).await
    }

    async fn wrapped_under(
        &self,
        key_id: KeyId,
        after: Option<ConnectionId>,
        limit: u32,
    ) -> Result<Vec<Wrapped>, StoreError> {
        self.watch(Call::Read, self.store().wrapped_under(key_id, after, limit)).await
    }

    async fn count_wrapped_under(&self, key_id: KeyId) -> Result<u64, StoreError> {
        self.watch(Call::Read, self.store().count_wrapped_under(key_id)).await
    }

    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError> {
        self.watch(Call::Rewrap, self.store().rewrap(from, rows)).await
    }

    async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError> {
        self.watch(Call::Read, self.store().pending_revocations(limit)).await
    }

    async fn mark(&self, topic: Topic<'_>, mark: &NewMark<'_>) -> Result<u64, StoreError> {
        self.watch(Call::Mark, self.store().mark(topic, mark)).await
    }

    async fn marks(&self, topic: Topic<'_>, since: Timestamp, limit: u32) -> Result<Vec<Mark>, StoreError> {
        self.watch(Call::Mark, self.store().marks(topic, since, limit)).await
    }

    async fn count_marks(&self, topic: Topic<'_>, since: Timestamp) -> Result<u64, StoreError> {
        self.watch(Call::Mark, self.store().count_marks(topic, since)).await
    }

    async fn unmark(&self, topic: Topic<'_>) -> Result<u64, StoreError> {
        self.watch(Call::Mark, self.store().unmark(topic)).await
    }

    async fn purge_marks(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.watch(Call::Mark, self.store().purge_marks(before)).await
    }

    async fn put_consent(&self, consent: &SealedConsent) -> Result<(), StoreError> {
        self.watch(Call::Consent, self.store().put_consent(consent)).await
    }

    async fn peek_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        self.watch(Call::Read, self.store().peek_consent(take, now)).await
    }

    async fn take_consent(
        &self,
        take: &Take<'_>,
        now: Timestamp,
    ) -> Result<Taken<SealedConsent>, StoreError> {
        self.watch(Call::Consent, self.store().take_consent(take, now)).await
    }

    async fn finish_consent(&self, state: &[u8; 32], outcome: &ConsentOutcome) -> Result<(), StoreError> {
        self.watch(Call::Consent, self.store().finish_consent(state, outcome)).await
    }

    async fn purge_consents(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.watch(Call::Consent, self.store().purge_consents(before)).await
    }
}
