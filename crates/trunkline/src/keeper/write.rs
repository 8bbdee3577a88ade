//! Writing what must not be lost: until the store has it, or says that somebody else was first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use trunkline_core::{ConnectionId, ConnectionKey, Error};
use trunkline_store::{Change, Commit, Expected, NewBody, NewEvent, Opened, Record};

use super::FIRST_PAUSE;
use super::lease::Hold;
use crate::hub::Hub;

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// The credentials that the services have given and the store does not have yet, sealed.
#[derive(Debug, Default)]
pub(crate) struct Unwritten(Mutex<Numbered>);

#[derive(Debug, Default)]
struct Numbered {
    last: u64,
    changes: HashMap<u64, Change>,
}

impl Unwritten {
    /// Remembers `change` for as long as the answer lives.
    pub(super) fn hold(self: &Arc<Self>, change: Change) -> Holding {
        let mut numbered = self.numbered();
        numbered.last += 1;
        let number = numbered.last;
        numbered.changes.insert(number, change);
        drop(numbered);
        Holding { all: self.clone(), number }
    }

    /// All of them, as they are now.
    pub(crate) fn all(&self) -> Vec<Change> {
        self.numbered().changes.values().cloned().collect()
    }

    fn numbered(&self) -> MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One credential that is not written yet.
pub(super) struct Holding {
    all: Arc<Unwritten>,
    number: u64,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.all.numbered().changes.remove(&self.number);
    }
}

/// Seals and writes, as [`write`] does, what no lease is held for.
pub(crate) async fn persist(
    hub: &Hub,
    expected: Expected,
    record: &Record,
    body: NewBody<'_>,
    events: &[NewEvent],
) -> Result<Commit, Error> {
    let change = hub.vault.seal(expected, None, record, body, events.to_vec())?;
    let _holding = matches!(body, NewBody::Replace(_)).then(|| hub.unwritten.hold(change.clone()));
    Ok(write(hub, &change, None).await)
}

/// Writes until the store takes it or says that something else is stored. A store that fails is tried again,
/// without end; the holder of a lease shows meanwhile that it lives.
pub(super) async fn write(hub: &Hub, change: &Change, hold: Option<&Hold>) -> Commit {
    let store = hub.vault.store();
    let mut pause = FIRST_PAUSE;
    let mut failed = false;
    loop {
        match hub.commit(change).await {
            Ok(Commit::Conflict { generation }) if failed => {
                // An attempt that was reported as failed may have been done.
                match store.get_by_id(change.record.id).await {
                    Ok(stored) => {
                        let done = stored.filter(|stored| is_done(change, stored));
                        return done.map_or(Commit::Conflict { generation }, |stored| Commit::Done {
                            sequence: stored.record.sequence,
                        });
                    }
                    Err(error) => note(change.record.id, &error.into()),
                }
            }
            Ok(commit) => return commit,
            Err(error) => note(change.record.id, &error.into()),
        }
        failed = true;
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE).min(hub.timings.heartbeat());
        // Right before the next try: a session with the store that ended in the pause is found out by this one.
        if let Some(hold) = hold {
            beat(hub, hold).await;
        }
    }
}

/// Shows that the holder lives. A store that cannot be reached shows nothing, and is asked again soon.
pub(super) async fn beat(hub: &Hub, hold: &Hold) {
    let told = hub.vault.store().beat(hold.id, hold.owner, hold.epoch).await;
    tracing::debug!(target: "trunkline", connection = %hold.id, epoch = hold.epoch, ?told, "heartbeat");
}

fn is_done(change: &Change, stored: &trunkline_store::Stored) -> bool {
    let generation = stored.record.generation == change.record.generation;
    let body = match &change.body {
        trunkline_store::Body::Keep => stored.record.status() == change.record.status(),
        trunkline_store::Body::Clear => stored.body.is_none(),
        trunkline_store::Body::Replace(sealed) | trunkline_store::Body::Restore(sealed) => {
            stored.body.as_ref() == Some(sealed)
        }
    };
    generation && body
}

fn note(id: ConnectionId, error: &Error) {
    tracing::error!(target: "trunkline", connection = %id, error = %error, source = ?std::error::Error::source(error), "store failed; what is to be written is kept");
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
                pause = (pause * 2).min(LONGEST_PAUSE).min(hub.timings.heartbeat());
            }
        }
    }
}
