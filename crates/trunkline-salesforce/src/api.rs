//! What a call of the API was refused for: the body first, the status second.
//!
//! A 401 may be about a scope that no renewal brings, a 403 about a token that a renewal replaces, and a 404
//! about a record that is only not shared. Where a typo and a missing permission look alike, the remedy names
//! both: only the object's description tells them apart.

use std::time::Duration;

use trunkline_core::http::header::RETRY_AFTER;
use trunkline_core::{Actor, Cause, Diagnosis, Exchange, Remedy};

use crate::body::{Answer, ServiceError};
use crate::evidence::testify;
use crate::limits::ApiUsage;
use crate::remedy as r;

/// Most that is waited for because a header says so: a day, the longest window that Salesforce counts in.
const MAX_WAIT_S: u64 = 24 * 60 * 60;

/// A code of the list, what its text must hold for this row, and what it means.
struct Row {
    code: &'static str,
    says: &'static str,
    cause: Cause,
    actor: Option<Actor>,
    remedy: Option<Remedy>,
    wait_s: Option<u64>,
}

const fn row(code: &'static str, says: &'static str, cause: Cause, remedy: Option<Remedy>) -> Row {
    Row { code, says, cause, actor: None, remedy, wait_s: None }
}

const fn plain(code: &'static str, cause: Cause) -> Row {
    row(code, "", cause, None)
}

const fn with(code: &'static str, cause: Cause, remedy: Remedy) -> Row {
    row(code, "", cause, Some(remedy))
}

const fn later(mut row: Row, wait_s: u64) -> Row {
    row.wait_s = Some(wait_s);
    row
}

const fn by_admin(mut row: Row) -> Row {
    row.actor = Some(Actor::CustomerAdministrator);
    row
}

/// The window of the org's calls moves on hour by hour.
const HOUR_S: u64 = 3600;
const SECONDS: u64 = 10;

const ROWS: &[Row] = &[
    // A new token of the same grant is refused alike.
    by_admin(row(
        "INVALID_SESSION_ID",
        "not valid for use with the",
        Cause::ScopeMissing,
        Some(r::API_SCOPE),
    )),
    plain("INVALID_SESSION_ID", Cause::AccessTokenExpired),
    plain("INVALID_AUTH_HEADER", Cause::RequestInvalid),
    later(row("REQUEST_LIMIT_EXCEEDED", "totalrequests", Cause::RateLimited, Some(r::DAILY_LIMIT)), HOUR_S),
    later(plain("REQUEST_LIMIT_EXCEEDED", Cause::RateLimited), SECONDS),
    with("API_DISABLED_FOR_ORG", Cause::PermissionMissing, r::API_ENABLED),
    with("API_CURRENTLY_DISABLED", Cause::PermissionMissing, r::API_ENABLED),
    with("INSUFFICIENT_ACCESS", Cause::PermissionMissing, r::RECORD_ACCESS),
    with("INSUFFICIENT_ACCESS_OR_READONLY", Cause::PermissionMissing, r::RECORD_ACCESS),
    with("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", Cause::PermissionMissing, r::CROSS_REFERENCE),
    with("INVALID_FIELD", Cause::RequestInvalid, r::FIELD),
    with("INVALID_FIELD_FOR_INSERT_UPDATE", Cause::PermissionMissing, r::FIELD_EDIT),
    with("INVALID_TYPE", Cause::RequestInvalid, r::OBJECT),
    row("NOT_FOUND", "external id field", Cause::NotFound, Some(r::FIELD)),
    with("NOT_FOUND", Cause::NotFound, r::RECORD),
    plain("ENTITY_IS_DELETED", Cause::NotFound),
    plain("MALFORMED_QUERY", Cause::RequestInvalid),
    later(plain("UNABLE_TO_LOCK_ROW", Cause::ServiceUnavailable), SECONDS),
    plain("QUERY_TIMEOUT", Cause::ServiceUnavailable),
    plain("SERVER_UNAVAILABLE", Cause::ServiceUnavailable),
    plain("UNKNOWN_EXCEPTION", Cause::ServiceUnavailable),
    with("UNSUPPORTED_API_VERSION", Cause::ConfigurationInvalid, r::API_VERSION),
    by_admin(with(
        "INVALID_OPERATION_WITH_EXPIRED_PASSWORD",
        Cause::AuthenticationRequired,
        r::PASSWORD_EXPIRED,
    )),
    with("FUNCTIONALITY_NOT_ENABLED", Cause::FeatureDenied, r::FEATURE),
];

