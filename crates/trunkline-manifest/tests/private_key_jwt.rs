//! A client that proves itself with a private key, the operator's or each customer's own.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::*;
use trunkline_core::Secret;
use trunkline_core::{Cause, Connector as _, ErrorKind, Revoked};
use trunkline_manifest::{Manifest, ManifestConfig, ManifestConnector};

const TOKEN: &str = "https://login.acme.example/token";
const REVOKE: &str = "https://login.acme.example/revoke";
const INTROSPECT: &str = "https://login.acme.example/introspect";
const OWN: &str = "scopes = [\"read\"]\ntoken_endpoint_auth_method = \"private_key_jwt\"";

fn pem() -> String {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let text = STANDARD.encode(key.to_pkcs8v1().unwrap().as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn keyed(text: &str) -> ManifestConfig {
    let mut config = config(text);
    config.client_secret = None;
    config.private_key = Some(Secret::new(pem()));
    config
}

fn built(config: &ManifestConfig) -> Result<ManifestConnector, trunkline_core::Error> {
    ManifestConnector::new(config.manifest.clone().unwrap(), config)
}

/// The header and the claims of the statement in `sent`.
fn statement(sent: &Sent) -> (serde_json::Value, serde_json::Value) {
    let assertion = sent.param("client_assertion").unwrap();
    let part = |number| {
        let part = assertion.split('.').nth(number).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// A client of each customer's, as NetSuite has it.
fn customers() -> String {
    acme(&[
        (
            "[api]",
            "[oauth2.client_assertion]\nsigning_alg = 'ES256'\nlifetime_s = 600\nclaims = { scope = 'rest' }\n\
         private_key_input = 'private_key'\nkey_id_input = 'certificate_id'\n\
         [inputs.client_id]\ntitle = 'Client ID'\nexample = 'abc'\n\
         [inputs.private_key]\ntitle = 'Private key'\nexample = 'PEM'\nsecret = true\n\
         [inputs.certificate_id]\ntitle = 'Certificate ID'\nexample = 'xyz'\n[api]",
        ),
        (
            "grant_types = [\"authorization_code\"]\nauthorization_endpoint = \"https://login.acme.example/authorize\"",
            "grant_types = [\"client_credentials\"]\nclient_id_input = \"client_id\"",
        ),
        ("scopes = [\"read\"]", "token_endpoint_auth_method = \"private_key_jwt\""),
    ])
}

#[tokio::test]
async fn every_request_of_the_client_carries_a_statement_for_whom_the_manifest_says() {
    let issuer = "[oauth2.client_assertion]\naudience = 'https://login.acme.example'\n[api]";
    for (said, audience) in [("[api]", TOKEN), (issuer, "https://login.acme.example")] {
        let text = acme(&[
            (
                "scopes = [\"read\"]",
                &format!(
                    "{OWN}\nrevocation_endpoint = \"{REVOKE}\"\nintrospection_endpoint = \"{INTROSPECT}\""
                ),
            ),
            ("[api]", said),
            ("url = \"https://api.acme.example/v1/me\"\n", "introspection = true\n"),
            ("{response.id}", "{response.sub}"),
        ]);
        let mut config = keyed(&text);
        config.key_id = Some("key-7".to_owned());
        let connector = built(&config).unwrap();
        let (cx, stage) = stage();
        stage.play(TOKEN, json(200, r#"{"access_token":"at","refresh_token":"rt"}"#));
        stage.play(REVOKE, json(200, ""));
        stage.play(INTROSPECT, json(200, r#"{"active":true,"sub":"ada"}"#));
        let none = inputs(&[]);
        let grant = consent(&connector, &cx, &none, "code=c").await.unwrap();
        let session = session(&connector, &stage, None, &grant);
        assert_eq!(connector.identify(&cx, &session, &grant).await.unwrap().user, "ada");
        let auth = connector.auth(None).unwrap();
        auth.refresh(&cx, &held(&grant, &none)).await.unwrap();
        assert_eq!(auth.revoke(&cx, &held(&grant, &none)).await.unwrap(), Revoked::Done);
        let sent = stage.sent();
        assert_eq!(sent.len(), 4);
        let mut ids = std::collections::HashSet::new();
        for sent in &sent {
            let (header, claims) = statement(sent);
            assert_eq!((header["kid"].as_str(), claims["iss"].as_str()), (Some("key-7"), Some("client-1")));
            assert_eq!(claims["aud"].as_str(), Some(audience), "{}", sent.url);
            assert!(ids.insert(claims["jti"].as_str().unwrap().to_owned()));
            assert!(!sent.holds("PRIVATE KEY"));
        }
    }
}

#[tokio::test]
async fn a_customers_own_key_is_an_input_and_is_tried_before_anything_is_sent() {
    let connector = built(&config(&customers())).unwrap();
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"at"}"#));
    let pem = pem();
    let given = inputs(&[("client_id", "abc"), ("private_key", &pem), ("certificate_id", "xyz")]);
    mint(&connector, &cx, None, &given).await.unwrap();
    let (header, mut claims) = statement(&stage.one());
    claims.as_object_mut().unwrap().remove("jti");
    let now = LATER(0).as_second();
    assert_eq!(header, serde_json::json!({ "typ": "JWT", "alg": "ES256", "kid": "xyz" }));
    let expected = serde_json::json!({
        "iss": "abc", "sub": "abc", "aud": TOKEN, "iat": now, "exp": now + 600, "scope": "rest"
    });
    assert_eq!(claims, expected);
    // A customer's client is no fault of the application's.
    assert_eq!(connector.auth(None).unwrap().client_identity(), None);

    let wrong = inputs(&[("client_id", "abc"), ("private_key", "canary-no-key"), ("certificate_id", "xyz")]);
    let error = mint(&connector, &cx, None, &wrong).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::UserCredentialsInvalid));
    assert!(!format!("{error:?}{error}").contains("canary") && stage.sent().is_empty());
}

#[test]
fn the_operators_key_is_tried_when_the_settings_are_read() {
    let text = acme(&[("scopes = [\"read\"]", OWN)]);
    let good = keyed(&text);
    let identity =
        |config: &ManifestConfig| built(config).unwrap().auth(None).unwrap().client_identity().unwrap();
    assert_ne!(identity(&good), identity(&keyed(&text)));
    type Change = fn(&mut ManifestConfig);
    let changes: [(&str, Change); 5] = [
        ("no key", |c| c.private_key = None),
        ("no key", |c| c.private_key = Some(Secret::new("canary-no-key"))),
        ("both", |c| c.client_secret = Some(Secret::new("canary"))),
        ("a blank", |c| c.key_id = Some(" key-7".to_owned())),
        ("its name alone", |c| {
            c.private_key = None;
            c.key_id = Some("key-7".to_owned());
        }),
    ];
    for (why, change) in changes {
        let mut config = good.clone();
        change(&mut config);
        let error = built(&config).expect_err(why);
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{why}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{why}");
    }
    // Where the manifest wants none, or another kind, it says so.
    for other in [
        ACME.to_owned(),
        customers(),
        text.replace("[api]", "[oauth2.client_assertion]\nsigning_alg = 'PS256'\n[api]"),
    ] {
        assert_eq!(built(&keyed(&other)).unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
}

#[test]
fn a_statement_that_cannot_be_made_is_refused_with_the_manifest() {
    let whole = customers();
    assert!(Manifest::parse("acme.toml", &whole).is_ok());
    for (from, to, expected) in [
        ("\"private_key_jwt\"", "\"client_secret_post\"", "counts with"),
        ("\"private_key_jwt\"", "\"client_secret_jwt\"", "`client_secret_jwt` is not supported"),
        ("client_id_input = \"client_id\"", "", "`private_key_input` needs `client_id_input`"),
        ("private_key_input = 'private_key'", "", "`key_id_input` needs `private_key_input`"),
        ("private_key_input = 'private_key'", "", "needs `client_assertion.private_key_input`"),
        ("secret = true", "secret = false", "must be a secret"),
        ("lifetime_s = 600", "lifetime_s = 3601", "1 to 3600"),
        ("lifetime_s = 600", "lifetime_s = 0", "1 to 3600"),
        ("scope = 'rest'", "sub = 'ada'", "the claim `sub` is set by the standard"),
        ("'ES256'", "'none'", "is no value of this key"),
        ("'ES256'", "'HS256'", "is no value of this key"),
        ("signing_alg", "signing_algo", "did you mean `signing_alg`?"),
        ("key_id_input = 'certificate_id'", "audience = '{capture.x}'", "capture"),
    ] {
        assert!(whole.contains(from), "{from}");
        let problems = Manifest::parse("acme.toml", &whole.replace(from, to)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
}
