//! The right to change one connection's credential, and the record that it is about to be spent.
//!
//! The page `docs/how-a-grant-is-kept.md` states the protocol that these values serve.

use std::fmt;
use std::time::Duration;

use trunkline_core::ConnectionId;

/// Who holds a lease: 16 random bytes, new for each flight, so that its holder recognises it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeaseOwner([u8; 16]);

impl LeaseOwner {
    /// An owner of its 16 random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for LeaseOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LeaseOwner(")?;
        self.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        f.write_str("…)")
    }
}

/// How the lease of a connection stands. The default is that of a row that was never leased.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lease {
    /// Who holds it; `None` when it is free.
    pub owner: Option<LeaseOwner>,
    /// Counts up with each lease.
    pub epoch: u64,
    /// Counts up while the owner shows that it lives.
    pub beat: u64,
    /// The intent that is open, if one is.
    pub intent: Option<Intent>,
}

impl Lease {
    /// What a successor must find unchanged to take this lease over.
    #[must_use]
    pub fn seen(&self) -> Seen {
        match self.owner {
            None => Seen::Free,
            Some(_) => Seen::Held { epoch: self.epoch, beat: self.beat },
        }
    }
}

/// The record that a credential is about to be spent, was spent with an unknown outcome, or was refused when
/// it was spent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Under which epoch it may be concluded.
    pub epoch: u64,
    /// A digest of what is spent.
    pub fingerprint: [u8; 32],
    /// How often it was tried, from 1.
    pub attempt: u32,
    /// How long ago the first attempt was recorded, by the store's own clock; `None` when that cannot
    /// be told, as after a reboot.
    pub age: Option<Duration>,
}

impl Intent {
    /// The epoch of an intent whose replay was refused: nobody spends it again, and whoever holds an answer
    /// may still write it, whatever its epoch. No lease has this epoch.
    pub const REFUSED: u64 = 0;

    /// Whether a replay was refused.
    #[must_use]
    pub const fn is_refused(&self) -> bool {
        self.epoch == Self::REFUSED
    }
}

/// How a lease stood when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Nobody held it.
    Free,
    /// It was held under this epoch, and its owner had shown this beat.
    Held {
        /// The epoch.
        epoch: u64,
        /// The beat.
        beat: u64,
    },
}

/// What [`Store::lease`](crate::Store::lease) is asked for: the lease with an intent of its own, if
/// everything still is as it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseAsk {
    /// Which connection.
    pub id: ConnectionId,
    /// The generation that must be stored.
    pub generation: u64,
    /// How the lease must stand.
    pub seen: Seen,
    /// The epoch of the intent that must be open; `None` when none must be.
    pub intent: Option<u64>,
    /// Who asks.
    pub owner: LeaseOwner,
    /// A digest of what is to be spent. Where it is the open intent's, the attempt counts up and the
    /// age goes on; else both start anew.
    pub fingerprint: [u8; 32],
}

/// What a change or a release under a lease relies on, and what becomes of lease and intent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// The epoch that the stored intent must have. New secrets are also taken where it is
    /// [`Intent::REFUSED`].
    pub epoch: u64,
    /// What becomes of both.
    pub then: Settle,
}

impl Fence {
    /// Closes the intent of this epoch and frees the lease.
    #[must_use]
    pub const fn close(epoch: u64) -> Self {
        Self { epoch, then: Settle::Close }
    }
}

/// What becomes of lease and intent. The lease is freed in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settle {
    /// No intent is open.
    Close,
    /// The intent stays open under this epoch.
    LeaveOpen {
        /// Which holder may still conclude it, or [`Intent::REFUSED`].
        epoch: u64,
    },
}
