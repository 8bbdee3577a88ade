//! What the authorize and token endpoints refuse: by the code exactly, and by the text where the code alone says
//! too little.
//!
//! `invalid_grant` is the word for a dead grant, for two renewals at once, for a user who may not sign in now
//! and for a clock that is wrong; `invalid_client` for our own mistake and for an org that has not installed the
//! app. The status is 400 for nearly all of it.

use std::time::Duration;

use trunkline_core::{Call, Cause, Diagnosis, Exchange, Remedy};

use crate::body::{ServiceError, oauth_error};
use crate::config::GrantMethod;
use crate::evidence::testify;
use crate::remedy as r;

/// What was asked for, where a row means one of these alone.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Always,
    /// The exchange of a code.
    Code,
    /// A renewal that spends a refresh token.
    Renewal,
    /// A signed assertion, first or again.
    Assertion,
}

impl At {
    fn of(call: Call, method: GrantMethod) -> Self {
        match (method, call) {
            (GrantMethod::JwtBearer, _) => Self::Assertion,
            (GrantMethod::AuthorizationCode, Call::Exchange) => Self::Code,
            (GrantMethod::AuthorizationCode, Call::Refresh) => Self::Renewal,
            _ => Self::Always,
        }
    }
}

/// The first row that fits decides. Of a row without a code, the text alone counts.
struct Row {
    error: &'static str,
    says: &'static str,
    at: At,
    cause: Cause,
    remedy: Option<Remedy>,
    wait_s: Option<u64>,
}

const fn row(error: &'static str, says: &'static str, at: At, cause: Cause, remedy: Remedy) -> Row {
    Row { error, says, at, cause, remedy: Some(remedy), wait_s: None }
}

/// The code alone says it.
const fn code(error: &'static str, cause: Cause, remedy: Remedy) -> Row {
    row(error, "", At::Always, cause, remedy)
}

const fn usual(error: &'static str, cause: Cause) -> Row {
    Row { error, says: "", at: At::Always, cause, remedy: None, wait_s: None }
}

const fn later(mut row: Row, wait_s: u64) -> Row {
    row.wait_s = Some(wait_s);
    row
}

const GRANT: &str = "invalid_grant";

/// Until another renewal of the same grant is over, and its result stored.
const RACE_S: u64 = 5;
/// Until the window in which sign-ins are counted has moved on.
const LOGIN_RATE_S: u64 = 300;

