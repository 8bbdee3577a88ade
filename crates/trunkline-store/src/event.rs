//! What happened to a connection.

use jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, Diagnosis};

coded! {
    /// What happened to a connection.
    #[non_exhaustive]
    EventKind {
        /// The first grant was stored.
        Connected "connected",
        /// A new consent replaced the grant.
        Reconnected "reconnected",
        /// The credential was renewed.
        Renewed "renewed",
        /// Renewal began to fail.
        Degraded "degraded",
        /// The grant serves again.
        Recovered "recovered",
        /// The grant is gone.
        NeedsConsent "needs_consent",
        /// The grant is gone, since a newer consent for the same account took its place: the state is
        /// `needs_consent`.
        Superseded "superseded",
        /// The service suspended it, or the reason for that changed.
        Suspended "suspended",
        /// It was disconnected here.
        Disconnected "disconnected",
        /// It now belongs to another account.
        AccountChanged "account_changed",
        /// The grant will end at a time that is known, whatever is done.
        Expiring "expiring",
        /// What the account may do at the service changed.
        PermissionsChanged "permissions_changed",
        /// The service granted less than was asked for, or less than before.
        ScopesNarrowed "scopes_narrowed",
    }
}

/// An event to be written with a change. Never a secret in one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub detail: Option<Diagnosis>,
}

impl NewEvent {
    /// An event without a reason.
    #[must_use]
    pub const fn new(kind: EventKind, at: Timestamp) -> Self {
        Self { kind, at, detail: None }
    }

    /// Adds the reason.
    #[must_use]
    pub fn because(mut self, detail: Diagnosis) -> Self {
        self.detail = Some(detail);
        self
    }
}

/// An event as it was written: connection and sequence identify it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// To what it happened.
    pub connection: ConnectionId,
    /// Counts up from 1 for each connection, without gaps; the oldest may have been purged.
    pub sequence: u64,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub detail: Option<Diagnosis>,
}

/// A page of the events of all connections, in an order in which nothing appears later before what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// What has this position or a smaller one was purged; 0 when nothing was.
    pub purged: u64,
    /// The last position that was given; 0 when none was.
    pub last: u64,
    /// The events, by their positions.
    pub events: Vec<Placed>,
}

/// An event with its place among those of all connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// Counts up, from 1, in the order of the feed; where it skips a number, nothing is missing.
    pub position: u64,
    /// The names of the connection.
    pub key: ConnectionKey,
    /// The event.
    pub event: Event,
}
