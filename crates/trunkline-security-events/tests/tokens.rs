//! C-SSF-01: which tokens are believed (RFC 8417, 2; RFC 8725 for the attacks).

mod common;

use std::time::Duration;

use common::{AUDIENCE, ISSUER, NOW, RISC, SET, Signer, Stage, ada, claims};
use serde_json::{Value, json};
use trunkline_security_events::{Keys, Notice, RefusalCode, Rejected, Transmitter};

const DAY: i64 = 24 * 60 * 60;

fn good() -> Value {
    claims(&format!("{RISC}account-disabled"), &ada())
}

async fn read(stage: &Stage, token: &str) -> Result<Vec<Notice>, Rejected> {
    stage.receiver().read(token.as_bytes()).await
}

/// How `token` is refused.
async fn refused(stage: &Stage, token: &str) -> RefusalCode {
    match read(stage, token).await {
        Err(Rejected::Refused(refusal)) => refusal.code,
        other => panic!("{other:?}"),
    }
}

/// How a token with these claims is refused.
async fn refused_with(stage: &Stage, change: impl FnOnce(&mut Value)) -> RefusalCode {
    let mut claims = good();
    change(&mut claims);
    refused(stage, &stage.signer.sign(&claims)).await
}

#[tokio::test]
async fn c_ssf_01_a_good_token_says_one_thing() {
    let stage = Stage::new().await;
    let notices = read(&stage, &stage.signer.sign(&good())).await.unwrap();
    assert!(matches!(&notices[..], [Notice::Signal(signal)] if signal.connector == "service"), "{notices:?}");
}

#[tokio::test]
async fn c_ssf_01_every_algorithm_that_is_allowed_is_verified() {
    let stage = Stage::new().await;
    for signer in [Signer::es256("k"), Signer::ed25519("k"), Signer::rsa("k"), Signer::rsa_pss("k")] {
        let keys = Keys::from_document(&signer.key_set().to_string()).unwrap();
        let receiver = stage.receiver_of(Transmitter::new(ISSUER, keys).audience(AUDIENCE, "service"));
        assert_eq!(receiver.read(signer.sign(&good()).as_bytes()).await.unwrap().len(), 1);
        let mut forged = signer.sign(&good()).into_bytes();
        let last = forged.len() - 10;
        forged[last] = if forged[last] == b'A' { b'B' } else { b'A' };
        let refusal = receiver.read(&forged).await.unwrap_err();
        assert!(
            matches!(refusal, Rejected::Refused(refusal) if refusal.code == RefusalCode::AuthenticationFailed)
        );
    }
}

#[tokio::test]
async fn c_ssf_01_a_typ_that_is_missing_or_of_another_token_is_refused() {
    let stage = Stage::new().await;
    let mut header = stage.signer.header();
    for typ in [json!("JWT"), json!("at+jwt"), json!("logout+jwt"), json!("secevent"), json!(7), json!("")] {
        header["typ"] = typ;
        assert_eq!(
            refused(&stage, &stage.signer.sign_as(&header, &good())).await,
            RefusalCode::InvalidRequest
        );
    }
    header.as_object_mut().unwrap().remove("typ");
    assert_eq!(refused(&stage, &stage.signer.sign_as(&header, &good())).await, RefusalCode::InvalidRequest);
    for typ in [SET, "SecEvent+JWT"] {
        header["typ"] = json!(typ);
        assert!(read(&stage, &stage.signer.sign_as(&header, &good())).await.is_ok(), "{typ}");
    }
}

#[tokio::test]
async fn c_ssf_01_a_signature_by_another_key_is_refused() {
    let stage = Stage::new().await;
    let forger = Signer::es256("key-1");
    assert_eq!(refused(&stage, &forger.sign(&good())).await, RefusalCode::AuthenticationFailed);
    // The signature of one token on the claims of another.
    let (token, other) = (stage.signer.sign(&good()), stage.signer.sign(&claims("urn:other", &ada())));
    let parts: Vec<_> = token.split('.').collect();
    let signature = other.split('.').nth(2).unwrap();
    let mixed = format!("{}.{}.{signature}", parts[0], parts[1]);
    assert_eq!(refused(&stage, &mixed).await, RefusalCode::AuthenticationFailed);
}

