//! Services that refuse with the status 200: what the connector knows of is diagnosed, renewed and told like any refusal.

mod scripted;

use std::time::Duration;

use scripted::{Answer, PlayedClock, PlayedConfig, Stage, json, token};
use trunkline::{BrowserSession, Cause, Connection, MemoryStore, Timings};

const OLD: &str = r#"{"ok":false,"error":"token_old"}"#;
const MISSING: &str = r#"{"ok":false,"error":"right_missing","token":"canary-a1"}"#;
const FINE: &str = r#"{"ok":true}"#;

async fn stage() -> (Stage, Connection) {
    let (store, clock, timings) = (MemoryStore::new(), PlayedClock::new(), Timings::default());
    let stage = Stage::of(PlayedConfig::refusing_with_200(), store, clock, timings).await;
    let connection = stage.connected().await;
    (stage, connection)
}

#[tokio::test]
async fn a_token_that_is_rejected_with_200_is_renewed_and_the_request_sent_once_more() {
    let (stage, connection) = stage().await;
    stage.api.will(json(200, OLD));
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    stage.api.will(json(200, FINE));

    let response = connection.post("/bills").json(&serde_json::json!({"a": 1})).send().await.unwrap();

    assert!(response.diagnosis().is_none());
    assert_eq!(response.text().await.unwrap(), FINE);
    let sent = stage.api.sent();
    assert_eq!(sent[2].authorization.as_deref(), Some("Bearer canary-a2"));
    assert_eq!(sent[1].body, sent[2].body);

    // A fresh token that is rejected again is told, and leads to no other renewal.
    stage.api.will(json(200, OLD));
    let error = connection.get("/bills").send().await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::AccessTokenRejected));
    assert_eq!(stage.tokens.count(), 2);
}

#[tokio::test]
async fn a_refusal_with_200_is_diagnosed_without_the_credential_and_its_body_stays() {
    let (stage, connection) = stage().await;
    stage.api.will(json(200, MISSING));
    let response = connection.get("/bills").send().await.unwrap();

    let diagnosis = response.diagnosis().unwrap();
    assert_eq!(diagnosis.cause(), Cause::PermissionMissing);
    let said = format!("{diagnosis} {diagnosis:?}");
    assert!(said.contains("[redacted]") && !said.contains("canary"), "{said}");
    assert_eq!(response.text().await.unwrap(), MISSING);

    stage.api.will(json(200, MISSING));
    let refused = connection.get("/bills").send().await.unwrap().error_for_status().unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::PermissionMissing));
}

#[tokio::test]
async fn what_a_connector_reads_of_a_success_is_without_the_credential() {
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let query = stage.begin(&stage.request().await, &browser).await;
    stage.tokens.will(token("canary-12345", "canary-r1", 3600));
    // The played connector takes the whole answer for the user.
    stage.api.will(Answer::Http(200, vec![], "ada, by canary-12345".to_owned()));
    let connection = stage.complete(&query, &browser).await.unwrap().connection;
    assert_eq!(connection.account().await.unwrap().unwrap().user, "ada, by [redacted]");
}

#[tokio::test]
async fn what_is_no_refusal_comes_through_whole() {
    let (stage, connection) = stage().await;
    let large = format!(r#"{{"ok":true,"rows":"{}"}}"#, "x".repeat(200_000));
    stage.api.will(json(200, &large));
    let response = connection.get("/bills").send().await.unwrap();
    assert!(response.diagnosis().is_none());
    assert_eq!(response.text().await.unwrap(), large);
    // Another media type is not looked into.
    stage.api.will(Answer::Http(200, vec![("content-type", "text/csv".to_owned())], MISSING.to_owned()));
    assert!(connection.get("/export").send().await.unwrap().diagnosis().is_none());
}

#[tokio::test]
async fn a_connector_that_knows_of_none_reads_no_success() {
    let stage = Stage::new().await;
    let connection = stage.connected().await;
    stage.api.will(json(200, OLD));
    let response = connection.get("/bills").send().await.unwrap();
    assert!(response.diagnosis().is_none());
    assert_eq!(stage.tokens.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_success_that_drips_is_handed_on_after_a_while() {
    let (stage, connection) = stage().await;
    stage.api.will(Answer::Drip(200, r#"{"ok":"#));
    let sent = tokio::time::timeout(Duration::from_secs(60), connection.get("/slow").send());
    let mut response = sent.await.unwrap().unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), r#"{"ok":"#);
}
