//! A client that proves itself with a private key instead of a secret.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::*;
use trunkline_core::{Cause, Connector as _, ErrorKind, Secret};
use trunkline_oauth2::{AccountSource, ClientAuthMethod, GrantType, OAuth2, OAuth2Config, SigningAlg};

fn pem() -> Secret {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let text = STANDARD.encode(key.to_pkcs8v1().unwrap().as_ref());
    Secret::new(format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"))
}

/// `config` with a key in place of its secret.
fn keyed(mut config: OAuth2Config) -> OAuth2Config {
    config.client_secret = None;
    config.private_key = Some(pem());
    config
}

fn claims(sent: &Sent) -> serde_json::Value {
    let part = sent.param("client_assertion").unwrap().split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[tokio::test]
async fn token_revocation_and_introspection_requests_carry_a_statement_of_the_client() {
    let mut config = keyed(given());
    config.introspection_endpoint = Some(url(INTROSPECT));
    config.account = Some(AccountSource::Introspection);
    config.key_id = Some("key-7".to_owned());
    for (audience, expected) in [(None, TOKEN), (Some(ISSUER), ISSUER)] {
        config.client_assertion_audience = audience.map(str::to_owned);
        let connector = connector(config.clone());
        let (cx, stage) = stage();
        stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
        stage.play(REVOKE, json(200, ""));
        stage.play(INTROSPECT, json(200, r#"{"active":true,"sub":"ada"}"#));
        let auth = connector.auth(None).unwrap();
        let grant = auth.refresh(&cx, &held()).await.unwrap();
        identify(&connector, &cx, &stage, &grant).await.unwrap();
        auth.revoke(&cx, &held()).await.unwrap();
        let sent = stage.sent();
        assert_eq!(sent.len(), 3);
        for sent in &sent {
            let claims = claims(sent);
            assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("client-1"), Some(expected)));
            assert_eq!((sent.authorization(), sent.param("client_secret")), (None, None), "{}", sent.url);
        }
    }
}

#[tokio::test]
async fn a_client_with_a_key_may_act_for_itself() {
    let mut config = keyed(given());
    config.grant_type = GrantType::ClientCredentials;
    let connector = connector(config);
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    connector.auth(None).unwrap().complete(&cx, &Default::default()).await.unwrap();
    assert_eq!(claims(&stage.sent().remove(0))["sub"], "client-1");
}

#[tokio::test]
async fn a_key_is_not_used_where_the_metadata_takes_none_unless_it_is_asked_for_by_name() {
    let methods = r#""token_endpoint_auth_methods_supported":["client_secret_basic"]"#;
    for (method, cause) in
        [(None, Some(Cause::ConfigurationInvalid)), (Some(ClientAuthMethod::PrivateKeyJwt), None)]
    {
        let (cx, stage) = stage();
        stage.play(INSERTED, json(200, metadata(methods)));
        let mut config = keyed(discovering());
        config.token_endpoint_auth_method = method;
        let result = connector(config).ready(&cx).await;
        assert_eq!(result.err().and_then(|error| error.cause()), cause);
    }
}

#[test]
fn a_key_and_its_settings_are_checked_when_they_are_read() {
    type Change = fn(&mut OAuth2Config);
    let refused: &[(&str, Change)] = &[
        ("no key", |c| c.private_key = Some(Secret::new("canary-no-key"))),
        ("a key of another kind", |c| c.token_endpoint_auth_signing_alg = Some(SigningAlg::Rs256)),
        ("a key of another kind", |c| c.token_endpoint_auth_signing_alg = Some(SigningAlg::Ps256)),
        ("both", |c| c.client_secret = Some(Secret::new("canary"))),
        ("another way", |c| c.token_endpoint_auth_method = Some(ClientAuthMethod::None)),
        ("a blank", |c| c.key_id = Some("key-7 ".to_owned())),
        ("nothing", |c| c.client_assertion_audience = Some(String::new())),
    ];
    let without: &[(&str, Change)] = &[
        ("no key", |c| c.token_endpoint_auth_method = Some(ClientAuthMethod::PrivateKeyJwt)),
        ("no key", |c| c.key_id = Some("key-7".to_owned())),
        ("no key", |c| c.token_endpoint_auth_signing_alg = Some(SigningAlg::Es256)),
        ("no key", |c| c.client_assertion_audience = Some(ISSUER.to_owned())),
    ];
    // Discovery may be late; the key is looked at before.
    for base in [given(), discovering()] {
        OAuth2::new(keyed(base.clone())).unwrap();
        let keyed = refused.iter().map(|it| (it, keyed(base.clone())));
        let plain = without.iter().map(|it| (it, base.clone()));
        for ((why, change), mut config) in keyed.chain(plain) {
            change(&mut config);
            let error = OAuth2::new(config).expect_err(why);
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{why}");
            assert!(!format!("{error:?}{error}").contains("canary"), "{why}");
        }
    }
    assert!(!format!("{:?}", keyed(given())).contains("PRIVATE"));
}

#[test]
fn another_key_or_another_name_of_it_is_another_client() {
    let identity = |config: OAuth2Config| connector(config).auth(None).unwrap().client_identity().unwrap();
    let one = keyed(given());
    let mut named = one.clone();
    named.key_id = Some("key-7".to_owned());
    assert_eq!(identity(one.clone()), identity(one.clone()));
    assert_ne!(identity(one.clone()), identity(keyed(given())));
    assert_ne!(identity(one), identity(named));
}
