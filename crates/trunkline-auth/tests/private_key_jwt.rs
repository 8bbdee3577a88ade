//! `private_key_jwt` (RFC 7523, 2.2; OpenID Connect Core, 9): one test per requirement on the client.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::HashSet;
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::{REDIRECT, SECRET, Sent, Step, answer, begin, cx, held, ok, start, url};
use serde_json::{Value, json};
use trunkline_auth::jwt::{Algorithm, SigningKey};
use trunkline_auth::oauth2::{
    AuthorizationCode, Client, ClientAuth, ClientCredentials, Introspection, PrivateKeyJwt, TokenEncoding,
};
use trunkline_core::{AuthProvider as _, Cause, ConsentAnswer, Error, ErrorKind, Secret};

const TOKEN: &str = "https://service.example/token";

fn pem(label: &str, der: &[u8]) -> Secret {
    Secret::new(format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der)))
}

/// A fresh RSA key as PEM, and its public half.
fn rsa() -> (Secret, Vec<u8>) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    (pem("PRIVATE KEY", der.as_ref()), key.public_key().as_ref().to_vec())
}

/// The same on the curve P-256.
fn ec() -> (Secret, Vec<u8>) {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    (pem("PRIVATE KEY", key.to_pkcs8v1().unwrap().as_ref()), key.public_key().as_ref().to_vec())
}

fn with_key(proof: PrivateKeyJwt) -> Client {
    Client::new("client-1", None).auth(ClientAuth::PrivateKeyJwt(proof))
}

fn proof(pem: &Secret) -> PrivateKeyJwt {
    PrivateKeyJwt::new(SigningKey::from_pem(pem).unwrap().key_id("key-7"))
}

fn minting(client: Client) -> Result<ClientCredentials, Error> {
    ClientCredentials::builder(client, url(TOKEN)).build()
}

fn part(assertion: &str, number: usize) -> Value {
    let part = assertion.split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn verified(assertion: &str, how: &'static dyn VerificationAlgorithm, key: &[u8]) -> bool {
    let (signed, signature) = assertion.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(how, key).verify(signed.as_bytes(), &signature).is_ok()
}

/// The statement of the one token request that `client` makes.
async fn assertion(client: Client) -> (String, Sent) {
    let (cx, script) = cx([ok()]);
    minting(client).unwrap().complete(&cx, &ConsentAnswer::default()).await.unwrap();
    let sent = script.only();
    (sent.param("client_assertion").unwrap(), sent)
}

#[tokio::test]
async fn c_7523_01_the_client_is_issuer_and_subject_of_a_short_statement() {
    let (assertion, sent) = assertion(with_key(proof(&ec().0))).await;
    assert_eq!(part(&assertion, 0), json!({ "typ": "JWT", "alg": "ES256", "kid": "key-7" }));
    let (mut claims, now) = (part(&assertion, 1), start().as_second());
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 43);
    let expected = json!({ "iss": "client-1", "sub": "client-1", "aud": TOKEN, "iat": now, "exp": now + 60 });
    assert_eq!(claims, expected);

    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    assert_eq!(sent.param("client_assertion_type").as_deref(), Some(kind));
    assert_eq!(sent.param("client_id").as_deref(), Some("client-1"));
    // C-6749-09: in one way.
    assert_eq!((sent.param("client_secret"), sent.header("authorization")), (None, None));
    assert_eq!(sent.form().len(), 4, "and nothing besides the grant");
}

