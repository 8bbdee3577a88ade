//! Where grants rest.
//!
//! A [`Store`] keeps records and sealed bytes: [`MemoryStore`] until the process ends, [`SqliteStore`]
//! in a file, `PostgresStore` (feature `postgres`) for several machines. It never sees a secret. The [`Vault`] seals above a store, with a key of the
//! [`KeyRing`], and is what the hub talks to.
//!
//! Two promises hold for every store, and the rules in `conformance` (feature `conformance`) prove
//! them: a change that expected another generation than the stored one changes nothing, and a change
//! and its events are written together or not at all. Nothing is written on a read.
//!
//! What sealing does not do: a rollback of whole rows to an older state that was once valid is not
//! detected, and names, accounts and states are stored in the clear, since they are searched for.
//!
//! Start with [`Vault::open`].

#[macro_use]
mod code;
mod codec;
#[cfg(feature = "conformance")]
pub mod conformance;
mod consent;
mod error;
mod event;
mod key;
mod lease;
mod mark;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
mod reseal;
mod seal;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod status;
mod store;
mod vault;

pub use consent::{
    Claim, ConsentOutcome, Granted, PendingConsent, SealedConsent, StoredConsent, Take, Taken, decide,
};
pub use error::{KeyError, StoreError};
pub use event::{Event, EventKind, Feed, NewEvent, Placed};
pub use key::{KeyId, KeyRing};
pub use lease::{Fence, Intent, Lease, LeaseAsk, LeaseOwner, Seen, Settle};
pub use mark::{Breaker, Mark, MarkKind, Marks, NewMark, Topic};
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresOptions, PostgresStore};
pub use record::{Body, Change, Commit, Expected, Proof, Record, Rewrap, Sealed, Stored, Wrapped};
pub use reseal::Resealed;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;
pub use status::{State, Status, Turn};
pub use store::Store;
pub use vault::{NewBody, Opened, Vault};
