//! Until when a token serves, in the many ways services say it.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::http_date;
use super::json::Json;

/// A hundred years: whoever promises more does not count seconds.
const MAX_LIFE_S: f64 = 100.0 * 365.25 * 86_400.0;

/// Smaller numbers are no points in time: no token ended before 2001, and none lives for thirty years.
const FIRST_POINT_S: f64 = 1e9;

/// The unit of a number that is a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Seconds, the standard.
    #[default]
    Seconds,
    /// Milliseconds.
    Millis,
    /// Milliseconds where the number is too large for seconds: above 200 000 for a duration (more
    /// than two days), above 10¹¹ for a point in time (after the year 5000).
    ByMagnitude,
}

impl TimeUnit {
    fn seconds(self, number: f64, largest: f64) -> f64 {
        match self {
            Self::Millis => number / 1000.0,
            Self::ByMagnitude if number > largest => number / 1000.0,
            Self::Seconds | Self::ByMagnitude => number,
        }
    }
}

/// What a lifetime of zero or less means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ZeroExpiry {
    /// The service does not say; the policy's default lifetime counts.
    #[default]
    Unknown,
    /// The token does not expire.
    Never,
}

/// What an answer says about the end of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Unknown,
    Never,
    Until(Timestamp),
}

/// How times are read: the provider's flags, and the two clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// When the request was started, on our clock.
    pub(crate) started: Timestamp,
    /// How far the service's clock is ahead of ours.
    pub(crate) offset: SignedDuration,
    pub(crate) duration_unit: TimeUnit,
    pub(crate) point_unit: TimeUnit,
    pub(crate) zero: ZeroExpiry,
}

impl Times {
    /// A duration, counted from the start of the request: a slow answer shortens no life by mistake,
    /// and never lengthens one.
    pub(crate) fn duration(&self, value: &Json) -> Life {
        let Some(number) = value.number() else { return Life::Unknown };
        self.positive(number).unwrap_or_else(|| {
            let seconds = self.duration_unit.seconds(number, 200_000.0);
            if seconds > MAX_LIFE_S {
                return Life::Never;
            }
            let span = Duration::from_secs_f64(seconds);
            self.started.checked_add(span).map_or(Life::Never, Life::Until)
        })
    }

    /// A point in time on the service's clock: a number since 1970, an ISO or an HTTP date.
    pub(crate) fn point(&self, value: &Json) -> Life {
        let time = match value.number() {
            Some(number) => match self.positive(number) {
                Some(life) => return life,
                // A duration in the wrong member would make every token look long expired.
                None if number < FIRST_POINT_S => return Life::Unknown,
                None => epoch(self.point_unit.seconds(number, 1e11)),
            },
            None => value.text().and_then(date),
        };
        let ours = time.and_then(|time| time.checked_sub(self.offset).ok());
        ours.map_or(Life::Unknown, Life::Until)
    }

    /// A number that is a duration or a point, by its size.
    pub(crate) fn either(&self, value: &Json) -> Life {
        match value.number() {
            Some(number) if number < FIRST_POINT_S => self.duration(value),
            _ => self.point(value),
        }
    }

    fn positive(&self, number: f64) -> Option<Life> {
        match self.zero {
            _ if number > 0.0 => None,
            ZeroExpiry::Unknown => Some(Life::Unknown),
            ZeroExpiry::Never => Some(Life::Never),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the cast saturates, and the range is checked")]
fn epoch(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}

fn date(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    text.parse().ok().or_else(|| http_date::parse(text)).or_else(|| {
        // Without an offset, services mean UTC.
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}
