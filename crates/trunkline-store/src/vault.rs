//! Seals above a store.

use std::sync::Arc;

use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, Held, Secret};

use crate::seal::{self, Binding, OpenError, digest_of};
use crate::{
    Body, Change, Claim, Commit, ConsentOutcome, Event, Expected, Fence, KeyRing, Lease, Marks, NewEvent,
    PendingConsent, Record, SealedConsent, Store, StoreError, Stored, Take, Taken, codec,
};

/// Keeps secrets in a [`Store`], sealed under the keys of a [`KeyRing`].
///
/// The secrets of a connection are bound to its tenant, its connector, its id and its generation, so sealed bytes
/// that were moved to another row or kept from another generation do not open. Clones share the store
/// and the keys.
#[derive(Debug, Clone)]
pub struct Vault {
    store: Arc<dyn Store>,
    keys: KeyRing,
}

/// A connection with its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What is known.
    pub record: Record,
    /// The secrets, unless they were cleared.
    pub held: Option<Held>,
    /// Who may change the secrets, and whether they are being spent.
    pub lease: Lease,
}

/// What becomes of the secrets of a connection.
#[derive(Debug, Clone, Copy)]
pub enum NewBody<'a> {
    /// They stay; the generation must stay too.
    Keep,
    /// These take their place, in the next generation.
    Replace(&'a Held),
    /// They are removed.
    Clear,
}

impl Vault {
    /// Opens a store, if everything in it can be opened with these keys.
    ///
    /// # Errors
    ///
    /// [`StoreError::KeyMissing`] when secrets are sealed under a key that the ring lacks.
    pub async fn open(store: Arc<dyn Store>, keys: KeyRing) -> Result<Self, StoreError> {
        match store.key_ids().await?.into_iter().find(|id| keys.find(*id).is_none()) {
            Some(key_id) => Err(StoreError::KeyMissing { key_id }),
            None => Ok(Self { store, keys }),
        }
    }

