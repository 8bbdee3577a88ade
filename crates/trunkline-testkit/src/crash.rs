//! Crash points: a store that fails, or a process that dies, at a chosen call.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use trunkline_core::async_trait;
use trunkline_store::StoreError;

use crate::script::lock;
use crate::watched::{Call, Watch};

/// What happens at a crash point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crash {
    /// The call fails, and nothing is done.
    FailsBefore,
    /// The call is done, and is reported as failed.
    FailsAfter,
    /// The process dies before the call: neither this nor any later one comes back, and nothing is done.
    DiesBefore,
    /// The process dies after the call: it is done, and neither this nor any later one comes back.
    DiesAfter,
}

/// Counts the calls of a store and makes chosen ones fail, or be the last thing that the process does.
///
/// ```
/// use std::sync::Arc;
/// use trunkline::MemoryStore;
/// use trunkline_testkit::{Call, Crash, CrashPoints, Watched};
///
/// let points = Arc::new(CrashPoints::new());
/// points.at(Call::Commit, 2, Crash::DiesBefore);
/// let store = Watched::new(Arc::new(MemoryStore::new()), points.clone());
/// // Hand `store` to the hub's builder; another hub on the same memory store goes on where this one died.
/// # drop(store);
/// ```
#[derive(Debug, Default)]
pub struct CrashPoints {
    is_dead: AtomicBool,
    points: Mutex<Vec<(Call, usize, Crash)>>,
    begun: Mutex<Vec<Call>>,
    done: Mutex<Vec<Call>>,
}

impl CrashPoints {
    /// No crash point yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one at the `nth` call of this kind that begins, or for the two that come after a call, that ends; counted
    /// from 1 and from the store's first call.
    pub fn at(&self, call: Call, nth: usize, crash: Crash) {
        lock(&self.points).push((call, nth, crash));
    }

    /// How many calls of this kind were made so far.
    #[must_use]
    pub fn count(&self, call: Call) -> usize {
        count(&self.begun, call)
    }

    /// Whether the process died.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.is_dead.load(Ordering::SeqCst)
    }

    async fn meet(&self, call: Call, nth: usize, at: [Crash; 2]) -> Result<(), StoreError> {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
        let met = {
            let points = lock(&self.points);
            points.iter().find(|(of, n, crash)| (*of, *n) == (call, nth) && at.contains(crash)).copied()
        };
        match met {
            None => Ok(()),
            Some((_, _, Crash::FailsBefore | Crash::FailsAfter)) => {
                Err(StoreError::Unavailable { reason: "a crash point".to_owned() })
            }
            Some(_) => {
                self.is_dead.store(true, Ordering::SeqCst);
                std::future::pending().await
            }
        }
    }
}

fn count(calls: &Mutex<Vec<Call>>, of: Call) -> usize {
    lock(calls).iter().filter(|call| **call == of).count()
}

#[async_trait]
impl Watch for CrashPoints {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        lock(&self.begun).push(call);
        self.meet(call, count(&self.begun, call), [Crash::FailsBefore, Crash::DiesBefore]).await
    }

    async fn after(&self, call: Call) -> Result<(), StoreError> {
        lock(&self.done).push(call);
        self.meet(call, count(&self.done, call), [Crash::FailsAfter, Crash::DiesAfter]).await
    }
}

/// A watch that lets everything pass.
#[derive(Debug, Default)]
pub(crate) struct Unwatched;

#[async_trait]
impl Watch for Unwatched {}

/// A store whose crash points are those of `points`.
pub(crate) fn watched(
    store: Arc<dyn trunkline_store::Store>,
    points: Option<Arc<CrashPoints>>,
) -> crate::Watched {
    match points {
        Some(points) => crate::Watched::new(store, points),
        None => crate::Watched::new(store, Arc::new(Unwatched)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use trunkline::MemoryStore;
    use trunkline_store::Store as _;

    use super::*;

    async fn asks(store: &crate::Watched) -> Option<Result<u64, StoreError>> {
        tokio::time::timeout(Duration::from_secs(60), store.count_tenants("acme", 10)).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_fails_where_it_was_to_and_the_next_one_passes() {
        let points = Arc::new(CrashPoints::new());
        points.at(Call::Read, 2, Crash::FailsBefore);
        points.at(Call::Read, 2, Crash::FailsAfter);
        let store = watched(Arc::new(MemoryStore::new()), Some(points.clone()));
        assert!(asks(&store).await.unwrap().is_ok());
        // The second that begins, then the second that ends, which is the third.
        assert!(asks(&store).await.unwrap().is_err());
        assert!(asks(&store).await.unwrap().is_err());
        assert!(asks(&store).await.unwrap().is_ok());
        assert_eq!((points.count(Call::Read), points.count(Call::Commit)), (4, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_died_gets_no_answer_any_more() {
        for crash in [Crash::DiesBefore, Crash::DiesAfter] {
            let points = Arc::new(CrashPoints::new());
            points.at(Call::Read, 1, crash);
            let store = watched(Arc::new(MemoryStore::new()), Some(points.clone()));
            assert!(asks(&store).await.is_none() && points.is_dead(), "{crash:?}");
            assert!(asks(&store).await.is_none(), "{crash:?}");
        }
    }
}
