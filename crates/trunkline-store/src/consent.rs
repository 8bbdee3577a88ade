//! Pending consents: sealed, single use, expiring, bound to one browser.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use jiff::Timestamp;
use trunkline_core::{Account, ConnectionId, ConnectionKey, Diagnosis, Held, Inputs, ScopeSet, Secret};
use url::Url;

use crate::Sealed;

/// A consent that was begun and waits for its answer.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingConsent {
    /// Which connection it is for.
    pub key: ConnectionKey,
    /// The way the grant will be held.
    pub method: String,
    /// The browser session that began it. Only its digest is stored.
    pub browser: Secret,
    /// What the application or the tenant gave.
    pub inputs: Inputs,
    /// What the provider needs again: a PKCE verifier, the redirect URI.
    pub pending: BTreeMap<String, Secret>,
    /// The scopes that were asked for.
    pub requested: ScopeSet,
    /// Where the application wants the person to end up.
    pub return_to: Option<Url>,
    /// Whether a different account may take the connection over.
    pub replace_account: bool,
    /// What the service gave for the answer, where only its account is still to be asked for.
    pub granted: Option<Box<Granted>>,
    /// From when on it is not taken any more.
    pub expires_at: Timestamp,
}

/// A grant of which nobody knows yet whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// What will be held.
    pub held: Held,
    /// The account that its tokens claim.
    pub account: Option<Account>,
}

impl fmt::Debug for PendingConsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingConsent")
            .field("key", &self.key)
            .field("method", &self.method)
            .field("inputs", &self.inputs)
            .field("pending", &self.pending.keys())
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// Who brings an answer, and which.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The browser session it came through.
    pub browser: &'a Secret,
    /// The tenant it is for, where the application knows.
    pub tenant: Option<&'a str>,
    /// A digest of the whole answer: tells a repeated answer from another one.
    pub answer: [u8; 32],
}

/// How a consent ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConsentOutcome {
    /// With a connection.
    Connected(ConnectionId),
    /// Without one.
    Failed(Box<Diagnosis>),
}

/// What came of taking a consent, with `C` for the consent itself: [`PendingConsent`] from the vault,
/// [`SealedConsent`] from a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken<C = PendingConsent> {
    /// It is the caller's now, and nobody else's ever.
    Fresh(Box<C>),
    /// It was taken before.
    Again {
        /// Which connection it was for.
        key: ConnectionKey,
        /// How it ended; `None` while that is open.
        outcome: Option<ConsentOutcome>,
        /// Whether this answer is the one it was taken with: a reload, then, and no second answer.
        same_answer: bool,
    },
    /// It belongs to another browser or tenant, and still waits for that one.
    Foreign,
    /// Its time is over.
    Expired,
    /// There is none with this state.
    Unknown,
}

/// A pending consent as stores keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedConsent {
    /// A digest of the state; unique. The state itself is not stored.
    pub state: [u8; 32],
    /// A digest of the browser session.
    pub browser: [u8; 32],
    /// Which connection it is for.
    pub key: ConnectionKey,
    /// From when on it is not taken any more.
    pub expires_at: Timestamp,
    /// The rest.
    pub sealed: Sealed,
}

/// What a store is asked to take.
#[derive(Debug, Clone, Copy)]
pub struct Take<'a> {
    /// The digest of the state.
    pub state: &'a [u8; 32],
    /// The digest of the browser session.
    pub browser: &'a [u8; 32],
    /// The tenant, where it is known.
    pub tenant: Option<&'a str>,
    /// The digest of the answer.
    pub answer: &'a [u8; 32],
}

/// A consent's row as a store reads it, to [`decide`] about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredConsent {
    /// Which connection it is for.
    pub key: ConnectionKey,
    /// The digest of the browser session.
    pub browser: [u8; 32],
    /// From when on it is not taken any more.
    pub expires_at: Timestamp,
    /// The rest; `None` once it was taken.
    pub sealed: Option<Sealed>,
    /// The digest of the answer it was taken with.
    pub answer: Option<[u8; 32]>,
    /// How it ended.
    pub outcome: Option<ConsentOutcome>,
}

/// The one rule by which every store answers a take, applied to the row inside the transaction that
/// takes it. On [`Taken::Fresh`] the store marks the row as taken and removes the sealed part.
#[must_use]
pub fn decide(row: Option<StoredConsent>, take: &Take<'_>, now: Timestamp) -> Taken<SealedConsent> {
    let Some(row) = row else { return Taken::Unknown };
    let same_browser = verify_slices_are_equal(&row.browser, take.browser).is_ok();
    // The tenant of a foreign consent is not even confirmed to exist.
    if !same_browser || take.tenant.is_some_and(|tenant| tenant != row.key.tenant()) {
        return Taken::Foreign;
    }
    match row.sealed {
        None => Taken::Again {
            key: row.key,
            outcome: row.outcome,
            same_answer: row.answer.is_some_and(|answer| answer == *take.answer),
        },
        Some(_) if row.expires_at <= now => Taken::Expired,
        Some(sealed) => Taken::Fresh(Box::new(SealedConsent {
            state: *take.state,
            browser: row.browser,
            key: row.key,
            expires_at: row.expires_at,
            sealed,
        })),
    }
}
