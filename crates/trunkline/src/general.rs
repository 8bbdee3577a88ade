//! What a status means where the connector has nothing to add.

use std::time::Duration;

use http::StatusCode;
use http::header::RETRY_AFTER;
use trunkline_core::{Cause, Diagnosis, Exchange};

pub(crate) fn diagnose(exchange: &Exchange<'_>) -> Diagnosis {
    let diagnosis = Diagnosis::new(cause(exchange.status)).status(exchange.status);
    let seconds =
        exchange.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    match seconds {
        Some(seconds) => diagnosis.retry_after(Duration::from_secs(seconds)),
        None => diagnosis,
    }
}

fn cause(status: StatusCode) -> Cause {
    match status {
        StatusCode::UNAUTHORIZED => Cause::AccessTokenRejected,
        StatusCode::FORBIDDEN => Cause::PermissionMissing,
        StatusCode::NOT_FOUND | StatusCode::GONE => Cause::NotFound,
        StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED => Cause::Conflict,
        StatusCode::UNPROCESSABLE_ENTITY => Cause::BusinessRule,
        StatusCode::TOO_MANY_REQUESTS => Cause::RateLimited,
        status if status.is_server_error() => Cause::ServiceUnavailable,
        _ => Cause::RequestInvalid,
    }
}
