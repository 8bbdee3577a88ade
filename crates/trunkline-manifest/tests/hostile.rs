//! A hostile manifest, tenant or service: a secret goes to the hosts that the manifest declares, and nowhere else.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::http::Method;
use trunkline_core::{Connector, Request};
use trunkline_manifest::Manifest;

const INPUT: &str = "[inputs.sub]\ntitle = 'Sub'\nexample = 'acme'\npattern = '[a-z0-9-]+'\n\
    [captures.where]\nfrom = 'token_response'\nhosts = ['*.acme.example']\n[api]";

/// Every place that a value can reach.
fn open() -> String {
    acme(&[
        ("\"login.acme.example\", \"api.acme.example\"", "\"*.acme.example\""),
        ("[api]", INPUT),
        ("https://login.acme.example/authorize", "https://{input.sub}.acme.example/authorize"),
        ("https://login.acme.example/token", "https://{input.sub}.acme.example/{input.sub}/token"),
        ("https://api.acme.example/v1\"", "{capture.where}/v1\""),
        ("https://api.acme.example/v1/me", "{capture.where}/me"),
    ])
}

const EVIL: [&str; 12] = [
    "evil.test",
    "evil.test/",
    "evil.test#",
    "evil.test?",
    "a@evil.test",
    "evil.test:443/",
    "..",
    ".",
    "%2e%2e",
    "a/../b",
    "\\evil.test",
    "evil.test%00",
];

#[tokio::test]
async fn a_tenants_value_leads_to_no_other_host() {
    let connector = connector(&open());
    let (cx, stage) = stage();
    for evil in EVIL {
        let given = inputs(&[("sub", evil)]);
        assert!(begin(&connector, &cx, &given).await.is_err(), "{evil}");
        assert!(mint(&connector, &cx, None, &given).await.is_err(), "{evil}");
        let mut held = trunkline_core::Held { inputs: given, ..Default::default() };
        held.credential.refresh_token = Some(trunkline_core::Secret::new("canary-rt"));
        assert!(connector.auth(None).unwrap().refresh(&cx, &held).await.is_err(), "{evil}");
        assert!(connector.auth(None).unwrap().revoke(&cx, &held).await.is_err(), "{evil}");
    }
    assert!(stage.sent().is_empty(), "nothing was sent anywhere");
}

