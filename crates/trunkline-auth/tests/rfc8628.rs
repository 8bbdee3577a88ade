//! RFC 8628: the device authorization grant.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use trunkline_auth::oauth2::{DEVICE_CODE_GRANT, DeviceCode, DeviceCodeBuilder, TokenCodec};
use trunkline_core::{
    AuthProvider, Begun, Cause, ConsentAnswer, ConsentKind, ConsentStep, Error, ErrorKind, Poll, Revoked,
};

const CODES: &str = r#"{"device_code":"canary-device","user_code":"WDJB-MJHT",
    "verification_uri":"https://service.example/device",
    "verification_uri_complete":"https://service.example/device?user_code=WDJB-MJHT",
    "expires_in":1800,"interval":7}"#;

fn device() -> DeviceCodeBuilder {
    DeviceCode::builder(
        client(),
        url("https://service.example/device/code"),
        url("https://service.example/token"),
    )
    .revoke_url(url("https://service.example/revoke"))
}

async fn begun(step: Step) -> (Result<Begun, Error>, Arc<Script>) {
    let (cx, script) = cx([step]);
    (device().scope("a").build().unwrap().begin(&cx, &ask()).await, script)
}

/// One poll of a consent that was begun.
async fn polled(step: Step) -> (Result<Poll, Error>, Sent) {
    let begun = begun(json(200, CODES)).await.0.unwrap();
    let answer =
        ConsentAnswer { pending: begun.pending, requested: begun.requested, ..ConsentAnswer::default() };
    let (cx, script) = cx([step]);
    (device().build().unwrap().poll(&cx, &answer).await, script.only())
}

#[tokio::test]
async fn c_8628_05_the_step_shows_code_and_page_and_keeps_the_device_code() {
    let (begun, script) = begun(json(200, CODES)).await;

    let begun = begun.unwrap();
    let sent = script.only();
    assert_eq!(sent.url.as_str(), "https://service.example/device/code");
    assert_eq!(sent.param("client_id").as_deref(), Some("client-1"));
    assert_eq!(sent.param("scope").as_deref(), Some("a"));
    assert_eq!(sent.param("state"), None, "the state is ours alone");
    let ConsentStep::Device {
        state,
        user_code,
        verification_uri,
        verification_uri_complete,
        expires_at,
        interval,
    } = &begun.step
    else {
        panic!("{:?}", begun.step)
    };
    assert_eq!((state.expose(), user_code.as_str()), ("canary-state", "WDJB-MJHT"));
    assert_eq!(verification_uri.as_str(), "https://service.example/device");
    assert_eq!(verification_uri_complete.as_ref().unwrap().query(), Some("user_code=WDJB-MJHT"));
    assert_eq!((Some(*expires_at), *interval), (after(1800), Duration::from_secs(7)));
    assert_eq!(begun.pending.get("device_code").unwrap().expose(), "canary-device");
    assert_eq!(device().build().unwrap().consent(), ConsentKind::Device);
    assert!(!format!("{begun:?}").contains("WDJB"), "{begun:?}");
}

#[tokio::test]
async fn c_8628_01_the_interval_is_five_seconds_where_the_service_does_not_say() {
    let bare = r#"{"device_code":"d","user_code":"1","verification_url":"https://service.example/device","interval":0}"#;
    let begun = begun(json(200, bare)).await.0.unwrap();

    let ConsentStep::Device { verification_uri_complete, expires_at, interval, .. } = begun.step else {
        panic!("a device")
    };
    assert_eq!((interval, verification_uri_complete), (Duration::from_secs(5), None));
    assert_eq!(Some(expires_at), after(600), "a bound of our own");
}

