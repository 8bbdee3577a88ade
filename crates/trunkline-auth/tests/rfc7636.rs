//! RFC 7636: PKCE.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::HashSet;

use common::*;
use trunkline_auth::oauth2::Pkce;
use trunkline_core::Secret;

#[tokio::test]
async fn c_7636_01_each_attempt_has_a_fresh_verifier_of_43_to_128_unreserved_characters() {
    let mut seen = HashSet::new();
    for _ in 0..64 {
        let (_, begun) = begin(&provider()).await;
        let verifier = begun.pending["code_verifier"].expose().to_owned();
        assert!((43..=128).contains(&verifier.len()), "{}", verifier.len());
        assert!(verifier.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)));
        assert!(seen.insert(verifier));
    }
    for bad in ["short", &"a".repeat(129), &" ".repeat(43)] {
        assert!(Pkce::from_verifier(Secret::new(bad)).is_err());
    }
}

#[tokio::test]
async fn c_7636_02_the_method_is_always_s256() {
    let (asked, begun) = begin(&provider()).await;
    assert_eq!(value(&asked, "code_challenge_method").unwrap(), "S256");
    let pkce = Pkce::from_verifier(begun.pending["code_verifier"].clone()).unwrap();
    assert_eq!(value(&asked, "code_challenge").unwrap(), pkce.challenge());
    assert_ne!(value(&asked, "code_challenge").unwrap(), pkce.verifier().expose());
    assert!(builder().authorize_param("code_challenge_method", "plain").build().is_err());
}

#[test]
fn c_7636_03_the_vector_of_appendix_b() {
    for (verifier, challenge) in [
        ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("zWiRBuiUcmnIbPBCoNqA5cWDFuaEZwZ7jLJJGJ4P3NQ", "manPXpjp75EFeofO-YWtY3gIPp0S6_CJ-ciRJyYIonw"),
    ] {
        assert_eq!(Pkce::from_verifier(Secret::new(verifier)).unwrap().challenge(), challenge);
    }
}

#[tokio::test]
async fn c_7636_04_pkce_is_on_for_confidential_clients_and_off_only_by_flag() {
    let (asked, _) = begin(&provider()).await;
    assert!(value(&asked, "code_challenge").is_some());
    let off = builder().pkce(false).build().unwrap();
    let (asked, begun) = begin(&off).await;
    assert_eq!(value(&asked, "code_challenge"), None);
    assert_eq!(value(&asked, "code_challenge_method"), None);
    assert!(!begun.pending.contains_key("code_verifier"));
    let (result, script) = complete_with(&off, "code=c", [ok()]).await;
    result.unwrap();
    assert_eq!(script.only().param("code_verifier"), None);
}

#[tokio::test]
async fn c_7636_05_the_verifier_stays_with_the_pending_consent_and_out_of_the_url() {
    let (asked, begun) = begin(&provider()).await;
    let verifier = begun.pending["code_verifier"].expose().to_owned();
    assert!(!asked.as_str().contains(&verifier));
    assert_eq!(value(&asked, "state").unwrap(), "canary-state");
    assert!(!format!("{begun:?}").contains(&verifier));
    let provider = provider();
    let (cx, script) = cx([ok()]);
    use trunkline_core::AuthProvider as _;
    provider.complete(&cx, &answer(begun, "code=c")).await.unwrap();
    assert_eq!(script.only().param("code_verifier").unwrap(), verifier);
}
