//! The credentials that were stored last, sealed as they were: a database that goes back to an older state, by a
//! failover that lost its last commits, gets them back.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use trunkline_core::{ConnectionId, Error, Ticks};
use trunkline_store::{Body, Change, Expected, Opened};

use crate::hub::Hub;
use crate::live::Entry;

/// How many are kept, and how long: a failover loses seconds.
const MOST: usize = 1_024;
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// The last changes that stored a credential.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<(Ticks, Change)>>);

impl Recent {
    pub(super) fn keep(&self, now: Ticks, change: Change) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while kept.len() >= MOST || kept.front().is_some_and(|(at, _)| now.since(*at) > LONGEST) {
            kept.pop_front();
        }
        kept.push_back((now, change));
    }

    fn newest(&self, id: ConnectionId) -> Option<Change> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|(_, change)| change.record.id == id).map(|(_, change)| change.clone())
    }
}

/// Writes a credential back that is newer than the stored one. Answers whether the row is to be read again.
pub(super) async fn restore(hub: &Hub, entry: &Entry, opened: &Opened) -> Result<bool, Error> {
    let stored = opened.record.generation;
    let Some(served) = entry.live.load().as_ref().map(|live| live.generation) else { return Ok(false) };
    if served <= stored {
        return Ok(false);
    }
    let kept = hub.recent.newest(entry.id).filter(|change| change.record.generation > stored);
    let Some(change) = kept.as_ref().and_then(|change| restoring(change, Expected::Generation(stored)))
    else {
        tracing::error!(target: "trunkline", connection = %entry.id, stored, served, "the store went back, and the newer credential is not kept here");
        return Ok(false);
    };
    let done = hub.commit(&change).await?;
    tracing::warn!(target: "trunkline", connection = %entry.id, stored, served, ?done, "the store went back; the newer credential was written again");
    Ok(true)
}

/// The change that puts the same credential over an older one.
pub(super) fn restoring(change: &Change, expected: Expected) -> Option<Change> {
    let (Body::Replace(sealed) | Body::Restore(sealed)) = &change.body else { return None };
    Some(Change {
        expected,
        under: None,
        record: change.record.clone(),
        body: Body::Restore(sealed.clone()),
        events: Vec::new(),
    })
}
