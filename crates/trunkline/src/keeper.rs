//! Renewal: one at a time per connection among all processes, stored before it is used.
//!
//! `docs/how-a-grant-is-kept.md` states the protocol. A flight (`flight`) runs in the hub's own tasks, so
//! that a caller who goes away cancels nothing. It looks at the row and gets the lease (`renewal`,
//! `lease`), asks the service once (`one_request`), stores the answer and only then publishes it
//! (`commit`, `write`), or concludes what a failure proves (`verdict`): by itself, and together with how others
//! fare (`client`, `breaker`, `incident`) and what the API says (`witness`, `api`).
//!
//! A grant that lacks captures which only a request brings is asked for them first (`captures`).
//!
//! What nobody uses is renewed before it ends (`upkeep`, `due`, `deadline`), and looked at before a revocation
//! goes unnoticed for too long (`probe`, `look`); a refusal that a newer consent explains names it (`supersede`).

mod api;
pub(crate) mod breaker;
pub(crate) mod captures;
pub(crate) mod client;
mod commit;
pub(crate) mod deadline;
pub(crate) mod due;
mod flight;
mod incident;
pub(crate) mod journal;
mod learned;
pub(crate) mod lease;
mod look;
mod one_request;
pub(crate) mod probe;
mod recent;
mod renewal;
pub(crate) mod supersede;
mod timings;
pub(crate) mod told;
pub(crate) mod trouble;
pub(crate) mod upkeep;
mod verdict;
mod watch;
mod witness;
mod write;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Cause, Diagnosis, Error};
use trunkline_store::{Opened, Status};

use crate::hub::Hub;
use crate::live::{Entry, Live, Look};

pub use breaker::BrokenClient;
pub(crate) use client::{Client, Clients};
pub(crate) use flight::Flight;
pub use incident::{Incident, Incidents};
pub use probe::Probes;
pub(crate) use recent::Recent;
pub use timings::Timings;
pub(crate) use trouble::Troubles;
pub use upkeep::Upkeep;
pub(crate) use verdict::ended;
pub(crate) use witness::Witnesses;
pub(crate) use write::{Unwritten, persist, reload};

/// A forced renewal happens at most once in this time per connection: a token that is rejected
/// again so soon was not too old, and renewing it again would not help.
const FORCED_PAUSE: Duration = Duration::from_secs(60);
/// After a failed renewal in the background, how long the token that still serves is left alone.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(30);
/// The pause before what the store failed to do is tried again for the first time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// Why a token is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its time is over, or soon will be.
    Expired,
    /// The service rejected the token of this generation.
    Rejected { generation: u64 },
    /// The service said by itself that something happened to the grant, while it was of this generation, or what
    /// suspended it may be over. Unlike the others, this reason holds where the grant is thought to be lost or
    /// suspended too.
    Told { generation: u64 },
    /// Nobody uses the grant, and its access token of this generation is over before it is looked at again: renewed
    /// while that token serves, so that the API can still be asked what a refusal is worth.
    Ahead { generation: u64 },
    /// Nobody uses the grant, and it ends of disuse; it was claimed until then.
    Due { until: Timestamp },
}

impl Why {
    /// The generation that is to be replaced, whether or not it serves; `None` where whatever serves will do.
    fn generation(self) -> Option<u64> {
        match self {
            Self::Rejected { generation } | Self::Told { generation } | Self::Ahead { generation } => {
                Some(generation)
            }
            Self::Expired | Self::Due { .. } => None,
        }
    }
}

/// Renews, or joins the renewal under way, and answers with what serves afterwards.
///
/// Dropping the future cancels nothing but the waiting.
pub(crate) async fn renew(hub: &Arc<Hub>, entry: &Arc<Entry>, why: Why) -> Result<Arc<Live>, Error> {
    if let Why::Rejected { generation } = why {
        if let Some(live) = entry.live.load_full().filter(|live| live.generation > generation) {
            return Ok(live);
        }
        let now = hub.clock.coarse();
        let last = entry.forced_at.load(Ordering::Acquire);
        let soon = last != 0 && now.since(trunkline_core::Ticks::from_millis(last)) < FORCED_PAUSE;
        if soon && !entry.in_flight() {
            return not_again(hub, entry, generation).await;
        }
        entry.forced_at.store(now.as_millis().max(1), Ordering::Release);
    }
    let live = flight::join_or_start(hub, entry, why).wait().await?;
    match why.generation() {
        // The flight was under way for another reason, and brought what is to be renewed.
        Some(generation) if live.generation <= generation => {
            flight::join_or_start(hub, entry, why).wait().await
        }
        _ => Ok(live),
    }
}

/// For a token that is rejected so soon after a forced renewal: what the store knows, or the truth.
async fn not_again(hub: &Hub, entry: &Entry, generation: u64) -> Result<Arc<Live>, Error> {
    if let Some(opened) = hub.vault.load_by_id(entry.id).await? {
        if opened.record.generation > generation
            && let Some(live) = adopt(hub, entry, &opened)?
        {
            return Ok(live);
        }
        if !opened.record.status().state().serves() {
            entry.live.store(None);
            return Err(lost(opened.record.status()));
        }
    }
    let rejected = Diagnosis::new(Cause::AccessTokenRejected);
    Err(rejected.message("rejected again within a minute of a renewal").into())
}

/// Starts a renewal in the background, unless one is under way or failed just now.
pub(crate) fn renew_behind(hub: &Arc<Hub>, entry: &Arc<Entry>) {
    if hub.clock.coarse().as_millis() >= entry.quiet_until.load(Ordering::Relaxed) {
        drop(flight::join_or_start(hub, entry, Why::Expired));
    }
}

/// Takes what the store holds into memory, if it serves; without asking the service. What lacks captures does not
/// serve yet.
pub(crate) fn adopt(hub: &Hub, entry: &Entry, opened: &Opened) -> Result<Option<Arc<Live>>, Error> {
    let serves = opened.record.status().state().serves();
    let Some(held) = opened.held.as_ref().filter(|_| serves) else { return Ok(None) };
    if told::is_dropped(&opened.record, held, hub.clock.wall()) {
        entry.live.rcu(|live| live.clone().filter(|live| live.generation > opened.record.generation));
        return Ok(None);
    }
    if captures::missing(&entry.mounted, held)?.is_some() {
        return Ok(None);
    }
    // What is in memory already knows its deadline on the ticks too: made anew, it would be prolonged by as
    // much as the wall clock was set back.
    if let Some(live) = entry.live.load_full().filter(|live| live.is_of(&opened.record, held)) {
        return Ok((live.look(&*hub.clock) != Look::Over).then_some(live));
    }
    let auth = entry.mounted.auth(Some(&opened.record.method))?;
    let live = Live::new(held, opened.record.generation, entry.id, &entry.mounted, auth, &*hub.clock)?;
    if live.look(&*hub.clock) == Look::Over {
        return Ok(None);
    }
    Ok(Some(publish(entry, live)))
}

/// Makes a stored credential visible, unless memory has a newer one already.
pub(crate) fn publish(entry: &Entry, live: Live) -> Arc<Live> {
    let live = Arc::new(live);
    entry.live.rcu(|current| match current {
        Some(current) if current.generation > live.generation => Some(current.clone()),
        _ => Some(live.clone()),
    });
    entry.live.load_full().unwrap_or(live)
}

/// The error for a connection whose state says that it cannot serve.
pub(crate) fn lost(status: &Status) -> Error {
    status.diagnosis().cloned().unwrap_or_else(|| Diagnosis::new(Cause::Disconnected)).into()
}