    /// The store beneath.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The keys that seal.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// What all processes know together: votes, breakers, what was seen once.
    #[must_use]
    pub fn marks(&self) -> Marks<'_> {
        Marks::new(&*self.store)
    }

    /// A digest of a secret of this connection that is about to be spent: tells, without showing it,
    /// whether the stored one is the same.
    #[must_use]
    pub fn fingerprint(id: ConnectionId, spent: &Secret) -> [u8; 32] {
        digest_of(&format!("trunkline spent secret v1 {id}"), spent.expose())
    }

    /// A digest of the application's own client at a service: tells, without showing it, whether two processes
    /// use the same. `identity` is that of [`AuthProvider`](trunkline_core::AuthProvider::client_identity).
    #[must_use]
    pub fn client_fingerprint(connector: &str, identity: &Secret) -> [u8; 32] {
        digest_of(&format!("trunkline client v1 {connector}"), identity.expose())
    }

    /// The connection with this key.
    ///
    /// # Errors
    ///
    /// [`StoreError::CannotOpen`] when its secrets were altered or moved,
    /// [`StoreError::KeyMissing`] when another process sealed them under a key that the ring lacks.
    pub async fn load(&self, key: &ConnectionKey) -> Result<Option<Opened>, StoreError> {
        self.store.get(key).await?.map(|stored| self.unseal(stored)).transpose()
    }

    /// The connection with this id.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub async fn load_by_id(&self, id: ConnectionId) -> Result<Option<Opened>, StoreError> {
        self.store.get_by_id(id).await?.map(|stored| self.unseal(stored)).transpose()
    }

    /// A page of a tenant's connections: [`Store::list`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn list(
        &self,
        tenant: &str,
        after: Option<(&str, &str)>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.list(tenant, after, limit).await
    }

    /// A page of all connections: [`Store::list_all`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn list_all(
        &self,
        after: Option<&ConnectionKey>,
        limit: u32,
    ) -> Result<Vec<Record>, StoreError> {
        self.store.list_all(after, limit).await
    }

    /// The other connections that hold a grant of an account: [`Store::same_account`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn same_account(
        &self,
        connector: &str,
        account_key: &str,
        except: ConnectionId,
    ) -> Result<Vec<ConnectionId>, StoreError> {
        self.store.same_account(connector, account_key, except).await
    }

    /// Seals and makes one change: [`Store::commit`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the record's generation does not follow from `expected` and
    /// `body`, or when the secrets are larger than a mebibyte.
    ///
    /// # Cancel safety
    ///
    /// A dropped commit happens wholly or not at all, and may still do so a moment later: load again, and
    /// let the next compare-and-swap tell.
    pub async fn commit(
        &self,
        expected: Expected,
        record: &Record,
        body: NewBody<'_>,
        events: Vec<NewEvent>,
    ) -> Result<Commit, StoreError> {
        self.store.commit(&self.seal(expected, None, record, body, events)?).await
    }

    /// Seals the secrets of a change, which any process with this store may then make.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the secrets are larger than a mebibyte.
    pub fn seal(
        &self,
        expected: Expected,
        under: Option<Fence>,
        record: &Record,
        body: NewBody<'_>,
        events: Vec<NewEvent>,
    ) -> Result<Change, StoreError> {
        let body = match body {
            NewBody::Keep => Body::Keep,
            NewBody::Clear => Body::Clear,
            NewBody::Replace(held) => {
                let plain = codec::encode_held(held)?;
                Body::Replace(seal::seal(&self.keys, &bind(record), &plain)?)
            }
        };
        Ok(Change { expected, under, record: record.clone(), body, events })
    }

    /// A page of a connection's events: [`Store::events`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn events(
        &self,
        id: ConnectionId,
        after_sequence: u64,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        self.store.events(id, after_sequence, limit).await
    }

    /// The disconnected connections whose secrets are still there: [`Store::pending_revocations`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn pending_revocations(&self, limit: u32) -> Result<Vec<ConnectionId>, StoreError> {
        self.store.pending_revocations(limit).await
    }

    /// Seals a consent and keeps it under its state, of which only a digest is stored.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the state was used before.
    pub async fn begin_consent(&self, state: &Secret, consent: &PendingConsent) -> Result<(), StoreError> {
        let (state, browser) = (state_digest(state), browser_digest(&consent.browser));
        let plain = codec::encode_consent(consent)?;
        let place = bind_consent(&state, &browser, &consent.key, consent.expires_at);
        let sealed = seal::seal(&self.keys, &place, &plain)?;
        let (key, expires_at) = (consent.key.clone(), consent.expires_at);
        self.store.put_consent(&SealedConsent { state, browser, key, expires_at, sealed }).await
    }

    /// What [`take_consent`](Self::take_consent) would answer. Nothing is taken: for a consent that is asked about
    /// until a person has answered.
    ///
    /// # Errors
    ///
    /// As [`take_consent`](Self::take_consent).
    pub async fn peek_consent(
        &self,
        state: &Secret,
        claim: &Claim<'_>,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let (state, browser) = (state_digest(state), browser_digest(claim.browser));
        let take = Take { state: &state, browser: &browser, tenant: claim.tenant, answer: &claim.answer };
        self.unseal_taken(self.store.peek_consent(&take, now).await?, claim.browser)
    }

    /// Takes a consent, once: of any number of callers one gets [`Taken::Fresh`].
    ///
    /// # Errors
    ///
    /// [`StoreError::ConsentCannotOpen`] when it was altered or moved, [`StoreError::KeyMissing`] when
    /// the ring lacks its key; it is used up all the same.
    ///
    /// # Cancel safety
    ///
    /// A take that is dropped may have used the consent up.
    pub async fn take_consent(
        &self,
        state: &Secret,
        claim: &Claim<'_>,
        now: Timestamp,
    ) -> Result<Taken, StoreError> {
        let (state, browser) = (state_digest(state), browser_digest(claim.browser));
        let take = Take { state: &state, browser: &browser, tenant: claim.tenant, answer: &claim.answer };
        self.unseal_taken(self.store.take_consent(&take, now).await?, claim.browser)
    }

    /// Remembers how a taken consent ended: [`Store::finish_consent`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn finish_consent(&self, state: &Secret, outcome: &ConsentOutcome) -> Result<(), StoreError> {
        self.store.finish_consent(&state_digest(state), outcome).await
    }

    /// Removes the consents that expired before a time: [`Store::purge_consents`].
    ///
    /// # Errors
    ///
    /// Those of the store.
    pub async fn purge_consents(&self, before: Timestamp) -> Result<u64, StoreError> {
        self.store.purge_consents(before).await
    }

    fn unseal(&self, stored: Stored) -> Result<Opened, StoreError> {
        let Stored { record, body, lease } = stored;
        let Some(sealed) = body else { return Ok(Opened { record, held: None, lease }) };
        let plain = seal::open(&self.keys, &bind(&record), &sealed).map_err(|why| match why {
            OpenError::KeyMissing => StoreError::KeyMissing { key_id: sealed.key_id },
            OpenError::Altered => StoreError::CannotOpen { id: record.id },
        })?;
        let held = codec::decode_held(&plain)?;
        Ok(Opened { record, held: Some(held), lease })
    }

    fn unseal_taken(&self, taken: Taken<SealedConsent>, browser: &Secret) -> Result<Taken, StoreError> {
        Ok(match taken {
            Taken::Fresh(row) => Taken::Fresh(Box::new(self.unseal_consent(*row, browser)?)),
            Taken::Again { key, outcome, same_answer } => Taken::Again { key, outcome, same_answer },
            Taken::Foreign => Taken::Foreign,
            Taken::Expired => Taken::Expired,
            Taken::Unknown => Taken::Unknown,
        })
    }

    fn unseal_consent(&self, row: SealedConsent, browser: &Secret) -> Result<PendingConsent, StoreError> {
        let place = bind_consent(&row.state, &row.browser, &row.key, row.expires_at);
        let plain = seal::open(&self.keys, &place, &row.sealed).map_err(|why| match why {
            OpenError::KeyMissing => StoreError::KeyMissing { key_id: row.sealed.key_id },
            OpenError::Altered => StoreError::ConsentCannotOpen,
        })?;
        codec::decode_consent(&plain, row.key, browser.clone(), row.expires_at)
    }
}

