//! A store that keeps nothing, so that what is measured is the hub alone.

use async_trait::async_trait;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey};
use trunkline_store::{
    Change, Commit, ConsentOutcome, Event, Fence, KeyId, LeaseAsk, LeaseOwner, Record, Rewrap, SealedConsent,
    Seen, Store, StoreError, Stored, Take, Taken, Wrapped,
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

    async fn same_account(&self, _: &str, _: &str, _: ConnectionId) -> Result<Vec<ConnectionId>, StoreError> {
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

    async fn events(&self, _: ConnectionId, _: u64, _: u32) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
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

    async fn put_consent(&self, _: &SealedConsent) -> Result<(), StoreError> {
        Ok(())
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
