//! One renewal, from the look at the row to the stored credential.

use std::sync::Arc;

use jiff::Timestamp;
use trunkline_core::{AuthProvider, Cause, Cx, Error, Grant, Held, Reuse, Secret, Verdict};
use trunkline_store::{Intent, Opened, State};

use super::captures::Fetched;
use super::lease::{Hold, Replay, Taker, Try};
use super::one_request::OneRequest;
use super::{Why, adopt, captures, client, commit, incident, learned, lost, recent, trouble, verdict};
use crate::events;
use crate::hub::Hub;
use crate::live::{Entry, Live, Look};

/// How often a lease is asked for again when the store fails, within one renewal.
const STORE_TRIES: u32 = 3;

/// Renews, unless somebody else has: at the end memory holds what serves.
pub(super) async fn run(hub: &Arc<Hub>, entry: &Entry, why: Why) -> Result<Arc<Live>, Error> {
    let mut taker = Taker::new(hub)?;
    let outcome = run_with(&mut taker, hub, entry, why).await;
    taker.give_up(hub, entry.id).await;
    outcome
}

async fn run_with(taker: &mut Taker, hub: &Arc<Hub>, entry: &Entry, why: Why) -> Result<Arc<Live>, Error> {
    let mut failures = 0;
    let mut refusal = None;
    let mut admitted = false;
    let mut rejected = false;
    loop {
        let Some(opened) = hub.vault.load_by_id(entry.id).await? else {
            entry.live.store(None);
            return Err(Error::of(Cause::ConsentMissing));
        };
        if recent::restore(hub, entry, &opened).await? {
            continue;
        }
        let state = opened.record.status().state();
        let told = matches!(why, Why::Told { .. }) && state != State::Disconnected;
        if !state.serves() && !told {
            entry.live.store(None);
            return Err(lost(opened.record.status()));
        }
        // Before it is renewed: what the token that serves can tell is not put off to its end.
        match captures::fetch(hub, entry, &opened, why, !rejected).await? {
            Fetched::Nothing => {}
            Fetched::Stored => continue,
            Fetched::Rejected => rejected = true,
        }
        if let Some(live) = served(hub, entry, why, &opened)? {
            return Ok(live);
        }
        trouble::pause(hub, entry.id, why)?;
        let auth = entry.mounted.auth(Some(&opened.record.method))?;
        let held = opened.held.clone().ok_or_else(|| Error::of(Cause::ConsentMissing))?;
        // Before the lease: the time between the lease and the one request is counted.
        if let Err(error) = hub.ready(&entry.mounted).await {
            return Err(verdict::not_ready(hub, entry, &opened.record, error).await);
        }
        if !admitted {
            client::admit(hub, entry, &client::Client::of(&entry.mounted, &*auth)).await?;
            admitted = true;
        }
        let serves = still_serves(hub, entry, why, &opened)?;
        let spent = held.credential.refresh_token.clone().unwrap_or_else(|| Secret::new(""));
        let replay = |intent: &Intent| replay(hub, &*auth, intent, serves);
        match taker.attempt(hub, &opened, &spent, replay).await {
            Ok(Try::Held(hold)) => match spend(hub, entry, why, opened.record, held, auth, hold).await {
                Err(Failure::ReplayRefused(error)) => refusal = Some(error),
                Err(Failure::Final(error)) => return Err(error),
                Ok(Some(live)) => return Ok(live),
                Ok(None) => {}
            },
            Ok(Try::Refused) => {
                if refusal.is_none() && incident::is_unbelieved(hub, &entry.mounted, &opened.record).await? {
                    taker.ask_again();
                    continue;
                }
                // Another process was refused, if it was not this one.
                let error = refusal.take().unwrap_or_else(|| Error::of(Cause::GrantRevoked));
                return verdict::after_refused_replay(hub, entry, opened.record, error).await;
            }
            Ok(Try::Wait(pause)) => tokio::time::sleep(pause).await,
            Ok(Try::Changed) => {}
            // The token serves, and renewing it now could end it: the next look comes when it is over.
            Ok(Try::Spent) => return Err(Error::of(Cause::RefreshOutcomeUnknown)),
            Err(error) if failures < STORE_TRIES => {
                failures += 1;
                tracing::warn!(target: "trunkline", connection = %entry.id, error = %error, "lease could not be asked for");
                tokio::time::sleep(super::FIRST_PAUSE * failures).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// What the store holds, if it answers why this renewal was begun.
fn served(hub: &Hub, entry: &Entry, why: Why, opened: &Opened) -> Result<Option<Arc<Live>>, Error> {
    let wanted = match (why, why.generation()) {
        (_, Some(generation)) => opened.record.generation > generation,
        // Whoever renewed meanwhile has set another time.
        (Why::Due { until }, _) => {
            opened.record.due_at.map(Timestamp::as_microsecond) != Some(until.as_microsecond())
        }
        _ => true,
    };
    if !wanted {
        return Ok(None);
    }
    let known = entry.live.load().as_ref().map(|live| live.generation);
    let live = adopt(hub, entry, opened)?;
    // What is news here ends the waiting, even where it is to be renewed soon: the next read begins that.
    let is_news = known != Some(opened.record.generation) || matches!(why, Why::Due { .. });
    Ok(live.filter(|live| is_news || live.look(&*hub.clock) == Look::Serves))
}

/// Whether the stored access token still serves, as far as is known here.
fn still_serves(hub: &Hub, entry: &Entry, why: Why, opened: &Opened) -> Result<bool, Error> {
    let rejected = matches!(why, Why::Rejected { generation } | Why::Told { generation } if generation >= opened.record.generation);
    Ok(!rejected && adopt(hub, entry, opened)?.is_some())
}

/// Whether what may have been spent may be spent again, by the service's policy and the intent's age.
fn replay(hub: &Hub, auth: &dyn AuthProvider, intent: &Intent, serves: bool) -> Replay {
    let in_window = match auth.policy().reuse {
        _ if intent.is_refused() => true,
        Reuse::RejectSoft => return Replay::AtOnce,
        // Once: a second replay would spend a token that lies two back.
        Reuse::Grace { window } if intent.attempt == 1 => {
            intent.age.is_some_and(|age| age + hub.timings.request_deadline <= window / 2)
        }
        _ => false,
    };
    // Elsewhere a replay may end the whole grant, and with it the token that still serves.
    if in_window || !serves { Replay::AfterGrace } else { Replay::NotYet }
}

/// Spends the credential: one request, and what follows from its answer. `None` where the new credential lacks
/// captures.
async fn spend(
    hub: &Arc<Hub>,
    entry: &Entry,
    why: Why,
    record: trunkline_store::Record,
    held: Held,
    auth: Arc<dyn AuthProvider>,
    hold: Hold,
) -> Result<Option<Arc<Live>>, Failure> {
    tracing::debug!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, generation = record.generation, epoch = hold.epoch, replay = hold.is_replay, "renewal started");
    match ask(hub, entry, &held, &*auth, &hold).await {
        Outcome::Granted(grant) => {
            let captures = captures::renewed(&entry.mounted, &held.captures, &grant.captures);
            let credential = learned::lifetime(grant.credential, &held.credential, why, hub.clock.wall());
            let credential = learned::end(credential, &held.credential);
            let before = held.credential.scopes.unwrap_or_default();
            let narrowed = events::narrowed(&record.key, &before, &credential, hub.clock.wall());
            let renewed = Held { credential, captures, inputs: held.inputs };
            let client = client::Client::of(&entry.mounted, &*auth);
            let counting = incident::counting(&record);
            let stored = commit::renewed(hub, entry, record, &renewed, narrowed, auth, &hold).await;
            // Whatever became of the credential, the service served.
            client::served(hub, client, entry.names().tenant, Some(counting));
            stored.map_err(Failure::Final)
        }
        Outcome::Failed { error, unknown } => {
            verdict::conclude(hub, entry, record, hold, error, unknown, why).await.map(Some)
        }
    }
}

/// How a renewal failed.
pub(super) enum Failure {
    /// This is the end of it.
    Final(Error),
    /// A replay was refused, which is no verdict yet.
    ReplayRefused(Error),
}

enum Outcome {
    Granted(Box<Grant>),
    Failed {
        error: Error,
        /// Whether the credential may have been spent.
        unknown: bool,
    },
}

/// The one request. What takes too long has an unknown outcome.
async fn ask(hub: &Hub, entry: &Entry, held: &Held, auth: &dyn AuthProvider, hold: &Hold) -> Outcome {
    let slack = hub.timings.lease_slack;
    let network = OneRequest::new(hub.token_transport.clone(), hub.clock.clone(), hold.since, slack);
    let cx = Cx::new(entry.mounted.name.as_str(), network.clone(), hub.clock.clone());
    let error = match tokio::time::timeout(hub.timings.request_deadline, auth.refresh(&cx, held)).await {
        Ok(Ok(grant)) => return Outcome::Granted(Box::new(grant)),
        Ok(Err(error)) => error,
        Err(_) => Error::of(Cause::RefreshOutcomeUnknown),
    };
    // An error without a diagnosis proves nothing, unless nothing was sent.
    let unsaid = error.cause().is_none_or(|cause| cause.verdict() == Verdict::OutcomeUnknown);
    Outcome::Failed { unknown: unsaid && network.was_used(), error }
}
