//! From what is pushed to what becomes of connections, and what goes back.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{AUDIENCE, CAEP, Hands, ISSUER, NOW, OAUTH, RISC, SET, SSF, Signer, Stage, ada, claims};
use serde_json::{Value, json};
use trunkline::{Cause, Connect, Connection, SqliteStore, State, Store as _};
use trunkline_security_events::{Answer, Poll, Receiver};

/// A token of one event that happened now, with an id of its own.
fn event(stage: &Stage, uri: &str, id: &str) -> String {
    event_at(stage, uri, id, stage.clock.now())
}

fn event_at(stage: &Stage, uri: &str, id: &str, at: i64) -> String {
    let mut claims = claims(uri, &ada());
    (claims["jti"], claims["iat"], claims["toe"]) = (json!(id), json!(stage.clock.now()), json!(at));
    stage.signer.sign(&claims)
}

async fn push(receiver: &Receiver, token: &str) -> Answer {
    receiver.receive(Some(SET), token.as_bytes()).await
}

/// Pushes what is taken.
async fn taken(receiver: &Receiver, token: &str) {
    let answer = push(receiver, token).await;
    assert_eq!((answer.status.as_u16(), answer.content_type, answer.body.as_str()), (202, None, ""));
}

async fn state(connection: &Connection) -> State {
    connection.status().await.unwrap().state()
}

async fn access_token(connection: &Connection) -> String {
    connection.access_token().await.unwrap().expose().unwrap().to_owned()
}

/// The store, looked at past the hub.
struct Log(SqliteStore, tempfile::TempDir);

impl Log {
    /// The kinds of a connection's events.
    async fn of(&self, connection: &Connection) -> Vec<&'static str> {
        let events = self.0.events(connection.id(), 0, 100).await.unwrap();
        events.iter().map(|event| event.kind.code()).collect()
    }

    /// As another process has it.
    async fn opened(&self) -> SqliteStore {
        SqliteStore::open(self.1.path().join("trunkline.db")).await.unwrap()
    }
}

/// Lets what goes on behind the answers end.
async fn settled(stage: &Stage) {
    stage.trunkline.shutdown(Duration::from_secs(60)).await.unwrap();
}

/// A connection of `ada`, connected ten minutes ago, and another of `bob`.
async fn connected() -> (Stage, Log, Receiver, [Connection; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let log = Log(SqliteStore::open(folder.path().join("trunkline.db")).await.unwrap(), folder);
    let stage = Stage::on(log.opened().await, Hands::new()).await;
    let connections = [stage.connected("acme", "ada").await, stage.connected("globex", "bob").await];
    stage.clock.advance(600);
    let receiver = stage.receiver();
    (stage, log, receiver, connections)
}

#[tokio::test]
async fn a_revoked_grant_needs_consent_as_soon_as_the_service_says_so() {
    for uri in [format!("{OAUTH}tokens-revoked"), format!("{RISC}account-purged")] {
        let (stage, log, receiver, [ada, bob]) = connected().await;

        taken(&receiver, &event(&stage, &uri, "1")).await;

        let Connect::NeedsConsent(request) = stage.trunkline.tenant("acme").connect("service").await.unwrap()
        else {
            panic!("still connected")
        };
        let diagnosis = request.diagnosis().unwrap();
        assert_eq!(diagnosis.cause(), Cause::GrantRevoked);
        assert_eq!(diagnosis.evidence().codes[0].as_str(), uri);
        assert_eq!(diagnosis.evidence().at.unwrap().as_second(), NOW + 600);
        assert_eq!(log.of(&ada).await, ["connected", "needs_consent"]);
        assert_eq!(stage.network.renewals(), 0, "nobody asked the service");
        assert!(ada.access_token().await.is_err());
        assert_eq!((state(&bob).await, log.of(&bob).await.len()), (State::Active, 1));
    }
}

#[tokio::test]
async fn every_connection_of_the_account_is_meant_whatever_its_tenant() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    let other = stage.connected("initech", "ada").await;
    stage.clock.advance(600);

    taken(&receiver, &event(&stage, &format!("{OAUTH}tokens-revoked"), "1")).await;

    assert_eq!((state(&ada).await, state(&other).await), (State::NeedsConsent, State::NeedsConsent));
    assert_eq!(log.of(&other).await, ["connected", "needs_consent"]);
}