/// What the identity service says instead of JSON, with 403 or 404.
const WORDS: &[Row] = &[
    plain("Bad_OAuth_Token", Cause::AccessTokenExpired),
    plain("Missing_OAuth_Token", Cause::RequestInvalid),
    with("Wrong_Org", Cause::NotFound, r::OTHER_ORG),
    with("Bad_Id", Cause::NotFound, r::OTHER_ORG),
    with("Inactive", Cause::UserDisabled, r::USER_INACTIVE),
    with("No_Access", Cause::PermissionMissing, r::IDENTITY),
];

/// Reads a refused call. `None` leaves it to the general rules, which go by the status.
pub(crate) fn judge(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    if is_inactive_token(exchange) {
        return Some(Diagnosis::new(Cause::AccessTokenExpired).status(exchange.status));
    }
    let status = exchange.status.as_u16();
    match Answer::read(exchange.body, exchange.headers, exchange.status.is_success()) {
        Answer::Errors { errors, partly: true } => {
            Some(testify(Diagnosis::new(Cause::PartiallyDone), exchange.status, &errors))
        }
        Answer::Errors { errors, .. } => {
            let known = errors.iter().find_map(|error| of(ROWS, error));
            let diagnosis = known.or_else(|| throttled(exchange)).or_else(|| unknown(status))?;
            Some(testify(usage(diagnosis, exchange), exchange.status, &errors))
        }
        Answer::Word(word) if matches!(status, 403 | 404) => {
            let error = ServiceError { code: word, message: String::new() };
            let diagnosis = of(WORDS, &error).or_else(|| throttled(exchange))?;
            Some(testify(diagnosis, exchange.status, &[error]))
        }
        // A proxy's word is none about token or permission.
        Answer::Page | Answer::Empty if status == 403 => {
            let diagnosis = throttled(exchange).unwrap_or_else(|| Diagnosis::new(Cause::EdgeFailure));
            Some(diagnosis.status(exchange.status))
        }
        Answer::Page if matches!(status, 401 | 407) => {
            Some(Diagnosis::new(Cause::EdgeFailure).status(exchange.status))
        }
        Answer::Other if status == 300 => {
            let several = Diagnosis::new(Cause::RequestInvalid).remedied(r::SEVERAL);
            Some(several.status(exchange.status))
        }
        _ => None,
    }
}

fn of(rows: &[Row], error: &ServiceError) -> Option<Diagnosis> {
    let row = rows.iter().find(|row| row.code == error.code && error.says(row.says))?;
    let mut diagnosis = Diagnosis::new(row.cause);
    if let Some(remedy) = &row.remedy {
        diagnosis = diagnosis.remedied(remedy.clone());
    }
    if let Some(actor) = row.actor {
        diagnosis = diagnosis.acted_by(actor);
    }
    Some(row.wait_s.map(Duration::from_secs).into_iter().fold(diagnosis, Diagnosis::retry_after))
}

/// A code that is not listed: the status decides, and where it is that of a success, the request was refused.
fn unknown(status: u16) -> Option<Diagnosis> {
    let cause = match status {
        200..=299 | 400 => Cause::RequestInvalid,
        401 => Cause::AccessTokenRejected,
        403 => Cause::PermissionMissing,
        404 | 410 => Cause::NotFound,
        409 | 412 => Cause::Conflict,
        429 => Cause::RateLimited,
        500.. => Cause::ServiceUnavailable,
        _ => return None,
    };
    Some(Diagnosis::new(cause))
}

