//! What comes back with a person, and what the token's answer tells beside it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use base64::Engine as _;
use common::*;
use trunkline_core::{Cause, Connector};

const TOKEN: &str = "https://login.acme.example/token";

const CAPTURES: &str = "[captures.realm]\nfrom = 'callback'\nmember = 'realmId'\npattern = '[0-9]+'\n\
    [captures.api_domain]\nfrom = 'token_response'\nmember = 'data.api'\nhosts = ['*.eu.example']\n[api]";

fn capturing() -> String {
    acme(&[
        ("[api]", CAPTURES),
        ("\"api.acme.example\"]", "\"*.eu.example\"]"),
        ("https://api.acme.example/v1\"", "{capture.api_domain}/v1/{capture.realm}\""),
        ("https://api.acme.example/v1/me", "{capture.api_domain}/me"),
        ("user =", "company = \"{capture.realm}\"\nuser ="),
    ])
}

#[tokio::test]
async fn captures_of_callback_and_token_answer_make_the_endpoint_and_are_kept() {
    let connector = connector(&capturing());
    let (cx, stage) = stage();
    let answer =
        |api: &str| format!(r#"{{"access_token":"t","refresh_token":"r","data":{{"api":"{api}"}}}}"#);
    stage.play(TOKEN, json(200, answer("https://one.eu.example")));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c&realmId=42").await.unwrap();
    stage.sent();
    assert_eq!(
        call(&connector, &stage, None, &grant, "/x").await.url.as_str(),
        "https://one.eu.example/v1/42/x"
    );
    stage.play("https://one.eu.example/me", json(200, r#"{"id":"ada"}"#));
    let account = connector.identify(&cx, &session(&connector, &stage, None, &grant), &grant).await.unwrap();
    assert_eq!((account.company.as_str(), account.user.as_str()), ("42", "ada"));

    // A renewal that names another place moves the connection; one that names a bad one leaves it.
    for (api, expected) in [("two.eu.example", "two"), ("https://evil.test", "one"), ("", "one")] {
        stage.play(TOKEN, json(200, answer(api)));
        let renewed = connector.auth(None).unwrap().refresh(&cx, &held(&grant, &inputs(&[]))).await.unwrap();
        assert_eq!(
            renewed.captures.get("api_domain"),
            Some(format!("https://{expected}.eu.example").as_str())
        );
        assert_eq!(renewed.captures.get("realm"), Some("42"));
    }
}

#[tokio::test]
async fn a_callback_without_its_capture_spends_no_code() {
    let connector = connector(&capturing());
    let (cx, stage) = stage();
    for query in ["code=c", "code=c&realmId=", "code=c&realmId=4%2F..%2F2"] {
        let error = consent(&connector, &cx, &inputs(&[]), query).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{query}");
    }
    let error = consent(&connector, &cx, &inputs(&[]), "error=access_denied").await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ConsentDenied));
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn a_code_under_another_name_is_found() {
    let connector = connector(&acme(&[("scopes =", "callback_code = 'spapi_oauth_code'\nscopes =")]));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    consent(&connector, &cx, &inputs(&[]), "spapi_oauth_code=a%2Bb%3D%3D").await.unwrap();
    assert_eq!(stage.one().param("code").as_deref(), Some("a+b=="));
}

#[tokio::test]
async fn a_token_endpoint_that_the_callback_names_is_checked_and_remembered() {
    let text = acme(&[
        (
            "[api]",
            "[captures.accounts]\nfrom = 'callback'\nmember = 'accounts-server'\nhosts = ['*.acme.example']\n[api]",
        ),
        ("\"login.acme.example\", \"api.acme.example\"", "\"*.acme.example\""),
        ("https://login.acme.example/token", "{capture.accounts}/oauth/token"),
    ]);
    let connector = connector(&text);
    let (cx, stage) = stage();
    stage.play(
        "https://eu.acme.example/oauth/token",
        json(200, r#"{"access_token":"t","refresh_token":"r"}"#),
    );
    let none = inputs(&[]);
    let grant = consent(&connector, &cx, &none, "code=c&accounts-server=https%3A%2F%2Feu.acme.example")
        .await
        .unwrap();
    connector.auth(None).unwrap().refresh(&cx, &held(&grant, &none)).await.unwrap();
    assert_eq!(stage.sent().len(), 2);
    for evil in [
        "https%3A%2F%2Fevil.test",
        "https%3A%2F%2Feu.acme.example%40evil.test",
        "http%3A%2F%2Feu.acme.example",
        "evil.test%2F.acme.example",
    ] {
        let error =
            consent(&connector, &cx, &none, &format!("code=c&accounts-server={evil}")).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{evil}");
    }
    // A refusal names no token endpoint.
    let error = consent(&connector, &cx, &none, "error=access_denied").await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ConsentDenied));
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn a_callback_that_the_service_did_not_sign_spends_no_code() {
    let text = acme(&[
        ("scopes =", "callback_hmac = 'hmac'\nscopes ="),
        ("[oauth2]", "[captures.shop]\nfrom = 'callback'\nhosts = ['*.acme.example']\n[oauth2]"),
        ("\"api.acme.example\"]", "\"*.acme.example\"]"),
        ("https://login.acme.example/token", "{capture.shop}/token"),
    ]);
    let connector = connector(&text);
    let (cx, stage) = stage();
    stage.play("https://one.acme.example/token", json(200, r#"{"access_token":"t"}"#));
    // HMAC-SHA256 of the other parameters by the secret of these tests.
    let hmac = "8aa90ec6f76c9e1b3e517d90d62caf6553ba38c4ee6aa529747e032d24f6f576";
    for forged in [
        "code=c&shop=one.acme.example".to_owned(),
        format!("code=c&shop=other.acme.example&hmac={hmac}"),
        format!("code=other&shop=one.acme.example&hmac={hmac}"),
        format!("code=c&shop=one.acme.example&state=x&hmac={hmac}"),
    ] {
        let error = consent(&connector, &cx, &inputs(&[]), &forged).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{forged}");
        assert!(stage.sent().is_empty(), "{forged}");
    }
    let signed = format!("code=c&shop=one.acme.example&hmac={hmac}");
    consent(&connector, &cx, &inputs(&[]), &signed).await.unwrap();
    assert_eq!(stage.one().param("code").as_deref(), Some("c"));
}

#[tokio::test]
async fn an_id_token_is_meant_for_the_customers_own_client_where_each_has_one() {
    let text = acme(&[
        (
            "[oauth2]",
            "[inputs.id]\ntitle = 'Id'\nexample = 'a'\n[inputs.secret]\ntitle = 'S'\nexample = 'b'\nsecret = true\n\
             [captures.person]\nfrom = 'id_token'\nmember = 'sub'\npattern = '[a-z]+'\n\
             [oauth2]\nclient_id_input = 'id'\nclient_secret_input = 'secret'",
        ),
        ("user = \"{response.id}\"", "user = \"{capture.person}\""),
    ]);
    let connector = connector(&text);
    let (cx, stage) = stage();
    let given = inputs(&[("id", "client-of-the-customer"), ("secret", "s")]);
    let answer = |aud: &str| {
        let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD
            .encode(serde_json::json!({ "aud": aud, "sub": "ada" }).to_string());
        json(
            200,
            serde_json::json!({ "access_token": "t", "id_token": format!("e30.{claims}.c2ln") }).to_string(),
        )
    };
    stage.play("https://login.acme.example/token", answer("client-of-the-customer"));
    let grant = consent(&connector, &cx, &given, "code=c").await.unwrap();
    assert_eq!(grant.captures.get("person"), Some("ada"));
    // The application's own client is another one here.
    for other in ["client-1", "", "somebody"] {
        stage.play("https://login.acme.example/token", answer(other));
        assert!(consent(&connector, &cx, &given, "code=c").await.is_err(), "{other}");
    }
}
