//! The settings, read as an application reads them, and what is refused of them.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::collections::BTreeMap;

use trunkline_core::settings::{self, Value};
use trunkline_core::{BuildConnector, Captures, ConsentKind, Error, ErrorKind, Registry, Secret};
use trunkline_salesforce::{CAPTURE_INSTANCE_URL, GrantMethod, SalesforceConfig};

fn table(entries: &[(&str, &str)]) -> BTreeMap<String, Value> {
    let required = [
        ("provider", "salesforce"),
        ("client_id", "3MVG9key"),
        ("client_secret", "s3cr3t"),
        ("redirect_uri", "https://app.example.com/connect/callback"),
    ];
    let all = required.iter().chain(entries);
    all.map(|(key, value)| ((*key).to_owned(), Value::text(*value))).collect()
}

fn refused(config: &SalesforceConfig) -> Error {
    let error = config.build("salesforce").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    error
}

fn config() -> SalesforceConfig {
    SalesforceConfig::new("3MVG9key")
        .client_secret(Secret::new("s3cr3t"))
        .redirect_uri("https://app.example.com/connect/callback")
}

#[test]
fn the_provider_is_registered_and_built_from_its_settings() {
    assert_eq!(Registry::global().get("salesforce").unwrap().info.title, "Salesforce");
    let mut settings = table(&[
        ("login_url", "https://acme.my.salesforce.com"),
        ("grant", "client_credentials"),
        ("audience", "sandbox"),
    ]);
    settings.insert("api_version".to_owned(), Value::Integer(66));
    settings.insert("default_lifetime_s".to_owned(), Value::Integer(900));
    settings.insert("refresh_idle_limit_s".to_owned(), Value::Integer(0));
    let read = settings::read(settings);
    let printed = format!("{read:?}");
    assert!(printed.contains("3MVG9key") && !printed.contains("s3cr3t"), "{printed}");
    let connector = read.unwrap().build("salesforce").unwrap();
    let mut captures = Captures::default();
    captures.insert(CAPTURE_INSTANCE_URL, "https://acme.my.salesforce.com");
    let endpoint = connector.endpoint(&captures).unwrap();
    assert_eq!(endpoint.base().as_str(), "https://acme.my.salesforce.com/services/data/v66.0");
    assert_eq!(connector.auth(None).unwrap().consent(), ConsentKind::Unattended);
    assert!(settings::read(table(&[("login_ulr", "x")])).is_err());
}

#[test]
fn a_way_to_hold_a_grant_is_there_when_the_settings_suffice() {
    let connector = config().build("x").unwrap();
    assert_eq!(connector.auth(None).unwrap().consent(), ConsentKind::Redirect);
    assert_eq!(connector.auth(Some("client_credentials")).unwrap().method(), "client_credentials");
    assert!(connector.auth(Some("jwt_bearer")).is_none() && connector.auth(Some("password")).is_none());
    let public = SalesforceConfig::new("key").redirect_uri("https://app.example.com/cb").build("x").unwrap();
    assert!(public.auth(None).is_some() && public.auth(Some("client_credentials")).is_none());
}

#[test]
fn what_the_default_way_lacks_is_named() {
    for (config, key) in [
        (SalesforceConfig::new("key"), "redirect_uri"),
        (config().grant(GrantMethod::JwtBearer), "private_key"),
        (SalesforceConfig::new("key").grant(GrantMethod::ClientCredentials), "client_secret"),
    ] {
        assert!(refused(&config).to_string().contains(key), "{key}");
    }
}

#[test]
fn a_login_url_of_the_user_interface_is_refused_with_a_hint() {
    for host in ["https://acme.lightning.force.com", "https://acme.my.salesforce-setup.com"] {
        assert!(refused(&config().login_url(host)).hint_text().unwrap().contains("Setup > My Domain"));
    }
    for host in ["https://evil.test", "http://login.salesforce.com", "https://login.salesforce.com/home"] {
        assert!(refused(&config().login_url(host)).hint_text().unwrap().contains("login.salesforce.com"));
    }
}

#[test]
fn what_pasting_adds_is_refused_and_no_secret_is_quoted() {
    refused(&SalesforceConfig::new(" key"));
    refused(&SalesforceConfig::new(""));
    for bad in [" canary", "canary\n", "can\u{7}ary", ""] {
        let error = refused(&config().client_secret(Secret::new(bad)));
        assert!(!format!("{error:?}{error}").contains("canary"));
    }
    let error = refused(&config().private_key(Secret::new("-----BEGIN PRIVATE KEY-----\ncanary")));
    assert!(!format!("{error:?}{error}").contains("canary"));
    refused(&config().api_version(0));
    refused(&config().redirect_uri("http://app.example.com/cb"));
}
