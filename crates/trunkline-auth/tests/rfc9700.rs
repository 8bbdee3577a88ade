//! RFC 9700: the security best current practice, as far as one provider can keep it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2::AuthorizationCode;
use trunkline_core::{AuthProvider, Cause, ErrorKind, InputSpec};

#[tokio::test]
async fn c_9700_01_there_is_no_implicit_and_no_password_grant() {
    let (asked, _) = begin(&provider()).await;
    assert_eq!(value(&asked, "response_type").unwrap(), "code");
    assert!(builder().authorize_param("response_type", "token").build().is_err());
    assert!(builder().token_param("grant_type", "password").build().is_err());
    assert!(builder().rename("grant_type", "kind").token_param("kind", "password").build().is_err());
    let input = InputSpec::new("grant", "", "");
    assert!(credentials().input(input.clone(), "grant_type").build().is_err());
    for word in ["password", "implicit", "refresh_token", "authorization_code", ""] {
        assert!(credentials().grant_type(word).build().is_err(), "{word}");
    }
    assert!(credentials().grant_type("account_credentials").build().is_ok());
    assert!(credentials().input(input, "user").token_param("user", "x").build().is_err());
    let (result, script) = complete_with(&provider(), "access_token=stolen&token_type=bearer", []).await;
    assert_eq!(result.unwrap_err().cause(), Some(Cause::ConsentInvalid));
    assert_eq!(script.count(), 0);
}

#[tokio::test]
async fn c_9700_02_a_consent_carries_both_state_and_challenge() {
    let (asked, _) = begin(&provider()).await;
    assert!(value(&asked, "state").is_some() && value(&asked, "code_challenge").is_some(), "{asked}");
}

#[tokio::test]
async fn c_9700_05_a_rotated_refresh_token_replaces_the_spent_one() {
    let body = r#"{"access_token":"t","refresh_token":"next"}"#;
    let grant = refresh_with(&provider(), json(200, body)).await.0.unwrap();
    assert_eq!(grant.credential.refresh_token.unwrap().expose(), "next");
    assert_eq!(provider().policy().reuse, trunkline_core::Reuse::KillsFamily, "the careful default");
}

#[tokio::test]
async fn c_9700_07_an_exchange_without_its_verifier_is_not_sent() {
    let provider = provider();
    let (_, begun) = begin(&provider).await;
    let mut lost = answer(begun, "code=c");
    lost.pending.remove("code_verifier");
    let (cx, script) = cx([]);
    let error = provider.complete(&cx, &lost).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ConsentInvalid));
    assert_eq!(script.count(), 0);

    let (_, begun) = begin(&provider).await;
    let off = builder().pkce(false).build().unwrap();
    let (cx, script) = common::cx([ok()]);
    off.complete(&cx, &answer(begun, "code=c")).await.unwrap();
    assert!(script.only().param("code_verifier").is_some(), "a challenge was sent, so the verifier is");
}

#[test]
fn c_9700_08_plain_http_is_for_loopback_alone() {
    let make = |base: &str, redirect: &str| {
        let at = |path: &str| url(&format!("{base}{path}"));
        AuthorizationCode::builder(client(), at("/authorize"), at("/token"), redirect).build()
    };
    for base in ["http://127.0.0.1:8080", "http://[::1]:8080", "https://service.example"] {
        make(base, "http://127.0.0.1:1/cb").unwrap();
    }
    for base in ["http://service.example", "http://10.0.0.1", "ftp://127.0.0.1"] {
        assert_eq!(make(base, REDIRECT).unwrap_err().kind(), ErrorKind::ConfigInvalid, "{base}");
    }
    for redirect in ["http://app.example/cb", "/cb", "javascript:alert(1)", "https://app.example/#x", ""] {
        let error = make("https://service.example", redirect).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{redirect}");
    }
}
