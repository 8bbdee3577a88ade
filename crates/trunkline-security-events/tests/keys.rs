//! C-OIDC-05: which key is meant, and when the set is fetched again.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use common::{AUDIENCE, ISSUER, RISC, Signer, Stage, ada, claims};
use serde_json::json;
use trunkline_security_events::{Keys, Receiver, RefusalCode, Rejected, Transmitter};

fn published(stage: &Stage) -> Receiver {
    let keys = Keys::published_at("https://keys.idp.test/keys".parse().unwrap()).unwrap();
    stage.receiver_of(Transmitter::new(ISSUER, keys).audience(AUDIENCE, "service"))
}

fn given(stage: &Stage, signers: &[&Signer]) -> Receiver {
    let set = json!({ "keys": signers.iter().map(|signer| signer.jwk()).collect::<Vec<_>>() });
    let keys = Keys::from_document(&set.to_string()).unwrap();
    stage.receiver_of(Transmitter::new(ISSUER, keys).audience(AUDIENCE, "service"))
}

fn token(signer: &Signer) -> String {
    signer.sign(&claims(&format!("{RISC}account-disabled"), &ada()))
}

fn token_without_kid(signer: &Signer) -> String {
    let mut header = signer.header();
    header.as_object_mut().unwrap().remove("kid");
    signer.sign_as(&header, &claims(&format!("{RISC}account-disabled"), &ada()))
}

/// What becomes of the token: `None` when it is taken.
async fn rejected(receiver: &Receiver, token: &str) -> Option<Rejected> {
    receiver.read(token.as_bytes()).await.err()
}

fn is(rejected: Option<Rejected>, code: RefusalCode) -> bool {
    matches!(rejected, Some(Rejected::Refused(refusal)) if refusal.code == code)
}

#[tokio::test]
async fn c_oidc_05_the_key_is_the_one_with_the_kid_among_several() {
    let stage = Stage::new().await;
    let (one, two, unknown) = (Signer::es256("one"), Signer::ed25519("two"), Signer::es256("three"));
    let receiver = given(&stage, &[&one, &two]);
    assert_eq!(rejected(&receiver, &token(&one)).await, None);
    assert_eq!(rejected(&receiver, &token(&two)).await, None);
    assert!(is(rejected(&receiver, &token(&unknown)).await, RefusalCode::InvalidKey));
}

#[tokio::test]
async fn c_oidc_05_without_a_kid_only_a_lone_key_of_the_kind_can_be_meant() {
    let stage = Stage::new().await;
    let (one, two, other_kind) = (Signer::es256("one"), Signer::es256("two"), Signer::ed25519("three"));
    let lone = given(&stage, &[&one, &other_kind]);
    assert_eq!(rejected(&lone, &token_without_kid(&one)).await, None);
    assert!(is(rejected(&lone, &token_without_kid(&two)).await, RefusalCode::AuthenticationFailed));
    let several = given(&stage, &[&one, &two]);
    assert!(is(rejected(&several, &token_without_kid(&one)).await, RefusalCode::InvalidKey));
}

#[tokio::test]
async fn a_key_for_encryption_or_for_another_alg_is_not_used() {
    let stage = Stage::new().await;
    let signer = Signer::rsa("k");
    for (name, value) in [("use", json!("enc")), ("alg", json!("PS256")), ("key_ops", json!(["encrypt"]))] {
        let mut jwk = signer.jwk();
        jwk[name] = value;
        let set = json!({ "keys": [jwk, Signer::es256("other").jwk()] });
        let keys = Keys::from_document(&set.to_string()).unwrap();
        let receiver = stage.receiver_of(Transmitter::new(ISSUER, keys).audience(AUDIENCE, "service"));
        assert!(is(rejected(&receiver, &token(&signer)).await, RefusalCode::InvalidKey), "{name}");
    }
}

