//! What a failed renewal proves.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use trunkline_core::{Cause, Diagnosis, Error, Verdict};
use trunkline_store::{Commit, Expected, Fence, Intent, NewBody, Opened, Record, Settle, Turn};

use super::incident::{Doubt, Weighed};
use super::lease::Hold;
use super::renewal::Failure;
use super::{QUIET_AFTER_FAILURE, Why, adopt, incident, lost, probe, supersede, trouble, write};
use crate::hub::Hub;
use crate::live::{Entry, Live};

/// How often a verdict is put on top of another change of the record.
const RACES: u32 = 5;

/// Concludes from `error` what state the connection is in, stores that, frees the lease, and answers with the
/// error, or with a newer credential if someone renewed meanwhile.
///
/// A grant is dead only when the service said so and the refused credential is still the stored one.
pub(super) async fn conclude(
    hub: &Hub,
    entry: &Entry,
    record: Record,
    hold: Hold,
    error: Error,
    unknown: bool,
    why: Why,
) -> Result<Arc<Live>, Failure> {
    let now = hub.clock.wall();
    let error = error.map_diagnosis(|diagnosis| diagnosis.during("refresh", now));
    let Weighed { error, is_stored } = match unknown {
        true => error.into(),
        false => {
            let doubt = Doubt { is_replay: hold.is_replay, why: Some(why) };
            // The API may be asked, which takes as long as it takes: a holder that was silent would be succeeded.
            living(hub, &hold, incident::weigh(hub, entry, &record, error, doubt)).await
        }
    };
    keep_quiet(hub, entry);
    trouble::remember(hub, record.id, &error, if unknown { hold.attempt() } else { 0 });
    let cause = error.cause();
    tracing::warn!(
        target: "trunkline",
        connector = %record.key.connector(), connection = %record.id, cause = cause.map(Cause::code), unknown,
        "renewal failed"
    );
    let passing = || Some(passing(&error, now));
    let (fence, turn) = match cause.map(Cause::verdict) {
        _ if unknown => (hold.unknown(), passing()),
        Some(Verdict::GrantDead) if hold.is_replay => {
            // Whoever spent it before may still write what it got.
            hold.settle(hub, hold.refused()).await;
            return Err(Failure::ReplayRefused(error));
        }
        Some(Verdict::GrantDead) => (Fence::close(hold.epoch), ended(&error)),
        Some(Verdict::Suspended) => (hold.undone(), ended(&error)),
        Some(Verdict::Transient) if is_stored => (hold.undone(), None),
        Some(Verdict::Transient) => (hold.undone(), passing()),
        // A broken client is the application's, not this connection's.
        _ => (hold.undone(), None),
    };
    match turn {
        // What was said already is not said again, but the lease is freed.
        Some(turn) if record.clone().turn(turn.clone(), now).is_none() => {
            hold.settle(hub, fence).await;
            Err(Failure::Final(error))
        }
        Some(turn @ (Turn::NeedsConsent(_) | Turn::Superseded(_) | Turn::Suspended(_))) => {
            judge(hub, entry, record, Some(fence), turn, error).await.map_err(Failure::Final)
        }
        turn => {
            hold.settle(hub, fence).await;
            if let Some(turn) = turn {
                degrade(hub, &record, turn).await;
            }
            Err(Failure::Final(error))
        }
    }
}

/// Does this while the holder of the lease shows that it lives.
async fn living<T>(hub: &Hub, hold: &Hold, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        match tokio::time::timeout(hub.timings.heartbeat(), work.as_mut()).await {
            Ok(done) => return done,
            Err(_) => write::beat(hub, hold).await,
        }
    }
}

/// What follows when the connector could not learn what it must know about its service: nothing was asked and
/// nothing spent, so whatever the error says, the grant lives.
pub(super) async fn not_ready(hub: &Hub, entry: &Entry, record: &Record, error: Error) -> Error {
    keep_quiet(hub, entry);
    trouble::remember(hub, record.id, &error, 0);
    let cause = error.cause().map(Cause::code);
    tracing::warn!(
        target: "trunkline",
        connector = %record.key.connector(), connection = %record.id, cause, unknown = false, "renewal failed"
    );
    degrade(hub, record, passing(&error, hub.clock.wall())).await;
    error
}

/// Renewal is failing for a reason that may pass.
fn passing(error: &Error, now: Timestamp) -> Turn {
    let unsaid = || Diagnosis::new(Cause::RefreshOutcomeUnknown).during("refresh", now);
    Turn::Degraded(error.diagnosis().cloned().unwrap_or_else(unsaid))
}

/// The token may still serve; only the record says that renewal is failing.
async fn degrade(hub: &Hub, record: &Record, turn: Turn) {
    let stored = mark(hub, record, None, turn).await;
    tracing::debug!(target: "trunkline", connection = %record.id, ?stored, "degraded");
}

/// Renewals in the background leave it alone for a while.
pub(super) fn keep_quiet(hub: &Hub, entry: &Entry) {
    let quiet = hub.clock.coarse().plus(QUIET_AFTER_FAILURE);
    entry.quiet_until.store(quiet.as_millis(), Ordering::Relaxed);
}