#[tokio::test]
async fn a_company_as_subject_means_its_users() {
    let (stage, _log, receiver, [ada, bob]) = connected().await;
    let subject = json!({ "format": "complex", "tenant": { "format": "opaque", "id": "acme" } });
    let mut claims = claims(&format!("{OAUTH}tokens-revoked"), &subject);
    claims["iat"] = json!(stage.clock.now());

    taken(&receiver, &stage.signer.sign(&claims)).await;

    assert_eq!((state(&ada).await, state(&bob).await), (State::NeedsConsent, State::NeedsConsent));
}

#[tokio::test]
async fn one_renewal_tells_after_sessions_ended_or_a_credential_changed() {
    for uri in [
        format!("{RISC}sessions-revoked"),
        format!("{CAEP}session-revoked"),
        format!("{CAEP}credential-change"),
        format!("{RISC}account-credential-change-required"),
    ] {
        let (stage, log, receiver, [ada, bob]) = connected().await;
        let before = access_token(&ada).await;
        taken(&receiver, &event(&stage, &uri, "1")).await;
        settled(&stage).await;
        assert_eq!(stage.network.renewals(), 1, "{uri}");
        assert_ne!(access_token(&ada).await, before, "the old token is not used again");
        assert_eq!((state(&ada).await, state(&bob).await), (State::Active, State::Active));

        stage.network.refuses(Some("invalid_grant"));
        stage.clock.advance(600);
        taken(&receiver, &event(&stage, &uri, "2")).await;
        settled(&stage).await;
        assert_eq!((state(&ada).await, state(&bob).await), (State::NeedsConsent, State::Active), "{uri}");
        assert_eq!(log.of(&ada).await, ["connected", "needs_consent"]);
    }
}

#[tokio::test]
async fn a_disabled_account_is_suspended_and_an_enabled_one_recovers() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    taken(&receiver, &event(&stage, &format!("{RISC}account-disabled"), "1")).await;
    let Connect::Suspended(why) = stage.trunkline.tenant("acme").connect("service").await.unwrap() else {
        panic!("not suspended")
    };
    assert_eq!(why.cause(), Cause::UserDisabled);
    assert_eq!(stage.network.renewals(), 0);

    stage.clock.advance(600);
    taken(&receiver, &event(&stage, &format!("{RISC}account-enabled"), "2")).await;
    settled(&stage).await;

    assert_eq!(state(&ada).await, State::Active);
    assert_eq!(log.of(&ada).await, ["connected", "suspended", "recovered"]);
    assert!(matches!(stage.trunkline.tenant("acme").connect("service").await, Ok(Connect::Ready(_))));
}

#[tokio::test]
async fn an_account_that_is_enabled_elsewhere_only_stays_suspended() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    taken(&receiver, &event(&stage, &format!("{RISC}account-disabled"), "1")).await;
    stage.network.refuses(Some("invalid_grant"));
    stage.clock.advance(600);
    taken(&receiver, &event(&stage, &format!("{RISC}account-enabled"), "2")).await;
    settled(&stage).await;
    assert_eq!(state(&ada).await, State::NeedsConsent, "the grant ended with it");

    // It may come back to life, for who enables the account again.
    stage.network.refuses(None);
    stage.clock.advance(600);
    taken(&receiver, &event(&stage, &format!("{RISC}account-enabled"), "3")).await;
    settled(&stage).await;
    assert_eq!(log.of(&ada).await, ["connected", "suspended", "needs_consent", "recovered"]);
}

