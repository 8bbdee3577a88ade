//! Requests that get and end tokens, where a service wants them otherwise than the standards do.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::{Connector as _, Revoked};
use trunkline_manifest::Manifest;

const TOKEN: &str = "https://login.acme.example/token";

/// The changed [`ACME`] is refused for that reason.
fn refused(changes: &[(&str, &str)], expected: &str) {
    let problems = Manifest::parse("acme.toml", &acme(changes)).unwrap_err().to_string();
    assert!(problems.contains(expected), "{expected}: {problems}");
}

/// [`ACME`] whose client asks for itself, with `more` in `[oauth2]`.
fn of_the_client(more: &str) -> String {
    acme(&[
        ("\"authorization_code\"", "\"client_credentials\""),
        ("authorization_endpoint = \"https://login.acme.example/authorize\"", more),
    ])
}

#[tokio::test]
async fn a_grant_type_of_the_services_own_is_asked_for_with_its_parameters_each_time() {
    let own = "grant_type_names = { client_credentials = 'account_credentials' }\ntoken_params = { account_id = '{input.account}' }";
    let text = of_the_client(own).replace(
        "[api]",
        "[inputs.account]\ntitle = 'Account'\nexample = 'a-1'\npattern = '[a-z0-9-]+'\n[api]",
    );
    let connector = connector(&text);
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t","token_type":"bearer","expires_in":3600}"#));
    let given = inputs(&[("account", "a-7")]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    connector.auth(None).unwrap().refresh(&cx, &held(&grant, &given)).await.unwrap();
    let sent = stage.sent();
    assert_eq!(sent.len(), 2);
    for sent in sent {
        assert_eq!(sent.param("grant_type").as_deref(), Some("account_credentials"));
        assert_eq!(sent.param("account_id").as_deref(), Some("a-7"));
        assert!(sent.header("authorization").unwrap().starts_with("Basic "));
    }
}

#[test]
fn a_word_for_a_grant_is_of_one_that_is_listed_and_means_no_other() {
    let named = |grant: &str, word: &str| format!("grant_type_names = {{ {grant} = '{word}' }}\nscopes =");
    let unknown = named("authorization_code", "x");
    refused(&[("scopes =", &unknown)], "`authorization_code` is no grant that a service calls otherwise");
    let unlisted = named("client_credentials", "x");
    refused(&[("scopes =", &unlisted)], "nobody asks for it: `grant_types` has no `client_credentials`");
    // RFC 9700, 2.4; and a hostile author turns no grant into another one.
    for word in ["password", "refresh_token", "authorization_code", "implicit"] {
        let text = of_the_client(&format!("grant_type_names = {{ client_credentials = '{word}' }}"));
        let problems = Manifest::parse("acme.toml", &text).unwrap_err().to_string();
        assert!(problems.contains(&format!("`{word}` is another grant")), "{problems}");
    }
}

/// [`ACME`] whose tokens are revoked as `more` says.
fn revoking(more: &str) -> String {
    let endpoint = "revocation_endpoint = 'https://login.acme.example/revoke'";
    acme(&[
        ("scopes =", &format!("{endpoint}\nscopes =")),
        ("[api]", &format!("[oauth2.revocation]\n{more}\n[api]")),
    ])
}

/// Square, Calendly, Miro and Slack want these, in the order of the cases; Zendesk the last one.
#[tokio::test]
async fn a_revocation_is_written_as_the_service_wants_it() {
    for (more, method, authorization, kind, body) in [
        (
            "secret_scheme = 'Client'\nencoding = 'json'\ntoken = 'access_token'\nparameter_names = { token = 'access_token' }",
            "POST",
            format!("Client {SECRET}"),
            "application/json",
            r#"{"access_token":"at","client_id":"client-1"}"#.to_owned(),
        ),
        (
            "auth_method = 'client_secret_post'",
            "POST",
            String::new(),
            "application/x-www-form-urlencoded",
            format!("token=rt&client_id=client-1&client_secret={SECRET}"),
        ),
        (
            "auth_method = 'client_secret_post'\nencoding = 'json'\ntoken = 'access_token'\n\
             parameter_names = { token = 'accessToken', client_id = 'clientId', client_secret = 'clientSecret' }",
            "POST",
            String::new(),
            "application/json",
            format!(r#"{{"accessToken":"at","clientId":"client-1","clientSecret":"{SECRET}"}}"#),
        ),
        ("bearer = true", "POST", "Bearer at".to_owned(), "", String::new()),
        (
            "method = 'DELETE'\nbearer = true\nparams = { reason = 'gone' }",
            "DELETE",
            "Bearer at".to_owned(),
            "application/x-www-form-urlencoded",
            "reason=gone".to_owned(),
        ),
    ] {
        let connector = connector(&revoking(more));
        let (cx, stage) = stage();
        stage.play(TOKEN, json(200, r#"{"access_token":"at","refresh_token":"rt"}"#));
        stage.play("https://login.acme.example/revoke", json(204, ""));
        let none = inputs(&[]);
        let grant = consent(&connector, &cx, &none, "code=c").await.unwrap();
        stage.sent();
        let auth = connector.auth(None).unwrap();
        assert_eq!(auth.revoke(&cx, &held(&grant, &none)).await.unwrap(), Revoked::Done, "{more}");
        let sent = stage.one();
        assert_eq!(
            (sent.method.as_str(), String::from_utf8_lossy(&sent.body).as_ref()),
            (method, body.as_str())
        );
        assert_eq!(sent.header("authorization").unwrap_or_default(), authorization, "{more}");
        assert_eq!(sent.header("content-type").unwrap_or_default(), kind, "{more}");
        assert!(sent.public_only);
        // The token requests are as before.
        auth.refresh(&cx, &held(&grant, &none)).await.unwrap();
        assert!(stage.one().header("authorization").unwrap().starts_with("Basic "), "{more}");
    }
}

/// A refresh token that nobody revoked still serves.
#[tokio::test]
async fn without_the_token_that_the_service_takes_nothing_is_said_to_be_revoked() {
    let connector = connector(&revoking("bearer = true"));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"at","refresh_token":"rt"}"#));
    let none = inputs(&[]);
    let mut grant = consent(&connector, &cx, &none, "code=c").await.unwrap();
    stage.sent();
    grant.credential.access_token = None;
    let auth = connector.auth(None).unwrap();
    assert_eq!(auth.revoke(&cx, &held(&grant, &none)).await.unwrap(), Revoked::NotSupported);
    assert!(stage.sent().is_empty());
}

#[test]
fn a_revocation_that_cannot_be_asked_for_is_refused() {
    for (more, expected) in [
        ("auth_method = 'none'", "only ways to show a client secret can take each other's place"),
        ("auth_method = 'private_key_jwt'", "only ways to show a client secret can take each other's place"),
        ("bearer = true\nsecret_scheme = 'Client'", "exclude each other"),
        ("bearer = true\ntoken = 'access_token'", "a bearer is the access token"),
        ("secret_scheme = 'Basic'", "one word of the service's own"),
        ("secret_scheme = 'a b'", "one word of the service's own"),
        ("encoding = 'query'", "a token that is revoked does not stand in a URL"),
        ("parameter_names = { tokn = 'x' }", "did you mean `token`?"),
        ("parameter_names = { code = 'x' }", "`code` is no parameter of a revocation"),
        ("params = { token = 'x' }", "a secret in clear: `token`"),
        ("params = { client_id = 'x' }", "the parameter `client_id` would be sent twice with a revocation"),
        ("parameter_names = { token = 'client_id' }", "the parameter `client_id` would be sent twice"),
        ("frobnicate = 1", "the keys here are: method, auth_method"),
    ] {
        let problems = Manifest::parse("acme.toml", &revoking(more)).unwrap_err().to_string();
        assert!(problems.contains(expected), "{expected}: {problems}");
    }
    refused(
        &[("[api]", "[oauth2.revocation]\nbearer = true\n[api]")],
        "the key `revocation_endpoint` is missing",
    );
    let public = revoking("secret_scheme = 'Client'")
        .replace("scopes =", "token_endpoint_auth_method = 'none'\nscopes =");
    let problems = Manifest::parse("acme.toml", &public).unwrap_err().to_string();
    assert!(problems.contains("the client has no secret"), "{problems}");
}
