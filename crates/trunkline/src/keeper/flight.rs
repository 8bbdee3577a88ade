//! One renewal at a time per connection; everyone else waits for it.

use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use trunkline_core::{Cause, Error};

use super::Why;
use crate::hub::Hub;
use crate::live::{Entry, Live};

/// How long callers wait for a renewal, from its start; the renewal itself goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

type Outcome = Result<Arc<Live>, Error>;

/// A renewal under way.
#[derive(Debug, Clone)]
pub(crate) struct Flight(watch::Receiver<Option<Outcome>>);

impl Flight {
    pub(super) async fn wait(mut self) -> Outcome {
        // No timer here: ten thousand waiters would set as many. The flight says when it is late.
        match self.0.wait_for(Option::is_some).await {
            Ok(outcome) => match &*outcome {
                Some(Ok(live)) => Ok(live.clone()),
                Some(Err(error)) => Err(error.share()),
                None => Err(Error::of(Cause::RefreshOutcomeUnknown)),
            },
            // The task panicked, or the runtime is going down.
            Err(_) => Err(Error::of(Cause::RefreshOutcomeUnknown)),
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
        let mut renewal = pin!(super::run(&hub_, &entry, why));
        let outcome = match tokio::time::timeout(LONGEST_WAIT, renewal.as_mut()).await {
            Ok(outcome) => outcome,
            Err(_) => {
                landed.send_replace(Some(Err(Error::of(Cause::ServiceUnavailable))));
                renewal.await
            }
        };
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