#[tokio::test]
async fn changed_claims_are_an_event_of_permissions() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    taken(&receiver, &event(&stage, &format!("{CAEP}token-claims-change"), "1")).await;
    assert_eq!(log.of(&ada).await, ["connected", "permissions_changed"]);
    assert_eq!((state(&ada).await, stage.network.renewals()), (State::Active, 0));
}

#[tokio::test]
async fn a_revoked_token_ends_the_grant_that_holds_it_and_no_other() {
    let (stage, _log, receiver, [ada, _]) = connected().await;
    let uri = format!("{OAUTH}token-revoked");
    let revoked = |id: &str, token: &str| {
        let mut claims = claims(&uri, &common::ada());
        (claims["jti"], claims["iat"]) = (json!(id), json!(stage.clock.now()));
        claims["events"][&uri]["subject"] = json!({ "subject_type": "oauth_token", "token_type": "refresh_token",
            "token_identifier_alg": "plain", "token": token });
        stage.signer.sign(&claims)
    };
    taken(&receiver, &revoked("1", &common::token(2))).await;
    assert_eq!(state(&ada).await, State::Active, "that token is bob's");
    taken(&receiver, &revoked("2", &common::token(1))).await;
    assert_eq!(state(&ada).await, State::NeedsConsent);
}

#[tokio::test]
async fn forged_stale_and_foreign_tokens_change_nothing() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    let uri = format!("{OAUTH}tokens-revoked");
    let of = |change: fn(&mut Value)| {
        let mut claims = claims(&uri, &common::ada());
        claims["iat"] = json!(stage.clock.now());
        change(&mut claims);
        claims
    };
    let header = json!({ "typ": "secevent+jwt", "alg": "none", "kid": "key-1" });
    let untyped = json!({ "alg": "ES256", "kid": "key-1" });
    for (token, err) in [
        (Signer::es256("key-1").sign(&of(|_| {})), "authentication_failed"),
        (Signer::es256("key-2").sign(&of(|_| {})), "invalid_key"),
        (stage.signer.sign_as(&header, &of(|_| {})), "invalid_key"),
        (stage.signer.sign_as(&untyped, &of(|_| {})), "invalid_request"),
        (stage.signer.sign(&of(|claims| claims["iat"] = json!(NOW - 4 * 24 * 60 * 60))), "invalid_request"),
        (
            stage.signer.sign(&of(|claims| claims["iss"] = json!("https://idp.example.org/"))),
            "invalid_issuer",
        ),
        (stage.signer.sign(&of(|claims| claims["aud"] = json!("somebody"))), "invalid_audience"),
        (String::new(), "invalid_request"),
    ] {
        let answer = push(&receiver, &token).await;
        assert_eq!((answer.status.as_u16(), answer.content_type), (400, Some("application/json")));
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&body["err"], body["description"].is_string()), (&json!(err), true), "{body}");
    }
    assert_eq!(log.of(&ada).await, ["connected"]);
    assert_eq!((state(&ada).await, stage.network.renewals()), (State::Active, 0));
}

#[tokio::test]
async fn c_ssf_02_the_endpoint_answers_as_rfc_8935_has_it() {
    let (stage, _log, receiver, _) = connected().await;
    let token = event(&stage, &format!("{RISC}account-disabled"), "1");
    for content_type in [None, Some("application/json"), Some("application/jwt"), Some("")] {
        let answer = receiver.receive(content_type, token.as_bytes()).await;
        assert_eq!(answer.status.as_u16(), 400);
        assert!(answer.body.contains(r#""err":"invalid_request""#), "{}", answer.body);
        let response = answer.into_http();
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(response.headers()["content-language"], "en");
    }
    for content_type in [SET, "Application/SecEvent+JWT; charset=utf-8"] {
        let answer = receiver.receive(Some(content_type), token.as_bytes()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.body.as_str(), answer.content_language()),
            (202, "", None)
        );
        assert!(answer.into_http().headers().is_empty());
    }
}

#[tokio::test]
async fn c_ssf_02_the_event_is_stored_when_it_is_accepted() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    taken(&receiver, &event(&stage, &format!("{OAUTH}tokens-revoked"), "1")).await;

    // Another process, which never saw the token.
    let other = Stage::on(log.opened().await, stage.clock.clone()).await;
    let found = other.trunkline.tenant("acme").connect("service").await.unwrap();
    assert!(matches!(found, Connect::NeedsConsent(_)), "{found:?}");
    assert_eq!(state(&ada).await, State::NeedsConsent);
}

