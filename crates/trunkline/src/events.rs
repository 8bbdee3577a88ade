//! What happened to all connections, as a stream that survives restarts.

mod cursor;
mod narrowed;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use trunkline_core::{ConnectionId, Diagnosis, Error, ErrorKind};
use trunkline_store::{Change, Commit, EventKind, Feed, Placed, StoreError};

pub use self::cursor::Cursor;
use self::cursor::Start;
pub(crate) use self::narrowed::narrowed;
use crate::hub::{Hub, Trunkline};

/// How many events are in memory at a time.
const PAGE: u32 = 100;

/// What happened to a connection. It holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The connection's id and the number of the event there, as in `6f…1c-3`. An event that comes twice has the
    /// same.
    pub id: String,
    /// Where to go on after this one.
    pub cursor: Cursor,
    /// To what it happened.
    pub connection: ConnectionId,
    /// The tenant of the connection.
    pub tenant: String,
    /// Its connector.
    pub connector: String,
    /// Its label.
    pub label: String,
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub diagnosis: Option<Diagnosis>,
}

impl From<Placed> for Event {
    fn from(placed: Placed) -> Self {
        let Placed { position, key, event } = placed;
        Self {
            id: format!("{}-{}", event.connection, event.sequence),
            cursor: Cursor::after(position),
            connection: event.connection,
            tenant: key.tenant().to_owned(),
            connector: key.connector().to_owned(),
            label: key.label().to_owned(),
            kind: event.kind,
            at: event.at,
            diagnosis: event.detail,
        }
    }
}

impl Trunkline {
    /// The events of all connections from a cursor on, of whatever process, and then those that come. Those of a
    /// connection are in the order in which they happened. A failure of the store is an item, and the stream goes
    /// on after a pause; a cursor that cannot be followed is the last item. It ends when the hub is shut down.
    ///
    /// Each event is there at least once: whoever has dealt with one keeps its [`cursor`](Event::cursor), and goes
    /// on from there after a restart. Its [`id`](Event::id) tells whether it was dealt with before.
    ///
    /// [`Cursor::NEWEST`] is where the stream stands when it is first polled. Nothing is read ahead beyond a page
    /// of 100.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`] when the store cannot be read; [`ErrorKind::InvalidInput`] when events after the
    /// cursor were purged, or the store went back to a state before it.
    ///
    /// # Cancel safety
    ///
    /// An item that is waited for and dropped is the next one.
    #[must_use = "a stream does nothing unless it is polled"]
    pub fn events(&self, from: Cursor) -> Events {
        let reader = Reader {
            news: self.0.news.subscribe(),
            hub: self.0.clone(),
            from: from.start(),
            page: VecDeque::new(),
            then: Then::Read,
        };
        Events(Box::pin(stream::unfold(reader, Reader::next).fuse()))
    }
}

/// The events of all connections: [`Trunkline::events`].
pub struct Events(Pin<Box<dyn Stream<Item = Result<Event, Error>> + Send>>);

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

struct Reader {
    hub: Arc<Hub>,
    news: watch::Receiver<()>,
    from: Start,
    page: VecDeque<Placed>,
    then: Then,
}

/// What comes when the page is over.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    Read,
    /// The store failed: not at once.
    Pause,
    End,
}

impl Reader {
    async fn next(mut self) -> Option<(Result<Event, Error>, Self)> {
        let stopping = self.hub.stopping.clone();
        loop {
            if stopping.is_cancelled() {
                return None;
            }
            if let Some(placed) = self.page.pop_front() {
                self.from = Start::After(placed.position);
                return Some((Ok(placed.into()), self));
            }
            match self.then {
                Then::Read => {}
                Then::Pause => {
                    stopping.run_until_cancelled(tokio::time::sleep(self.hub.poll_events)).await?;
                }
                Then::End => return None,
            }
            // What is committed here from now on is news; what was before is read.
            self.news.borrow_and_update();
            self.then = Then::Read;
            match stopping.run_until_cancelled(self.read()).await? {
                Ok(()) if self.page.is_empty() => {
                    let poll = self.hub.poll_events;
                    // The hub, and the sender in it, lives as long as this.
                    let woken = tokio::time::timeout(poll, self.news.changed());
                    drop(stopping.run_until_cancelled(woken).await?);
                }
                Ok(()) => {}
                Err(error) => {
                    let lasts = error.kind() == ErrorKind::InvalidInput;
                    self.then = if lasts { Then::End } else { Then::Pause };
                    return Some((Err(error), self));
                }
            }
        }
    }

    /// Reads the next page.
    async fn read(&mut self) -> Result<(), Error> {
        let store = self.hub.vault.store();
        let after = match self.from {
            Start::Oldest => 0,
            Start::After(position) => position,
            Start::Newest => {
                let last = store.feed(u64::MAX, 1).await?.last;
                self.from = Start::After(last);
                last
            }
        };
        let Feed { purged, last, events } = store.feed(after, PAGE).await?;
        if self.from != Start::Oldest && after < purged {
            return Err(cannot_follow("events after the cursor were purged"));
        }
        if after > last {
            return Err(cannot_follow("the cursor is ahead of the store, which went back or is another one"));
        }
        self.page = events.into();
        Ok(())
    }
}

fn cannot_follow(why: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
        .hint("Read from Cursor::OLDEST, and compare with the states of the connections what was missed.")
}

impl Hub {
    /// Makes a change, and wakes who follows the events if it brings any.
    pub(crate) async fn commit(&self, change: &Change) -> Result<Commit, StoreError> {
        let done = self.vault.store().commit(change).await?;
        if matches!(done, Commit::Done { .. }) && !change.events.is_empty() {
            self.news.send_replace(());
        }
        Ok(done)
    }

    /// Purges what is too old: events, and marks whose time is long over.
    pub(crate) async fn purge(&self) -> Result<(), StoreError> {
        let store = self.vault.store();
        let ago = |time: Duration| self.clock.wall().checked_sub(time).unwrap_or(Timestamp::MIN);
        while store.purge_events(ago(self.keep_events), PURGED_AT_ONCE).await? >= u64::from(PURGED_AT_ONCE) {}
        store.purge_marks(ago(MARKS_STAY)).await.map(drop)
    }
}

/// A commit of this size is over before anybody waits for it.
const PURGED_AT_ONCE: u32 = 500;

/// Beyond their time: a breaker that nobody has looked at for so long is of a client that is not used any more.
const MARKS_STAY: Duration = Duration::from_secs(24 * 60 * 60);
