//! What a status means where the connector has nothing to add.

use std::time::Duration;

use http::header::RETRY_AFTER;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use trunkline_core::{Cause, Diagnosis, Exchange};

/// The longest pause a service can ask for; more is taken for a mistake.
const MAX_PAUSE: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn diagnose(exchange: &Exchange<'_>, now: Timestamp) -> Diagnosis {
    let diagnosis = Diagnosis::new(cause(exchange.status)).status(exchange.status);
    match pause(exchange.headers, now) {
        Some(pause) => diagnosis.retry_after(pause.min(MAX_PAUSE)),
        None => diagnosis,
    }
}

/// `Retry-After`: seconds, or a date.
fn pause(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let span = DateTimeParser::new().parse_timestamp(text).ok()?.duration_since(now);
    Some(Duration::try_from(span).unwrap_or(Duration::ZERO))
}

fn cause(status: StatusCode) -> Cause {
    match status {
        StatusCode::UNAUTHORIZED => Cause::AccessTokenRejected,
        StatusCode::FORBIDDEN => Cause::PermissionMissing,
        StatusCode::NOT_FOUND | StatusCode::GONE => Cause::NotFound,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Cause::Conflict,
        StatusCode::UNPROCESSABLE_ENTITY => Cause::BusinessRule,
        StatusCode::TOO_MANY_REQUESTS => Cause::RateLimited,
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY => Cause::ServiceUnavailable,
        status if status.is_server_error() => Cause::ServiceUnavailable,
        _ => Cause::RequestInvalid,
    }
}
