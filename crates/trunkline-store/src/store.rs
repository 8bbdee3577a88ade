//! The contract of a store.

use std::fmt;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey};

use crate::{
    Change, Commit, ConsentOutcome, Event, Feed, Fence, KeyId, LeaseAsk, LeaseOwner, Mark, NewMark, Proof,
    Record, Rewrap, SealedConsent, Seen, StoreError, Stored, Take, Taken, Topic, Wrapped,
};

/// Keeps records, sealed secrets, events and pending consents.
///
/// # Contract
///
/// A store never sees a secret in the clear and never decides what a change means. It promises:
///
/// * reads write nothing, but for [`feed`](Self::feed), which may place events that have no place yet;
/// * [`commit`](Self::commit) is one atomic compare-and-swap, durable when it answers, and of several
///   that expect the same, in any number of processes, exactly one is done;
/// * [`lease`](Self::lease) is one durable step as well: of several that saw the same, one gets it;
/// * [`take_consent`](Self::take_consent) hands a consent out once;
/// * times are kept to the microsecond, and names are ordered by their bytes.
///
/// The rules in `conformance` prove it.
///
/// # Errors
///
/// Every method fails with [`StoreError::Unavailable`] when the store cannot be reached or is busy
/// beyond its bound, and with [`StoreError::Corrupt`] when what is stored makes no sense.
///
/// # Cancel safety
///
/// A write that is dropped happens wholly or not at all, and may still do so a moment later. The
/// caller cannot know which, and reads again; the compare-and-swap of its next change tells.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync {
    /// The connection with this key.
    async fn get(&self, key: &ConnectionKey) -> Result<Option<Stored>, StoreError>;

    /// The connection with this id.
    async fn get_by_id(&self, id: ConnectionId) -> Result<Option<Stored>, StoreError>;

    /// A page of a tenant's connections, ordered by connector and label, after the given pair. At
    /// most `limit`; fewer only at the end.
    async fn list(
        &self,
        tenant: &str,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError>;

    /// A page of all connections, ordered by tenant, connector and label, after the given key. At most `limit`;
    /// fewer only at the end.
    async fn list_all(&self, after: Option<&ConnectionKey>, limit: u32) -> Result<Vec<Record>, StoreError>;

    /// The other connections, of any tenant, that hold a grant of the account through this connector:
    /// not disconnected and with secrets. `account_key` is [`Account::key`](trunkline_core::Account::key).
    async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError>;

    /// The connections, of any tenant, that hold a grant through this connector, as
    /// [`same_account`](Self::same_account) has it, of an account whose key lies in a range: for instance
    /// [`Account::keys_of_user`](trunkline_core::Account::keys_of_user).
    async fn holders(
        &self,
        connector: &str,
        account_keys: &RangeInclusive<String>,
    ) -> Result<Vec<ConnectionId>, StoreError>;

    /// The same, of all accounts of a company.
    async fn company_holders(&self, connector: &str, company: &str) -> Result<Vec<ConnectionId>, StoreError>;

    /// Makes one change if what is stored is what it expects; numbers and writes its events with it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when [`Change::check`] says so.
    async fn commit(&self, change: &Change) -> Result<Commit, StoreError>;

    /// Takes the lease of a connection and opens an intent, in one durable step, if everything is as
    /// [`LeaseAsk`] says; answers the new epoch. `None` means that something is not: read again.
    ///
    /// # Cancel safety
    ///
    /// As every write; whoever asked finds its own [`LeaseOwner`] in the row if it was done.
    async fn lease(&self, ask: &LeaseAsk) -> Result<Option<u64>, StoreError>;

    /// Counts the beat up where lease and intent stand as they were seen, and answers it: proof, for who wants
    /// to succeed a silent holder, that the store takes writes. `None` means that something moved.
    async fn knock(
        &self,
        id: ConnectionId,
        seen: Seen,
        intent: Option<u64>,
    ) -> Result<Option<u64>, StoreError>;

    /// Shows that the owner of a lease lives. Answers whether it still holds it.
    async fn beat(&self, id: ConnectionId, owner: LeaseOwner, epoch: u64) -> Result<bool, StoreError>;

    /// Settles lease and intent without another change. Answers whether the intent was the fence's.
    async fn settle(&self, id: ConnectionId, fence: &Fence) -> Result<bool, StoreError>;

    /// Takes at most `limit` of a connector's connections that are due at `now`, the longest due
    /// first, and makes them due at `until`, so that no two takers get the same one.
    async fn claim_due(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError>;

    /// As [`claim_due`](Self::claim_due), of those whose time to be looked at has come: by `probe_at`.
    async fn claim_probes(
        &self,
        connector: &str,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Result<Vec<ConnectionId>, StoreError>;

    /// Writes down, in one step, that these grants were proved alive, and when to look next: of connections that
    /// are active or degraded, and have no proof as new. Nothing else of them changes: neither generation and
    /// sequence nor lease and intent. Answers how many were written.
    async fn prove(&self, proofs: &[Proof]) -> Result<u64, StoreError>;

    /// How many tenants have a connection of this connector that is not disconnected, counted up to `at_most`:
    /// the cost is that of what is counted, whatever is stored.
    async fn count_tenants(&self, connector: &str, at_most: u32) -> Result<u64, StoreError>;

    /// A page of a connection's events after a number, in order, at most `limit`.
    async fn events(
        &self,
        id: ConnectionId,
        after_sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError>;

    /// A page of the events of all connections after a position, in order, at most `limit`.
    ///
    /// Those of one connection are in the order of their numbers. Whoever has read up to a position has seen
    /// every event whose position is smaller, however long the transaction that wrote it took: a cursor that
    /// goes from position to position misses none.
    async fn feed(&self, after: u64, limit: u32) -> Result<Feed, StoreError>;

    /// Removes events that happened before a time, from the front of the feed and at most `limit`, and answers
    /// how many. One behind a younger one stays until that one goes, and the very last may stay.
    async fn purge_events(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// The wrapping keys under which the secrets of connections are sealed, each once.
    async fn key_ids(&self) -> Result<Vec<KeyId>, StoreError>;

    /// A page of the data keys that are wrapped under `key_id`, of connections in the order of their
    /// ids, after the given one.
    async fn wrapped_under(
        &self,
        key_id: KeyId,
        after: Option<ConnectionId>,
        limit: u32,
    ) -> Result<Vec<Wrapped>, StoreError>;

    /// How many data keys are wrapped under `key_id`.
    async fn count_wrapped_under(&self, key_id: KeyId) -> Result<u64, StoreError>;

    /// Puts newly wrapped data keys in the place of those under `from`, each where generation and key
    /// are still those it was read with. Answers how many were replaced.
    async fn rewrap(&self, from: KeyId, rows: &[Rewrap]) -> Result<u64, StoreError>;

    /// The disconnected connections whose secrets are still there, the longest waiting first: the
    /// service has yet to be told.
    async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError>;

    /// Makes a mark, or makes it again: then its first time stays, its last one moves forward only, and the rest
    /// is as it is now. Answers how often it was made: 1 says that there was none, to one of any number of makers.
    async fn mark(&self, topic: Topic<'_>, mark: &NewMark<'_>) -> Result<u64, StoreError>;

    /// The marks on a topic that were made at a time or after it, by their holders' names, at most `limit`.
    async fn marks(&self, topic: Topic<'_>, since: Timestamp, limit: u32) -> Result<Vec<Mark>, StoreError>;

    /// How many holders' marks on a topic were made at a time or after it.
    async fn count_marks(&self, topic: Topic<'_>, since: Timestamp) -> Result<u64, StoreError>;

    /// Takes all marks on a topic away, and answers how many there were.
    async fn unmark(&self, topic: Topic<'_>) -> Result<u64, StoreError>;

    /// Removes the marks whose time was over before a time, on whatever topic, and answers how many.
    async fn purge_marks(&self, before: Timestamp) -> Result<u64, StoreError>;

    /// Keeps a consent until it is taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when there is one with this state.
    async fn put_consent(&self, consent: &SealedConsent) -> Result<(), StoreError>;

    /// What [`take_consent`](Self::take_consent) would answer. Nothing is taken.
    async fn peek_consent(&self, take: &Take<'_>, now: Timestamp)
    -> Result<Taken<SealedConsent>, StoreError>;

    /// Takes a consent, in one step: as [`decide`](crate::decide) says. Its sealed part is removed with it;
    /// the row stays, so that a repeated answer can be answered.
    async fn take_consent(&self, take: &Take<'_>, now: Timestamp)
    -> Result<Taken<SealedConsent>, StoreError>;

    /// Remembers how a taken consent ended. The first outcome stays; of a consent that was not taken
    /// or is gone nothing is remembered.
    async fn finish_consent(&self, state: &[u8; 32], outcome: &ConsentOutcome) -> Result<(), StoreError>;

    /// Removes the consents that expired before a time, taken or not, and answers how many.
    async fn purge_consents(&self, before: Timestamp) -> Result<u64, StoreError>;
}

/// Compile-time check: a store stays usable as a trait object.
const _: fn(&dyn Store) = |_| {};