const ROWS: &[Row] = &[
    later(row("", "login rate exceeded", At::Always, Cause::RateLimited, r::LOGIN_RATE), LOGIN_RATE_S),
    later(code("rate_limit_exceeded", Cause::RateLimited, r::LOGIN_RATE), LOGIN_RATE_S),
    // Two renewals of one grant at the same time: one is carried out, and this one was not.
    later(
        row(GRANT, "token request is already being processed", At::Always, Cause::RateLimited, r::RACE),
        RACE_S,
    ),
    // The same, as it was said in 2024.
    later(row(GRANT, "expired authorization code", At::Renewal, Cause::RateLimited, r::RACE), RACE_S),
    row(GRANT, "expired authorization code", At::Code, Cause::ConsentExpired, r::CODE_SPENT),
    row(
        GRANT,
        "expired authorization code",
        At::Assertion,
        Cause::ClientCredentialsInvalid,
        r::ASSERTION_TIME,
    ),
    row(GRANT, "invalid authorization code", At::Code, Cause::ConsentExpired, r::CODE_SPENT),
    row(GRANT, "code verifier", At::Code, Cause::ConsentInvalid, r::CODE_VERIFIER),
    row(GRANT, "inactive user", At::Always, Cause::UserDisabled, r::USER_INACTIVE),
    row(GRANT, "ip restricted or invalid login hours", At::Always, Cause::IpAddressDenied, r::ADDRESS),
    row(GRANT, "hasn't approved this consumer", At::Always, Cause::ClientNotAuthorized, r::USER_NOT_APPROVED),
    row(GRANT, "no client credentials user enabled", At::Always, Cause::ClientNotAuthorized, r::RUN_AS),
    row(GRANT, "not supported on this domain", At::Always, Cause::ConfigurationInvalid, r::MY_DOMAIN),
    row(GRANT, "invalid assertion", At::Always, Cause::ClientCredentialsInvalid, r::ASSERTION),
    row(GRANT, "audience is invalid", At::Always, Cause::ClientCredentialsInvalid, r::AUDIENCE),
    row(GRANT, "audience validation failed", At::Always, Cause::ClientCredentialsInvalid, r::AUDIENCE),
    row(GRANT, "authentication failure", At::Always, Cause::UserCredentialsInvalid, r::CREDENTIALS),
    row(GRANT, "activation secret invalid", At::Always, Cause::UserCredentialsInvalid, r::CREDENTIALS),
    // `expired access/refresh token`, and whatever else is said of a grant that is not listed above.
    row(GRANT, "", At::Renewal, Cause::GrantRevoked, r::RECONNECT),
    code("inactive_user", Cause::UserDisabled, r::USER_INACTIVE),
    code("inactive_org", Cause::CompanyInactive, r::ORG_INACTIVE),
    row("invalid_client", "must be installed", At::Always, Cause::ClientNotAuthorized, r::APP_NOT_INSTALLED),
    code("app_not_found", Cause::ClientNotAuthorized, r::APP_NOT_INSTALLED),
    code("app_blocked", Cause::ClientNotAuthorized, r::APP_BLOCKED),
    code("fail_close_app_blocked", Cause::ClientNotAuthorized, r::APP_BLOCKED),
    code("OAUTH_APP_BLOCKED", Cause::ClientNotAuthorized, r::APP_BLOCKED),
    code("OAUTH_APP_ACCESS_DENIED", Cause::ClientNotAuthorized, r::APP_NOT_APPROVED),
    code("invalid_app_access", Cause::ClientNotAuthorized, r::APP_NOT_APPROVED),
    code("invalid_session_level", Cause::ClientNotAuthorized, r::SESSION_LEVEL),
    code("invalid_client", Cause::ClientCredentialsInvalid, r::CLIENT),
    code("invalid_client_credentials", Cause::ClientCredentialsInvalid, r::CLIENT),
    code("invalid_basic_auth_header", Cause::ClientCredentialsInvalid, r::CLIENT),
    code("invalid_client_id", Cause::ClientCredentialsInvalid, r::CLIENT_ID),
    code("bad_jti_claim", Cause::ClientCredentialsInvalid, r::ASSERTION),
    code("oauth_flow_disabled", Cause::ClientNotPermitted, r::FLOW),
    code("invalid_scope", Cause::ScopeInvalid, r::SCOPE),
    code("redirect_uri_mismatch", Cause::ConfigurationInvalid, r::REDIRECT_URI),
    code("redirect_uri_missing", Cause::ConfigurationInvalid, r::REDIRECT_URI),
    code("unsupported_grant_type", Cause::ConfigurationInvalid, r::TOKEN_REQUEST),
    code("unsupported_response_type", Cause::ConfigurationInvalid, r::TOKEN_REQUEST),
    code("invalid_assertion_type", Cause::ConfigurationInvalid, r::TOKEN_REQUEST),
    code("invalid_request", Cause::ConfigurationInvalid, r::TOKEN_REQUEST),
    code("use_dpop_nonce", Cause::ConfigurationInvalid, r::DPOP),
    code("invalid_dpop_proof", Cause::ConfigurationInvalid, r::DPOP),
    // A hiccup, in the words of the service: retry your request.
    usual("unknown_error", Cause::ServiceUnavailable),
    usual("service_unavailable", Cause::ServiceUnavailable),
    usual("system_down", Cause::ServiceUnavailable),
    usual("server_error", Cause::ServiceUnavailable),
    usual("authorization_pending", Cause::RateLimited),
    usual("slow_down", Cause::RateLimited),
    usual("access-denied", Cause::ConsentDenied),
    usual("access_denied", Cause::ConsentDenied),
];

/// What a refused consent, exchange, renewal or revocation means. `None` leaves it to the standards: an outage,
/// a page, a code that is not listed.
pub(crate) fn judge(exchange: &Exchange<'_>, method: Option<GrantMethod>) -> Option<Diagnosis> {
    let status = exchange.status.as_u16();
    // Whoever is overloaded or broken has not looked: no grant ends of what he says.
    if status == 429 || status > 500 {
        return None;
    }
    let error = oauth_error(exchange.body)?;
    let diagnosis = match status {
        500 => Diagnosis::new(Cause::ServiceUnavailable),
        _ => of_error(&error, At::of(exchange.call, method.unwrap_or_default()))?,
    };
    Some(testify(diagnosis, exchange.status, std::slice::from_ref(&error)))
}

fn of_error(error: &ServiceError, at: At) -> Option<Diagnosis> {
    let row = ROWS.iter().find(|row| {
        (row.error.is_empty() || row.error == error.code)
            && (row.at == At::Always || row.at == at)
            && error.says(row.says)
    })?;
    let diagnosis = row.remedy.iter().cloned().fold(Diagnosis::new(row.cause), Diagnosis::remedied);
    Some(row.wait_s.map(Duration::from_secs).into_iter().fold(diagnosis, Diagnosis::retry_after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_hides_another() {
        for (at, row) in ROWS.iter().enumerate() {
            let hides = |before: &Row| {
                (before.error == row.error || before.error.is_empty() && row.error.is_empty())
                    && (before.at == At::Always || before.at == row.at)
                    && row.says.contains(before.says)
            };
            assert!(!ROWS[..at].iter().any(hides), "{} / {}", row.error, row.says);
            assert_eq!(row.says, row.says.to_ascii_lowercase());
        }
    }
}