#[tokio::test]
async fn what_a_person_is_shown_can_neither_lead_elsewhere_nor_steer_a_terminal() {
    for page in [
        "http://service.example/device",
        "https://bank.example@service.example/device",
        "javascript:alert(1)",
        "/device",
    ] {
        let body = CODES.replace(r#":"https://service.example/device","#, &format!(r#":"{page}","#));
        let refused = begun(json(200, &body)).await.0.unwrap_err();
        assert_eq!(refused.cause(), Some(Cause::ServiceUnavailable), "{page}");
    }
    let long = "A".repeat(65);
    for code in [r"\u001b[2J", r"A\u0007", r"A\u202eB", r"A\nB", "", long.as_str()] {
        let body = CODES.replace(r#"code":"WDJB-MJHT""#, &format!(r#"code":"{code}""#));
        assert_ne!(body, CODES);
        assert!(begun(json(200, &body)).await.0.is_err(), "{code}");
    }
    let elsewhere = CODES.replace("https://service.example/device?", "https://elsewhere.example/device?");
    let begun = begun(json(200, &elsewhere)).await.0.unwrap();
    assert!(matches!(begun.step, ConsentStep::Device { verification_uri_complete: None, .. }));
}

#[tokio::test]
async fn a_refused_or_lost_question_for_a_code_spent_nothing_and_says_who_acts() {
    for (step, cause) in [
        (json(400, r#"{"error":"unauthorized_client"}"#), Cause::ClientNotPermitted),
        (json(401, r#"{"error":"invalid_client"}"#), Cause::ClientCredentialsInvalid),
        (json(400, r#"{"error":"invalid_scope"}"#), Cause::ScopeInvalid),
        (json(400, r#"{"error":"odd"}"#), Cause::RequestInvalid),
        (json(200, r#"{"user_code":"1"}"#), Cause::ServiceUnavailable),
        (json(503, ""), Cause::ServiceUnavailable),
        (Step::Lost, Cause::ServiceUnavailable),
        (Step::NotSent, Cause::ServiceUnreachable),
        (Step::Cut(200, b"{\"device_code\":\"canary".to_vec()), Cause::ServiceUnavailable),
    ] {
        let (refused, script) = begun(step).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.cause(), Some(cause), "{refused}");
        assert_eq!(refused.diagnosis().unwrap().evidence().call, Some("consent".into()));
        assert_eq!(script.count(), 1);
    }
}

#[tokio::test]
async fn a_poll_sends_the_device_code_and_its_grant_is_renewed_and_revoked_as_any_other() {
    let (granted, sent) =
        polled(json(200, r#"{"access_token":"a1","refresh_token":"r1","expires_in":60}"#)).await;

    let Poll::Granted(grant) = granted.unwrap() else { panic!("a grant") };
    assert_eq!(sent.param("grant_type").as_deref(), Some(DEVICE_CODE_GRANT));
    assert_eq!(sent.param("device_code").as_deref(), Some("canary-device"));
    assert_eq!(sent.param("client_secret").as_deref(), Some(SECRET));
    assert_eq!(grant.credential.refresh_token.as_ref().unwrap().expose(), "r1");
    assert_eq!(grant.credential.scopes, Some(["a"].into_iter().collect()), "what was asked for");
    let provider = device().build().unwrap();
    let (renewed, script) = refresh_with(&provider, ok()).await;
    renewed.unwrap();
    assert_eq!(script.only().param("refresh_token").as_deref(), Some("old-refresh"));
    let (cx, script) = cx([json(200, "")]);
    assert_eq!(provider.revoke(&cx, &held()).await.unwrap(), Revoked::Done);
    assert_eq!(script.only().url.path(), "/revoke");
}

#[tokio::test]
async fn c_8628_02_pending_and_slow_down_are_told_apart_whatever_the_status() {
    for status in [200, 400, 403, 428, 429] {
        let pending = polled(json(status, r#"{"error":"authorization_pending"}"#)).await.0;
        assert_eq!(pending.unwrap(), Poll::Pending, "{status}");
        let slow = polled(json(status, r#"{"error":"slow_down","interval":10}"#)).await.0;
        assert_eq!(slow.unwrap(), Poll::SlowDown, "{status}");
    }
    let overloaded = polled(json(503, r#"{"error":"authorization_pending"}"#)).await.0;
    assert_eq!(overloaded.unwrap_err().cause(), Some(Cause::ServiceUnavailable));
}

#[tokio::test]
async fn c_8628_03_a_poll_that_ends_the_consent_is_told_from_one_that_may_have_spent_the_code() {
    for (step, cause) in [
        (json(400, r#"{"error":"access_denied"}"#), Cause::ConsentDenied),
        (json(400, r#"{"error":"expired_token"}"#), Cause::ConsentExpired),
        (json(400, r#"{"error":"invalid_grant"}"#), Cause::ConsentInvalid),
        (json(401, r#"{"error":"invalid_client"}"#), Cause::ClientCredentialsInvalid),
        (json(400, r#"{"error":"odd"}"#), Cause::RequestInvalid),
        (json(429, "{}"), Cause::RateLimited),
        (json(503, "{}"), Cause::ServiceUnavailable),
        (json(504, "{}"), Cause::ConsentOutcomeUnknown),
        (json(200, "{}"), Cause::ConsentOutcomeUnknown),
        (Step::Cut(200, b"{\"access_token\":\"canary".to_vec()), Cause::ConsentOutcomeUnknown),
        (Step::Lost, Cause::ConsentOutcomeUnknown),
        (Step::NotSent, Cause::ServiceUnreachable),
    ] {
        let refused = polled(step).await.0.unwrap_err();
        assert_eq!(refused.cause(), Some(cause), "{refused}");
        assert!(!format!("{refused} {refused:?}").contains("canary"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_service_s_own_words_for_grant_and_code_are_spoken() {
    let provider = device()
        .grant_type("device")
        .rename("device_code", "code")
        .device_param("response_type", "device_code")
        .codec(TokenCodec::new().error_alias("authorization_declined", "access_denied"))
        .build()
        .unwrap();
    let (asked, script) = cx([json(200, CODES)]);
    let begun = provider.begin(&asked, &ask()).await.unwrap();
    assert_eq!(script.only().param("response_type").as_deref(), Some("device_code"));

    let (cx, script) = cx([json(400, r#"{"error":"authorization_declined"}"#)]);
    let answer = ConsentAnswer { pending: begun.pending, ..ConsentAnswer::default() };
    let refused = provider.poll(&cx, &answer).await.unwrap_err();

    assert_eq!(refused.cause(), Some(Cause::ConsentDenied));
    let sent = script.only();
    assert_eq!(
        (sent.param("grant_type").unwrap(), sent.param("code").unwrap()),
        ("device".into(), "canary-device".into())
    );
    assert_eq!(sent.param("device_code"), None);
}

#[tokio::test]
async fn a_complete_asks_once_and_says_that_nobody_has_approved_yet() {
    let begun = begun(json(200, CODES)).await.0.unwrap();
    let answer = ConsentAnswer { pending: begun.pending, ..ConsentAnswer::default() };
    let (cx, script) = cx([json(400, r#"{"error":"authorization_pending"}"#), ok()]);
    let provider = device().build().unwrap();

    let waiting = provider.complete(&cx, &answer).await.unwrap_err();
    assert_eq!(waiting.cause(), Some(Cause::ConsentMissing));
    provider.complete(&cx, &answer).await.unwrap();
    assert_eq!(script.count(), 2);
    let nothing = provider.poll(&cx, &ConsentAnswer::default()).await.unwrap_err();
    assert_eq!((nothing.cause(), script.count()), (Some(Cause::ConsentInvalid), 2), "nothing was sent");
}

#[test]
fn settings_that_cannot_be_are_refused() {
    let plain =
        DeviceCode::builder(client(), url("http://service.example/d"), url("https://service.example/t"));
    for refused in [
        plain.build(),
        device().token_param("device_code", "x").build(),
        device().device_param("client_id", "x").build(),
        device().device_param("audience", "x").device_param("audience", "y").build(),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
}
