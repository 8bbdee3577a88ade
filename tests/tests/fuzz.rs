//! What a hostile service can send to every reader of its answers: none panics, and none keeps much. The readers of
//! event tokens are tried in `trunkline-security-events`.
//!
//! `PROPTEST_CASES=1000000 cargo test -p trunkline-tests --test fuzz` tries more.

use proptest::prelude::*;
use trunkline_auth::oauth2::{self, challenge};
use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Call, Diagnosis, Exchange, MAX_SERVICE_TEXT, Registry, Verdict};
use trunkline_sage_intacct::{ErrorEnvelope, MAX_DETAILS, MAX_ERRORS};

const CALLS: [Call; 5] = [Call::Api, Call::Authorize, Call::Exchange, Call::Refresh, Call::Revoke];

/// Words that mean something to one reader or another, in any order: noise alone would stop at the first byte.
const WORDS: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "1e999",
    "3600",
    "18446744073709551616",
    "\"error\"",
    "\"error_description\"",
    "\"invalid_grant\"",
    "\"invalid_client\"",
    "\"access_token\"",
    "\"expires_in\"",
    "\"scope\"",
    "\"ia::error\"",
    "\"ia::result\"",
    "\"ia::status\"",
    "\"code\"",
    "\"errorId\"",
    "\"REST-2102\"",
    "\"GW-0010\"",
    "\"details\"",
    "\"message\"",
    "\"errors\"",
    "\"ok\"",
    "false",
    "<html>",
    "&",
    "=",
    "%",
    "error=access_denied",
    "Bearer",
    "realm=",
    "error=\"invalid_token\"",
    "scope=\"a b\"",
    "\u{feff}",
    "\u{202e}",
    "\u{1b}[2J",
    "\n",
    " ",
    "é",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::collection::vec(prop::sample::select(WORDS), 0..60)
        .prop_map(|words| words.concat().into_bytes());
    let nested = (0_usize..20_000).prop_map(|depth| "[{\"error\":".repeat(depth).into_bytes());
    prop_oneof![6 => words, 2 => prop::collection::vec(any::<u8>(), 0..400), 1 => nested]
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    const NAMES: [&str; 5] =
        ["www-authenticate", "content-type", "retry-after", "date", "x-ia-throttle-limit-retry-after"];
    let pair = (prop::sample::select(&NAMES[..]), text());
    prop::collection::vec(pair, 0..4).prop_map(|pairs| {
        let header = |(name, value): (&'static str, Vec<u8>)| {
            Some((HeaderName::from_static(name), HeaderValue::from_bytes(&value).ok()?))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.into_iter().filter_map(header) {
            headers.append(name, value);
        }
        headers
    })
}

/// Everything that a diagnosis holds is short and can be shown.
fn check(diagnosis: &Diagnosis) -> Result<(), TestCaseError> {
    let evidence = diagnosis.evidence();
    prop_assert!(evidence.codes.len() <= 64, "{} codes", evidence.codes.len());
    for text in evidence.codes.iter().chain(&evidence.message).chain(&evidence.support_id) {
        let text = text.as_str();
        prop_assert!(text.chars().count() <= MAX_SERVICE_TEXT);
        prop_assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_answer_makes_a_judge_panic_or_keep_much(
        call in prop::sample::select(&CALLS[..]), status in 100_u16..600, headers in headers(), body in text(),
    ) {
        let status = StatusCode::from_u16(status).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let exchange =
            Exchange { call, method: &Method::POST, path: "/objects", status, headers: &headers, body: &body };
        check(&oauth2::diagnose(&exchange, Timestamp::UNIX_EPOCH))?;
        for registration in Registry::global().list() {
            if let Some(diagnosis) = (registration.diagnose)(&exchange, None) {
                check(&diagnosis)?;
                // An answer of the API says nothing final about a grant by its status alone.
                let dead = diagnosis.cause().verdict() == Verdict::GrantDead;
                prop_assert!(!(dead && call == Call::Api && body.is_empty()), "{diagnosis}");
            }
        }
    }

    #[test]
    fn no_header_makes_the_challenges_panic_or_multiply(headers in headers()) {
        let length: usize = headers.values().map(HeaderValue::len).sum();
        prop_assert!(challenge::parse(&headers).len() <= length);
        drop((challenge::diagnose(StatusCode::UNAUTHORIZED, &headers), challenge::required_scopes(&headers)));
    }

    #[test]
    fn no_body_makes_an_envelope_panic_or_grow(body in text()) {
        if let Some(envelope) = ErrorEnvelope::parse(&body) {
            prop_assert!(envelope.errors.len() <= MAX_ERRORS);
            prop_assert!(envelope.errors.iter().all(|error| error.details.len() <= MAX_DETAILS));
        }
    }
}
