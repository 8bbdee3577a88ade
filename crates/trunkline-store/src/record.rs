//! What a store keeps about a connection, and how it changes.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use trunkline_core::permission::Scopes;
use trunkline_core::{Account, ConnectionId, ConnectionKey};

use crate::{EventKind, Fence, KeyId, Lease, NewEvent, Settle, Status, StoreError};

/// What is known about a connection. It holds no secret.
///
/// Stores keep times to the microsecond.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Never changes.
    pub id: ConnectionId,
    /// Never changes.
    pub key: ConnectionKey,
    /// The way the grant is held: [`AuthProvider::method`](trunkline_core::AuthProvider::method).
    pub method: String,
    /// Who the service says we are.
    pub account: Option<Account>,
    /// What was asked for at consent, and what the service granted last.
    pub scopes: Scopes,
    /// How it stands; private, so that nothing but [`turn`](Self::turn) changes it.
    pub(crate) status: Status,
    /// Counts up from 1, once for each credential.
    pub generation: u64,
    /// The number of the last event; counted by the store, ignored in a change.
    pub sequence: u64,
    /// When it was first connected.
    pub created_at: Timestamp,
    /// When the consent was completed that its grant is of. [`turn`](Self::turn) sets it.
    pub granted_at: Option<Timestamp>,
    /// When the credential was stored.
    pub credential_at: Option<Timestamp>,
    /// When the access token stops serving.
    pub access_expires_at: Option<Timestamp>,
    /// When the whole grant ends, whatever is done; `None` when no end is known.
    pub grant_expires_at: Option<Timestamp>,
    /// When something is to be done about it even if nobody uses it.
    pub due_at: Option<Timestamp>,
    /// When an answer of the service last proved that the grant lives. No change moves it back.
    pub proved_at: Option<Timestamp>,
    /// When to look whether the grant still lives even if nobody uses it.
    pub probe_at: Option<Timestamp>,
}

impl Record {
    /// A connection whose first consent was just completed, and the event that says so: active, of generation
    /// 1, with everything else to be filled in.
    #[must_use]
    pub fn connected(
        id: ConnectionId,
        key: ConnectionKey,
        method: impl Into<String>,
        at: Timestamp,
    ) -> (Self, NewEvent) {
        let mut record = Self::read(id, key, method.into(), at, Status::active(at));
        record.granted_at = Some(at);
        (record, NewEvent::new(EventKind::Connected, at))
    }

    /// For stores: the connection that these columns hold, of generation 1 and without what may be missing.
    #[must_use]
    pub fn read(
        id: ConnectionId,
        key: ConnectionKey,
        method: String,
        created_at: Timestamp,
        status: Status,
    ) -> Self {
        Self {
            id,
            key,
            method,
            account: None,
            scopes: Scopes::default(),
            status,
            generation: 1,
            sequence: 0,
            created_at,
            granted_at: None,
            credential_at: None,
            access_expires_at: None,
            grant_expires_at: None,
            due_at: None,
            proved_at: None,
            probe_at: None,
        }
    }

    /// When somebody last consented to it. One that an older version stored may not say; then it is when it was
    /// first connected.
    #[must_use]
    pub fn consented_at(&self) -> Timestamp {
        self.granted_at.unwrap_or(self.created_at)
    }
}

/// An answer of the service that proved a grant alive without any other change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// Of which connection.
    pub id: ConnectionId,
    /// When the service answered.
    pub at: Timestamp,
    /// When to look next if nobody uses it; `None` for never.
    pub probe_at: Option<Timestamp>,
}

impl Proof {
    /// The last one of each connection, by their ids.
    pub(crate) fn latest(proofs: &[Self]) -> impl Iterator<Item = Self> {
        let mut latest = BTreeMap::new();
        for proof in proofs {
            let kept = latest.entry(proof.id).or_insert(*proof);
            if kept.at < proof.at {
                *kept = *proof;
            }
        }
        latest.into_values()
    }
}

/// A sealed text: a data key of its own under a wrapping key, and the text under the data key.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Which key wraps the data key.
    pub key_id: KeyId,
    /// The wrapped data key.
    pub wrapped_key: Vec<u8>,
    /// The sealed text.
    pub body: Vec<u8>,
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes under {})", self.body.len(), self.key_id)
    }
}

