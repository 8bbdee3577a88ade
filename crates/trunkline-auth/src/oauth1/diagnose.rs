//! What a refused request says, in the words of the extension "OAuth Problem Reporting" (wiki.oauth.net).

use http::StatusCode;
use trunkline_core::{Call, Cause, Diagnosis, Exchange, Remedy};

use super::base_string::form;
use crate::oauth2::challenge;

/// How much of a body is looked at, in bytes.
const MAX_BODY_BYTES: usize = 4096;

/// What a refusal means by its `oauth_problem`, in the challenge or in the body.
///
/// A 401 of an API that says nothing means nothing for the grant: RFC 5849, 3.2, gives one status to a wrong token, a
/// wrong signature, a wrong clock and a wrong consumer. It is [`Cause::RequestInvalid`], never a dead grant. `None` for
/// anything else that has no such word; a service's own words are its connector's.
#[must_use]
pub fn diagnose(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    // Whoever is overloaded says that he did not look.
    if matches!(exchange.status.as_u16(), 408 | 425 | 429 | 501..=599) {
        return None;
    }
    if let Some(problem) = problem(exchange) {
        let cause = cause(exchange.call, &problem)?;
        let diagnosis = Diagnosis::new(cause).code(&problem).status(exchange.status);
        return Some(match problem.as_str() {
            "timestamp_refused" => diagnosis.remedied(
                Remedy::new("oauth1.clock")
                    .step("Set the clock of this machine: the service refuses its time."),
            ),
            _ => diagnosis,
        });
    }
    let speaks_bearer = challenge::parse(exchange.headers).iter().any(|challenge| challenge.is("Bearer"));
    // A page is a firewall's rather than the service's.
    let is_page = exchange.body.trim_ascii_start().starts_with(b"<");
    let is_refused = exchange.call == Call::Api && exchange.status == StatusCode::UNAUTHORIZED;
    (is_refused && !speaks_bearer && !is_page).then(unsaid)
}

/// A refusal that does not say why: nobody can tell whose fault it is. It ends no grant.
#[must_use]
pub fn unsaid() -> Diagnosis {
    let remedy = Remedy::new("oauth1.unsaid")
        .step("Check that the clock of this machine is right, and that consumer key and secret are.")
        .step("If both are, the token was ended at the service: connect again.");
    Diagnosis::new(Cause::RequestInvalid).remedied(remedy).status(StatusCode::UNAUTHORIZED)
}

/// The problem as the service names it, `oauth_problem` in the challenge or in the body, if it is a word.
#[must_use]
pub fn problem(exchange: &Exchange<'_>) -> Option<String> {
    let challenges = challenge::parse(exchange.headers);
    let named = challenges.iter().filter(|challenge| challenge.is("OAuth"));
    let named = named.filter_map(|challenge| challenge.param("oauth_problem")).map(str::to_owned).next();
    let told = || {
        let body = &exchange.body[..exchange.body.len().min(MAX_BODY_BYTES)];
        let (_, value) = form(body.trim_ascii()).find(|(name, _)| name == b"oauth_problem")?;
        String::from_utf8(value).ok()
    };
    let is_word = |text: &String| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    named.or_else(told).filter(is_word)
}

/// What the words mean, by what was asked for.
fn cause(call: Call, problem: &str) -> Option<Cause> {
    let is_consent = matches!(call, Call::Authorize | Call::Exchange);
    let either = |consent, api| if is_consent { consent } else { api };
    Some(match problem {
        "consumer_key_unknown" | "consumer_key_rejected" => Cause::ClientCredentialsInvalid,
        // Temporarily: such as one that asks too often.
        "consumer_key_refused" | "user_refused" => Cause::RateLimited,
        "timestamp_refused" | "version_rejected" | "signature_method_rejected" => Cause::ConfigurationInvalid,
        // Two secrets make it; at the API, the wrong one may be the token's.
        "signature_invalid" => either(Cause::ClientCredentialsInvalid, Cause::RequestInvalid),
        "parameter_absent" | "parameter_rejected" => {
            either(Cause::ConfigurationInvalid, Cause::RequestInvalid)
        }
        // Nobody sends a signature twice on purpose, so the first may have been taken.
        "nonce_used" => either(Cause::ConsentOutcomeUnknown, Cause::OutcomeUnknown),
        "token_revoked" => either(Cause::ConsentDenied, Cause::GrantRevoked),
        "token_expired" => either(Cause::ConsentExpired, Cause::GrantExpired),
        "token_rejected" => either(Cause::ConsentInvalid, Cause::AccessTokenRejected),
        "token_used" => either(Cause::ConsentExpired, Cause::RequestInvalid),
        "permission_denied" => either(Cause::ConsentDenied, Cause::PermissionMissing),
        "permission_unknown" | "additional_authorization_required" => {
            either(Cause::ConsentInvalid, Cause::PermissionMissing)
        }
        "verifier_invalid" => Cause::ConsentInvalid,
        _ => return None,
    })
}
