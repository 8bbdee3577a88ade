//! The operating system's clock.

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use trunkline_core::{Clock, Ticks};

/// Wall time and a coarse monotonic clock, both read without a system call.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the injected clock")]
    fn wall(&self) -> Timestamp {
        Timestamp::try_from(std::time::SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    fn coarse(&self) -> Ticks {
        // A third of the price of the precise clock; its 1 to 4 ms are plenty for a deadline.
        #[cfg(target_os = "linux")]
        const CLOCK: ClockId = ClockId::MonotonicCoarse;
        #[cfg(not(target_os = "linux"))]
        const CLOCK: ClockId = ClockId::Monotonic;
        let now = clock_gettime(CLOCK);
        Ticks::from_millis(now.tv_sec.unsigned_abs() * 1_000 + now.tv_nsec.unsigned_abs() / 1_000_000)
    }
}
