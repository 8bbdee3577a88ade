//! Renewal: one flight per connection, stored before it is used.
//!
//! A flight runs in the hub's own tasks, so that a caller who goes away cancels nothing. It reads
//! the record anew, asks the service once, stores the answer by compare-and-swap on the generation,
//! and only then publishes it. In this version the flight is single within one process; the record
//! carries the lease and intent columns for the protocol between processes.

mod flight;
mod verdict;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use trunkline_core::{AuthProvider, Cause, ConnectionKey, Diagnosis, Error, Held};
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, Opened, Record, State, Status};

use crate::hub::Hub;
use crate::live::{Entry, Live, Look};

pub(crate) use flight::Flight;

/// A forced renewal happens at most once in this time per connection: a token that is rejected
/// again so soon was not too old, and renewing it again would not help.
const FORCED_PAUSE: Duration = Duration::from_secs(60);
/// After a failed renewal in the background, how long the token that still serves is left alone.
const QUIET_AFTER_FAILURE: Duration = Duration::from_secs(30);
/// How often a write that failed is tried again, and how long the pauses between may grow.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why a token is renewed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its time is over, or soon will be.
    Expired,
    /// The service rejected the token of this generation.
    Rejected { generation: u64 },
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
    flight::join_or_start(hub, entry, why).wait().await
}

/// For a token that is rejected so soon after a forced renewal: what the store knows, or the truth.
async fn not_again(hub: &Hub, entry: &Entry, generation: u64) -> Result<Arc<Live>, Error> {
    if let Some(opened) = hub.vault.load_by_id(entry.id).await? {
        if opened.record.generation > generation
            && let Some(live) = adopt(hub, entry, &opened)?
        {
            return Ok(live);
        }
        if !matches!(opened.record.status.state, State::Active | State::Degraded) {
            entry.live.store(None);
            return Err(lost(&opened.record.status));
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

/// Takes what the store holds into memory, if it serves; without asking the service.
pub(crate) fn adopt(hub: &Hub, entry: &Entry, opened: &Opened) -> Result<Option<Arc<Live>>, Error> {
    let serves = matches!(opened.record.status.state, State::Active | State::Degraded);
    let Some(held) = opened.held.as_ref().filter(|_| serves) else { return Ok(None) };
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

/// One renewal, from the re-read to the publication.
async fn run(hub: &Hub, entry: &Entry, why: Why) -> Result<Arc<Live>, Error> {
    let opened = hub.vault.load_by_id(entry.id).await?;
    let Some(opened) = opened else {
        entry.live.store(None);
        return Err(Error::of(Cause::ConsentMissing));
    };
    if !matches!(opened.record.status.state, State::Active | State::Degraded) {
        entry.live.store(None);
        return Err(lost(&opened.record.status));
    }
    let rejected = match why {
        Why::Expired => None,
        Why::Rejected { generation } => Some(generation),
    };
    if rejected.is_none_or(|generation| opened.record.generation > generation)
        && let Some(live) = adopt(hub, entry, &opened)?
        && live.look(&*hub.clock) == Look::Serves
    {
        return Ok(live);
    }
    let Opened { record, held, .. } = opened;
    let held = held.ok_or_else(|| Error::of(Cause::ConsentMissing))?;
    let auth = entry.mounted.auth(Some(&record.method))?;
    tracing::debug!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, generation = record.generation, "renewal started");
    match auth.refresh(&hub.token_cx(&entry.mounted), &held).await {
        Ok(grant) => {
            let mut captures = held.captures;
            for (name, value) in grant.captures.iter() {
                captures.insert(name, value);
            }
            let renewed = Held { credential: grant.credential, captures, inputs: held.inputs };
            commit_renewed(hub, entry, record, &renewed, auth).await
        }
        Err(error) => verdict::conclude(hub, entry, record, error).await,
    }
}

/// Stores a renewed credential and publishes it. Once the service has answered, this is the only
/// copy of a refresh token that may be the only live one: it is kept until a write succeeds.
async fn commit_renewed(
    hub: &Hub,
    entry: &Entry,
    before: Record,
    held: &Held,
    auth: Arc<dyn AuthProvider>,
) -> Result<Arc<Live>, Error> {
    let now = hub.clock.wall();
    let expected = before.generation;
    let recovered = before.status.state == State::Degraded;
    let mut record = before;
    record.generation = expected + 1;
    record.credential_at = Some(now);
    record.access_expires_at = held.credential.access_expires_at;
    let mut events = Vec::new();
    if recovered {
        record.status = Status { state: State::Active, since: now, diagnosis: None };
        events.push(NewEvent { kind: EventKind::Recovered, at: now, detail: None });
    }
    let committed =
        persist(hub, Expected::Generation(expected), &record, NewBody::Replace(held), &events).await;
    match committed {
        Commit::Done { .. } => {
            tracing::info!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, generation = record.generation, "token renewed");
            let live = Live::new(held, record.generation, entry.id, &entry.mounted, auth, &*hub.clock)?;
            live.look(&*hub.clock);
            Ok(publish(entry, live))
        }
        // Someone replaced or ended the grant meanwhile: theirs counts, and ours is not revoked,
        // since it may be of the same grant.
        Commit::Conflict { .. } => {
            tracing::warn!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, "renewal overtaken");
            let Some(opened) = hub.vault.load_by_id(entry.id).await? else {
                return Err(Error::of(Cause::ConsentMissing));
            };
            adopt(hub, entry, &opened)?.ok_or_else(|| {
                entry.live.store(None);
                lost(&opened.record.status)
            })
        }
    }
}

/// Writes until the store takes it or says that someone else was first. Losing what is to be written
/// would lose a grant, so a store that fails is tried again, without end.
pub(crate) async fn persist(
    hub: &Hub,
    expected: Expected,
    record: &Record,
    body: NewBody<'_>,
    events: &[NewEvent],
) -> Commit {
    let mut pause = FIRST_PAUSE;
    loop {
        match hub.vault.commit(expected, record, body, events.to_vec()).await {
            Ok(commit) => return commit,
            Err(error) => {
                tracing::error!(target: "trunkline", connection = %record.id, error = %error, "store failed; the credential is kept and written again");
                // An attempt that failed after it took effect shows as our own generation.
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Reads until the store answers, while a grant is in hand that would be lost otherwise.
pub(crate) async fn reload(hub: &Hub, key: &ConnectionKey) -> Option<Opened> {
    let mut pause = FIRST_PAUSE;
    loop {
        match hub.vault.load(key).await {
            Ok(opened) => return opened,
            Err(error) => {
                tracing::error!(target: "trunkline", error = %error, "store failed; the grant is kept");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// The error for a connection whose state says that it cannot serve.
pub(crate) fn lost(status: &Status) -> Error {
    status.diagnosis.clone().unwrap_or_else(|| Diagnosis::new(Cause::Disconnected)).into()
}
