//! RFC 8252: a program on the user's own machine.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_auth::oauth2::AuthorizationCode;
use trunkline_core::{AuthProvider, ConsentAsk, ConsentStep, ErrorKind};

fn provider_at(redirect_uri: &str) -> AuthorizationCode {
    let (page, token) = (url("https://service.example/authorize"), url("https://service.example/token"));
    AuthorizationCode::builder(client(), page, token, redirect_uri).build().unwrap()
}

#[tokio::test]
async fn c_8252_01_any_port_takes_the_place_of_the_one_in_a_loopback_redirect_uri() {
    for (configured, asked) in [
        ("http://127.0.0.1/callback", "http://127.0.0.1:49152/callback"),
        ("http://127.0.0.1:8400/callback?x=1", "http://127.0.0.1:49152/callback?x=1"),
        ("http://[::1]/callback", "http://[::1]:49152/callback"),
    ] {
        let provider = provider_at(configured);
        let ask = ConsentAsk { loopback_port: Some(49152), ..ask() };
        let begun = provider.begin(&cx([]).0, &ask).await.unwrap();
        let ConsentStep::Redirect { url } = &begun.step else { panic!("{:?}", begun.step) };
        assert_eq!(value(url, "redirect_uri").unwrap(), asked);

        // The token request names the same one, or the service refuses the code (RFC 6749, 4.1.3).
        let (cx, script) = cx([ok()]);
        provider.complete(&cx, &answer(begun, "code=c0de&state=canary-state")).await.unwrap();
        assert_eq!(script.only().param("redirect_uri").unwrap(), asked);
    }
}

#[tokio::test]
async fn c_8252_01_a_port_is_refused_where_the_redirect_uri_is_not_a_loopback_literal() {
    for configured in
        ["https://app.example.com/callback", "http://localhost/callback", "https://127.0.0.1/cb"]
    {
        let ask = ConsentAsk { loopback_port: Some(49152), ..ask() };
        let error = provider_at(configured).begin(&cx([]).0, &ask).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{configured}");
        assert!(error.hint_text().unwrap().contains("127.0.0.1"), "{configured}");
    }
}
