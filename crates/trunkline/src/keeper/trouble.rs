//! Connections whose renewal is failing: how long they are left alone.
//!
//! Kept beside the connections, since few are ever in trouble, and gone with the first success.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trunkline_core::{ConnectionId, Error, Retry, Ticks};

use super::Why;
use crate::hub::Hub;

/// The longest pause that a service is granted before it is asked again: one that says a day may have
/// recovered in a minute.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// After an outcome that was unknown twice; doubled each time.
const FIRST_REPLAY_PAUSE: Duration = Duration::from_secs(60);

/// The connections in trouble.
#[derive(Debug, Default)]
pub(crate) struct Troubles(Mutex<HashMap<ConnectionId, Trouble>>);

#[derive(Debug)]
struct Trouble {
    until: Ticks,
    error: Error,
}

/// Answers with the error of the last attempt while the service is to be left alone.
pub(super) fn pause(hub: &Hub, id: ConnectionId, why: Why) -> Result<(), Error> {
    let troubles = hub.troubles.0.lock().unwrap_or_else(PoisonError::into_inner);
    match troubles.get(&id) {
        Some(trouble) if hub.clock.coarse() < trouble.until => {
            tracing::debug!(target: "trunkline", connection = %id, ?why, "renewal left for later");
            let left = trouble.until.since(hub.clock.coarse());
            Err(trouble.error.share().map_diagnosis(|diagnosis| diagnosis.retry_after(left)))
        }
        _ => Ok(()),
    }
}

/// Remembers a failure that asks for a pause: one the service named, or one after a credential was spent
/// `attempt` times with an unknown outcome.
pub(super) fn remember(hub: &Hub, id: ConnectionId, error: &Error, attempt: u32) {
    let told = error.diagnosis().and_then(|diagnosis| match diagnosis.retry() {
        told @ Retry::After { after_s } if told != diagnosis.cause().retry() => {
            Some(Duration::from_secs(after_s))
        }
        _ => None,
    });
    let doubled = attempt.checked_sub(2).map(|times| FIRST_REPLAY_PAUSE * 2_u32.saturating_pow(times.min(8)));
    if let Some(pause) = told.max(doubled) {
        leave_alone(hub, id, error, pause);
    }
}

/// Remembers an error for as long as this.
pub(super) fn leave_alone(hub: &Hub, id: ConnectionId, error: &Error, pause: Duration) {
    let until = hub.clock.coarse().plus(pause.min(LONGEST));
    let mut troubles = hub.troubles.0.lock().unwrap_or_else(PoisonError::into_inner);
    troubles.insert(id, Trouble { until, error: error.share() });
}

/// Any success ends the trouble.
pub(crate) fn over(hub: &Hub, id: ConnectionId) {
    hub.troubles.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}