#[tokio::test]
async fn c_7523_05_each_algorithm_verifies_with_the_public_key_and_no_other() {
    let ((rsa, rsa_public), (ec, ec_public)) = (self::rsa(), self::ec());
    type Case<'a> = (&'a Secret, Option<Algorithm>, &'a str, &'static dyn VerificationAlgorithm, &'a [u8]);
    let cases: [Case<'_>; 4] = [
        (&rsa, None, "RS256", &RSA_PKCS1_2048_8192_SHA256, &rsa_public),
        (&rsa, Some(Algorithm::Ps256), "PS256", &RSA_PSS_2048_8192_SHA256, &rsa_public),
        (&ec, None, "ES256", &ECDSA_P256_SHA256_FIXED, &ec_public),
        (&ec, Some(Algorithm::Es256), "ES256", &ECDSA_P256_SHA256_FIXED, &ec_public),
    ];
    for (pem, algorithm, name, how, public) in cases {
        let key = SigningKey::from_pem(pem).unwrap();
        let key = match algorithm {
            Some(algorithm) => key.algorithm(algorithm).unwrap(),
            None => key,
        };
        let (assertion, _) = assertion(with_key(PrivateKeyJwt::new(key))).await;
        assert_eq!(part(&assertion, 0), json!({ "typ": "JWT", "alg": name }));
        let (signed, _) = assertion.rsplit_once('.').unwrap();
        let (head, _) = signed.split_once('.').unwrap();
        assert!(verified(&assertion, how, public), "{name}");
        let other = assertion.replacen(head, &URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), 1);
        assert!(!verified(&other, how, public), "{name}");
    }
}