/// A wrapped data key, to be wrapped anew under another key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// Of which connection.
    pub id: ConnectionId,
    /// Of which generation.
    pub generation: u64,
    /// The data key under the old key.
    pub wrapped_key: Vec<u8>,
}

/// A data key that was wrapped anew; the body under it stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrap {
    /// Of which connection.
    pub id: ConnectionId,
    /// The generation that must be stored.
    pub generation: u64,
    /// Which key wraps it now.
    pub key_id: KeyId,
    /// The data key under that key.
    pub wrapped_key: Vec<u8>,
}

/// A row as a store answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What is known.
    pub record: Record,
    /// The sealed secrets, unless they were cleared.
    pub body: Option<Sealed>,
    /// Who may change the secrets, and whether they are being spent.
    pub lease: Lease,
}

/// What must be stored for a change to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing, under this tenant, connector and label.
    Absent,
    /// A record of this generation.
    Generation(u64),
    /// A record of this generation whose last event has this number: nothing at all happened to it
    /// since it was read, so a change of state cannot hide another one.
    Unchanged {
        /// The generation.
        generation: u64,
        /// The sequence.
        sequence: u64,
    },
}

impl Expected {
    /// That nothing happened since `record` was read.
    #[must_use]
    pub const fn unchanged(record: &Record) -> Self {
        Self::Unchanged { generation: record.generation, sequence: record.sequence }
    }

    /// The generation that must be stored; `None` for no record.
    #[must_use]
    pub const fn generation(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Generation(generation) | Self::Unchanged { generation, .. } => Some(generation),
        }
    }
}

/// What becomes of the sealed secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// They stay, and with them the generation they are sealed to.
    Keep,
    /// These take their place, in the next generation.
    Replace(Sealed),
    /// These were of a later generation than what is stored, which went back: they are restored.
    Restore(Sealed),
    /// They are removed, in the next generation (a renewal under way then loses), or in the same.
    Clear,
}

/// One change of one connection: record, secrets and events together.
///
/// A change that replaces or removes the secrets ends every lease and closes every intent; one that
/// keeps them leaves both alone, unless `under` says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What must be stored for it to happen.
    pub expected: Expected,
    /// The intent that must be open besides, and what becomes of it.
    pub under: Option<Fence>,
    /// The record as it is to be, with its new generation.
    pub record: Record,
    /// What becomes of the secrets.
    pub body: Body,
    /// What happened, in order.
    pub events: Vec<NewEvent>,
}

impl Change {
    /// Checks what every store relies on before it writes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Invalid`] when the generation does not follow from `expected` and `body`: 1 for
    /// a new record, the next one with new secrets, a later one with restored ones, the same one where
    /// they stay; and when new secrets would leave an intent open.
    pub fn check(&self) -> Result<(), StoreError> {
        let new = self.record.generation;
        let fits = match (self.expected.generation(), &self.body) {
            (None, _) => new == 1,
            (Some(old), Body::Keep) => new == old,
            (Some(old), Body::Replace(_)) => old.checked_add(1) == Some(new),
            (Some(old), Body::Restore(_)) => old < new,
            (Some(old), Body::Clear) => new == old || old.checked_add(1) == Some(new),
        };
        if !fits {
            return Err(StoreError::Invalid { what: "the generation does not follow" });
        }
        if self.under.is_some() && self.expected == Expected::Absent {
            return Err(StoreError::Invalid { what: "a new record has no intent" });
        }
        let leaves_open = self.under.is_some_and(|fence| fence.then != Settle::Close);
        if leaves_open && self.body != Body::Keep {
            return Err(StoreError::Invalid { what: "an intent stays open over its own secrets" });
        }
        Ok(())
    }
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Commit {
    /// It is stored, durably where the store is durable.
    Done {
        /// The number of the connection's last event.
        sequence: u64,
    },
    /// Something else is stored than was expected: nothing was changed. Read again.
    Conflict {
        /// The generation that is stored; `None` when there is no such record.
        generation: Option<u64>,
    },
}
