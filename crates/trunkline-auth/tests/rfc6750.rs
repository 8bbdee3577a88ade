//! RFC 6750: how a bearer token is carried, and what a refusal of it says.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2::challenge::{self, Challenge};
use trunkline_core::http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_core::{AuthProvider, Cause, Endpoint, Request, Secret, Verdict};

fn headers(values: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append("www-authenticate", HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

#[test]
fn c_6750_01_the_token_goes_into_the_authorization_header_and_nowhere_else() {
    let provider = provider();
    let prepared = provider.prepare(&held().credential).unwrap();
    let all: Vec<_> = prepared.headers().collect();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].0.as_str(), all[0].1.as_bytes()), ("authorization", &b"Bearer old-access"[..]));
    assert!(all[0].1.is_sensitive());
    let mut request = Request::new(Method::GET, url("https://api.example/x"));
    provider.sign(&mut request, &prepared, &TestClock::default()).unwrap();
    assert_eq!(request.url.query(), None);

    let mut broken = held().credential;
    broken.access_token = Some(Secret::new("canary\r\nx: y"));
    let error = provider.prepare(&broken).unwrap_err();
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    broken.access_token = None;
    assert_eq!(provider.prepare(&broken).unwrap_err().cause(), Some(Cause::AccessTokenExpired));
}