/// A 403 that says when to come again is a limit, whatever its body.
fn throttled(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    let wait_s: u64 = exchange.headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    let wait = Duration::from_secs(wait_s.min(MAX_WAIT_S));
    (exchange.status.as_u16() == 403).then(|| Diagnosis::new(Cause::RateLimited).retry_after(wait))
}

/// Says in the remedy how many calls were made, where the limit is the org's.
fn usage(diagnosis: Diagnosis, exchange: &Exchange<'_>) -> Diagnosis {
    let is_daily = diagnosis.remedy().key() == r::DAILY_LIMIT.key();
    let Some(usage) = ApiUsage::of(exchange.headers).filter(|_| is_daily) else { return diagnosis };
    let remedy = r::DAILY_LIMIT
        .value("used", &usage.used.to_string())
        .value("limit", &usage.limit.to_string())
        .step("Salesforce counts {used} of {limit}.");
    diagnosis.remedied(remedy)
}

/// Introspection says in a success that the token is dead. That is no word about the grant.
fn is_inactive_token(exchange: &Exchange<'_>) -> bool {
    #[derive(serde::Deserialize)]
    struct Told {
        active: bool,
    }

    exchange.path.trim_end_matches('/').ends_with("/services/oauth2/introspect")
        && exchange.status.is_success()
        && serde_json::from_slice::<Told>(exchange.body).is_ok_and(|told| !told.active)
}

#[cfg(test)]
mod tests {
    use trunkline_core::http::{HeaderMap, Method, StatusCode};
    use trunkline_core::{Call, Retry};

    use super::*;

    fn exchange<'a>(path: &'a str, status: u16, headers: &'a HeaderMap, body: &'a str) -> Exchange<'a> {
        let status = StatusCode::from_u16(status).unwrap();
        Exchange { call: Call::Api, method: &Method::GET, path, status, headers, body: body.as_bytes() }
    }

    #[test]
    fn no_row_hides_another() {
        for rows in [ROWS, WORDS] {
            for (at, row) in rows.iter().enumerate() {
                let hides = |before: &Row| before.code == row.code && row.says.contains(before.says);
                assert!(!rows[..at].iter().any(hides), "{} / {}", row.code, row.says);
                assert_eq!(row.says, row.says.to_ascii_lowercase());
            }
        }
    }

    #[test]
    fn an_inactive_token_is_expired_and_says_nothing_of_its_grant() {
        let headers = HeaderMap::new();
        let of = |path, body| judge(&exchange(path, 200, &headers, body)).map(|diagnosis| diagnosis.cause());
        let path = "/services/oauth2/introspect";
        assert_eq!(of(path, r#"{"active":false}"#), Some(Cause::AccessTokenExpired));
        assert_eq!(of(path, r#"{"active":true,"scope":"api"}"#), None);
        // A record may have a field of that name.
        assert_eq!(of("/services/data/v65.0/sobjects/Account/001", r#"{"active":false}"#), None);
    }

    #[test]
    fn a_used_up_day_names_its_calls() {
        let mut headers = HeaderMap::new();
        headers.insert("sforce-limit-info", "api-usage=100000/100000".parse().unwrap());
        let body = |text: &str| format!(r#"[{{"message":"{text}","errorCode":"REQUEST_LIMIT_EXCEEDED"}}]"#);
        let day = body("TotalRequests Limit exceeded.");
        let diagnosis = judge(&exchange("/", 403, &headers, &day)).unwrap();
        assert_eq!(diagnosis.retry(), Retry::After { after_s: 3600 });
        assert!(diagnosis.remedy().to_string().ends_with("Salesforce counts 100000 of 100000."));
        let moment = body("ConcurrentRequests (Concurrent API Requests) Limit exceeded.");
        let diagnosis = judge(&exchange("/", 403, &headers, &moment)).unwrap();
        assert_eq!(diagnosis.retry(), Retry::After { after_s: 10 });
        assert!(!diagnosis.remedy().to_string().contains("100000"));
    }
}
