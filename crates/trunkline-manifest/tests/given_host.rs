//! A host that whoever connects names: what leads into a network of ours is refused, and nobody else's secret goes there.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::http::Method;
use trunkline_core::{Connector, Request};
use trunkline_manifest::Manifest;

const HOST: &str = "[inputs.host]\ntitle = 'Host'\nexample = 'git.acme.example'\npublic_host = true\n";
const CLIENT: &str = "[inputs.id]\ntitle = 'Client id'\nexample = 'a'\n\
    [inputs.secret]\ntitle = 'Client secret'\nexample = 'b'\nsecret = true\n";

/// A service that is installed at the customer, where it knows a client of its own.
fn installed() -> String {
    acme(&[
        ("\"login.acme.example\", \"api.acme.example\"", "\"{input.host}\""),
        (
            "[oauth2]",
            &format!("{HOST}{CLIENT}[oauth2]\nclient_id_input = 'id'\nclient_secret_input = 'secret'"),
        ),
        ("https://login.acme.example/authorize", "https://{input.host}/authorize"),
        ("https://login.acme.example/token", "https://{input.host}/token"),
        ("https://api.acme.example/v1\"", "https://{input.host}/v1\""),
        ("https://api.acme.example/v1/me\"", "https://{input.host}/v1/me\"\ncompany = \"{input.host}\""),
    ])
}

fn given(host: &str) -> trunkline_core::Inputs {
    inputs(&[("host", host), ("id", "client-7"), ("secret", "canary-of-the-customer")])
}

/// Where a name can lead that no customer's server has.
const EVIL: [&str; 25] = [
    "localhost",
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "[::1]",
    "[::ffff:169.254.169.254]",
    "169.254.169.254",
    "10.0.0.1",
    "metadata.google.internal",
    "intranet",
    "git.local",
    "git.corp.lan",
    "git.acme.example:8443",
    "git.acme.example.",
    "user@git.acme.example",
    "git.acme.example/..",
    "git.acme.example\\evil.test",
    "git.acme.example?x",
    "git.acme.example#x",
    "git.acme.example%2fx",
    "GIT.acme.example",
    "git acme.example",
    "{input.id}.acme.example",
];

