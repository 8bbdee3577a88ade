//! What a failed renewal proves.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use trunkline_core::{Cause, Diagnosis, Error, Verdict};
use trunkline_store::{
    Commit, EventKind, Expected, Fence, Intent, NewBody, NewEvent, Opened, Record, Settle, State, Status,
};

use super::lease::Hold;
use super::renewal::Failure;
use super::{QUIET_AFTER_FAILURE, adopt, lost, trouble};
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
) -> Result<Arc<Live>, Failure> {
    let now = hub.clock.wall();
    let error = error.map_diagnosis(|diagnosis| diagnosis.during("refresh", now));
    keep_quiet(hub, entry);
    trouble::remember(hub, record.id, &error, if unknown { hold.attempt() } else { 0 });
    let cause = error.cause();
    tracing::warn!(
        target: "trunkline",
        connector = %record.key.connector(), connection = %record.id, cause = cause.map(Cause::code), unknown,
        "renewal failed"
    );
    let (fence, state) = match cause.map(Cause::verdict) {
        _ if unknown => (hold.unknown(), Some(State::Degraded)),
        Some(Verdict::GrantDead) if hold.is_replay => {
            // Whoever spent it before may still write what it got.
            hold.settle(hub, hold.refused()).await;
            return Err(Failure::ReplayRefused(error));
        }
        Some(Verdict::GrantDead) => (Fence::close(hold.epoch), Some(State::NeedsConsent)),
        Some(Verdict::Suspended) => (hold.undone(), Some(State::Suspended)),
        Some(Verdict::Transient) => (hold.undone(), Some(State::Degraded)),
        // A broken client is the application's, not this connection's.
        _ => (hold.undone(), None),
    };
    match state {
        Some(state @ (State::NeedsConsent | State::Suspended)) => {
            judge(hub, entry, record, fence, state, error).await.map_err(Failure::Final)
        }
        state => {
            hold.settle(hub, fence).await;
            if state.is_some() {
                degrade(hub, &record, &error).await;
            }
            Err(Failure::Final(error))
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
    degrade(hub, record, &error).await;
    error
}

/// Renewals in the background leave it alone for a while.
fn keep_quiet(hub: &Hub, entry: &Entry) {
    let quiet = hub.clock.coarse().plus(QUIET_AFTER_FAILURE);
    entry.quiet_until.store(quiet.as_millis(), Ordering::Relaxed);
}

/// The verdict after a refused replay that has stood for long enough. The mark outlives it: whoever holds an
/// answer after all may still write it, and the connection recovers.
pub(super) async fn after_refused_replay(
    hub: &Hub,
    entry: &Entry,
    record: Record,
    error: Error,
) -> Result<Arc<Live>, Error> {
    let stays = Settle::LeaveOpen { epoch: Intent::REFUSED };
    let fence = Fence { epoch: Intent::REFUSED, then: stays };
    judge(hub, entry, record, fence, State::NeedsConsent, error).await
}

/// Stores a verdict, unless the refused credential is no longer the stored one.
async fn judge(
    hub: &Hub,
    entry: &Entry,
    mut record: Record,
    fence: Fence,
    state: State,
    error: Error,
) -> Result<Arc<Live>, Error> {
    let kind = if state == State::Suspended { EventKind::Suspended } else { EventKind::NeedsConsent };
    let judged = record.generation;
    for _ in 0..RACES {
        match mark(hub, &record, Some(fence), state, kind, error.diagnosis()).await {
            Some(Commit::Done { .. }) => {
                entry.live.store(None);
                return Err(error);
            }
            // A store that fails now is no reason to wait: the next renewal comes to the same conclusion.
            None => return Err(error),
            Some(Commit::Conflict { .. }) => {}
        }
        let Some(opened) = hub.vault.load_by_id(entry.id).await? else { return Err(error) };
        let Opened { record: now, lease, .. } = &opened;
        let serves = matches!(now.status.state, State::Active | State::Degraded);
        if now.generation != judged || !serves {
            return adopt(hub, entry, &opened)?.ok_or_else(|| {
                entry.live.store(None);
                lost(&now.status)
            });
        }
        if lease.intent.as_ref().map(|intent| intent.epoch) != Some(fence.epoch) {
            // Somebody else is at it: theirs is the verdict.
            return Err(Error::of(Cause::RefreshOutcomeUnknown));
        }
        record = opened.record;
    }
    Err(error)
}

/// The token may still serve; only the record says that renewal is failing.
async fn degrade(hub: &Hub, record: &Record, error: &Error) {
    if record.status.state == State::Active {
        let stored = mark(hub, record, None, State::Degraded, EventKind::Degraded, error.diagnosis()).await;
        tracing::debug!(target: "trunkline", connection = %record.id, ?stored, "degraded");
    }
}

/// Stores a change of state for the very record that was read; `None` when the store failed.
async fn mark(
    hub: &Hub,
    record: &Record,
    under: Option<Fence>,
    state: State,
    kind: EventKind,
    why: Option<&Diagnosis>,
) -> Option<Commit> {
    let now = hub.clock.wall();
    let mut changed = record.clone();
    changed.status = Status { state, since: now, diagnosis: why.cloned() };
    if matches!(state, State::NeedsConsent | State::Suspended) {
        changed.due_at = None;
    }
    let event = NewEvent { kind, at: now, detail: why.cloned() };
    let expected = Expected::unchanged(record);
    let change = hub.vault.seal(expected, under, &changed, NewBody::Keep, vec![event]);
    let stored = match change {
        Ok(change) => hub.vault.store().commit(&change).await,
        Err(error) => Err(error),
    };
    stored
        .inspect_err(|error| {
            tracing::error!(target: "trunkline", connection = %record.id, error = %error, "state could not be stored");
        })
        .ok()
}
