//! Time, injected.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// A point on a clock that never runs backwards, in milliseconds from an arbitrary start.
///
/// Good for deadlines inside one process; meaningless in another process or after a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticks(u64);

impl Ticks {
    /// A point that no clock reaches: the deadline of what does not expire.
    pub const NEVER: Self = Self(u64::MAX);

    /// The point `millis` milliseconds after the clock's start.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock's start.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The point `span` later; saturates at [`NEVER`](Self::NEVER).
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long `earlier` was before this point; zero when it was later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Where the time comes from. The operating system's clock lives in `trunkline`; tests bring theirs.
#[cfg_attr(feature = "mock", mockall::automock)]
pub trait Clock: fmt::Debug + Send + Sync {
    /// The wall clock, for what is stored or shown. It may jump.
    fn wall(&self) -> Timestamp;

    /// The monotonic clock, a few milliseconds coarse: read on every use of a token, so it must
    /// cost nanoseconds.
    fn coarse(&self) -> Ticks;
}

const _: fn(&dyn Clock) = |_| {};
