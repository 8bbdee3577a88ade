//! What a failed renewal proves.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use trunkline_core::{Diagnosis, Error, Verdict};
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, Record, State, Status};

use super::{QUIET_AFTER_FAILURE, adopt};
use crate::hub::Hub;
use crate::live::{Entry, Live};

/// Concludes from `error` what state the connection is in, stores that, and answers with the error,
/// or with a newer credential if someone renewed meanwhile.
///
/// A grant is dead only when the service said so and the refused credential is still the stored one.
pub(super) async fn conclude(
    hub: &Hub,
    entry: &Entry,
    record: Record,
    error: Error,
) -> Result<Arc<Live>, Error> {
    let now = hub.clock.wall();
    let error = error.map_diagnosis(|diagnosis| diagnosis.during("refresh", now));
    let quiet = hub.clock.coarse().plus(QUIET_AFTER_FAILURE);
    entry.quiet_until.store(quiet.as_millis(), Ordering::Relaxed);
    let Some(diagnosis) = error.diagnosis().cloned() else { return Err(error) };
    tracing::warn!(
        target: "trunkline",
        connector = %record.key.connector(), connection = %record.id, cause = %diagnosis.cause(),
        "renewal failed"
    );
    match diagnosis.cause().verdict() {
        Verdict::GrantDead => settle(hub, entry, record, State::NeedsConsent, diagnosis, error).await,
        Verdict::Suspended => settle(hub, entry, record, State::Suspended, diagnosis, error).await,
        Verdict::Transient | Verdict::OutcomeUnknown if record.status.state == State::Active => {
            // The token may still serve; only the record says that renewal is failing.
            mark(hub, &record, State::Degraded, EventKind::Degraded, diagnosis).await;
            Err(error)
        }
        // A broken client is the application's, not this connection's.
        _ => Err(error),
    }
}

async fn settle(
    hub: &Hub,
    entry: &Entry,
    record: Record,
    state: State,
    diagnosis: Diagnosis,
    error: Error,
) -> Result<Arc<Live>, Error> {
    let kind = if state == State::Suspended { EventKind::Suspended } else { EventKind::NeedsConsent };
    if mark(hub, &record, state, kind, diagnosis).await {
        entry.live.store(None);
        return Err(error);
    }
    // The refused credential is no longer the stored one: no verdict about the newer.
    match hub.vault.load_by_id(entry.id).await? {
        Some(opened) => match adopt(hub, entry, &opened)? {
            Some(live) => Ok(live),
            None => Err(error),
        },
        None => Err(error),
    }
}

/// Stores a change of state for the very credential that `record` describes. Answers whether it
/// still was the stored one. A store that fails now is no reason to wait: the next renewal will come
/// to the same conclusion.
async fn mark(hub: &Hub, record: &Record, state: State, kind: EventKind, diagnosis: Diagnosis) -> bool {
    let now = hub.clock.wall();
    let mut changed = record.clone();
    changed.status = Status { state, since: now, diagnosis: Some(diagnosis.clone()) };
    let event = NewEvent { kind, at: now, detail: Some(diagnosis) };
    let expected = Expected::Generation(record.generation);
    match hub.vault.commit(expected, &changed, NewBody::Keep, vec![event]).await {
        Ok(Commit::Done { .. }) => true,
        Ok(Commit::Conflict { .. }) => false,
        Err(error) => {
            tracing::error!(target: "trunkline", connection = %record.id, error = %error, "state could not be stored");
            true
        }
    }
}