#[tokio::test]
async fn c_7523_01_no_two_requests_have_the_same_statement() {
    let provider = AuthorizationCode::builder(
        with_key(proof(&ec().0)),
        url("https://service.example/authorize"),
        url(TOKEN),
        REDIRECT,
    )
    .revoke_url(url("https://service.example/revoke"))
    .build()
    .unwrap();
    let (cx, script) =
        cx([ok(), Step::Lost, ok(), common::json(400, r#"{"error":"unsupported_token_type"}"#), empty()]);
    let (_, begun) = begin(&provider).await;
    provider.complete(&cx, &answer(begun, "code=c&state=canary-state")).await.unwrap();
    provider.refresh(&cx, &held()).await.unwrap_err();
    provider.refresh(&cx, &held()).await.unwrap();
    provider.revoke(&cx, &held()).await.unwrap();

    let sent = script.sent.lock().unwrap();
    let claims: Vec<Value> =
        sent.iter().map(|sent| part(&sent.param("client_assertion").unwrap(), 1)).collect();
    let ids: HashSet<&str> = claims.iter().map(|claims| claims["jti"].as_str().unwrap()).collect();
    assert_eq!((claims.len(), ids.len()), (5, 5));
    // Also for revocations, the statement is for the token endpoint.
    assert!(claims.iter().all(|claims| claims["aud"] == TOKEN));
    assert!(claims[4]["iat"].as_i64() > claims[0]["iat"].as_i64(), "each has its own time");
}

fn empty() -> Step {
    Step::Answer(200, Vec::new(), Vec::new())
}

#[tokio::test]
async fn c_7523_02_the_issuer_may_be_the_audience_as_one_text_in_every_request() {
    let pem = ec().0;
    let issuer = "https://service.example";
    let (assertion, _) = assertion(with_key(proof(&pem).audience(issuer))).await;
    assert_eq!(part(&assertion, 1)["aud"], issuer);

    let asked = |client| Introspection::new(client, url("https://service.example/introspect")).unwrap();
    for (client, audience) in [
        (with_key(proof(&pem).audience(issuer)), issuer),
        (with_key(proof(&pem)), "https://service.example/introspect"),
    ] {
        let (cx, script) = cx([common::json(200, r#"{"active":true}"#)]);
        asked(client).ask(&cx, &Secret::new("token-1")).await.unwrap();
        let sent = script.only();
        assert_eq!(part(&sent.param("client_assertion").unwrap(), 1)["aud"], audience);
        assert_eq!(sent.param("token").as_deref(), Some("token-1"));
    }
}

#[tokio::test]
async fn a_statement_may_live_longer_and_say_more_but_never_take_the_standards_claims() {
    let pem = ec().0;
    let more = proof(&pem).lifetime(Duration::from_secs(3600)).claim("scope", "rest_webservices");
    let (assertion, _) = assertion(with_key(more)).await;
    let claims = part(&assertion, 1);
    assert_eq!(
        (&claims["scope"], claims["exp"].as_i64()),
        (&json!("rest_webservices"), Some(start().as_second() + 3600))
    );

    for wrong in [
        proof(&pem).lifetime(Duration::ZERO),
        proof(&pem).lifetime(Duration::from_secs(3601)),
        proof(&pem).claim("sub", "somebody"),
        proof(&pem).claim("jti", "always"),
        proof(&pem).audience(""),
    ] {
        assert_eq!(minting(with_key(wrong)).unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
    let both =
        Client::new("client-1", Some(Secret::new(SECRET))).auth(ClientAuth::PrivateKeyJwt(proof(&pem)));
    assert_eq!(minting(both).unwrap_err().kind(), ErrorKind::ConfigInvalid);
    for name in ["client_assertion", "client_assertion_type"] {
        let builder = ClientCredentials::builder(with_key(proof(&pem)), url(TOKEN)).token_param(name, "x");
        assert_eq!(builder.build().unwrap_err().kind(), ErrorKind::ConfigInvalid, "{name}");
    }
}

#[test]
fn a_key_that_cannot_sign_is_refused_when_it_is_read() {
    let (private, public) = rsa();
    let short = STANDARD.encode(private.expose());
    let p384 = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap();
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let spki: PublicKeyX509Der<'_> = key.public_key().as_der().unwrap();
    for wrong in [
        Secret::new(""),
        Secret::new(short),
        Secret::new(&private.expose()[..600]),
        // A public key is no private one, in either of its forms.
        pem("RSA PUBLIC KEY", &public),
        pem("PUBLIC KEY", spki.as_ref()),
        pem("PRIVATE KEY", p384.to_pkcs8v1().unwrap().as_ref()),
        pem("PRIVATE KEY", b"canary"),
    ] {
        let error = SigningKey::from_pem(&wrong).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(!format!("{error:?}{error}").contains("canary"));
    }
    // RFC 8725, 3.1: the algorithm is the key's.
    assert!(SigningKey::from_pem(&private).unwrap().algorithm(Algorithm::Es256).is_err());
    for rsa_only in [Algorithm::Rs256, Algorithm::Ps256] {
        assert!(SigningKey::from_pem(&ec().0).unwrap().algorithm(rsa_only).is_err());
    }
}

#[tokio::test]
async fn a_refused_client_is_the_operators_and_its_statement_never_comes_back() {
    let client = with_key(proof(&ec().0));
    let shown = format!("{client:?}");
    assert!(shown.contains("key-7") && !shown.contains("PRIVATE"), "{shown}");
    // A service that quotes what it was sent: half a statement is still good for a replay elsewhere.
    let (cx, _) = cx([common::json(
        401,
        r#"{"error":"invalid_client","error_description":"bad eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiIsImtpZCI6ImtleS03In0.x"}"#,
    )]);
    let error = minting(client).unwrap().complete(&cx, &ConsentAnswer::default()).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ClientCredentialsInvalid));
    assert!(!format!("{error:?}{error}").contains("eyJ0eXAi"), "{error:?}");
}

#[test]
fn another_key_or_another_name_of_it_is_another_client() {
    let (one, two) = (ec().0, ec().0);
    let key = |pem: &Secret, id: &str| PrivateKeyJwt::new(SigningKey::from_pem(pem).unwrap().key_id(id));
    let identity = |proof| with_key(proof).identity();
    assert_eq!(identity(key(&one, "a")), identity(key(&one, "a")));
    assert_ne!(identity(key(&one, "a")), identity(key(&one, "b")));
    assert_ne!(identity(key(&one, "a")), identity(key(&two, "a")));
}

#[tokio::test]
async fn a_statement_goes_where_the_other_parameters_go() {
    let builder = ClientCredentials::builder(with_key(proof(&ec().0)), url(TOKEN));
    let (cx, script) = cx([ok()]);
    let provider = builder.token_encoding(TokenEncoding::Json).build().unwrap();
    provider.complete(&cx, &ConsentAnswer::default()).await.unwrap();
    let body: Value = serde_json::from_slice(&script.only().body).unwrap();
    assert_eq!(part(body["client_assertion"].as_str().unwrap(), 1)["iss"], "client-1");
}
