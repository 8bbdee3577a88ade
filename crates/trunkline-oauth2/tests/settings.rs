//! What an operator writes, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::*;
use trunkline_core::settings::{self, Problem, SettingsError, Value};
use trunkline_core::{Captures, Connector, ConsentKind, ErrorKind, Registry, Reuse, RevokeScope, Secret};
use trunkline_oauth2::{AccountSource, GrantType, OAuth2, OAuth2Config, RefreshTokenReuse};

type Table = BTreeMap<String, Value>;

fn table(entries: &[(&str, Value)]) -> Table {
    entries.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn text(text: &str) -> Value {
    Value::text(text)
}

fn least() -> Table {
    table(&[
        ("provider", text("oauth2")),
        ("client_id", text("client-1")),
        ("client_secret", text(SECRET)),
        ("redirect_uri", text("https://app.example.com/cb")),
        ("base_url", text("https://api.example.com")),
        ("issuer", text(ISSUER)),
    ])
}

fn read(more: &[(&str, Value)]) -> Result<(), SettingsError> {
    let mut all = least();
    all.extend(table(more));
    let config = settings::read(all)?;
    assert!(!format!("{config:?}").contains(SECRET), "{config:?}");
    config.build("acme").map(|_| ()).unwrap_or_else(|error| panic!("{error} {:?}", error.hint_text()));
    Ok(())
}

#[test]
fn the_provider_is_registered_and_every_documented_setting_is_read() {
    assert_eq!(Registry::global().get("oauth2").unwrap().info.title, "OAuth 2");
    read(&[]).unwrap();
    let list = |items: &[&str]| Value::List(items.iter().map(|item| text(item)).collect());
    read(&[
        ("token_endpoint_auth_method", text("client_secret_basic_raw")),
        ("grant_type", text("authorization_code")),
        ("allowed_hosts", list(&["https://files.example.com"])),
        ("metadata_ttl_s", Value::Integer(60)),
        ("authorization_endpoint", text(AUTHORIZE)),
        ("token_endpoint", text(TOKEN)),
        ("device_authorization_endpoint", text(DEVICE)),
        ("revocation_endpoint", text(REVOKE)),
        ("introspection_endpoint", text(INTROSPECT)),
        ("userinfo_endpoint", text(USERINFO)),
        ("authorization_response_iss_parameter_supported", Value::Bool(true)),
        ("scopes", list(&["a", "b"])),
        ("scope_separator", text(",")),
        ("authorization_params", Value::Table(table(&[("prompt", text("consent"))]))),
        ("token_params", Value::Table(table(&[("audience", text("api"))]))),
        ("pkce", Value::Bool(false)),
        ("account", text("userinfo")),
        ("account_user", text("id")),
        ("account_company", text("org.id")),
        ("refresh_token_reuse", text("grace")),
        ("refresh_token_grace_s", Value::Integer(10)),
        ("renewal_margin_s", Value::Integer(30)),
        ("default_lifetime_s", Value::Integer(600)),
        ("refresh_idle_limit_s", Value::Integer(86_400)),
        ("revocation_scope", text("account_pool")),
        ("terminal_errors", list(&["bad_refresh_token"])),
        ("transient_errors", list(&["unknown_error"])),
    ])
    .unwrap();
}

#[test]
fn an_unknown_setting_is_refused_with_the_nearest_name_and_no_value() {
    let error = read(&[("token_endpont", text("https://canary.example"))]).unwrap_err();
    assert_eq!(error.key, "token_endpont");
    assert_eq!(error.problem, Problem::Unknown { nearest: Some("token_endpoint".to_owned()) });
    assert!(!error.to_string().contains("canary"));
    for (key, value) in [
        ("pkce", text("yes")),
        ("grant_type", text("password")),
        ("account", text("guess")),
        ("scope_separator", text("")),
        ("base_url", text("not a url")),
        ("metadata_ttl_s", Value::Integer(-1)),
    ] {
        assert_eq!(read(&[(key, value)]).unwrap_err().key, key);
    }
}

#[test]
fn settings_that_do_not_fit_together_are_refused_before_anything_is_sent() {
    type Change = fn(&mut OAuth2Config);
    let refused: &[(&str, Change)] = &[
        ("no way to a token", |c| c.token_endpoint = None),
        ("no way to a consent", |c| c.authorization_endpoint = None),
        ("no redirect", |c| c.redirect_uri = None),
        ("an empty id", |c| c.client_id.clear()),
        ("a pasted blank", |c| c.client_secret = Some(Secret::new(" canary "))),
        ("plain http", |c| c.token_endpoint = Some(url("http://login.example.com/token"))),
        ("plain http", |c| c.userinfo_endpoint = Some(url("http://login.example.com/me"))),
        ("plain http", |c| c.base_url = url("http://api.example.com")),
        ("plain http", |c| c.allowed_hosts = vec![url("http://files.example.com")]),
        ("a fragment", |c| c.authorization_endpoint = Some(url("https://login.example.com/a#x"))),
        ("an issuer with a query", |c| c.issuer = Some(format!("{ISSUER}?x=1"))),
        ("an issuer required, none named", |c| c.authorization_response_iss_parameter_supported = Some(true)),
        ("ours", |c| drop(c.authorization_params.insert("state".into(), "x".into()))),
        ("ours", |c| drop(c.token_params.insert("grant_type".into(), "x".into()))),
        ("public with a secret's grant", |c| {
            c.client_secret = None;
            c.grant_type = GrantType::ClientCredentials;
        }),
        ("no way to a code", |c| c.grant_type = GrantType::DeviceCode),
        ("plain http", |c| c.device_authorization_endpoint = Some(url("http://login.example.com/d"))),
        ("an account from nowhere", |c| c.account = Some(AccountSource::Userinfo)),
        ("an account from nowhere", |c| c.account = Some(AccountSource::Introspection)),
        ("no life", |c| c.default_lifetime_s = Some(0)),
        ("no time", |c| c.metadata_ttl_s = 0),
        ("a word that is in every text", |c| c.terminal_errors = vec![" ".to_owned()]),
    ];
    OAuth2::new(given()).unwrap();
    for (why, change) in refused {
        let mut config = given();
        change(&mut config);
        let error = OAuth2::new(config).expect_err(why);
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{why}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{why}");
    }
}

#[test]
fn the_policy_is_as_the_settings_say_and_careful_by_default() {
    let policy = connector(given()).auth(None).unwrap().policy();
    assert_eq!((policy.reuse, policy.revoke_scope), (Reuse::KillsFamily, RevokeScope::Grant));
    assert_eq!((policy.default_lifetime, policy.idle_limit), (None, None));
    let mut config = given();
    config.refresh_token_reuse = RefreshTokenReuse::Grace;
    config.renewal_margin_s = 120;
    config.refresh_idle_limit_s = Some(60);
    let connector = connector(config);
    let policy = connector.auth(None).unwrap().policy();
    assert_eq!(policy.reuse, Reuse::Grace { window: Duration::from_secs(30) });
    assert_eq!((policy.margin, policy.idle_limit), (Duration::from_secs(120), Some(Duration::from_secs(60))));
    let own = connector.auth(Some("client_credentials")).unwrap();
    assert_eq!((own.policy().reuse, own.policy().idle_limit), (Reuse::RejectSoft, None));
    assert_eq!(own.consent(), ConsentKind::Unattended);
}

#[test]
fn a_method_is_there_when_the_settings_allow_it() {
    let mut public = given();
    public.client_secret = None;
    let public = connector(public);
    assert!(public.auth(Some("authorization_code")).is_some());
    assert!(public.auth(Some("client_credentials")).is_none());
    assert!(public.auth(Some("password")).is_none());
    let mut own = given();
    own.redirect_uri = None;
    own.authorization_endpoint = None;
    own.grant_type = GrantType::ClientCredentials;
    let own = connector(own);
    assert!(own.auth(Some("authorization_code")).is_none());
    assert_eq!(own.auth(None).unwrap().method(), "client_credentials");
}

#[test]
fn the_token_goes_to_the_api_and_the_named_hosts_alone() {
    let mut config = given();
    config.allowed_hosts = vec![url("https://files.example.com/any")];
    config.userinfo_endpoint = Some(url(USERINFO));
    let endpoint = connector(config).endpoint(&Captures::default()).unwrap();
    for good in ["https://api.example.com/v1/x", "https://files.example.com/x", USERINFO] {
        assert!(endpoint.allows(&url(good)), "{good}");
    }
    for bad in [TOKEN, "https://evil.example.com/", "https://files.example.com:444/"] {
        assert!(!endpoint.allows(&url(bad)), "{bad}");
    }
}

#[test]
fn c_8628_06_a_device_code_is_there_only_when_the_settings_name_it() {
    assert!(connector(given()).auth(Some("device_code")).is_none());
    assert!(connector(discovering()).auth(Some("device_code")).is_none());
    let mut offered = given();
    offered.device_authorization_endpoint = Some(url(DEVICE));
    let offered = connector(offered);
    let device = offered.auth(Some("device_code")).unwrap();
    assert_eq!((device.method(), device.consent()), ("device_code", ConsentKind::Device));
    assert_eq!(device.policy().reuse, Reuse::KillsFamily);
    assert_eq!(offered.auth(None).unwrap().method(), "authorization_code");
    let mut only = given();
    only.redirect_uri = None;
    only.grant_type = GrantType::DeviceCode;
    let error = OAuth2::new(only.clone()).unwrap_err();
    assert!(error.to_string().contains("device_authorization_endpoint is missing"), "{error}");
    assert!(error.hint_text().is_some_and(|hint| hint.contains("issuer")), "{error:?}");
    only.device_authorization_endpoint = Some(url(DEVICE));
    assert_eq!(connector(only).auth(None).unwrap().method(), "device_code");
}
