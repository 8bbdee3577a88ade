//! One renewal at a time per connection; everyone else waits for it.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use trunkline_core::{Cause, Error};

use super::Why;
use crate::hub::Hub;
use crate::live::{Entry, Live};

/// How long a caller waits for a renewal; the renewal itself goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

type Outcome = Result<Arc<Live>, Error>;

/// A renewal under way.
#[derive(Debug, Clone)]
pub(crate) struct Flight(watch::Receiver<Option<Outcome>>);

impl Flight {
    pub(super) async fn wait(mut self) -> Outcome {
        let landed = tokio::time::timeout(LONGEST_WAIT, self.0.wait_for(Option::is_some)).await;
        match landed {
            Ok(Ok(outcome)) => match &*outcome {
                Some(Ok(live)) => Ok(live.clone()),
                Some(Err(error)) => Err(error.share()),
                None => Err(Error::of(Cause::RefreshOutcomeUnknown)),
            },
            // The task panicked, or the runtime is going down.
            Ok(Err(_)) => Err(Error::of(Cause::RefreshOutcomeUnknown)),
            Err(_) => Err(Error::of(Cause::ServiceUnavailable)),
        }
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
    let (landed, flight) = watch::channel(None);
    *current = Some(Flight(flight.clone()));
    drop(current);
    let (hub_, entry) = (hub.clone(), entry.clone());
    hub.spawn(async move {
        // Cleared even if the renewal panics: the next caller then starts a new one.
        let clear = ClearOnDrop(&entry);
        let outcome = super::run(&hub_, &entry, why).await;
        drop(clear);
        landed.send_replace(Some(outcome));
    });
    Flight(flight)
}

struct ClearOnDrop<'a>(&'a Entry);

impl Drop for ClearOnDrop<'_> {
    fn drop(&mut self) {
        *self.0.flight.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
