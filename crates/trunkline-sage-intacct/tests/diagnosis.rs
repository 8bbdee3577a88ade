//! Every REST fixture of the reference, and twins that look alike and mean something else.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::sync::Arc;

use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use trunkline_core::{
    Actor, BuildConnector, Call, Cause, Connector, Diagnosis, Exchange, Family, Retry, Secret, Verdict,
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

const E18_NUMBER: &str = r#"{"ia::error":{"details":[{"errorId":"AR-0279"}]}}"#;

const E18_TEXT: &str = r#"{"ia::error":{"message":"This needs configuration changes or user permissions"}}"#;

const PARTIAL: &str = r#"{"ia::result":[{"ia::status":201,"ia::result":{"key":"1"}},
    {"ia::status":422,"ia::error":{"code":"unprocessed","supportId":"K1"}}],
    "ia::meta":{"totalCount":2,"totalSuccess":1,"totalError":1}}"#;

#[test]
fn every_fixture_of_the_reference_has_its_cause_and_its_actor() {
    use Actor::{CustomerAdministrator as Admin, CustomerUser as User, Nobody, Operator, Service};
    use Call::{Api, Exchange as Code, Refresh};

    let e2 = api(r#""code":"invalidRequest","message":"The token is not valid","errorId":"REST-1206""#);
    let e9 = api(r#""code":"invalidRequest","errorId":"REST-1216",
        "message":"Client ID, Client Secret, and/or third-party application is incorrect""#);
    let e10 =
        api(r#""code":"invalidRequest","message":"The username format is invalid, expected user@company""#);
    let refused = api(r#""code":"whatever","message":"Anything at all""#);
    let e18 = r#"{"ia::error":{"code":"operationFailed","details":[{"errorId":"AR-0148"},
        {"errorId":"AR-0279","message":"needs configuration changes or user permissions"}]}}"#;
    let e19 = api(r#""code":"operationFailed","errorId":"REST-7001","message":"POST on bill failed",
        "details":[{"errorId":"GL-0951"},{"errorId":"GL-1009"}]"#);
    let e20 = api(r#""code":"invalidRequest","errorId":"REST-1064","message":"Payload contains errors",
        "details":[{"errorId":"REST-1043","target":"/x"}]"#);
    let e21 = api(r#""code":"invalidRequest","errorId":"REST-1028",
        "additionalInfo":{"messageId":"IA.REQUEST_REQUIRES_A_PAYLOAD"}"#);
    let rows: &[(&str, Call, u16, &str, Cause, Actor)] = &[
        ("E1", Api, 401, &gateway("GW-0040", "Expired token"), Cause::AccessTokenExpired, Nobody),
        ("E2", Api, 400, &e2, Cause::AccessTokenRejected, Nobody),
        ("E2 as 401", Api, 401, &e2, Cause::AccessTokenRejected, Nobody),
        ("E3", Api, 401, TOKEN_INVALID, Cause::AccessTokenRejected, Nobody),
        ("E3 as 400", Api, 400, TOKEN_INVALID, Cause::AccessTokenRejected, Nobody),
        ("E4", Refresh, 401, r#"{"error":"invalid_grant"}"#, Cause::GrantRevoked, User),
        ("E4 as 400", Refresh, 400, r#"{"error":"invalid_grant"}"#, Cause::GrantRevoked, User),
        ("E4 of a code", Code, 401, r#"{"error":"invalid_grant"}"#, Cause::ConsentExpired, User),
        ("E5", Refresh, 401, r#"{"error":"invalid_client"}"#, Cause::ClientCredentialsInvalid, Operator),
        ("E6", Api, 401, &gateway("GW-0031", "Invalid Token"), Cause::AccessTokenRejected, Nobody),
        ("E6 as 400", Api, 400, &gateway("GW-0031", "Invalid Token"), Cause::AccessTokenRejected, Nobody),
        ("E7", Api, 401, &gateway("GW-0034", "No Bearer"), Cause::RequestInvalid, Operator),
        ("E8", Code, 401, r#"{"error":"invalid_client"}"#, Cause::ClientCredentialsInvalid, Operator),
        ("E9", Code, 401, &e9, Cause::ClientNotAuthorized, Admin),
        ("E9 as 400", Refresh, 400, &e9, Cause::ClientNotAuthorized, Admin),
        ("E10", Code, 400, &e10, Cause::UserCredentialsInvalid, User),
        ("E11 tenant", Code, 400, &gateway("GW-0012", "Tenant missing"), Cause::UserCredentialsInvalid, User),
        ("E11 empty", Code, 400, &gateway("GW-0036", "Empty"), Cause::UserCredentialsInvalid, User),
        ("E11 client", Code, 400, &gateway("GW-0037", "client_id"), Cause::ConfigurationInvalid, Operator),
        ("E11 grant", Code, 400, &gateway("GW-0032", "grant_type"), Cause::ConfigurationInvalid, Operator),
        ("E11 body", Code, 400, &gateway("GW-0035", "No body"), Cause::ConfigurationInvalid, Operator),
        ("E11 twice", Code, 400, &gateway("GW-0038", "Several"), Cause::ConfigurationInvalid, Operator),
        ("E11 users", Code, 400, &gateway("GW-0039", "Several"), Cause::ConfigurationInvalid, Operator),
        ("E12", Api, 400, &gateway("GW-0011", "Invalid Request"), Cause::CompanyInactive, Admin),
        ("E12 token", Refresh, 400, &gateway("GW-0011", "Invalid Request"), Cause::CompanyInactive, Admin),
        ("E14 to E17", Api, 403, &refused, Cause::PermissionMissing, Admin),
        ("E14 to E17, empty", Api, 403, "", Cause::PermissionMissing, Admin),
        ("E17 as 404", Api, 404, &refused, Cause::NotFound, Operator),
        ("E18", Api, 422, e18, Cause::FeatureDenied, Admin),
        ("E18 by number", Api, 422, E18_NUMBER, Cause::FeatureDenied, Admin),
        ("E18 by text", Api, 422, E18_TEXT, Cause::FeatureDenied, Admin),
        ("E19", Api, 422, &e19, Cause::BusinessRule, User),
        ("E19 as 400", Api, 400, &e19, Cause::BusinessRule, User),
        ("E20", Api, 400, &e20, Cause::RequestInvalid, Operator),
        ("E21", Api, 400, &e21, Cause::RequestInvalid, Operator),
        ("E22", Api, 404, &api(r#""code":"notFound""#), Cause::NotFound, Operator),
        ("E23", Api, 429, &gateway("GW-0010", "API rate limit exceeded"), Cause::RateLimited, Nobody),
        ("E23 by code", Api, 400, &gateway("GW-0010", "API rate limit exceeded"), Cause::RateLimited, Nobody),
        ("E24", Api, 503, &gateway("GW-0001", "Cannot process"), Cause::ServiceUnavailable, Service),
        ("E24, empty", Api, 503, "", Cause::ServiceUnavailable, Service),
        ("E25", Api, 502, HTML, Cause::EdgeFailure, Service),
        ("E26", Api, 524, HTML, Cause::OutcomeUnknown, Operator),
        ("E26, no page", Api, 524, "", Cause::OutcomeUnknown, Operator),
        ("E27", Api, 409, &api(r#""code":"invalidRequest""#), Cause::Conflict, Operator),
        ("E28", Api, 207, PARTIAL, Cause::PartiallyDone, Operator),
        ("E29", Api, 500, r#"{"ia::error":{"supportId":"K1"}}"#, Cause::ServiceUnavailable, Service),
    ];
    for (name, call, status, body, cause, actor) in rows {
        let diagnosis = diagnose(*call, *status, body).unwrap_or_else(|| panic!("{name}: nothing"));
        assert_eq!((diagnosis.cause(), diagnosis.actor()), (*cause, *actor), "{name}");
        assert_eq!(diagnosis.evidence().status, Some(*status), "{name}");
    }
}

#[test]
fn twins_that_look_alike_are_not_taken_for_the_other() {
    use Call::{Api, Refresh};

    // A firewall's page is about neither token nor permission.
    assert_eq!(cause(Api, 401, HTML), Some(Cause::EdgeFailure));
    assert_eq!(cause(Api, 403, HTML), Some(Cause::EdgeFailure));
    // "token" is also a word for what a payload may hold.
    let field = r#""code":"invalidRequest","message":"The payment token is not valid""#;
    assert_eq!(cause(Api, 400, &api(field)), Some(Cause::RequestInvalid));
    let numbered = r#""code":"invalidRequest","message":"Invalid token","errorId":"REST-1043""#;
    assert_eq!(cause(Api, 400, &api(numbered)), Some(Cause::RequestInvalid));
    let behind = r#""code":"operationFailed","errorId":"REST-7001","details":[{"errorId":"REST-2102"}]"#;
    assert_eq!(cause(Api, 422, &api(behind)), Some(Cause::BusinessRule));
    // But where Sage gives no number, its text is all there is.
    let text = r#""code":"invalidRequest","message":"The token is not valid""#;
    assert_eq!(cause(Api, 400, &api(text)), Some(Cause::AccessTokenRejected));
    // A business rule that speaks of configuration is no missing permission.
    let rule = r#""code":"operationFailed","message":"Check the configuration of the period""#;
    assert_eq!(cause(Api, 422, &api(rule)), Some(Cause::BusinessRule));
    // The API's own body counts whatever its label.
    let labelled = diagnose_with(Api, 401, &[("content-type", "text/html")], TOKEN_INVALID).unwrap();
    assert_eq!(labelled.cause(), Cause::AccessTokenRejected);
    // Codes of the token endpoint mean nothing in a call of the API.
    assert_eq!(cause(Api, 400, &gateway("GW-0037", "x")), Some(Cause::RequestInvalid));
    assert_eq!(cause(Api, 400, r#"{"error":"invalid_grant"}"#), Some(Cause::RequestInvalid));
    // A success holds no failure, and what Sage never sends is left to the general rules.
    assert_eq!(cause(Api, 200, r#"{"ia::result":{"key":"1"}}"#), None);
    assert_eq!(cause(Api, 204, ""), None);
    assert_eq!(cause(Api, 404, HTML), Some(Cause::ResponseInvalid));
    assert_eq!(cause(Refresh, 404, HTML), Some(Cause::EdgeFailure));
    assert_eq!(cause(Refresh, 200, HTML), Some(Cause::ResponseInvalid));
    assert_eq!(cause(Refresh, 400, r#"{"error":"temporarily_unavailable"}"#), None);
}

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
