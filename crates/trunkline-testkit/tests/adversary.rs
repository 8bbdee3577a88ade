//! The hostile service keeps its books.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::time::Duration;

use serde_json::{Value, json};
use trunkline_core::bytes::Bytes;
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::{Request, RequestBody, Reuse, Transport as _};
use trunkline_testkit::{Asked, HostileService, LeakDetector, Line, Profile, VirtualClock};

fn service(profile: &Profile) -> (HostileService, VirtualClock) {
    let clock = VirtualClock::new();
    (HostileService::new(profile, clock.clone(), LeakDetector::new()), clock)
}

async fn post(service: &HostileService, body: &str) -> (StatusCode, Value) {
    let mut request = Request::new(Method::POST, "https://login.acme.test/token".parse().unwrap());
    request.body = RequestBody::Bytes(Bytes::from(body.to_owned()));
    let answer = service.line(Line::Token).send(request).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect(10_000).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn renew(service: &HostileService, token: &Value) -> (StatusCode, Value) {
    post(service, &format!("grant_type=refresh_token&refresh_token={}", token.as_str().unwrap())).await
}

#[tokio::test]
async fn a_spent_refresh_token_does_what_the_policy_says() {
    let window = Duration::from_secs(60);
    for (reuse, late, serves, lives) in [
        (Reuse::KillsFamily, 0, false, false),
        (Reuse::RejectSoft, 0, false, true),
        (Reuse::Grace { window }, 60, true, true),
        (Reuse::Grace { window }, 61, false, true),
    ] {
        let (service, clock) = service(&Profile::named("acme", ""));
        service.on_reuse(reuse);
        let (_, first) = post(&service, "grant_type=client_credentials").await;
        let (status, second) = renew(&service, &first["refresh_token"]).await;
        assert_eq!(status, 200, "{reuse:?}");
        assert_ne!(first["refresh_token"], second["refresh_token"], "{reuse:?}");
        clock.advance(Duration::from_secs(late));
        let (status, _) = renew(&service, &first["refresh_token"]).await;
        assert_eq!(status == 200, serves, "{reuse:?}, {late} s later");
        assert_eq!(service.reused(), 1, "{reuse:?}");
        let (status, _) = renew(&service, &second["refresh_token"]).await;
        assert_eq!((status == 200, service.alive() == 1), (lives, lives), "{reuse:?}");
    }
}

#[tokio::test]
async fn a_code_is_taken_once_and_only_with_its_verifier_and_redirect_uri() {
    let (service, _) = service(&Profile::named("acme", ""));
    // RFC 7636, appendix B.
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    let asked = "https://login.acme.test/a?state=s&redirect_uri=https://app.test/cb&code_challenge=\
                 E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";
    let code = || {
        let query = service.approves(&asked.parse().unwrap());
        assert!(query.ends_with("&state=s"), "{query}");
        query.split('&').next().unwrap().to_owned()
    };
    let exchange = |code: String, redirect_uri: &str, verifier: &str| {
        format!("grant_type=authorization_code&{code}&redirect_uri={redirect_uri}&code_verifier={verifier}")
    };
    let right = exchange(code(), "https://app.test/cb", verifier);
    assert_eq!(post(&service, &right).await.0, 200);
    assert_eq!(post(&service, &right).await.0, 400, "a code serves once");
    assert_eq!(post(&service, &exchange(code(), "https://app.test/cb/", verifier)).await.0, 400);
    assert_eq!(post(&service, &exchange(code(), "https://app.test/cb", "x")).await.0, 400);
    assert_eq!(service.misfits(), ["redirect_uri", "PKCE"]);
}

#[tokio::test]
async fn a_service_of_other_words_is_read_and_answers_in_them() {
    let profile = Profile::named("acme", "")
        .token_request(|sent| {
            let body: Value = serde_json::from_str(&sent.body).ok()?;
            match body.get("refreshToken").and_then(Value::as_str) {
                Some(token) => Some(Asked::Renew { refresh_token: token.to_owned() }),
                None => body.get("user").map(|_| Asked::Mint { scope: None }),
            }
        })
        .token_answer(|answer| json!({ "data": { "sessionId": answer.access_token, "refreshToken": answer.refresh_token } }));
    let (service, _) = service(&profile);
    let (status, first) = post(&service, r#"{"user":"ada"}"#).await;
    let session = first["data"]["sessionId"].as_str().unwrap();
    assert_eq!((status.as_u16(), service.owner(session).unwrap().user.as_str()), (200, "ada"));
    let renewal = json!({ "refreshToken": first["data"]["refreshToken"] }).to_string();
    assert_eq!(post(&service, &renewal).await.0, 200);
    assert_eq!(post(&service, "{}").await.0, 400);
    assert_eq!(service.spent(), [1]);
}
