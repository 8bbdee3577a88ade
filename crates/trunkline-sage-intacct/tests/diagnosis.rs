//! What holds for every answer. Each single answer, its twin, and what it must be taken for is a line of the
//! table in `tests/answers/sage_intacct.txt`.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::sync::Arc;

use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use trunkline_core::{
    BuildConnector, Call, Cause, Connector, Diagnosis, Exchange, Family, Retry, Secret, Verdict,
};
use trunkline_sage_intacct::{GrantMethod, SageIntacctConfig};

fn connector() -> Arc<dyn Connector> {
    SageIntacctConfig::new("0a1b.app.sage.com", Secret::new("s3cr3t"))
        .grant(GrantMethod::ClientCredentials)
        .build("sage_intacct")
        .unwrap()
}

fn diagnose_with(
    call: Call,
    status: u16,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> Option<Diagnosis> {
    let pairs =
        headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let headers: HeaderMap = pairs.collect();
    connector().diagnose(&Exchange {
        call,
        method: &Method::POST,
        path: "/ia/api/v1/objects/accounts-payable/bill",
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
        body: body.as_bytes(),
    })
}

fn diagnose(call: Call, status: u16, body: &str) -> Option<Diagnosis> {
    diagnose_with(call, status, &[], body)
}

fn cause(call: Call, status: u16, body: &str) -> Option<Cause> {
    diagnose(call, status, body).map(|diagnosis| diagnosis.cause())
}

const SUPPORT: &str = r#""supportId":"Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo""#;

fn gateway(code: &str, message: &str) -> String {
    format!(r#"{{"ia::error":{{"code":"{code}","message":"{message}","details":{{"requestId":"AC47E9"}}}}}}"#)
}

fn api(members: &str) -> String {
    format!(r#"{{"ia::result":{{"ia::error":{{{members},{SUPPORT}}}}},"ia::meta":{{"totalError":1}}}}"#)
}

const TOKEN_INVALID: &str = r#"{"error":{"code":"tokenInvalid","message":"Token is not valid",
    "errorId":"REST-2102","additionalInfo":{"messageId":"IA.TOKEN_IS_INVALID","placeholders":{},
    "propertySet":{}},"supportId":"Kxi78%7E"}}"#;

const HTML: &str = "<html><head><title>502 Bad Gateway</title></head></html>";

#[test]
fn an_outage_at_renewal_never_kills_a_grant() {
    for status in [500, 502, 503, 504, 520, 521, 522, 523, 524] {
        for body in [HTML, "", "{", "upstream error", &gateway("GW-0001", "Cannot process the request")] {
            let diagnosis = diagnose(Call::Refresh, status, body).unwrap();
            let verdict = diagnosis.cause().verdict();
            assert!(matches!(verdict, Verdict::Transient | Verdict::OutcomeUnknown), "{status} {body}");
        }
    }
    // What was cut off may have spent the refresh token; what was refused did not.
    assert_eq!(cause(Call::Refresh, 524, HTML), Some(Cause::RefreshOutcomeUnknown));
    assert_eq!(cause(Call::Exchange, 504, ""), Some(Cause::ConsentOutcomeUnknown));
    assert_eq!(cause(Call::Refresh, 503, HTML), Some(Cause::EdgeFailure));
    let refused = gateway("GW-0001", "Cannot process the request");
    assert_eq!(cause(Call::Refresh, 504, &refused), Some(Cause::ServiceUnavailable));
}

#[test]
fn the_seeds_four_families_are_told_apart() {
    let family = |call, status, body: &str| diagnose(call, status, body).unwrap().family();
    assert_eq!(family(Call::Api, 401, &gateway("GW-0040", "Expired token")), Family::ExpiredAccessToken);
    assert_eq!(family(Call::Api, 401, TOKEN_INVALID), Family::RevokedOrInvalidToken);
    assert_eq!(family(Call::Exchange, 401, r#"{"error":"invalid_client"}"#), Family::InvalidCredentials);
    assert_eq!(family(Call::Api, 403, ""), Family::InsufficientPermissions);
}

#[test]
fn a_rate_limit_carries_the_time_that_sage_asks_for() {
    let limited = gateway("GW-0010", "API rate limit exceeded");
    for header in ["x-ia-throttle-limit-retryafter", "x-ia-throttle-limit-retry-after", "retry-after"] {
        let diagnosis = diagnose_with(Call::Api, 429, &[(header, "61")], &limited).unwrap();
        assert_eq!(diagnosis.retry(), Retry::After { after_s: 61 }, "{header}");
    }
    let edge = diagnose_with(Call::Api, 429, &[("retry-after", "61")], HTML).unwrap();
    assert_eq!((edge.cause(), edge.retry()), (Cause::RateLimited, Retry::After { after_s: 61 }));
    // A refusal does not become repeatable by a header.
    let denied = diagnose_with(Call::Api, 403, &[("retry-after", "61")], "").unwrap();
    assert_eq!(denied.retry(), Retry::Never);
}

#[test]
fn evidence_holds_codes_support_id_and_message_and_nothing_that_looks_like_a_token() {
    let token = "eyJhbGciOiJIUzI1NiJ9.eyJjbnlJZCI6ImFjbWUifQ.c2lnbmF0dXJlc2lnbmF0dXJl";
    let body = api(&format!(
        r#""code":"operationFailed","errorId":"REST-7001","message":"failed ({token})",
        "details":[{{"errorId":"GL-0951","message":"Period is closed","correction":"Open it"}}]"#
    ));
    let diagnosis = diagnose(Call::Api, 422, &body).unwrap();
    let evidence = diagnosis.evidence();
    let codes: Vec<_> = evidence.codes.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, ["REST-7001", "operationFailed", "GL-0951"]);
    assert_eq!(evidence.support_id.as_ref().unwrap().as_str(), "Kxi78%7EZuyXBDEGVHD2UmO1phYXDQAAAAo");
    let message = evidence.message.as_ref().unwrap().as_str();
    assert_eq!(message, "failed ([redacted]); Period is closed; Open it");
}

#[test]
fn an_unknown_code_is_kept_as_it_was_written_and_the_status_decides() {
    for code in ["GW-0099", "moonPhase?", "ZZ-9999 é", "a.b/c:d"] {
        let body = format!(r#"{{"ia::error":{{"code":"{code}","message":"m"}}}}"#);
        for (status, expected) in [
            (400, Cause::RequestInvalid),
            (401, Cause::AccessTokenRejected),
            (403, Cause::PermissionMissing),
            (500, Cause::ServiceUnavailable),
        ] {
            let diagnosis = diagnose(Call::Api, status, &body).unwrap();
            assert_eq!(diagnosis.cause(), expected, "{code}");
            let codes: Vec<_> = diagnosis.evidence().codes.iter().map(|code| code.as_str()).collect();
            assert_eq!((codes, diagnosis.evidence().status), (vec![code], Some(status)));
        }
    }
}

#[test]
fn texts_of_a_service_cannot_forge_a_line_or_drive_a_terminal() {
    let body = r#"{"ia::error":{"code":"a\nb\u001b[2J","message":"x\u001b]0;t\u0007\r\nlevel=info\u202e\u2028\u0085y",
        "supportId":"s\u0000","details":[{"errorId":"\u009b31m"}]}}"#;
    let diagnosis = diagnose(Call::Api, 422, body).unwrap();
    let shown =
        format!("{diagnosis} {:?} {}", diagnosis.evidence(), serde_json::to_string(&diagnosis).unwrap());
    assert!(!shown.chars().any(|c| c.is_control() || matches!(c, '\u{202e}' | '\u{2028}')), "{shown}");
}

/// Numbers that look random and are the same at every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// A JSON value of the words that envelopes are made of, and of words that are none.
fn value(numbers: &mut Numbers, depth: usize) -> String {
    const NAMES: [&str; 13] = [
        "ia::error",
        "ia::result",
        "ia::status",
        "ia::meta",
        "error",
        "error_description",
        "code",
        "message",
        "errorId",
        "details",
        "additionalInfo",
        "supportId",
        "requestId",
    ];
    const TEXTS: [&str; 11] = [
        r#""invalid_grant""#,
        r#""invalid_client""#,
        r#""tokenInvalid""#,
        r#""GW-0040""#,
        r#""REST-2102""#,
        r#""unprocessed""#,
        r#""The token is not valid""#,
        "401",
        "-1",
        "1e400",
        "null",
    ];
    match numbers.below(if depth == 0 { 1 } else { 4 }) {
        0 => TEXTS[numbers.below(TEXTS.len())].to_owned(),
        1 => {
            let items: Vec<_> = (0..numbers.below(4)).map(|_| value(numbers, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
        _ => {
            let member = |numbers: &mut Numbers| {
                format!(r#""{}":{}"#, NAMES[numbers.below(NAMES.len())], value(numbers, depth - 1))
            };
            let members: Vec<_> = (0..numbers.below(4)).map(|_| member(numbers)).collect();
            format!("{{{}}}", members.join(","))
        }
    }
}

#[test]
fn no_body_panics_or_ends_a_grant_that_the_service_does_not_name() {
    const DEADLY: [&str; 4] = ["invalid_grant", "tokenInvalid", "REST-2102", "GW-0040"];
    let mut numbers = Numbers(7);
    let mut seen = std::collections::BTreeMap::<_, usize>::new();
    for _ in 0..20_000 {
        let mut body = value(&mut numbers, 6).into_bytes();
        if numbers.below(3) == 0 && !body.is_empty() {
            let at = numbers.below(body.len());
            body[at] = u8::try_from(numbers.below(256)).unwrap();
        }
        let call = [Call::Api, Call::Exchange, Call::Refresh, Call::Revoke][numbers.below(4)];
        let status = [200, 207, 400, 401, 403, 404, 422, 429, 500, 503, 524][numbers.below(11)];
        let status = StatusCode::from_u16(status).unwrap();
        let method = Method::POST;
        let headers = HeaderMap::new();
        let exchange = Exchange { call, method: &method, path: "/x", status, headers: &headers, body: &body };
        let Some(diagnosis) = connector().diagnose(&exchange) else { continue };
        let text = String::from_utf8_lossy(&body).to_lowercase();
        if diagnosis.cause().verdict() == Verdict::GrantDead {
            let named = DEADLY.iter().any(|code| text.contains(&code.to_lowercase()));
            assert!(named || text.contains("token is not valid"), "{call:?} {status} {text}");
            assert!(status.as_u16() < 500, "{status} {text}");
        }
        assert!(diagnosis.cause().met_by().contains(&diagnosis.actor()));
        *seen.entry(diagnosis.cause().code()).or_default() += 1;
    }
    // The generator reaches what it is for.
    for code in ["grant_revoked", "access_token_rejected", "partially_done", "client_credentials_invalid"] {
        assert!(seen.get(code).is_some_and(|count| *count > 2), "{code}: {seen:?}");
    }
}

#[test]
fn a_large_or_deep_body_costs_no_more_than_its_start() {
    let long = format!(r#"{{"ia::error":{{"message":"{}"}}}}"#, "x".repeat(10 << 20));
    let deep = format!(r#"{{"ia::result":{}"#, r#"{"ia::result":"#.repeat(10_000));
    let wide = format!(r#"{{"ia::result":[{}]}}"#, vec![r#"{"ia::error":{"code":"a"}}"#; 200_000].join(","));
    for body in [long, deep, wide] {
        let diagnosis = diagnose(Call::Api, 403, &body).unwrap();
        assert_eq!(diagnosis.cause(), Cause::PermissionMissing);
        assert!(serde_json::to_string(&diagnosis).unwrap().len() < 1024);
    }
}
