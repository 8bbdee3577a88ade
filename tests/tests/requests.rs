//! Requests through a connection: one renewal, one replay, and hosts.

mod scripted;

use scripted::{Answer, Stage, json, token};
use std::time::Duration;
use trunkline::{Cause, ErrorKind, Revocation};
use trunkline_core::TransportError;
use trunkline_core::bytes::Bytes;

#[tokio::test]
async fn c_6750_03_a_rejected_token_is_renewed_once_and_the_request_sent_once_more() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(401, "{}"));
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    stage.api.will(json(201, "{}"));

    let response = connection.post("/bills").json(&serde_json::json!({"a": 1})).send().await.unwrap();

    assert_eq!(response.status(), 201);
    let sent = stage.api.sent();
    assert_eq!(sent[1].authorization.as_deref(), Some("Bearer canary-a1"));
    assert_eq!(sent[2].authorization.as_deref(), Some("Bearer canary-a2"));
    assert_eq!((sent[1].body.as_str(), sent[2].body.as_str()), (r#"{"a":1}"#, r#"{"a":1}"#));

    // A fresh token that is rejected again goes to diagnosis, not to another renewal.
    stage.api.will(json(401, "{}"));
    let error = connection.get("/bills").send().await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::AccessTokenRejected));
    assert_eq!(stage.tokens.count(), 2);
}

#[tokio::test]
async fn a_streamed_body_is_not_sent_twice() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(401, "{}"));
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    let chunks = ["large ", "body"].map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));

    let response =
        connection.put("/file").body_stream(futures_util::stream::iter(chunks)).send().await.unwrap();

    assert_eq!(response.status(), 401);
    assert_eq!(stage.api.sent()[1].body, "large body");
    assert_eq!(connection.token_now().unwrap().generation(), 2, "the next request has a new token");
}

#[tokio::test]
async fn c_6750_07_the_token_goes_to_the_connections_hosts_only() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    let foreign: trunkline_core::url::Url = "https://evil.test/v1/x".parse().unwrap();
    let refused = connection.get(foreign).send().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(stage.api.count(), 1, "only identify was sent");

    stage.api.will(Answer::Http(302, vec![("location", "https://files.test/a".to_owned())], String::new()));
    stage.api.will(json(200, "{}"));
    let response = connection.get("/file").header("cookie", "canary").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let sent = stage.api.sent();
    assert_eq!(sent[2].url.host_str(), Some("files.test"));
    assert!(sent[2].authorization.is_none() && !sent[2].headers.contains_key("cookie"));

    stage.api.will(Answer::Http(307, vec![("location", "/v1/moved".to_owned())], String::new()));
    stage.api.will(json(200, "{}"));
    connection.post("/bills").body("again").send().await.unwrap();
    let last = stage.api.sent().pop().unwrap();
    assert_eq!((last.url.path(), last.body.as_str(), last.method.as_str()), ("/v1/moved", "again", "POST"));
    assert!(last.authorization.is_some());
}

#[tokio::test]
async fn a_redirect_is_not_followed_to_plain_http_nor_turns_a_post_into_a_get_nor_runs_in_circles() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    let to = |status, url: &str| Answer::Http(status, vec![("location", url.to_owned())], String::new());
    stage.api.will(to(302, "http://api.played.test/v1/x"));
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 302);
    stage.api.will(to(302, "/v1/other"));
    assert_eq!(connection.post("/x").body("b").send().await.unwrap().status(), 302);
    let before = stage.api.count();
    for _ in 0..6 {
        stage.api.will(to(302, "/v1/x"));
    }
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 302);
    assert_eq!(stage.api.count() - before, 6, "the request and five redirects");
}

#[tokio::test]
async fn what_was_not_sent_differs_from_what_may_have_been_carried_out() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(Answer::Fail(TransportError::NotSent("dns".to_owned())));
    assert_eq!(connection.post("/x").send().await.unwrap_err().kind(), ErrorKind::NotSent);
    stage.api.will(Answer::Fail(TransportError::Unknown("reset".to_owned())));
    assert_eq!(connection.post("/x").send().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(stage.api.count(), 3, "nothing is repeated");
}

#[tokio::test]
async fn an_error_body_can_be_read_after_its_diagnosis_and_json_errors_quote_nothing() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(404, r#"{"why":"no such bill"}"#));
    let response = connection.get("/bills/1").send().await.unwrap();
    assert_eq!(response.diagnosis().unwrap().cause(), Cause::NotFound);
    assert_eq!(response.text().await.unwrap(), r#"{"why":"no such bill"}"#);

    stage.api.will(json(200, r#"{"n":"canary-value"}"#));
    let error = connection.get("/x").send().await.unwrap().json::<Vec<u8>>().await.unwrap_err();
    assert!(!format!("{error:?}{error}").contains("canary-value"));
}

#[tokio::test]
async fn c_7009_05_a_service_that_is_down_keeps_a_sealed_revocation_that_is_finished_later() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.tokens.will(json(503, "{}"));

    let outcome = connection.disconnect().await.unwrap();
    assert!(matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
    assert!(connection.token_now().is_none(), "disconnected all the same");
    assert_eq!(connection.access_token().await.unwrap_err().cause(), Some(Cause::Disconnected));

    stage.tokens.will(json(200, ""));
    assert_eq!(stage.trunkline.retry_revocations().await.unwrap(), (1, 0));
    assert_eq!(stage.trunkline.retry_revocations().await.unwrap(), (0, 0), "done is done");
    assert!(stage.tokens.sent().last().unwrap().body.contains("canary-r1"));
}

#[tokio::test]
async fn a_renewal_under_way_cannot_bring_a_disconnected_connection_back() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.clock.advance(Duration::from_secs(3600));
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    stage.tokens.will(Answer::Hold(gate.clone(), Box::new(token("canary-a2", "canary-r2", 3600))));
    let waiting = connection.clone();
    let mut renewal = tokio::task::JoinSet::new();
    renewal.spawn(async move { waiting.access_token().await.map(|token| token.generation()) });
    while stage.tokens.count() < 2 {
        tokio::task::yield_now().await;
    }
    stage.tokens.will(json(200, ""));
    assert!(matches!(connection.disconnect().await.unwrap(), Revocation::Revoked));
    gate.add_permits(1);

    let renewed = renewal.join_next().await.unwrap().unwrap();
    assert_eq!(renewed.unwrap_err().cause(), Some(Cause::Disconnected));
    assert!(connection.token_now().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_error_body_that_drips_holds_nobody_up_and_what_came_can_be_read() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(Answer::Drip(409, "half a "));

    let mut response = connection.get("/x").send().await.unwrap();

    assert_eq!(response.diagnosis().unwrap().cause(), Cause::Conflict);
    assert_eq!(response.chunk().await.unwrap().unwrap(), "half a ");
}
