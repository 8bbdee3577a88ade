//! The simulators' clock: the machine's time plus an offset that only moves by request.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;

/// Time as a simulator sees it; clones share the offset.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimClock {
    offset_s: Arc<AtomicI64>,
}

impl SimClock {
    /// Seconds since the Unix epoch.
    pub(crate) fn now_s(&self) -> i64 {
        Timestamp::now().as_second().saturating_add(self.offset_s.load(Ordering::SeqCst))
    }

    /// Milliseconds since the Unix epoch, for lifetimes that may be as short as a second.
    pub(crate) fn now_ms(&self) -> i64 {
        let offset_ms = self.offset_s.load(Ordering::SeqCst).saturating_mul(1000);
        Timestamp::now().as_millisecond().saturating_add(offset_ms)
    }

    /// Moves the clock forward, in whole seconds; parts of a second are rounded up so that
    /// advancing by a token's lifetime always reaches its end.
    pub(crate) fn advance(&self, by: Duration) {
        let mut seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        if by.subsec_nanos() > 0 {
            seconds = seconds.saturating_add(1);
        }
        // A century is far beyond every lifetime here and far from overflowing a timestamp.
        let capped = seconds.min(100 * 366 * 86_400);
        self.offset_s.fetch_add(capped, Ordering::SeqCst);
    }
}

/// RFC 3339 text of a moment, as the services print it.
pub(crate) fn rfc3339(at_s: i64) -> String {
    Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

/// A moment as Salesforce prints it: milliseconds, and the offset without a colon.
pub(crate) fn service_time(at_s: i64) -> String {
    let at = Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%Y-%m-%dT%H:%M:%S.000+0000").to_string()
}

/// A moment as HTTP's `Date` has it.
pub(crate) fn http_date(at_s: i64) -> String {
    let at = Timestamp::from_second(at_s).unwrap_or(Timestamp::UNIX_EPOCH);
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// Seconds since the epoch of a moment in either spelling of the offset; `None` for other text.
pub(crate) fn parse_time_s(text: &str) -> Option<i64> {
    let text = text.strip_suffix("+0000").map_or_else(|| text.to_owned(), |bare| format!("{bare}Z"));
    text.parse::<Timestamp>().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_moves_every_clone() {
        let clock = SimClock::default();
        let clone = clock.clone();

        let before = clone.now_s();
        clock.advance(Duration::from_millis(3_600_500));

        assert!(clone.now_s() >= before + 3601);
    }

    #[test]
    fn a_moment_is_read_as_it_was_printed() {
        assert_eq!(service_time(1_767_225_600), "2026-01-01T00:00:00.000+0000");
        assert_eq!(parse_time_s(&service_time(1_767_225_600)), Some(1_767_225_600));
        assert_eq!(parse_time_s("2026-01-01T00:00:00Z"), Some(1_767_225_600));
        assert_eq!(parse_time_s("soon"), None);
        assert_eq!(http_date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
