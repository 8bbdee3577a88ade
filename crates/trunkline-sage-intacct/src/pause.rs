//! How long Sage asks to wait.

use std::time::Duration;

use trunkline_core::http::HeaderMap;
use trunkline_core::http::header::{DATE, RETRY_AFTER};
use trunkline_core::jiff::Timestamp;
use trunkline_core::jiff::fmt::rfc2822;

/// The limits that name a time. Sage's documentation spells their ending both ways.
const LIMITS: [&str; 6] = [
    "x-ia-throttle-limit-retry-after",
    "x-ia-throttle-limit-retryafter",
    "x-ia-hour-rate-limit-retry-after",
    "x-ia-hour-rate-limit-retryafter",
    "x-ia-tenant-throttle-limit-retry-after",
    "x-ia-tenant-throttle-limit-retryafter",
];

/// Longest wait that is believed: a day. The longest window that Sage documents is an hour.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest wait that the headers ask for.
pub(crate) fn requested_pause(headers: &HeaderMap) -> Option<Duration> {
    let of_sage = LIMITS.iter().filter_map(|name| headers.get(*name));
    let all = of_sage.chain(headers.get(RETRY_AFTER));
    all.filter_map(|value| wait(headers, value.to_str().ok()?)).max().map(|wait| wait.min(MAX_WAIT))
}

/// Seconds, or a date, which is compared with the answer's own date: our clock may be wrong.
fn wait(headers: &HeaderMap, value: &str) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let now = date(headers.get(DATE)?.to_str().ok()?)?;
    Duration::try_from(date(value)?.duration_since(now)).ok()
}

fn date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok().or_else(|| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use trunkline_core::http::{HeaderName, HeaderValue};

    use super::*;

    fn pause(headers: &[(&'static str, &'static str)]) -> Option<u64> {
        let pairs = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        requested_pause(&pairs.collect()).map(|wait| wait.as_secs())
    }

    #[test]
    fn both_spellings_count_in_seconds_and_as_a_date() {
        assert_eq!(pause(&[("x-ia-throttle-limit-retryafter", "60")]), Some(60));
        assert_eq!(pause(&[("x-ia-throttle-limit-retry-after", "61")]), Some(61));
        assert_eq!(pause(&[("x-ia-tenant-throttle-limit-retryafter", "62")]), Some(62));
        assert_eq!(pause(&[("retry-after", " 63 ")]), Some(63));
        let now = ("date", "Tue, 24 Nov 2026 10:00:00 GMT");
        assert_eq!(pause(&[now, ("retry-after", "Tue, 24 Nov 2026 10:01:30 GMT")]), Some(90));
        assert_eq!(pause(&[now, ("x-ia-hour-rate-limit-retry-after", "2026-11-24T10:00:45Z")]), Some(45));
    }

    #[test]
    fn the_longest_of_several_counts_and_a_day_is_the_most() {
        assert_eq!(pause(&[("retry-after", "5"), ("x-ia-throttle-limit-retry-after", "60")]), Some(60));
        assert_eq!(pause(&[("retry-after", "18446744073709551615")]), Some(86_400));
    }

    #[test]
    fn what_makes_no_sense_names_no_time() {
        for value in ["", "-1", "soon", "1.5", "Tue, 24 Nov 2026 10:01:30 GMT"] {
            assert_eq!(pause(&[("retry-after", value)]), None, "{value}");
        }
        let past =
            [("date", "Tue, 24 Nov 2026 10:00:00 GMT"), ("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT")];
        assert_eq!(pause(&past), None);
        assert_eq!(pause(&[("x-ia-throttle-limit-remaining", "-1")]), None);
    }
}