#[tokio::test]
async fn c_ssf_01_alg_none_and_other_algs_are_refused() {
    let stage = Stage::new().await;
    let mut header = stage.signer.header();
    for alg in [
        json!("none"),
        json!("None"),
        json!("nOnE"),
        json!("HS256"),
        json!("ES384"),
        json!("RS512"),
        json!(1),
    ] {
        header["alg"] = alg;
        let signed = stage.signer.sign_as(&header, &good());
        let bare = format!("{}.", signed.rsplit_once('.').unwrap().0);
        for token in [signed, bare] {
            assert_eq!(refused(&stage, &token).await, RefusalCode::InvalidKey, "{header}");
        }
    }
    // No signature at all under an alg that is allowed.
    let bare = format!("{}.", stage.signer.sign(&good()).rsplit_once('.').unwrap().0);
    assert_eq!(refused(&stage, &bare).await, RefusalCode::AuthenticationFailed);
}

#[tokio::test]
async fn c_ssf_01_hs256_with_the_public_key_as_secret_is_refused() {
    use aws_lc_rs::hmac;
    let stage = Stage::new().await;
    let mut header = stage.signer.header();
    header["alg"] = json!("HS256");
    let unsigned = stage.signer.sign_as(&header, &good());
    let signed = unsigned.rsplit_once('.').unwrap().0;
    for secret in [stage.signer.jwk().to_string(), stage.signer.jwk()["x"].as_str().unwrap().to_owned()] {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), signed.as_bytes());
        let token = format!("{signed}.{}", common::base64url(tag.as_ref()));
        assert_eq!(refused(&stage, &token).await, RefusalCode::InvalidKey);
    }
    // A key set with a shared secret in it does not let one in either.
    let secret = json!({ "keys": [{ "kty": "oct", "kid": "key-1", "k": common::base64url("secret") }] });
    assert!(Keys::from_document(&secret.to_string()).is_err());
}

#[tokio::test]
async fn c_ssf_01_a_key_is_not_used_with_an_alg_of_another_kind() {
    let stage = Stage::new().await;
    let mut header = stage.signer.header();
    for alg in ["RS256", "PS256", "EdDSA"] {
        header["alg"] = json!(alg);
        assert_eq!(refused(&stage, &stage.signer.sign_as(&header, &good())).await, RefusalCode::InvalidKey);
    }
}

#[tokio::test]
async fn c_ssf_01_keys_that_the_token_brings_along_are_not_looked_at() {
    let stage = Stage::new().await;
    let forger = Signer::es256("forger");
    let header = json!({ "typ": "secevent+jwt", "alg": "ES256", "kid": "forger", "jwk": forger.jwk(),
        "jku": "https://forger.test/keys" });
    assert_eq!(refused(&stage, &forger.sign_as(&header, &good())).await, RefusalCode::InvalidKey);
    let header = json!({ "typ": "secevent+jwt", "alg": "ES256", "kid": "key-1", "jwk": forger.jwk() });
    assert_eq!(refused(&stage, &forger.sign_as(&header, &good())).await, RefusalCode::AuthenticationFailed);
    let critical =
        json!({ "typ": "secevent+jwt", "alg": "ES256", "kid": "key-1", "crit": ["b64"], "b64": false });
    assert_eq!(refused(&stage, &stage.signer.sign_as(&critical, &good())).await, RefusalCode::InvalidRequest);
}

#[tokio::test]
async fn c_ssf_01_another_issuer_is_refused_also_one_that_looks_alike() {
    let stage = Stage::new().await;
    for iss in
        [json!("https://idp.example.com"), json!("https://IDP.example.com/"), json!(null), json!([ISSUER])]
    {
        assert_eq!(refused_with(&stage, |claims| claims["iss"] = iss).await, RefusalCode::InvalidIssuer);
    }
}

#[tokio::test]
async fn c_ssf_01_aud_must_contain_ours() {
    let stage = Stage::new().await;
    for aud in [json!("somebody"), json!([]), json!(["somebody", "else"])] {
        assert_eq!(refused_with(&stage, |claims| claims["aud"] = aud).await, RefusalCode::InvalidAudience);
    }
    let without = |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove("aud"));
    assert_eq!(refused_with(&stage, without).await, RefusalCode::InvalidAudience);
    let mut several = good();
    several["aud"] = json!(["somebody", AUDIENCE]);
    assert!(read(&stage, &stage.signer.sign(&several)).await.is_ok());
}