#[tokio::test]
async fn a_repeated_event_does_nothing_in_this_process_or_in_another() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    let token = event(&stage, &format!("{CAEP}token-claims-change"), "1");
    let mut other = Stage::on(log.opened().await, stage.clock.clone()).await;
    other.signer = stage.signer.clone();

    for _ in 0..3 {
        taken(&receiver, &token).await;
        taken(&other.receiver(), &token).await;
    }
    assert_eq!(log.of(&ada).await, ["connected", "permissions_changed"]);

    taken(&other.receiver(), &event(&stage, &format!("{CAEP}token-claims-change"), "2")).await;
    assert_eq!(log.of(&ada).await.len(), 3, "another event is another");
}

#[tokio::test]
async fn c_ssf_06_an_event_from_before_the_consent_does_not_end_the_new_grant() {
    let (stage, log, receiver, [ada, _]) = connected().await;
    let before = stage.clock.now();
    taken(&receiver, &event(&stage, &format!("{OAUTH}tokens-revoked"), "1")).await;
    stage.clock.advance(600);
    let again = stage.connected("acme", "ada").await;
    assert_eq!(again.id(), ada.id());

    for (number, name) in ["tokens-revoked", "token-revoked"].iter().enumerate() {
        taken(&receiver, &event_at(&stage, &format!("{OAUTH}{name}"), &format!("late {number}"), before))
            .await;
    }
    for name in ["sessions-revoked", "account-disabled", "account-purged", "account-enabled"] {
        taken(&receiver, &event_at(&stage, &format!("{RISC}{name}"), name, before)).await;
    }
    settled(&stage).await;

    assert_eq!(log.of(&ada).await, ["connected", "needs_consent", "reconnected"]);
    assert_eq!((state(&ada).await, stage.network.renewals()), (State::Active, 0));
}

#[tokio::test]
async fn c_ssf_06_so_close_to_the_consent_one_renewal_tells() {
    for (refusal, expected) in [(None, State::Active), (Some("invalid_grant"), State::NeedsConsent)] {
        let (stage, _log, receiver, [ada, _]) = connected().await;
        stage.network.refuses(refusal);
        taken(&receiver, &event_at(&stage, &format!("{OAUTH}tokens-revoked"), "1", NOW + 30)).await;
        settled(&stage).await;
        assert_eq!((state(&ada).await, stage.network.renewals()), (expected, 1));
    }
}

#[tokio::test]
async fn c_ssf_06_disabled_after_enabled_out_of_order_suspends_nobody() {
    let (stage, _log, receiver, [ada, _]) = connected().await;
    let disabled_at = stage.clock.now();
    stage.clock.advance(600);
    // The user was disabled and enabled; the renewal in between says that the grant lives.
    taken(&receiver, &event(&stage, &format!("{CAEP}credential-change"), "1")).await;
    settled(&stage).await;
    taken(&receiver, &event_at(&stage, &format!("{RISC}account-disabled"), "2", disabled_at)).await;
    assert_eq!(state(&ada).await, State::Active);
}

