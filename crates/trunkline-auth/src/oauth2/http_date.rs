//! Dates in HTTP headers.

use std::time::Duration;

use http::{HeaderMap, header};
use jiff::fmt::{rfc2822, strtime};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

/// The longest pause a service can ask for; more is taken for a mistake.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest difference between two clocks that is believed.
const MAX_OFFSET: SignedDuration = SignedDuration::from_hours(24);

/// Reads the three forms that RFC 9110, 5.6.7 wants read.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    if let Ok(time) = rfc2822::DateTimeParser::new().parse_timestamp(text) {
        return Some(time);
    }
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"].into_iter().find_map(|format| {
        let civil = strtime::parse(format, text).ok()?.to_datetime().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}

/// How far the service's clock is ahead of ours, from its `Date` header; zero when that is missing
/// or beyond belief.
pub(crate) fn offset(headers: &HeaderMap, now: Timestamp) -> SignedDuration {
    let Some(theirs) = date(headers) else { return SignedDuration::ZERO };
    let offset = theirs.duration_since(now);
    if offset.abs() <= MAX_OFFSET { offset } else { SignedDuration::ZERO }
}

/// How long `Retry-After` (RFC 9110, 10.2.3) asks to wait, at most a day. A date is measured from the answer's own `Date`, or
/// from `now` where it has none: a connector without a clock gives the Unix epoch, and gets a day then.
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        text.parse().map_or(MAX_PAUSE, Duration::from_secs)
    } else {
        // Measured on the service's own clock, which wrote both dates.
        let span = parse(text)?.duration_since(date(headers).unwrap_or(now));
        Duration::try_from(span).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(MAX_PAUSE))
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    parse(headers.get(header::DATE)?.to_str().ok()?.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        let expected: Timestamp = "1994-11-06T08:49:37Z".parse().unwrap();
        for text in
            ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]
        {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        assert_eq!(parse("tomorrow"), None);
    }
}