#[tokio::test]
async fn c_ssf_01_a_stale_token_and_one_from_the_future_are_refused() {
    let stage = Stage::new().await;
    for iat in [
        json!(NOW - 3 * DAY - 1),
        json!(NOW + 61),
        json!(null),
        json!("1800000000"),
        json!(1e300),
        json!(-1e300),
    ] {
        let code = refused_with(&stage, |claims| claims["iat"] = iat.clone()).await;
        assert_eq!(code, RefusalCode::InvalidRequest, "{iat}");
    }
    for iat in [json!(NOW - 3 * DAY), json!(NOW + 60), json!(NOW as f64 - 0.5)] {
        let mut claims = good();
        claims["iat"] = iat.clone();
        assert!(read(&stage, &stage.signer.sign(&claims)).await.is_ok(), "{iat}");
    }
    let strict = stage.receiver_of(stage.transmitter().max_age(Duration::from_secs(60)));
    let token = stage.signer.sign(&good());
    assert!(strict.read(token.as_bytes()).await.is_ok());
    stage.clock.advance(61);
    assert!(strict.read(token.as_bytes()).await.is_err(), "the age is a setting");
}

#[tokio::test]
async fn c_ssf_01_exp_is_not_needed_and_counts_where_it_is() {
    let stage = Stage::new().await;
    for (name, time) in [("exp", NOW - 61), ("nbf", NOW + 61)] {
        assert_eq!(
            refused_with(&stage, |claims| claims[name] = json!(time)).await,
            RefusalCode::InvalidRequest
        );
    }
    let mut claims = good();
    (claims["exp"], claims["nbf"]) = (json!(NOW + 100), json!(NOW - 100));
    assert!(read(&stage, &stage.signer.sign(&claims)).await.is_ok());
}

#[tokio::test]
async fn c_ssf_01_a_token_needs_an_id_and_events() {
    let stage = Stage::new().await;
    for (name, value) in [
        ("jti", json!(null)),
        ("jti", json!("")),
        ("jti", json!(7)),
        ("events", json!(null)),
        ("events", json!({})),
        ("events", json!([RISC])),
        ("events", json!({ "urn:x": true })),
        ("sub_id", json!({ "format": "iss_sub" })),
        ("sub_id", json!(null)),
    ] {
        let code = refused_with(&stage, |claims| claims[name] = value.clone()).await;
        assert_eq!(code, RefusalCode::InvalidRequest, "{name}: {value}");
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let stage = Stage::new().await;
    let good = stage.signer.sign(&good());
    for token in
        ["", ".", "..", "a.b", "a.b.c.d.e", "{}", &format!("{good}."), &format!("{good}\n"), &good[1..]]
    {
        assert_eq!(refused(&stage, token).await, RefusalCode::InvalidRequest, "{token}");
    }
    let header = stage.signer.header().to_string();
    let id = ada().to_string();
    for claims in [
        format!(r#"{{"iss":"{ISSUER}","iss":"{ISSUER}","sub_id":{id}}}"#),
        format!(r#"{{"iss":"{ISSUER}","sub_id":{{"format":"opaque","id":"a","id":"b"}}}}"#),
        format!(r#"{{"iss":"{ISSUER}","x":{}{}}}"#, "[".repeat(10_000), "]".repeat(10_000)),
        format!(r#"{{"iss":"{ISSUER}""#),
        "[]".to_owned(),
    ] {
        assert_eq!(
            refused(&stage, &stage.signer.sign_text(&header, &claims)).await,
            RefusalCode::InvalidRequest
        );
    }
    let twice = format!(r#"{{"alg":"none",{}"#, &header[1..]);
    let token = stage.signer.sign_text(&twice, &claims("urn:x", &ada()).to_string());
    assert_eq!(refused(&stage, &token).await, RefusalCode::InvalidRequest, "a header with two algs");
}

#[tokio::test]
async fn a_token_beyond_the_bound_is_refused_unread() {
    let stage = Stage::new().await;
    let mut long = good();
    long["padding"] = json!("x".repeat(64 * 1024));
    assert_eq!(refused(&stage, &stage.signer.sign(&long)).await, RefusalCode::InvalidRequest);
    assert_eq!(refused(&stage, &"a".repeat(10 << 20)).await, RefusalCode::InvalidRequest);
}