#[tokio::test]
async fn c_ssf_05_a_verification_makes_its_round_trip() {
    let (stage, _log, _, _) = connected().await;
    let receiver = stage.receiver_of(stage.transmitter().verified(|state| state == Some("expected")));
    let uri = format!("{SSF}verification");
    let verification = |state: &str| {
        let mut claims = claims(&uri, &json!({ "format": "opaque", "id": "stream" }));
        claims["events"][&uri]["state"] = json!(state);
        stage.signer.sign(&claims)
    };
    taken(&receiver, &verification("expected")).await;
    let answer = push(&receiver, &verification("other")).await;
    assert_eq!(answer.status.as_u16(), 400);
    assert!(answer.body.contains(r#""err":"invalid_state""#), "{}", answer.body);
    taken(&stage.receiver(), &verification("whatever")).await;
}

#[tokio::test]
async fn c_ssf_05_the_application_hears_that_a_stream_pauses() {
    let (stage, _log, _, _) = connected().await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = heard.clone();
    let receiver = stage.receiver_of(
        stage
            .transmitter()
            .stream_updated(move |update| told.lock().unwrap().push(update.status.to_string())),
    );
    let uri = format!("{SSF}stream-updated");
    for status in ["paused", "disabled", "enabled"] {
        let mut claims = claims(&uri, &json!({ "format": "opaque", "id": "stream" }));
        claims["events"][&uri]["status"] = json!(status);
        taken(&receiver, &stage.signer.sign(&claims)).await;
    }
    assert_eq!(*heard.lock().unwrap(), ["paused", "disabled", "enabled"]);
}

#[tokio::test]
async fn c_ssf_03_what_is_polled_is_acknowledged_refused_or_asked_for_again() {
    let (stage, _log, _, [ada, _]) = connected().await;
    let receiver = stage.receiver();
    let good = event(&stage, &format!("{OAUTH}tokens-revoked"), "good");
    let forged = Signer::es256("key-1").sign(&claims(&format!("{OAUTH}tokens-revoked"), &common::ada()));
    let mut poll = Poll::default();
    (poll.max_events, poll.return_immediately) = (Some(10), true);
    assert_eq!(json!(poll), json!({ "maxEvents": 10, "returnImmediately": true }));

    let answer = json!({ "sets": { "good": good, "forged": forged, "none": 7 }, "moreAvailable": true });
    assert!(receiver.take_polled(&mut poll, answer.to_string().as_bytes()).await.unwrap());

    assert_eq!(state(&ada).await, State::NeedsConsent);
    let next = json!(poll);
    assert_eq!(next["ack"], json!(["good"]));
    assert_eq!(next["setErrs"]["forged"]["err"], json!("authentication_failed"));
    assert_eq!(next["setErrs"]["none"]["err"], json!("invalid_request"));

    for broken in ["", "[]", r#"{"sets":[]}"#, r#"{"sets":{"a":"b","a":"c"}}"#, "{}"] {
        let before = poll.clone();
        assert!(receiver.take_polled(&mut poll, broken.as_bytes()).await.is_err(), "{broken}");
        assert_eq!(poll, before);
    }
    assert!(!receiver.take_polled(&mut poll, br#"{"sets":{}}"#).await.unwrap());
    assert_eq!(json!(poll), json!({ "maxEvents": 10, "returnImmediately": true }));
}

#[tokio::test]
async fn c_ssf_03_what_cannot_be_taken_now_is_neither_acknowledged_nor_refused() {
    let (stage, _log, _, _) = connected().await;
    let keys = trunkline_security_events::Keys::published_at("https://keys.idp.test/keys".parse().unwrap());
    let transmitter = trunkline_security_events::Transmitter::new(ISSUER, keys.unwrap());
    let receiver = stage.receiver_of(transmitter.audience(AUDIENCE, "service"));
    let token = event(&stage, &format!("{OAUTH}tokens-revoked"), "1");
    assert_eq!(push(&receiver, &token).await.status.as_u16(), 503);
    let mut poll = Poll::default();
    let answer = json!({ "sets": { "1": token } }).to_string();
    receiver.take_polled(&mut poll, answer.as_bytes()).await.unwrap();
    assert_eq!(json!(poll), json!({ "returnImmediately": false }));
}