/// What the data key of a connection is bound to, whatever its generation.
pub(crate) fn wrap_binding(id: ConnectionId) -> Binding {
    Binding::new(id.as_bytes(), &[])
}

fn bind(record: &Record) -> Binding {
    let id = record.id.as_bytes();
    let generation = record.generation.to_be_bytes();
    let (tenant, connector) = (record.key.tenant().as_bytes(), record.key.connector().as_bytes());
    Binding::new(id, &[tenant, connector, id, b"held", &generation])
}

/// What is stored beside the sealed part is bound to it: a consent cannot be turned to another
/// browser, tenant or connection by who can write to the store, nor can its life be prolonged.
fn bind_consent(state: &[u8; 32], browser: &[u8; 32], key: &ConnectionKey, expires_at: Timestamp) -> Binding {
    let names = [key.tenant(), key.connector(), key.label()].map(str::as_bytes);
    let until = expires_at.as_microsecond().to_be_bytes();
    Binding::new(state, &[b"consent", state, browser, names[0], names[1], names[2], &until])
}

fn state_digest(state: &Secret) -> [u8; 32] {
    digest_of("trunkline consent state v1", state.expose())
}

fn browser_digest(browser: &Secret) -> [u8; 32] {
    digest_of("trunkline browser session v1", browser.expose())
}