#[tokio::test]
async fn everything_goes_to_the_host_that_was_given_and_on_the_public_internet_only() {
    let connector = connector(&installed());
    let (cx, stage) = stage();
    let host = "git.customer.example";
    stage
        .play("https://git.customer.example/token", json(200, r#"{"access_token":"t","refresh_token":"r"}"#));
    stage.play("https://git.customer.example/v1/me", json(200, r#"{"id":1}"#));
    stage.play("https://git.customer.example/v1/x", json(200, "{}"));
    let grant = consent(&connector, &cx, &given(host), "code=c").await.unwrap();
    let session = session(&connector, &stage, None, &grant);
    let account = connector.identify(&cx, &session, &grant).await.unwrap();
    assert_eq!((&*account.company, &*account.user), (host, "1"));
    connector.auth(None).unwrap().refresh(&cx, &held(&grant, &given(host))).await.unwrap();
    session.send(Request::new(Method::GET, url("https://git.customer.example/v1/x"))).await.unwrap();
    let sent = stage.sent();
    assert_eq!(sent.len(), 4);
    for sent in &sent {
        assert_eq!(sent.url.host_str(), Some(host));
        assert!(sent.public_only, "{}", sent.url);
        assert!(!sent.holds(SECRET), "the application's own secret: {}", sent.url);
    }
    for other in ["https://git.other.example/v1/x", "https://api.git.customer.example/", "http://127.0.0.1/"]
    {
        assert!(session.send(Request::new(Method::GET, url(other))).await.is_err(), "{other}");
    }
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn a_host_that_could_be_ours_is_refused_before_anything_is_sent() {
    let connector = connector(&installed());
    let (cx, stage) = stage();
    for evil in EVIL {
        assert!(begin(&connector, &cx, &given(evil)).await.is_err(), "{evil}");
        assert!(mint(&connector, &cx, None, &given(evil)).await.is_err(), "{evil}");
        let mut held = trunkline_core::Held { inputs: given(evil), ..Default::default() };
        held.credential.refresh_token = Some(trunkline_core::Secret::new("canary-rt"));
        assert!(connector.auth(None).unwrap().refresh(&cx, &held).await.is_err(), "{evil}");
        assert!(connector.auth(None).unwrap().revoke(&cx, &held).await.is_err(), "{evil}");
        // Nor does one that got into the store.
        assert!(connector.endpoint(&captures(&[("input.host", evil)])).is_err(), "{evil}");
    }
    assert!(stage.sent().is_empty(), "nothing was sent anywhere");
}

fn refused(changes: &[(&str, &str)], expected: &str) {
    let text = changes.iter().fold(installed(), |text, (from, to)| {
        assert!(text.contains(from), "the manifest has no `{from}`");
        text.replace(from, to)
    });
    let problems = Manifest::parse("acme.toml", &text).unwrap_err().to_string();
    assert!(problems.contains(expected) && problems.contains("--> acme.toml:"), "{expected}: {problems}");
}

#[test]
fn a_given_host_is_marked_and_stands_as_a_whole() {
    Manifest::parse("acme.toml", &installed()).unwrap();
    for (changes, expected) in [
        (
            ("\"{input.host}\"]", "\"git.acme.example\"]"),
            "the host `{input.host}` is not among the allowed hosts",
        ),
        (("\"{input.host}\"]", "\"{input.host}\", \"{input.hots}\"]"), "did you mean `host`?"),
        (("\"{input.host}\"]", "\"{input.host}\", \"{input.id}\"]"), "`id` is no input that is a host"),
        (("\"{input.host}\"]", "\"{input.host}\", \"*.{input.host}\"]"), "is no host"),
        (("public_host = true", "public_host = true\npattern = '[a-z.]+'"), "neither `pattern` nor `one_of`"),
        (("public_host = true", "public_host = true\nsecret = true"), "is no secret"),
        (("'git.acme.example'", "'git.local'"), "the example is no good value"),
        (("public_host = true", "public_host = true\ndefault = '10.0.0.1'"), "the default is no good value"),
        (
            ("https://{input.host}/token", "https://api.{input.host}/token"),
            "is a whole host, and not a label",
        ),
        (("https://{input.host}/token", "https://{input.host}.acme.example/token"), "stands a `/`"),
        (("https://{input.host}/token", "https://{input.host}:8443/token"), "stands a `/`"),
        (("https://{input.host}/token", "https://{input.host}{input.id}/token"), "stands a `/`"),
        (("https://{input.host}/token", "https://{input.host}?x=/token"), "stands a `/`"),
        (("https://{input.host}/token", "http://{input.host}/token"), "is a whole host"),
        (
            ("https://{input.host}/token", "https://{input.host}/{input.host}/token"),
            "not a segment of a path",
        ),
        (
            ("[oauth2]", "[captures.x]\nfrom = 'token_response'\nhosts = ['{input.host}']\n[oauth2]"),
            "a capture's hosts stand in the manifest",
        ),
    ] {
        refused(&[changes], expected);
    }
}

#[test]
fn nobody_elses_secret_goes_to_a_host_that_a_tenant_names() {
    refused(
        &[("client_id_input = 'id'\nclient_secret_input = 'secret'", "")],
        "the application's client would go",
    );
    refused(
        &[(
            "client_id_input = 'id'\nclient_secret_input = 'secret'",
            "token_endpoint_auth_method = 'private_key_jwt'",
        )],
        "the application's client would go",
    );
    refused(
        &[(
            "[api]",
            "[inputs.key]\ntitle = 'Key'\nexample = 'c'\nsecret = true\ngiven_by = 'operator'\n[api]",
        )],
        "the secret `key` is the operator's",
    );
    refused(&[("company = \"{input.host}\"", "")], "another host has the same identifiers");
    // What an operator types is the operator's own.
    let own = installed()
        .replace("public_host = true", "public_host = true\ngiven_by = 'operator'")
        .replace("client_id_input = 'id'\nclient_secret_input = 'secret'", "")
        .replace(CLIENT, "");
    Manifest::parse("acme.toml", &own).unwrap();
}
