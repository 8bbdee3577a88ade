//! The one judge by the standards: every call, every place in which an error can stand, and twins that look
//! alike. A line is call, status, `WWW-Authenticate`, body, and the cause.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2;
use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use trunkline_core::{Call, Cause, Diagnosis, Exchange, Family, Retry, Verdict};

use Call::{Api, Authorize, Exchange as Code, Refresh, Revoke};

fn judge(call: Call, status: u16, headers: &[(&str, &str)], body: &[u8]) -> Diagnosis {
    let pairs = headers.iter().map(|(name, value)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap())
    });
    let headers: HeaderMap = pairs.fold(HeaderMap::new(), |mut all, (name, value)| {
        all.append(name, value);
        all
    });
    let status = StatusCode::from_u16(status).unwrap();
    let method = &Method::POST;
    oauth2::diagnose(&Exchange { call, method, path: "/x", status, headers: &headers, body }, start())
}

const INVALID_GRANT: &str = r#"{"error":"invalid_grant"}"#;
const PAGE: &str = "<!doctype html><title>Sign in to the network</title>";

const TABLE: &[(Call, u16, &str, &str, Cause)] = &[
    // The token endpoint, at a renewal.
    (Refresh, 400, "", INVALID_GRANT, Cause::GrantRevoked),
    (Refresh, 401, "", INVALID_GRANT, Cause::GrantRevoked),
    (Refresh, 403, "", INVALID_GRANT, Cause::GrantRevoked),
    (Refresh, 200, "", INVALID_GRANT, Cause::GrantRevoked),
    (Refresh, 200, "", r#"{"ok":false,"error":"invalid_grant"}"#, Cause::GrantRevoked),
    (Refresh, 200, "", r#"{"ok":true,"message":"invalid_grant"}"#, Cause::RefreshOutcomeUnknown),
    (Refresh, 400, "", "error=invalid_grant", Cause::GrantRevoked),
    (Refresh, 400, "", "\u{feff} {\"error\":\"invalid_grant\"}", Cause::GrantRevoked),
    (Refresh, 400, "", r#"{"error":{"code":"invalid_grant"}}"#, Cause::GrantRevoked),
    (Refresh, 400, "", r#"{"errors":[{"errorType":"invalid_grant","message":"gone"}]}"#, Cause::GrantRevoked),
    (Refresh, 400, "", r#"{"errors":["invalid_grant"]}"#, Cause::GrantRevoked),
    (Refresh, 400, "", r#"{"errorCode":"invalid_grant"}"#, Cause::GrantRevoked),
    (Refresh, 400, "", r#"{"code":"invalid_grant","message":"gone"}"#, Cause::GrantRevoked),
    (Refresh, 400, "", r#"{"message":"invalid_grant"}"#, Cause::RefreshOutcomeUnknown),
    (Refresh, 400, "", r#"{"error":"Invalid_Grant"}"#, Cause::RefreshOutcomeUnknown),
    (Refresh, 400, "", r#"{"error":"invalid_grant","error":"server_error"}"#, Cause::RefreshOutcomeUnknown),
    (Refresh, 500, "", INVALID_GRANT, Cause::GrantRevoked),
    (Refresh, 500, "", r#"{"error":"any token request failure"}"#, Cause::ServiceUnavailable),
    (Refresh, 503, "", INVALID_GRANT, Cause::ServiceUnavailable),
    (Refresh, 502, "", INVALID_GRANT, Cause::RefreshOutcomeUnknown),
    (Refresh, 429, "", INVALID_GRANT, Cause::RateLimited),
    (Refresh, 408, "", INVALID_GRANT, Cause::ServiceUnavailable),
    (Refresh, 302, "", INVALID_GRANT, Cause::ServiceUnavailable),
    (Refresh, 400, "", r#"{"error":"temporarily_unavailable"}"#, Cause::ServiceUnavailable),
    (Refresh, 400, "", r#"{"error":"server_error"}"#, Cause::ServiceUnavailable),
    (Refresh, 400, "", r#"{"error":"slow_down"}"#, Cause::RateLimited),
    (Refresh, 400, "", r#"{"error":"unknown_error"}"#, Cause::RefreshOutcomeUnknown),
    (Refresh, 401, "", r#"{"error":"invalid_client"}"#, Cause::ClientCredentialsInvalid),
    (Refresh, 400, "", r#"{"error":"invalid_client"}"#, Cause::ClientCredentialsInvalid),
    (Refresh, 401, "", "", Cause::RefreshOutcomeUnknown),
    (Refresh, 400, "", r#"{"error":"unauthorized_client"}"#, Cause::ClientNotPermitted),
    (Refresh, 400, "", r#"{"error":"unsupported_grant_type"}"#, Cause::ClientNotPermitted),
    (Refresh, 400, "", r#"{"error":"invalid_scope"}"#, Cause::ScopeInvalid),
    (Refresh, 400, "", r#"{"error":"invalid_target"}"#, Cause::ConfigurationInvalid),
    (Refresh, 400, "", r#"{"error":"invalid_request"}"#, Cause::ConfigurationInvalid),
    (
        Refresh,
        400,
        "",
        r#"{"error":"interaction_required","suberror":"basic_action"}"#,
        Cause::InteractionRequired,
    ),
    (Refresh, 400, "", r#"{"error":"consent_required"}"#, Cause::InteractionRequired),
    (Refresh, 403, "", PAGE, Cause::ServiceUnavailable),
    (Refresh, 200, "", PAGE, Cause::ServiceUnavailable),
    (Refresh, 400, "", "invalid_grant", Cause::RefreshOutcomeUnknown),
    // The exchange of a code.
    (Code, 400, "", INVALID_GRANT, Cause::ConsentInvalid),
    (
        Code,
        400,
        "",
        r#"{"error":"invalid_grant","error_description":"Code has expired"}"#,
        Cause::ConsentExpired,
    ),
    (Code, 400, "", r#"{"error":"access_denied"}"#, Cause::ConsentDenied),
    (Code, 400, "", r#"{"error":"acme_moon_phase"}"#, Cause::ConsentOutcomeUnknown),
    (Code, 401, "", r#"{"error":"invalid_client"}"#, Cause::ClientCredentialsInvalid),
    (Code, 400, "", r#"{"error":"redirect_uri_mismatch"}"#, Cause::ConsentOutcomeUnknown),
    // The callback.
    (Authorize, 302, "", "error=access_denied&error_description=No", Cause::ConsentDenied),
    (Authorize, 302, "", "error=invalid_scope", Cause::ScopeInvalid),
    (Authorize, 302, "", "error=invalid_request", Cause::ConfigurationInvalid),
    (Authorize, 302, "", "error=unsupported_response_type", Cause::ClientNotPermitted),
    (Authorize, 302, "", "error=request_uri_not_supported", Cause::ConfigurationInvalid),
    (Authorize, 302, "", "error=unauthorized_client", Cause::ClientNotPermitted),
    (Authorize, 302, "", "error=server_error", Cause::ServiceUnavailable),
    (Authorize, 302, "", "error=temporarily_unavailable", Cause::ServiceUnavailable),
    (Authorize, 302, "", "error=login_required", Cause::ConsentDenied),
    (Authorize, 302, "", "error=invalid_grant", Cause::ConsentDenied),
    (Authorize, 302, "", "error=acme_moon_phase", Cause::ConsentDenied),
    (Authorize, 302, "", "foo=access_denied", Cause::ConsentInvalid),
    (Authorize, 400, "", PAGE, Cause::RequestInvalid),
    (Authorize, 503, "", PAGE, Cause::ServiceUnavailable),
    // Revocation.
    (Revoke, 503, "", r#"{"error":"invalid_token"}"#, Cause::ServiceUnavailable),
    (Revoke, 400, "", r#"{"error":"unsupported_token_type"}"#, Cause::OutcomeUnknown),
    (Revoke, 401, "", r#"{"error":"invalid_client"}"#, Cause::ClientCredentialsInvalid),
    (Revoke, 200, "", PAGE, Cause::ServiceUnavailable),
    // An API, by its challenge.
    (Api, 401, r#"Bearer error="invalid_token""#, "", Cause::AccessTokenRejected),
    (Api, 400, r#"Bearer error="invalid_token""#, "", Cause::AccessTokenRejected),
    (Api, 403, r#"Bearer error="invalid_token""#, "", Cause::AccessTokenRejected),
    (
        Api,
        401,
        r#"Bearer error="invalid_token", error_description="The access token expired""#,
        "",
        Cause::AccessTokenExpired,
    ),
    (Api, 401, r#"Bearer error_description="The access token expired""#, "", Cause::AccessTokenRejected),
    (
        Api,
        401,
        r#"Basic realm="a, Bearer error=x", bearer error=invalid_token"#,
        "",
        Cause::AccessTokenRejected,
    ),
    (Api, 403, r#"Bearer error="insufficient_scope", scope="a b""#, "", Cause::ScopeMissing),
    (Api, 401, r#"Bearer error="insufficient_scope", scope="a b""#, "", Cause::ScopeMissing),
    (Api, 403, r#"Basic error="insufficient_scope""#, "", Cause::PermissionMissing),
    (
        Api,
        401,
        r#"Bearer error="insufficient_user_authentication", acr_values="myACR", max_age="5""#,
        "",
        Cause::AuthenticationRequired,
    ),
    (Api, 400, r#"Bearer error="invalid_request""#, "", Cause::RequestInvalid),
    (Api, 401, r#"Bearer error="acme_moon_phase""#, "", Cause::AccessTokenRejected),
    (Api, 403, r#"Bearer error="acme_moon_phase""#, "", Cause::PermissionMissing),
    (Api, 401, "Bearer", "", Cause::AccessTokenRejected),
    (Api, 401, "", "", Cause::AccessTokenRejected),
    (Api, 503, r#"Bearer error="invalid_token""#, "", Cause::ServiceUnavailable),
    // An API, by its body.
    (Api, 401, "Bearer", r#"{"error":"insufficient_scope","scope":"a"}"#, Cause::ScopeMissing),
    (Api, 403, "", r#"{"error":"insufficient_scope"}"#, Cause::ScopeMissing),
    (Api, 403, "", r#"{"message":"insufficient_scope"}"#, Cause::PermissionMissing),
    (Api, 403, "", r#"{"error":{"code":"invalid_token"}}"#, Cause::AccessTokenRejected),
    (Api, 200, "", r#"{"error":"invalid_token"}"#, Cause::AccessTokenRejected),
    (Api, 200, "", r#"{"ok":false,"error":"acme_moon_phase"}"#, Cause::RequestInvalid),
    (Api, 200, "", r#"{"ok":true}"#, Cause::ResponseInvalid),
    (Api, 500, "", r#"{"error":"invalid_token"}"#, Cause::AccessTokenRejected),
    (Api, 500, "", r#"{"error":"oops"}"#, Cause::ServiceUnavailable),
    (Api, 429, "Bearer error=invalid_token", r#"{"error":"invalid_token"}"#, Cause::RateLimited),
    (Api, 400, "", r#"{"error":"temporarily_unavailable"}"#, Cause::ServiceUnavailable),
    (Api, 400, "", r#"{"error":"invalid_grant"}"#, Cause::RequestInvalid),
    // An API, by its status.
    (Api, 403, "", "", Cause::PermissionMissing),
    (Api, 403, "", PAGE, Cause::ServiceUnavailable),
    (Api, 401, "", PAGE, Cause::ServiceUnavailable),
    (Api, 401, "Bearer", PAGE, Cause::AccessTokenRejected),
    (Api, 404, "", PAGE, Cause::NotFound),
    (Api, 404, "", "", Cause::NotFound),
    (Api, 409, "", "", Cause::Conflict),
    (Api, 422, "", r#"{"message":"no"}"#, Cause::BusinessRule),
    (Api, 400, "", "", Cause::RequestInvalid),
    (Api, 408, "", "", Cause::ServiceUnavailable),
    (Api, 504, "", "", Cause::ServiceUnavailable),
];

#[test]
fn every_line_of_the_table_has_its_cause() {
    for (call, status, challenge, body, cause) in TABLE {
        let headers = [("www-authenticate", *challenge)];
        let headers = &headers[usize::from(challenge.is_empty())..];
        let found = judge(*call, *status, headers, body.as_bytes());
        assert_eq!(found.cause(), *cause, "{call:?} {status} {challenge} {body}");
    }
}

#[test]
fn a_code_that_no_standard_knows_is_kept_as_it_is_and_the_status_decides() {
    let body = br#"{"error":"AADSTS50076","error_description":"MFA","suberror":"x"}"#;
    for (status, family) in [(401, Family::RevokedOrInvalidToken), (403, Family::InsufficientPermissions)] {
        let found = judge(Api, status, &[], body);
        let codes: Vec<_> = found.evidence().codes.iter().map(|code| code.as_str()).collect();
        assert_eq!((found.family(), codes), (family, vec!["AADSTS50076", "x"]));
        assert_eq!(found.evidence().message.as_ref().unwrap().as_str(), "MFA");
        assert_eq!(found.evidence().status, Some(status));
    }
}

#[test]
fn the_errors_of_a_list_are_read_and_a_list_of_anything_else_says_nothing() {
    let list = br#"[{"message":"Too many","errorCode":"LIMIT"},{"message":"Later","errorCode":"SECOND"}]"#;
    let found = judge(Api, 403, &[], list);
    let codes: Vec<_> = found.evidence().codes.iter().map(|code| code.as_str()).collect();
    assert_eq!((codes, found.cause()), (vec!["LIMIT", "SECOND"], Cause::PermissionMissing));
    assert_eq!(found.evidence().message.as_ref().unwrap().as_str(), "Too many");
    assert_eq!(judge(Refresh, 400, &[], br#"[{"error":"invalid_grant"}]"#).cause(), Cause::GrantRevoked);
    for other in
        [&b"[]"[..], b"[1]", b"[\"invalid_grant\"]", b"[[{\"error\":\"invalid_grant\"}]]", b"[{}]", b"["]
    {
        assert!(judge(Api, 403, &[], other).evidence().codes.is_empty());
        assert_eq!(judge(Refresh, 400, &[], other).cause(), Cause::RefreshOutcomeUnknown);
    }
    let success = judge(Api, 200, &[], list);
    assert!(success.evidence().codes.is_empty(), "a success may list whatever it likes");
}

#[test]
fn what_the_challenge_and_the_body_say_is_kept_together_the_challenge_first() {
    let challenge = [("www-authenticate", r#"Bearer error="insufficient_scope", scope="reports:read""#)];
    let body = br#"{"error":"SCOPE_7","message":"Ask for more","scope":"other"}"#;
    let found = judge(Api, 403, &challenge, body);
    let codes: Vec<_> = found.evidence().codes.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes, ["insufficient_scope", "SCOPE_7"]);
    assert_eq!(found.evidence().message.as_ref().unwrap().as_str(), "Ask for more");
    assert!(found.remedy().to_string().contains("`reports:read`"), "{}", found.remedy());
    let other = judge(Api, 403, &[], br#"{"error":"insufficient_scope","scope":"a b"}"#);
    assert!(other.remedy().to_string().contains("`a b`"), "{}", other.remedy());
}

#[test]
fn c_9470_01_a_stronger_authentication_is_asked_of_the_user_and_nothing_is_revoked() {
    let challenge = [("www-authenticate", r#"Bearer error="insufficient_user_authentication""#)];
    let found = judge(Api, 401, &challenge, b"");
    assert_eq!(found.cause().verdict(), Verdict::CallOnly);
    assert_eq!(found.retry(), Retry::Never);
}

#[test]
fn a_pause_counts_where_waiting_helps_in_seconds_and_as_a_date() {
    for (call, status, header, pause) in [
        (Api, 429, "120", Some(120)),
        (Api, 503, "Fri, 02 Jan 2026 03:05:05 GMT", Some(60)),
        (Refresh, 429, "7", Some(7)),
        (Revoke, 503, "7", Some(7)),
        (Api, 429, "99999999999999999999", Some(86_400)),
        (Api, 429, "soon", Some(30)),
        (Api, 403, "120", None),
        (Refresh, 502, "120", Some(30)),
    ] {
        let found = judge(call, status, &[("retry-after", header)], b"");
        let expected = pause.map_or(Retry::Never, |after_s| Retry::After { after_s });
        assert_eq!(found.retry(), expected, "{call:?} {status} {header}");
    }
}

#[test]
fn what_a_service_writes_is_cleaned_and_nothing_is_too_large_or_too_deep() {
    let token = "x".repeat(60);
    let body = format!(r#"{{"error":"<b>no</b>{token}","error_description":"a\u001b[31m {token}<script>"}}"#);
    let printed = format!("{:?}", judge(Api, 400, &[], body.as_bytes()));
    for bad in ["<b>", "<script>", "\u{1b}", "\\u{1b}", &token] {
        assert!(!printed.contains(bad), "{printed}");
    }
    let large = format!(r#"{{"error":"invalid_grant","x":"{}"}}"#, "x".repeat(10 << 20));
    let many = format!("{{\"errors\":[{}]}}", vec![r#""code""#; 5_000].join(","));
    for call in [Api, Authorize, Code, Refresh, Revoke] {
        for body in [
            large.as_bytes(),
            many.as_bytes(),
            "[".repeat(10_000).as_bytes(),
            format!("{{\"error\":{}", "[".repeat(10_000)).as_bytes(),
            b"{\"error\":\"caf\xe9\"}",
            b"\xff\xfe{\0}\0",
            b"",
        ] {
            for status in [200, 302, 400, 500] {
                let found = judge(call, status, &[("www-authenticate", "B\u{e9}arer error=\u{fc}")], body);
                assert!(found.evidence().codes.len() <= 8);
                assert_ne!(found.cause(), Cause::GrantRevoked, "half an answer proves nothing");
            }
        }
    }
}
