//! A clock that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use trunkline_core::jiff::Timestamp;
use trunkline_core::{Clock, Ticks};

/// A clock that goes with tokio's, so that it stands where time is paused, and can be set besides.
#[derive(Debug, Clone)]
pub(crate) struct PlayedClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    began: tokio::time::Instant,
    wall_ms: AtomicI64,
    ticks_ms: AtomicU64,
}

impl PlayedClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Hands {
            began: tokio::time::Instant::now(),
            wall_ms: AtomicI64::new(1_800_000_000_000),
            ticks_ms: AtomicU64::new(1_000_000),
        }))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.set_wall(i64::try_from(by.as_millis()).unwrap());
        self.advance_ticks(by);
    }

    /// Moves the wall clock alone, as a correction or a suspended machine does.
    pub(crate) fn set_wall(&self, by_ms: i64) {
        self.0.wall_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub(crate) fn advance_ticks(&self, by: Duration) {
        self.0.ticks_ms.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// How long tokio's clock has run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap()
    }
}

impl Clock for PlayedClock {
    fn wall(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed_ms()).unwrap();
        Timestamp::from_millisecond(self.0.wall_ms.load(Ordering::SeqCst) + elapsed).unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(self.0.ticks_ms.load(Ordering::SeqCst) + self.elapsed_ms())
    }
}