/// What an error makes of the connection, where it is about the grant itself.
pub(crate) fn ended(error: &Error) -> Option<Turn> {
    let why = error.diagnosis()?;
    match why.cause().verdict() {
        Verdict::GrantDead if why.cause() == Cause::GrantSuperseded => Some(Turn::Superseded(why.clone())),
        Verdict::GrantDead => Some(Turn::NeedsConsent(why.clone())),
        Verdict::Suspended => Some(Turn::Suspended(why.clone())),
        _ => None,
    }
}

/// The verdict after a refused replay that has stood for long enough. The mark outlives it: whoever holds an
/// answer after all may still write it, and the connection recovers.
pub(super) async fn after_refused_replay(
    hub: &Hub,
    entry: &Entry,
    record: Record,
    error: Error,
) -> Result<Arc<Live>, Error> {
    let doubt = Doubt { is_replay: false, why: None };
    let Weighed { error, .. } = incident::weigh(hub, entry, &record, error, doubt).await;
    if ended(&error).is_none() {
        return Err(error);
    }
    let stays = Settle::LeaveOpen { epoch: Intent::REFUSED };
    let fence = Fence { epoch: Intent::REFUSED, then: stays };
    let why = error.diagnosis().cloned().unwrap_or_else(|| Diagnosis::new(Cause::GrantRevoked));
    judge(hub, entry, record, Some(fence), Turn::NeedsConsent(why), error).await
}

/// What a refusal makes of the connection that was said to a probe, by the judgement of a renewal's.
pub(super) async fn said(hub: &Hub, entry: &Entry, opened: Opened, error: Error) {
    let Some(turn) = ended(&error) else { return };
    // Whoever holds the lease, or may still write an answer, knows more than a probe of what is stored now.
    if opened.lease.owner.is_some() || opened.lease.intent.is_some() {
        return;
    }
    let told = judge(hub, entry, opened.record, None, turn, error).await.map(|live| live.generation);
    tracing::debug!(target: "trunkline", connection = %entry.id, ?told, "probe judged");
}

/// What follows when a new consent has to choose what the service can be asked for: the grant lives, and does not
/// serve before somebody gives the input.
pub(super) async fn lacks_input(hub: &Hub, entry: &Entry, record: Record, error: Error) -> Error {
    let why = error.diagnosis().cloned().unwrap_or_else(|| Diagnosis::new(Cause::InputMissing));
    match judge(hub, entry, record, None, Turn::NeedsConsent(why), error.share()).await {
        Ok(_) => error,
        Err(error) => error,
    }
}

/// Stores a verdict, unless the refused credential is no longer the stored one.
async fn judge(
    hub: &Hub,
    entry: &Entry,
    mut record: Record,
    fence: Option<Fence>,
    turn: Turn,
    error: Error,
) -> Result<Arc<Live>, Error> {
    let error = supersede::explained(hub, entry, &record, error).await;
    let turn = ended(&error).unwrap_or(turn);
    let judged = record.generation;
    for _ in 0..RACES {
        match mark(hub, &record, fence, turn.clone()).await {
            Some(Commit::Done { .. }) => {
                entry.live.store(None);
                return Err(error);
            }
            // There is nothing to change; or the store fails, which is no reason to wait: the next renewal comes
            // to the same conclusion.
            None => {
                release(hub, entry, fence).await;
                return Err(error);
            }
            Some(Commit::Conflict { .. }) => {}
        }
        let Some(opened) = hub.vault.load_by_id(entry.id).await? else { return Err(error) };
        let Opened { record: now, lease, .. } = &opened;
        if now.generation != judged || !now.status().state().serves() {
            // A disconnect, for instance, waits for our lease.
            release(hub, entry, fence).await;
            return adopt(hub, entry, &opened)?.ok_or_else(|| {
                entry.live.store(None);
                lost(now.status())
            });
        }
        if lease.intent.as_ref().map(|intent| intent.epoch) != fence.map(|fence| fence.epoch) {
            // Somebody else is at it: theirs is the verdict.
            return Err(Error::of(Cause::RefreshOutcomeUnknown));
        }
        record = opened.record;
    }
    Err(error)
}

/// Frees the lease without a change.
async fn release(hub: &Hub, entry: &Entry, fence: Option<Fence>) {
    let Some(fence) = fence else { return };
    if let Err(error) = hub.vault.store().settle(entry.id, &fence).await {
        tracing::warn!(target: "trunkline", connection = %entry.id, error = %error, "lease could not be released");
    }
}

/// Stores a change of state for the very record that was read; `None` when the store failed, or when there is
/// nothing to change.
async fn mark(hub: &Hub, record: &Record, under: Option<Fence>, turn: Turn) -> Option<Commit> {
    let mut changed = record.clone();
    let now = hub.clock.wall();
    let event = changed.turn(turn, now)?;
    if !changed.status().state().serves() {
        probe::set_times(hub, &mut changed, now);
    }
    let expected = Expected::unchanged(record);
    let change = hub.vault.seal(expected, under, &changed, NewBody::Keep, vec![event]);
    let stored = match change {
        Ok(change) => hub.commit(&change).await,
        Err(error) => Err(error),
    };
    stored
        .inspect_err(|error| {
            tracing::error!(target: "trunkline", connection = %record.id, error = %error, "state could not be stored");
        })
        .ok()
}
