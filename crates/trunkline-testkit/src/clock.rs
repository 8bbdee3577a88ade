//! A clock that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use trunkline_core::jiff::Timestamp;
use trunkline_core::{Clock, Ticks};

/// 2027-01-15T08:00:00Z.
const START_MS: i64 = 1_800_000_000_000;

/// A clock that goes with tokio's, so that it stands where time is paused, and can be moved besides.
/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct VirtualClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    began: tokio::time::Instant,
    wall_ms: AtomicI64,
    ticks_ms: AtomicU64,
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl VirtualClock {
    /// A clock whose wall says 2027-01-15T08:00:00Z.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Hands {
            began: tokio::time::Instant::now(),
            wall_ms: AtomicI64::new(START_MS),
            ticks_ms: AtomicU64::new(1_000_000),
        }))
    }

    /// Moves both of its hands. Whoever sleeps on tokio's clock is not woken by it.
    pub fn advance(&self, by: Duration) {
        self.set_wall(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.advance_ticks(by);
    }

    /// Moves the wall clock alone by milliseconds, forth or back, as a correction or a suspended machine does.
    pub fn set_wall(&self, by_ms: i64) {
        self.0.wall_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    /// Moves the monotonic clock alone.
    pub fn advance_ticks(&self, by: Duration) {
        self.0.ticks_ms.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// How long tokio's clock has run since this one was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.began.elapsed()
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Clock for VirtualClock {
    fn wall(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed_ms()).unwrap_or(i64::MAX);
        let wall = self.0.wall_ms.load(Ordering::SeqCst).saturating_add(elapsed);
        Timestamp::from_millisecond(wall).unwrap_or(Timestamp::MAX)
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(self.0.ticks_ms.load(Ordering::SeqCst) + self.elapsed_ms())
    }
}