#[tokio::test]
async fn a_key_of_a_kind_that_is_not_known_does_not_spoil_the_set() {
    let signer = Signer::es256("k");
    let set = json!({ "keys": [{ "kty": "AKP", "alg": "ML-DSA-65" }, 7, signer.jwk()] });
    assert!(Keys::from_document(&set.to_string()).is_ok());
    for set in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"AKP"}]}"#, "<html>"] {
        assert!(Keys::from_document(set).is_err(), "{set}");
    }
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_again_after_an_hour() {
    let stage = Stage::new().await;
    let receiver = published(&stage);
    stage.network.publishes(Some((200, stage.signer.key_set().to_string())));
    for _ in 0..3 {
        assert_eq!(rejected(&receiver, &token(&stage.signer)).await, None);
    }
    assert_eq!(stage.network.key_fetches(), 1);

    // The key was withdrawn: after the hour it is no longer believed.
    let next = Signer::es256("key-2");
    stage.network.publishes(Some((200, next.key_set().to_string())));
    stage.clock.advance(59 * 60);
    assert_eq!(rejected(&receiver, &token(&stage.signer)).await, None);
    stage.clock.advance(60);
    assert!(is(rejected(&receiver, &token(&stage.signer)).await, RefusalCode::InvalidKey));
    assert_eq!(stage.network.key_fetches(), 2);
}

#[tokio::test]
async fn c_oidc_05_an_unknown_kid_fetches_again_but_not_at_any_rate() {
    let stage = Stage::new().await;
    let receiver = published(&stage);
    stage.network.publishes(Some((200, stage.signer.key_set().to_string())));
    assert_eq!(rejected(&receiver, &token(&stage.signer)).await, None);

    // The transmitter rotates right after the fetch: the token is asked for again, not refused for good.
    let next = Signer::es256("key-2");
    stage.network.publishes(Some((200, next.key_set().to_string())));
    for _ in 0..100 {
        assert_eq!(rejected(&receiver, &token(&next)).await, Some(Rejected::NotNow));
    }
    assert_eq!(stage.network.key_fetches(), 1);
    assert_eq!(rejected(&receiver, &token(&stage.signer)).await, None, "known keys go on");
    stage.clock.advance(60);
    assert_eq!(rejected(&receiver, &token(&next)).await, None);
    assert_eq!(stage.network.key_fetches(), 2);

    // A kid that is in no set: one fetch a minute at most, however many tokens name it.
    stage.clock.advance(60);
    let forger = Signer::es256("forger");
    assert!(is(rejected(&receiver, &token(&forger)).await, RefusalCode::InvalidKey));
    for _ in 0..100 {
        assert_eq!(rejected(&receiver, &token(&forger)).await, Some(Rejected::NotNow));
    }
    assert_eq!(stage.network.key_fetches(), 3);
}

#[tokio::test]
async fn keys_that_cannot_be_fetched_are_no_reason_to_refuse() {
    let stage = Stage::new().await;
    let receiver = published(&stage);
    for answer in
        [None, Some((503, String::new())), Some((302, String::new())), Some((200, "<html>".to_owned()))]
    {
        stage.network.publishes(answer);
        assert_eq!(rejected(&receiver, &token(&stage.signer)).await, Some(Rejected::NotNow));
        stage.clock.advance(60);
    }
    stage.network.publishes(Some((200, stage.signer.key_set().to_string())));
    assert_eq!(rejected(&receiver, &token(&stage.signer)).await, None);
}

#[tokio::test]
async fn keys_are_fetched_over_https_alone() {
    assert!(Keys::published_at("http://idp.example.com/keys".parse().unwrap()).is_err());
    assert!(Keys::published_at("http://127.0.0.1:1/keys".parse().unwrap()).is_ok());
}

#[tokio::test]
async fn a_receiver_whose_settings_contradict_is_not_built() {
    let stage = Stage::new().await;
    let builder = || Receiver::builder(&stage.trunkline);
    let keys = || Keys::from_document(&stage.signer.key_set().to_string()).unwrap();
    let twice = builder().transmitter(stage.transmitter()).transmitter(stage.transmitter()).build();
    assert!(twice.unwrap_err().to_string().contains("two transmitters"));
    let deaf = builder().transmitter(Transmitter::new(ISSUER, keys())).build();
    assert!(deaf.unwrap_err().to_string().contains("no audience"));
    let unknown = Transmitter::new(ISSUER, keys()).audience(AUDIENCE, "servise");
    assert!(builder().transmitter(unknown).build().unwrap_err().to_string().contains("servise"));
}
