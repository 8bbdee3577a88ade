//! A store that keeps nothing, so that what is measured is the hub alone.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey};
use trunkline_store::{
    Change, Commit, ConsentOutcome, Event, Feed, Fence, KeyId, LeaseAsk, LeaseOwner, Mark, NewMark, Proof,
    Record, Rewrap, SealedConsent, Seen, Store, StoreError, Stored, Take, Taken, Topic, Wrapped,
};

/// Takes every change and remembers none.
#[derive(Debug)]
pub(crate) struct NoStore;

#[async_trait]
impl Store for NoStore {
    async fn get(&self, _: &ConnectionKey) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    async fn get_by_id(&self, _: ConnectionId) -> Result<Option<Stored>, StoreError> {
        Ok(None)
    }

    async fn list(&self, _: &str, _: Option<(&str, &str)>, _: u32) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    async fn list_all(&self, _: Option<&ConnectionKey>, _: u32) -> Result<Vec<Record>, StoreError> {
        Ok(Vec::new())
    }

    async fn same_account(&self, _: &str, _: &str, _: ConnectionId) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn holders(&self, _: &str, _: &RangeInclusive<String>) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn company_holders(&self, _: &str, _: &str) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn commit(&self, _: &Change) -> Result<Commit, StoreError> {
        Ok(Commit::Done { sequence: 1 })
    }

    async fn lease(&self, _: &LeaseAsk) -> Result<Option<u64>, StoreError> {
        Ok(Some(1))
    }

    async fn knock(&self, _: ConnectionId, _: Seen, _: Option<u64>) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    async fn beat(&self, _: ConnectionId, _: LeaseOwner, _: u64) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn settle(&self, _: ConnectionId, _: &Fence) -> Result<bool, StoreError> {
        Ok(true)
    }

    async fn claim_due(
        &self,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn claim_probes(
        &self,
        _: &str,
        _: Timestamp,
        _: Timestamp,
        _: u32,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError> {
        Ok(proofs.len() as u64)
    }

    async fn count_tenants(&self, _: &str, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn events(&self, _: ConnectionId, _: u64, _: u32) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }

    async fn feed(&self, _: u64, _: u32) -> Result<Feed, StoreError> {
        Ok(Feed { purged: 0, last: 0, events: Vec::new() })
    }

    async fn purge_events(&self, _: Timestamp, _: u32) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError> {
        Ok(Vec::new())
    }

    async fn wrapped_under(
        &self,
        _: KeyId,
        _: Option<ConnectionId>,
        _: u32,
    ) -> Result<Vec<Wrapped>, StoreError> {
        Ok(Vec::new())
    }

    async fn count_wrapped_under(&self, _: KeyId) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn rewrap(&self, _: KeyId, _: &[Rewrap]) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn pending_revocations(&self, _: u32) -> Result<Vec<ConnectionId>, StoreError> {
        Ok(Vec::new())
    }

    async fn mark(&self, _: Topic<'_>, _: &NewMark<'_>) -> Result<u64, StoreError> {
        Ok(1)
    }

    async fn marks(&self, _: Topic<'_>, _: Timestamp, _: u32) -> Result<Vec<Mark>, StoreError> {
        Ok(Vec::new())
    }

    async fn count_marks(&self, _: Topic<'_>, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn unmark(&self, _: Topic<'_>) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn purge_marks(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }

    async fn put_consent(&self, _: &SealedConsent) -> Result<(), StoreError> {
        Ok(())
    }

    async fn peek_consent(&self, _: &Take<'_>, _: Timestamp) -> Result<Taken<SealedConsent>, StoreError> {
        Ok(Taken::Unknown)
    }

    async fn take_consent(&self, _: &Take<'_>, _: Timestamp) -> Result<Taken<SealedConsent>, StoreError> {
        Ok(Taken::Unknown)
    }

    async fn finish_consent(&self, _: &[u8; 32], _: &ConsentOutcome) -> Result<(), StoreError> {
        Ok(())
    }

    async fn purge_consents(&self, _: Timestamp) -> Result<u64, StoreError> {
        Ok(0)
    }
}
