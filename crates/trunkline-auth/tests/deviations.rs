//! What services do otherwise than the standards say, one test per deviation, each with a twin that
//! must not be taken for it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::time::Duration;

use common::*;
use trunkline_auth::oauth2::{TimeUnit, TokenCodec, TokenEncoding, ZeroExpiry};
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{
    AuthProvider, Call, Callback, Cause, Diagnosis, Exchange, RefreshPolicy, ScopeSet, Verdict,
};

fn text(status: u16, kind: &str, body: &str) -> Step {
    Step::Answer(status, vec![("content-type", kind.to_owned())], body.as_bytes().to_vec())
}

#[tokio::test]
async fn d01_an_error_in_a_200_is_found_before_any_token() {
    for (body, code) in [
        (r#"{"ok":false,"error":"invalid_grant","access_token":"t"}"#, Some("invalid_grant")),
        (r#"{"error":"invalid_grant","access_token":"t"}"#, Some("invalid_grant")),
        (r#"{"code":20003,"msg":"The code is gone"}"#, Some("20003")),
        (r#"{"ok":false}"#, None),
        ("error=invalid_grant&error_description=gone", Some("invalid_grant")),
    ] {
        let error = refresh_with(&provider(), json(200, body)).await.0.unwrap_err();
        let evidence = error.diagnosis().unwrap().evidence();
        assert_eq!(evidence.codes.first().map(|code| code.as_str()), code, "{body}");
        let cause =
            if code == Some("invalid_grant") { Cause::GrantRevoked } else { Cause::RefreshOutcomeUnknown };
        assert_eq!(error.cause(), Some(cause), "{body}");
    }
    let named = builder().codec(TokenCodec::new().error_alias("bad_refresh_token", "invalid_grant"));
    let error = refresh_with(&named.build().unwrap(), json(200, r#"{"error":"bad_refresh_token"}"#)).await.0;
    let error = error.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::GrantRevoked));
    assert_eq!(error.diagnosis().unwrap().evidence().codes[1].as_str(), "bad_refresh_token");

    for twin in [
        r#"{"access_token":"t","ok":true,"error":null}"#,
        r#"{"access_token":"t","error":"","errors":[],"error_code":0}"#,
        r#"{"access_token":"t","error":{"code":"ok","message":""}}"#,
        r#"{"access_token":"t","error":false,"code":17}"#,
    ] {
        refresh_with(&provider(), json(200, twin)).await.0.expect(twin);
    }
    let within = builder().codec(TokenCodec::new().within("data")).build().unwrap();
    let nested = json(200, r#"{"code":0,"message":"OK","data":{"access_token":"t"}}"#);
    refresh_with(&within, nested).await.0.unwrap();
    let nested = json(200, r#"{"code":0,"data":{"error":"invalid_grant"}}"#);
    assert_eq!(refresh_with(&within, nested).await.0.unwrap_err().cause(), Some(Cause::GrantRevoked));
}

#[tokio::test]
async fn d02_every_2xx_is_a_success_and_nothing_else() {
    let body = r#"{"access_token":"t"}"#;
    for status in [200, 201, 202, 203] {
        refresh_with(&provider(), json(status, body)).await.0.unwrap();
    }
    for status in [302, 400, 404, 500] {
        refresh_with(&provider(), json(status, body)).await.0.unwrap_err();
    }
}

/// A service that says at 500 that a grant is gone, and at 400 that it is busy.
fn judge(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    assert_eq!((exchange.call, exchange.method, exchange.path), (Call::Refresh, &Method::POST, "/token"));
    let body = std::str::from_utf8(exchange.body).ok()?;
    match exchange.status {
        StatusCode::INTERNAL_SERVER_ERROR if body.contains("any token request failure") => {
            Some(Diagnosis::new(Cause::GrantRevoked).message("old-refresh is gone"))
        }
        StatusCode::BAD_REQUEST if body.contains("token request is already being processed") => {
            Some(Diagnosis::new(Cause::ServiceUnavailable))
        }
        _ => None,
    }
}

#[tokio::test]
async fn d03_a_terminal_error_as_500_is_the_judges_and_transient_without_one() {
    let judged = builder().judge(judge).build().unwrap();
    let body = r#"{"message":"any token request failure"}"#;
    let error = refresh_with(&judged, json(500, body)).await.0.unwrap_err();
    let evidence = error.diagnosis().unwrap().evidence();
    assert_eq!(error.cause(), Some(Cause::GrantRevoked));
    assert_eq!(evidence.status, Some(500));
    assert_eq!(evidence.message.as_ref().unwrap().as_str(), "[redacted] is gone");
    assert_eq!((evidence.call.as_deref(), evidence.at), (Some("refresh"), after(7)));
    for (provider, body) in [(&provider(), body), (&judged, r#"{"message":"oops"}"#)] {
        let error = refresh_with(provider, json(500, body)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
    }
}

#[tokio::test]
async fn d04_a_code_in_the_body_counts_more_than_a_4xx_status() {
    for status in [400, 401, 403] {
        let error =
            refresh_with(&provider(), json(status, r#"{"error":"invalid_grant"}"#)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::GrantRevoked), "{status}");
        let error = refresh_with(&provider(), json(status, r#"{"message":"no"}"#)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::RefreshOutcomeUnknown), "{status}");
    }
}

#[tokio::test]
async fn d05_a_transient_error_as_400_is_the_judges_and_no_death() {
    let judged = builder().judge(judge).build().unwrap();
    let body = br#"{"error":"invalid_grant","error_description":"token request is already being processed"}"#;
    let busy = Step::Answer(400, vec![("retry-after", "5".into())], body.to_vec());
    let error = refresh_with(&judged, busy).await.0.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
    assert_eq!(error.cause().unwrap().verdict(), Verdict::Transient);
    assert_eq!(error.diagnosis().unwrap().retry(), trunkline_core::Retry::After { after_s: 5 });
    let error = refresh_with(&judged, json(400, r#"{"error":"invalid_grant"}"#)).await.0.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::GrantRevoked));
    // Even unjudged, a made-up code kills nothing.
    let error = refresh_with(&provider(), json(400, r#"{"error":"unknown_error"}"#)).await.0.unwrap_err();
    assert_eq!(error.cause().unwrap().verdict(), Verdict::OutcomeUnknown);
}

async fn expiry_of(codec: TokenCodec, members: &str) -> Option<Timestamp> {
    let provider = builder().codec(codec).build().unwrap();
    let body = format!(r#"{{"access_token":"t",{members}}}"#);
    refresh_with(&provider, json(200, &body)).await.0.expect(members).credential.access_expires_at
}

#[tokio::test]
async fn d06_expires_in_in_every_shape() {
    for (value, expected) in [
        ("3600", after(3600)),
        (r#""3600""#, after(3600)),
        (r#"" 3600 ""#, after(3600)),
        ("3600.0", after(3600)),
        (r#""3.6e3""#, after(3600)),
        ("1", after(1)),
        ("null", None),
        ("0", None),
        (r#""0""#, None),
        ("-1", None),
        ("-1e300", None),
        ("1e300", None),
        ("18446744073709551615", None),
        (r#""soon""#, None),
        (r#""NaN""#, None),
        (r#""inf""#, None),
        ("[3600]", None),
        ("true", None),
        // Ten days: milliseconds only where the provider says so.
        ("900000", after(900_000)),
    ] {
        let found = expiry_of(TokenCodec::new(), &format!(r#""expires_in":{value}"#)).await;
        assert_eq!(found, expected, "{value}");
    }
    let millis = TokenCodec::new().expires_in_unit(TimeUnit::Millis);
    assert_eq!(expiry_of(millis, r#""expires_in":900000"#).await, after(900));
    let by_size = TokenCodec::new().expires_in_unit(TimeUnit::ByMagnitude);
    assert_eq!(expiry_of(by_size.clone(), r#""expires_in":900000"#).await, after(900));
    assert_eq!(expiry_of(by_size, r#""expires_in":86400"#).await, after(86_400));
}

#[tokio::test]
async fn d06_zero_means_unknown_or_never_by_flag() {
    let mut policy = RefreshPolicy::default();
    policy.default_lifetime = Some(Duration::from_secs(600));
    for (meaning, expected) in [(ZeroExpiry::Unknown, after(600)), (ZeroExpiry::Never, None)] {
        for value in ["0", "-1", r#""0""#] {
            let codec = TokenCodec::new().zero_expiry(meaning);
            let provider = builder().codec(codec).policy(policy).build().unwrap();
            let body = format!(r#"{{"access_token":"t","expires_in":{value}}}"#);
            let grant = refresh_with(&provider, json(200, &body)).await.0.unwrap();
            assert_eq!(grant.credential.access_expires_at, expected, "{meaning:?} {value}");
        }
    }
}

#[tokio::test]
async fn d07_the_end_of_a_token_in_every_member() {
    let millis = || TokenCodec::new().expires_at_unit(TimeUnit::Millis);
    let by_size = || TokenCodec::new().expires_at_unit(TimeUnit::ByMagnitude);
    // 2026-01-02T04:04:05Z, an hour after the start.
    for (codec, members, expected) in [
        (TokenCodec::new(), r#""expires":3600"#, after(3600)),
        (TokenCodec::new(), r#""expires":"1767326645""#, after(3600)),
        (TokenCodec::new(), r#""expires_at":1767326645"#, after(3600)),
        (TokenCodec::new(), r#""expires_at":"1767326645""#, after(3600)),
        (TokenCodec::new(), r#""expires_on":"1767326645""#, after(3600)),
        (TokenCodec::new(), r#""expires_at":"2026-01-02T04:04:05Z""#, after(3600)),
        (TokenCodec::new(), r#""expires_at":"2026-01-02T06:04:05+02:00""#, after(3600)),
        (TokenCodec::new(), r#""expires_at":"2026-01-02T04:04:05""#, after(3600)),
        (TokenCodec::new(), r#""expires_at":"Fri, 02 Jan 2026 04:04:05 GMT""#, after(3600)),
        (TokenCodec::new(), r#""expires_at":1767326645000"#, None),
        (millis(), r#""expires_at":1767326645000"#, after(3600)),
        (by_size(), r#""expires_at":"1767326645000""#, after(3600)),
        (by_size(), r#""expires_at":1767326645"#, after(3600)),
        (TokenCodec::new(), r#""expires_at":null,"expires_in":60"#, after(60)),
        (TokenCodec::new(), r#""expires_at":0"#, None),
        // A duration in the wrong member is no token that ended in 1970.
        (TokenCodec::new(), r#""expires_at":3600"#, None),
        (TokenCodec::new(), r#""expires_at":"whenever""#, None),
        (TokenCodec::new(), r#""other":1"#, None),
        (TokenCodec::new().alias("expires_in", "valid_for"), r#""valid_for":"60""#, after(60)),
    ] {
        assert_eq!(expiry_of(codec, members).await, expected, "{members}");
    }
}

#[tokio::test]
async fn d07_without_any_end_the_default_lifetime_counts_from_the_issue() {
    let mut policy = RefreshPolicy::default();
    policy.default_lifetime = Some(Duration::from_secs(7200));
    let issued = builder().codec(TokenCodec::new().issued_at("issued_at", TimeUnit::Millis)).policy(policy);
    let issued = issued.build().unwrap();
    for (member, expected) in [
        // Ten minutes before the request; after it; nothing.
        (r#","issued_at":"1767322445000""#, after(6600)),
        (r#","issued_at":"1767326645000""#, after(7200)),
        ("", after(7200)),
    ] {
        let body = format!(r#"{{"access_token":"t"{member}}}"#);
        let grant = refresh_with(&issued, json(200, &body)).await.0.unwrap();
        assert_eq!(grant.credential.access_expires_at, expected, "{member}");
        assert_eq!(grant.credential.issued_at, after(0));
    }
}

#[tokio::test]
async fn d07_absolute_ends_are_corrected_by_the_date_header_and_durations_are_not() {
    // The service's clock is 100 s ahead; the answer comes 7 s after the start.
    let date = |date: &str| vec![("date", date.to_owned())];
    for (header, member, expected) in [
        ("Fri, 02 Jan 2026 03:05:52 GMT", r#""expires_at":1767326645"#, after(3500)),
        ("Fri, 02 Jan 2026 03:05:52 GMT", r#""expires_in":3600"#, after(3600)),
        // Five minutes ahead, five minutes behind.
        ("Fri, 02 Jan 2026 03:09:12 GMT", r#""expires_at":1767326645"#, after(3300)),
        ("Fri, 02 Jan 2026 02:59:12 GMT", r#""expires_at":1767326645"#, after(3900)),
        ("Fri, 02 Jan 2036 03:05:52 GMT", r#""expires_at":1767326645"#, after(3600)),
        ("nonsense", r#""expires_at":1767326645"#, after(3600)),
    ] {
        let body = format!(r#"{{"access_token":"t",{member}}}"#).into_bytes();
        let grant = refresh_with(&provider(), Step::Answer(200, date(header), body)).await.0.unwrap();
        assert_eq!(grant.credential.access_expires_at, expected, "{header} {member}");
    }
}

#[tokio::test]
async fn d08_form_encoded_and_text_bodies_are_read() {
    let form = "access_token=a%2Bb&expires_in=3600&refresh_token=r&scope=x+y&token_type=bearer";
    for kind in ["application/x-www-form-urlencoded; charset=utf-8", "text/plain", "application/json", ""] {
        let grant = refresh_with(&provider(), text(200, kind, form)).await.0.expect(kind);
        assert_eq!(grant.credential.access_token.unwrap().expose(), "a+b");
        assert_eq!(grant.credential.refresh_token.unwrap().expose(), "r");
        assert_eq!(grant.credential.access_expires_at, after(3600));
        assert_eq!(grant.credential.scopes, Some(["x", "y"].into_iter().collect()));
    }
    for kind in ["text/plain", "text/html", "application/x-www-form-urlencoded"] {
        refresh_with(&provider(), text(200, kind, " {\"access_token\":\"t\"}\n")).await.0.expect(kind);
    }
    for bad in ["access_token=a&access_token=b", "access_token=%FF", "access_token", "OK"] {
        let error = refresh_with(&provider(), text(200, "text/plain", bad)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::RefreshOutcomeUnknown), "{bad}");
    }
}

#[tokio::test]
async fn d09_a_missing_or_odd_token_type_is_bearer_and_an_unknown_one_is_not() {
    let body = |member: &str| json(200, &format!(r#"{{"access_token":"t"{member}}}"#));
    for member in [
        "",
        r#","token_type":null"#,
        r#","token_type":"""#,
        r#","token_type":"Application Access Token""#,
        r#","token_type":"User Access Token""#,
        r#","token_type":"BearerToken""#,
        r#","tokenType":"bearer""#,
    ] {
        refresh_with(&provider(), body(member)).await.0.expect(member);
    }
    let odd = builder().codec(TokenCodec::new().bearer_type("mac")).build().unwrap();
    refresh_with(&odd, body(r#","token_type":"MAC""#)).await.0.unwrap();
    for member in [r#","token_type":"mac""#, r#","tokenType":"DPoP""#] {
        let error = refresh_with(&provider(), body(member)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ResponseInvalid), "{member}");
    }
}

#[tokio::test]
async fn d10_camel_case_members_are_read() {
    let body = r#"{"accessToken":"t","refreshToken":"r","tokenType":"Bearer","expiresIn":60,
        "refreshTokenExpiresIn":"120"}"#;
    let credential = refresh_with(&provider(), json(200, body)).await.0.unwrap().credential;
    assert_eq!(credential.access_token.unwrap().expose(), "t");
    assert_eq!(credential.refresh_token.unwrap().expose(), "r");
    assert_eq!((credential.access_expires_at, credential.refresh_expires_at), (after(60), after(120)));
    let both = json(200, r#"{"access_token":"standard","accessToken":"other"}"#);
    let grant = refresh_with(&provider(), both).await.0.unwrap();
    assert_eq!(grant.credential.access_token.unwrap().expose(), "standard");
    let named = builder().codec(TokenCodec::new().alias("access_token", "user_token")).build().unwrap();
    let body = r#"{"access_token":"bot","user_token":"user"}"#;
    let grant = refresh_with(&named, json(200, body)).await.0.unwrap();
    assert_eq!(grant.credential.access_token.unwrap().expose(), "user");
}

#[tokio::test]
async fn d11_errors_are_found_in_lists_objects_and_other_names() {
    for (body, code, message) in [
        (
            r#"{"errors":[{"errorType":"invalid_grant","message":"gone"}],"success":false}"#,
            "invalid_grant",
            "gone",
        ),
        (r#"{"errorCode":"invalid_grant","errorMessage":"gone"}"#, "invalid_grant", "gone"),
        (r#"{"error_code":"invalid_grant","error_message":"gone"}"#, "invalid_grant", "gone"),
        (r#"{"error":{"code":"invalid_grant","message":"gone"}}"#, "invalid_grant", "gone"),
        (r#"{"error":{"type":"invalid_grant","detail":"gone"}}"#, "invalid_grant", "gone"),
        (r#"{"error":[{"code":"invalid_grant","description":"gone"}]}"#, "invalid_grant", "gone"),
        (r#"{"errors":["invalid_grant","it is gone"]}"#, "invalid_grant", "it is gone"),
        (r#"{"reason":"gone","error":"invalid_grant"}"#, "invalid_grant", "gone"),
        (
            r#"{"error":"invalid_grant","suberror":"bad_token","error_description":"gone"}"#,
            "invalid_grant",
            "gone",
        ),
    ] {
        for status in [200, 400] {
            let error = refresh_with(&provider(), json(status, body)).await.0.unwrap_err();
            let evidence = error.diagnosis().unwrap().evidence();
            assert_eq!(error.cause(), Some(Cause::GrantRevoked), "{body}");
            assert_eq!(evidence.codes[0].as_str(), code, "{body}");
            assert_eq!(evidence.message.as_ref().unwrap().as_str(), message, "{body}");
        }
    }
    let error = refresh_with(&provider(), json(400, r#"{"errorCode":1234}"#)).await.0.unwrap_err();
    assert_eq!(error.diagnosis().unwrap().evidence().codes[0].as_str(), "1234");
    assert_eq!(error.cause(), Some(Cause::RefreshOutcomeUnknown));
}

#[tokio::test]
async fn d12_scopes_come_with_other_separators_as_lists_and_as_null() {
    let abc: ScopeSet = ["a", "b", "c"].into_iter().collect();
    for (separator, value, expected) in [
        (' ', r#""a b c""#, Some(abc.clone())),
        (',', r#""a,b, c""#, Some(abc.clone())),
        ('+', r#""a+b+c""#, Some(abc.clone())),
        ('|', r#""a|b|c""#, Some(abc.clone())),
        (' ', r#"["a","b","c"]"#, Some(abc.clone())),
        (' ', r#"["a","b",null,"c"]"#, Some(abc.clone())),
        (' ', "null", held().credential.scopes),
        (' ', r#""""#, Some(ScopeSet::default())),
        // Twin: without the flag a comma is part of a scope.
        (' ', r#""a,b""#, Some(["a,b"].into_iter().collect())),
    ] {
        let provider = builder().scopes(["a", "b", "c"]).scope_separator(separator).build().unwrap();
        let body = format!(r#"{{"access_token":"t","scope":{value}}}"#);
        let grant = refresh_with(&provider, json(200, &body)).await.0.unwrap();
        assert_eq!(grant.credential.scopes, expected, "{separator} {value}");
        let (asked, _) = begin(&provider).await;
        assert_eq!(value_of(&asked), ["a", "b", "c"].join(&separator.to_string()));
    }
    let codec = TokenCodec::new().scope_separator(',');
    let provider = builder().scopes(["a", "b"]).codec(codec).build().unwrap();
    assert_eq!(value_of(&begin(&provider).await.0), "a b");
    let grant =
        refresh_with(&provider, json(200, r#"{"access_token":"t","scope":"a,b,c"}"#)).await.0.unwrap();
    assert_eq!(grant.credential.scopes, Some(abc));
}

fn value_of(url: &trunkline_core::url::Url) -> String {
    value(url, "scope").unwrap()
}

#[tokio::test]
async fn d13_an_omitted_refresh_token_keeps_the_old_one_and_its_end() {
    let mut before = held();
    before.credential.refresh_expires_at = after(1_000);
    before.credential.grant_expires_at = after(2_000);
    before.captures.insert("instance_url", "https://eu.example");
    let grant = provider().refresh(&cx([ok()]).0, &before).await.unwrap();
    assert_eq!(grant.credential.refresh_token.unwrap().expose(), "old-refresh");
    assert_eq!(grant.credential.refresh_expires_at, after(1_000));
    assert_eq!(grant.credential.grant_expires_at, after(2_000));
    assert_eq!(grant.captures.get("instance_url"), Some("https://eu.example"));
}

#[tokio::test]
async fn d14_a_rotated_refresh_token_replaces_the_old_one_and_its_end() {
    let mut before = held();
    before.credential.refresh_expires_at = after(1_000);
    let body = r#"{"access_token":"t","refresh_token":"next"}"#;
    let grant = provider().refresh(&cx([json(200, body)]).0, &before).await.unwrap();
    assert_eq!(grant.credential.refresh_token.unwrap().expose(), "next");
    assert_eq!(grant.credential.refresh_expires_at, None, "the old end says nothing about the new token");
}

#[tokio::test]
async fn d15_the_ends_of_refresh_token_and_grant_are_kept() {
    for name in ["refresh_token_expires_in", "x_refresh_token_expires_in", "refresh_expires_in"] {
        let body = format!(r#"{{"access_token":"t","expires_in":60,"{name}":"8640000","grant_end":900}}"#);
        let provider = builder().codec(TokenCodec::new().grant_expires_in("grant_end")).build().unwrap();
        let credential = refresh_with(&provider, json(200, &body)).await.0.unwrap().credential;
        assert_eq!(credential.access_expires_at, after(60));
        assert_eq!(credential.refresh_expires_at, after(8_640_000), "{name}");
        assert_eq!(credential.grant_expires_at, after(900));
    }
    let zero = json(200, r#"{"access_token":"t","refresh_expires_in":0}"#);
    let credential = refresh_with(&provider(), zero).await.0.unwrap().credential;
    assert_eq!(credential.refresh_expires_at, None);
}

#[tokio::test]
async fn d17_renewals_go_to_a_url_of_their_own_by_get_or_in_the_query_where_that_is_said() {
    let refresh_url = url("https://service.example/oauth/refresh?v=2");
    let apart = builder().refresh_url(refresh_url.clone()).build().unwrap();
    let (_, script) = refresh_with(&apart, ok()).await;
    assert_eq!(script.only().url, refresh_url);
    let (_, script) = complete_with(&apart, "code=c", [ok()]).await;
    assert_eq!(script.only().url.path(), "/token");

    for method in [Method::GET, Method::POST] {
        let builder = builder().refresh_url(refresh_url.clone()).token_method(method.clone());
        let provider =
            builder.token_encoding(TokenEncoding::Query).allow_secrets_in_url(true).build().unwrap();
        let (_, script) = refresh_with(&provider, ok()).await;
        let sent = script.only();
        assert_eq!((&sent.method, sent.body.len()), (&method, 0));
        assert_eq!(value(&sent.url, "v").unwrap(), "2");
        assert_eq!(value(&sent.url, "refresh_token").unwrap(), "old-refresh");
        let error = refresh_with(&provider, Step::Lost).await.0.unwrap_err();
        assert!(std::error::Error::source(&error).is_none(), "a transport's text may name the URL");
    }
    let twice = builder().refresh_url(url("https://service.example/token?grant_type=other"));
    let twice = twice.token_encoding(TokenEncoding::Query).allow_secrets_in_url(true).build().unwrap();
    let (cx, script) = cx([]);
    assert!(twice.refresh(&cx, &held()).await.is_err());
    assert_eq!(script.count(), 0);
    assert!(builder().token_method(Method::GET).build().is_err());
    assert!(builder().token_method(Method::PUT).build().is_err());
}

#[tokio::test]
async fn d18_the_body_can_be_json() {
    let provider = builder().token_encoding(TokenEncoding::Json).build().unwrap();
    let (result, script) = complete_with(&provider, "code=a%22%0A%C3%A9", [ok()]).await;
    result.unwrap();
    let sent = script.only();
    let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(body["grant_type"], "authorization_code");
    assert_eq!(body["code"], "a\"\né");
    assert_eq!(body["client_secret"], SECRET);
    assert_eq!(body["redirect_uri"], REDIRECT);
}

#[tokio::test]
async fn d19_parameters_are_renamed_everywhere() {
    let provider = builder().rename("client_id", "appKey").rename("redirect_uri", "redirect_url");
    let provider = provider.build().unwrap();
    let (asked, _) = begin(&provider).await;
    assert_eq!(value(&asked, "appKey").unwrap(), "client-1");
    assert_eq!(value(&asked, "redirect_url").unwrap(), REDIRECT);
    assert_eq!(value(&asked, "client_id"), None);
    let (result, script) = complete_with(&provider, "code=c", [ok()]).await;
    result.unwrap();
    let sent = script.only();
    assert_eq!(sent.param("appKey").unwrap(), "client-1");
    assert_eq!(sent.param("redirect_url").unwrap(), REDIRECT);
    assert_eq!((sent.param("client_id"), sent.param("redirect_uri")), (None, None));
    let clash = builder().rename("client_id", "code").build();
    assert!(clash.is_err(), "two parameters under one name");
}

#[tokio::test]
async fn d30_a_page_for_people_is_transient_and_never_a_verdict() {
    let pages = ["<!DOCTYPE html><title>invalid_grant</title>", "\n <html>Access denied</html>"];
    for status in [200, 400, 401, 403, 404, 502] {
        for page in pages {
            let (result, script) = refresh_with(&provider(), text(status, "text/html", page)).await;
            let error = result.unwrap_err();
            // A gateway's page does not say whether the service behind it renewed the grant.
            let (cause, verdict) = match status {
                502 => (Cause::RefreshOutcomeUnknown, Verdict::OutcomeUnknown),
                _ => (Cause::ServiceUnavailable, Verdict::Transient),
            };
            assert_eq!(error.cause(), Some(cause), "{status} {page}");
            assert_eq!(error.cause().unwrap().verdict(), verdict);
            assert!(!format!("{error:?}").contains("html"), "never the body");
            assert_eq!(script.count(), 1);
        }
    }
}

#[tokio::test]
async fn d32_a_bom_is_stripped_and_what_cannot_be_read_for_sure_is_refused() {
    let bytes = |body: &[u8]| Step::Answer(200, Vec::new(), body.to_vec());
    let grant = refresh_with(&provider(), bytes(b"\xef\xbb\xbf{\"access_token\":\"t\"}")).await.0.unwrap();
    assert_eq!(grant.credential.access_token.unwrap().expose(), "t");
    for bad in [
        &b"{\"access_token\":\"\xff\"}"[..],
        b"\xff\xfe{\0}\0",
        b"\x1f\x8b\x08\0\0\0\0\0",
        br#"{"access_token":"a","access_token":"b"}"#,
        br#"{"access_token":"a","x":{"y":1,"y":2}}"#,
        br#"{"access_token":"a"} trailing"#,
        br#"["access_token"]"#,
    ] {
        let error = refresh_with(&provider(), bytes(bad)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::RefreshOutcomeUnknown), "{bad:?}");
    }
    let twice = br#"{"error":"invalid_grant","error":"temporarily_unavailable"}"#;
    let error = refresh_with(&provider(), Step::Answer(400, Vec::new(), twice.to_vec())).await.0.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::RefreshOutcomeUnknown), "two codes are no verdict");
}

#[tokio::test]
async fn d34_a_code_is_decoded_exactly_once() {
    for (query, code) in [
        ("code=aPrx%3D%3D", "aPrx=="),
        ("code=aPrx==", "aPrx=="),
        ("code=a%252Fb%253D", "a%2Fb%3D"),
        ("code=a%2Bb", "a+b"),
    ] {
        assert_eq!(Callback::from_query(query).unwrap().get("code").unwrap().expose(), code);
        let (result, script) = complete_with(&provider(), query, [ok()]).await;
        result.unwrap();
        assert_eq!(script.only().param("code").unwrap(), code, "{query}");
    }
}

#[tokio::test]
async fn no_answer_makes_a_provider_panic() {
    let parts: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b":",
        b",",
        b"access_token",
        b"expires_in",
        b"error",
        b"errors",
        b"code",
        b"scope",
        b"token_type",
        b"expires_at",
        b"1e999",
        b"-0",
        b"99999999999999999999",
        b"null",
        b"true",
        b"=",
        b"&",
        b"%",
        b"%ff",
        b"\xef\xbb\xbf",
        b"\xff",
        b"<",
        b"\\u0000",
        b"\\ud800",
        b" ",
        b"\0",
    ];
    let mut seed = 42_u64;
    let mut next = move |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let codec = TokenCodec::new().within("data").capture("code").expires_in_unit(TimeUnit::ByMagnitude);
    let providers = [provider(), builder().codec(codec).build().unwrap()];
    for round in 0..20_000 {
        let length = next(24);
        let mut body: Vec<u8> = (0..length).flat_map(|_| parts[next(parts.len())].to_vec()).collect();
        if round % 3 == 0 {
            let member = ["expires_in", "expires_at", "scope", "error", "token_type"][next(5)];
            let value = ["1e308", "-9223372036854775808", "[[[]]]", "{}", "\"\\u0000\"", "1e-400"][next(6)];
            body = format!(r#"{{"access_token":"t","{member}":{value}}}"#).into_bytes();
        }
        let status = [200, 201, 400, 401, 500][next(5)];
        let step = Step::Answer(status, Vec::new(), body);
        match refresh_with(&providers[next(2)], step).await.0 {
            Ok(grant) => assert!(grant.credential.access_token.is_some()),
            Err(error) => assert!(error.diagnosis().is_some()),
        }
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let deep = format!(r#"{{"access_token":"t","x":{deep}}}"#);
    refresh_with(&provider(), json(200, &deep)).await.0.unwrap_err();
}
