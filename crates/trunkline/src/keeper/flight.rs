//! One renewal at a time per connection; everyone else waits for it.

use std::pin::pin;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use trunkline_core::{Cause, Error};

use super::{Why, renewal};
use crate::hub::Hub;
use crate::live::{Entry, Live};

/// How long callers wait for a renewal, from its start; the renewal itself goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

type Outcome = Result<Arc<Live>, Error>;

/// A renewal under way.
#[derive(Debug, Clone)]
pub(crate) struct Flight(Arc<Landing>);

#[derive(Debug)]
struct Landing {
    outcome: OnceLock<Outcome>,
    /// Has no permits; closed when the outcome is there, which wakes everyone at once.
    closed: Semaphore,
}

impl Flight {
    pub(super) async fn wait(self) -> Outcome {
        // No timer here: ten thousand waiters would set as many. The flight says when it is late.
        drop(self.0.closed.acquire().await);
        match self.0.outcome.get() {
            Some(Ok(live)) => Ok(live.clone()),
            Some(Err(error)) => Err(error.share()),
            // The task panicked, or the runtime is going down.
            None => Err(Error::of(Cause::RefreshOutcomeUnknown)),
        }
    }

    /// The first outcome stays.
    fn land(&self, outcome: Outcome) {
        drop(self.0.outcome.set(outcome));
        self.0.closed.close();
    }
}

impl Entry {
    pub(crate) fn in_flight(&self) -> bool {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

pub(super) fn join_or_start(hub: &Arc<Hub>, entry: &Arc<Entry>, why: Why) -> Flight {
    let mut current = entry.flight.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(flight) = &*current {
        return flight.clone();
    }
    let landing = Landing { outcome: OnceLock::new(), closed: Semaphore::new(0) };
    let flight = Flight(Arc::new(landing));
    *current = Some(flight.clone());
    drop(current);
    let (hub_, entry) = (hub.clone(), entry.clone());
    let flying = Flying { flight: flight.clone(), entry };
    hub.spawn(async move {
        let mut renewal = pin!(renewal::run(&hub_, &flying.entry, why));
        let outcome = match tokio::time::timeout(LONGEST_WAIT, renewal.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                flying.flight.land(Err(Error::of(Cause::ServiceUnavailable)));
                renewal.await
            }
        };
        flying.clear();
        flying.flight.land(outcome);
    });
    flight
}

/// Ends the flight even if the renewal panics or is never run: its waiters wake, and the next caller
/// starts a new one.
struct Flying {
    flight: Flight,
    entry: Arc<Entry>,
}

impl Flying {
    fn clear(&self) {
        let mut current = self.entry.flight.lock().unwrap_or_else(PoisonError::into_inner);
        // After it was cleared, the next flight may have taken its place.
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(&current.0, &self.flight.0)) {
            *current = None;
        }
    }
}

impl Drop for Flying {
    fn drop(&mut self) {
        self.clear();
        self.flight.0.closed.close();
    }
}