/// `{input.region}` could be a name that makes the rest a stranger's: a bucket, a server of a customer.
#[tokio::test]
async fn a_tenants_value_leads_to_no_strangers_name_below_the_services_domain() {
    let two = "[inputs.sub]\ntitle = 'Sub'\nexample = 'acme'\npattern = '[a-z0-9-]+'\n\
        [inputs.region]\ntitle = 'Region'\nexample = 'eu'\npattern = '[a-z0-9-]+'\n[api]";
    let text = acme(&[
        ("\"login.acme.example\", \"api.acme.example\"", "\"*.amazonaws.com\""),
        ("[api]", two),
        ("https://login.acme.example/authorize", "https://signin.amazonaws.com/authorize"),
        ("https://login.acme.example/token", "https://{input.sub}.{input.region}.amazonaws.com/token"),
        ("https://api.acme.example/v1\"", "https://api.amazonaws.com/v1\""),
        ("https://api.acme.example/v1/me", "https://api.amazonaws.com/me"),
    ]);
    let connector = connector(&text);
    let (cx, stage) = stage();
    let good = inputs(&[("sub", "sts"), ("region", "eu-west-1")]);
    stage.play("https://sts.eu-west-1.amazonaws.com/token", json(200, r#"{"access_token":"t"}"#));
    assert!(consent(&connector, &cx, &good, "code=c").await.is_ok());
    stage.sent();
    let evil = inputs(&[("sub", "stranger"), ("region", "s3")]);
    assert!(consent(&connector, &cx, &evil, "code=c").await.is_err());
    assert!(stage.sent().is_empty(), "nothing was sent anywhere");
}

#[tokio::test]
async fn a_services_answer_leads_to_no_other_host() {
    let connector = connector(&open());
    let (cx, stage) = stage();
    let given = inputs(&[("sub", "acme")]);
    let token = "https://acme.acme.example/acme/token";
    let evil = EVIL.iter().map(|host| format!("https://{host}")).chain([
        "https://acme.example.evil.test".to_owned(),
        "https://x.acme.example@evil.test".to_owned(),
        "https://x.acme.example:444".to_owned(),
        "http://x.acme.example".to_owned(),
        "javascript:alert(1)".to_owned(),
        "https://x.acme.example/?next=evil.test".to_owned(),
    ]);
    for evil in evil {
        let body = serde_json::json!({ "access_token": "canary-at", "where": evil }).to_string();
        stage.play(token, json(200, body));
        assert!(consent(&connector, &cx, &given, "code=c").await.is_err(), "{evil}");
        // Nor does one that got into the store.
        assert!(connector.endpoint(&captures(&[("where", &evil), ("input.sub", "acme")])).is_err(), "{evil}");
        for sent in stage.sent() {
            assert_eq!(sent.url.host_str(), Some("acme.acme.example"), "{evil}");
        }
    }
}

#[tokio::test]
async fn the_credential_goes_to_no_host_of_the_list_that_is_not_the_apis() {
    let connector = connector(ACME);
    let (cx, stage) = stage();
    stage.play("https://login.acme.example/token", json(200, r#"{"access_token":"canary-at"}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    stage.sent();
    let session = session(&connector, &stage, None, &grant);
    for other in [
        "https://login.acme.example/x",
        "https://evil.test/",
        "https://api.acme.example:444/",
        "http://api.acme.example/",
    ] {
        assert!(session.send(Request::new(Method::GET, url(other))).await.is_err(), "{other}");
    }
    assert!(stage.sent().is_empty());
}

/// The name of a host may lead into a network of ours: only the transport sees where.
#[tokio::test]
async fn what_a_manifest_asks_by_itself_goes_to_the_public_internet_only() {
    let connector = connector(ACME);
    let (cx, stage) = stage();
    stage.play("https://login.acme.example/token", json(200, r#"{"access_token":"t","refresh_token":"r"}"#));
    stage.play("https://api.acme.example/v1/me", json(200, r#"{"id":1}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    connector.identify(&cx, &session(&connector, &stage, None, &grant), &grant).await.unwrap();
    connector.auth(None).unwrap().refresh(&cx, &held(&grant, &inputs(&[]))).await.unwrap();
    let sent = stage.sent();
    assert!(sent.len() == 3 && sent.iter().all(|sent| sent.public_only));
}

#[test]
fn a_hostile_manifest_cannot_name_a_host_that_it_does_not_list() {
    // Each line tries to make a request go to evil.test with a list that does not show it.
    for (from, to) in [
        ("https://login.acme.example/token", "https://evil.test/token"),
        ("https://login.acme.example/authorize", "https://login.acme.example@evil.test/"),
        ("https://login.acme.example/authorize", "https://evil.test\\\\.acme.example/"),
        ("https://api.acme.example/v1\"", "https://evil.test/v1\""),
        ("https://api.acme.example/v1/me", "https://evil.test/me"),
        ("[identity]", "[probe]\nurl = 'https://evil.test/'\n[identity]"),
        ("scopes =", "revocation_endpoint = 'https://evil.test/'\nscopes ="),
        ("scopes =", "refresh_endpoint = 'https://evil.test/'\nscopes ="),
        ("scopes =", "introspection_endpoint = 'https://evil.test/'\nscopes ="),
        ("base_url =", "further_urls = ['https://evil.test/']\nbase_url ="),
        ("[identity]", "[api.headers]\nHost = 'evil.test'\n[identity]"),
        ("[identity]", "[api.headers]\nTransfer-Encoding = 'chunked'\n[identity]"),
        ("\"api.acme.example\"]", "\"api.acme.example\", \"*\"]"),
        ("\"api.acme.example\"]", "\"api.acme.example\", \"*.test\"]"),
        ("\"api.acme.example\"]", "\"api.acme.example\", \"*.co.uk\"]"),
        ("\"api.acme.example\"]", "\"api.acme.example\", \"*.herokuapp.com\"]"),
        ("\"api.acme.example\"]", "\"api.acme.example\", \"169.254.169.254\"]"),
    ] {
        assert!(Manifest::parse("acme.toml", &acme(&[(from, to)])).is_err(), "{to}");
    }
}

#[tokio::test]
async fn no_secret_of_a_connection_is_shown() {
    let config = config(ACME);
    let connector =
        trunkline_manifest::ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap();
    let (cx, stage) = stage();
    stage.play(
        "https://login.acme.example/token",
        json(400, format!(r#"{{"error":"invalid_client","error_description":"{SECRET} is wrong"}}"#)),
    );
    let error = consent(&connector, &cx, &inputs(&[]), "code=canary-code").await.unwrap_err();
    let shown = format!("{config:?}{connector:?}{:?}{error:?}{error}", connector.auth(None));
    assert!(!shown.contains("canary"), "{shown}");
}