#[test]
fn c_6750_02_challenges_are_read_in_every_shape() {
    let shape = |challenge: &Challenge| {
        let named = ["realm", "error", "scope", "title", "a"].map(|name| challenge.param(name));
        (
            challenge.scheme().to_owned(),
            challenge.token68().map(str::to_owned),
            named.map(|v| v.map(str::to_owned)),
        )
    };
    let of = |scheme: &str, token68: Option<&str>, params: [Option<&str>; 5]| {
        (scheme.to_owned(), token68.map(str::to_owned), params.map(|value| value.map(str::to_owned)))
    };
    for (values, expected) in [
        (vec!["Bearer"], vec![of("Bearer", None, [None; 5])]),
        (
            vec![r#"Bearer realm="a, b=c", error=invalid_token"#],
            vec![of("Bearer", None, [Some("a, b=c"), Some("invalid_token"), None, None, None])],
        ),
        (
            // RFC 9110, 11.6.1: two challenges in one header, one with an escape.
            vec![r#"Basic realm="simple", Newauth realm="apps", title="Login to \"apps\"""#],
            vec![
                of("Basic", None, [Some("simple"), None, None, None, None]),
                of("Newauth", None, [Some("apps"), None, None, Some(r#"Login to "apps""#), None]),
            ],
        ),
        (
            vec!["Negotiate YII==, Basic realm=x", r#"BEARER scope = "a b" , error="insufficient_scope""#],
            vec![
                of("Negotiate", Some("YII=="), [None; 5]),
                of("Basic", None, [Some("x"), None, None, None, None]),
                of("BEARER", None, [None, Some("insufficient_scope"), Some("a b"), None, None]),
            ],
        ),
        (vec!["Negotiate, Bearer"], vec![of("Negotiate", None, [None; 5]), of("Bearer", None, [None; 5])]),
        (vec!["", ",, ,"], vec![]),
        (
            vec![r#"Bearer realm="never closed"#],
            vec![of("Bearer", None, [Some("never closed"), None, None, None, None])],
        ),
        (vec!["=, \"x\", Bearer a=1"], vec![of("Bearer", None, [None, None, None, None, Some("1")])]),
    ] {
        let parsed = challenge::parse(&headers(&values));
        assert_eq!(parsed.iter().map(shape).collect::<Vec<_>>(), expected, "{values:?}");
    }
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let text: Vec<u8> = (0..24)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                b"Bearer =\",\\a b\xc3\xa9/+~"[usize::try_from(seed >> 40).unwrap() % 19]
            })
            .collect();
        let mut map = HeaderMap::new();
        map.insert("www-authenticate", HeaderValue::from_bytes(&text).unwrap());
        drop(challenge::parse(&map));
    }
}

fn diagnose(status: u16, values: &[&str]) -> Option<trunkline_core::Diagnosis> {
    challenge::diagnose(StatusCode::from_u16(status).unwrap(), &headers(values))
}

#[test]
fn c_6750_03_an_invalid_token_leads_to_one_renewal() {
    let found = diagnose(401, &["Basic realm=x", r#"Bearer error="invalid_token""#]).unwrap();
    assert_eq!(found.cause(), Cause::AccessTokenRejected);
    assert_eq!(found.cause().verdict(), Verdict::RenewAccessToken);
    let text = r#"Bearer error="invalid_token", error_description="The access token expired""#;
    let found = diagnose(401, &[text]).unwrap();
    assert_eq!(found.cause(), Cause::AccessTokenExpired);
    assert_eq!(found.evidence().message.as_ref().unwrap().as_str(), "The access token expired");
    assert_eq!(diagnose(503, &[r#"Bearer error="invalid_token""#]), None);
}

#[test]
fn c_6750_04_an_insufficient_scope_names_the_scope_and_never_renews() {
    let values = [r#"Bearer error="insufficient_scope", scope="read write""#];
    let found = diagnose(403, &values).unwrap();
    assert_eq!(found.cause(), Cause::ScopeMissing);
    assert_eq!(found.cause().verdict(), Verdict::CallOnly);
    assert!(found.remedy().to_string().contains("`read write`"), "{}", found.remedy());
    let scopes = challenge::required_scopes(&headers(&values)).unwrap();
    assert_eq!(scopes, ["read", "write"].into_iter().collect());
    assert_eq!(diagnose(403, &["Bearer"]), None);
}

#[test]
fn a_stronger_sign_in_is_the_users_to_give_and_never_renews() {
    let text = r#"Bearer error="insufficient_user_authentication", acr_values="myACR""#;
    let found = diagnose(401, &[text]).unwrap();
    assert_eq!(found.cause(), Cause::AuthenticationRequired);
    assert_eq!(found.cause().verdict(), Verdict::CallOnly);
}

#[test]
fn c_6750_05_an_invalid_request_is_the_callers_and_never_renews() {
    let found = diagnose(400, &[r#"Bearer error="invalid_request""#]).unwrap();
    assert_eq!(found.cause(), Cause::RequestInvalid);
    assert_eq!(found.cause().verdict(), Verdict::CallOnly);
}

#[test]
fn c_6750_06_a_401_without_an_error_renews_unless_it_is_not_about_bearer_tokens() {
    let found = diagnose(401, &[r#"Bearer realm="x""#]).unwrap();
    assert_eq!(found.cause(), Cause::AccessTokenRejected);
    assert_eq!(diagnose(401, &["Basic realm=x"]), None);
    assert_eq!(diagnose(401, &[]), None);
    assert_eq!(diagnose(401, &[r#"Bearer error="acme_moon_phase""#]), None);
}

#[tokio::test]
async fn c_6750_07_the_token_goes_to_the_origin_of_its_endpoint_and_no_other() {
    let (cx, script) = cx([json(200, "")]);
    let provider = std::sync::Arc::new(provider());
    let prepared = provider.prepare(&held().credential).unwrap();
    let endpoint = Endpoint::new(url("https://api.example/v1")).unwrap();
    let send = |to: &str| {
        let mut request = Request::new(Method::GET, url(to));
        trunkline_core::authorize(&mut request, &endpoint, &prepared, &*provider, &TestClock::default())
            .map(|()| request)
    };
    for other in ["https://evil.example/v1", "http://api.example/v1", "https://api.example:444/v1"] {
        assert!(send(other).is_err(), "{other}");
    }
    cx.transport().send(send("https://api.example/v1/x").unwrap()).await.unwrap();
    assert_eq!(script.only().header("authorization"), Some("Bearer old-access"));
}
