//! Callbacks that a service signs with the client's secret.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use aws_lc_rs::hmac;
use common::*;
use trunkline_auth::oauth2::{AuthorizationCode, Client};
use trunkline_core::{Cause, ErrorKind};

/// Signed by aws-lc-rs, not by what is tested.
fn hmac_of(text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    hex::encode(hmac::sign(&key, text.as_bytes()))
}

#[tokio::test]
async fn a_callback_that_is_not_signed_as_the_service_does_spends_no_code() {
    let provider = builder().callback_hmac("hmac").build().unwrap();
    let hmac = hmac_of("code=c&shop=acme.example");
    for forged in [
        "code=c&shop=acme.example".to_owned(),
        "code=c&shop=acme.example&hmac=".to_owned(),
        format!("code=other&shop=acme.example&hmac={hmac}"),
        format!("code=c&shop=evil.example&hmac={hmac}"),
        format!("code=c&shop=acme.example&iss=x&hmac={hmac}"),
        format!("code=c&hmac={hmac}"),
        format!("code=c&shop=acme.example&hmac={}", &hmac[..62]),
        format!("code=c&shop=acme.example&HMAC={hmac}"),
    ] {
        let (result, script) = complete_with(&provider, &forged, [ok()]).await;
        let error = result.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{forged}");
        assert!(!format!("{error} {error:?}").contains(&hmac), "{forged}");
        assert_eq!(script.count(), 0, "the code is not spent: {forged}");
    }
    // A refusal spends nothing and gives nothing, signed or not.
    let refused = complete_with(&provider, "error=access_denied", []).await.0.unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::ConsentDenied));
    complete_with(&provider, &format!("hmac={hmac}&shop=acme.example&code=c"), [ok()]).await.0.unwrap();

    let public = AuthorizationCode::builder(
        Client::new("client-1", None),
        url("https://service.example/authorize"),
        url("https://service.example/token"),
        REDIRECT,
    );
    assert_eq!(public.callback_hmac("hmac").build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
}
