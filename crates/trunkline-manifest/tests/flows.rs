//! The ways to hold a grant, from consent to the request that carries it.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::time::Duration;

use common::*;
use trunkline_core::http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_core::{
    Call, Cause, Connector, ConsentAnswer, ConsentKind, ConsentStep, Exchange, Poll, Probe, Retry, Reuse,
    RevokeScope, Revoked,
};
use trunkline_manifest::{Manifest, ManifestConnector};

const TOKEN: &str = "https://login.acme.example/token";

fn exchange<'a>(call: Call, status: u16, headers: &'a HeaderMap, body: &'a str) -> Exchange<'a> {
    let status = StatusCode::from_u16(status).unwrap();
    Exchange { call, method: &Method::GET, path: "/x", status, headers, body: body.as_bytes() }
}

#[tokio::test]
async fn a_consent_a_renewal_a_call_and_a_revocation_go_as_the_manifest_says() {
    let text = acme(&[(
        "scopes = [\"read\"]",
        "scopes = [\"b\", \"a\"]\nscope_separator = \",\"\ntoken_endpoint_auth_method = \"client_secret_post\"\n\
         revocation_endpoint = \"https://login.acme.example/revoke\"\n\
         authorization_params = { access_type = \"offline\" }\ntoken_params = { audience = \"api\" }\n\
         parameter_names = { client_id = \"client_key\" }\nomitted_params = [\"redirect_uri\"]",
    )]);
    let connector = connector(&text);
    let (cx, stage) = stage();
    stage.play(
        TOKEN,
        json(200, r#"{"access_token":"at","refresh_token":"rt","expires_in":"3600","scope":"a,b"}"#),
    );
    stage.play("https://login.acme.example/revoke", json(200, ""));
    stage.play("https://api.acme.example/v1/me", json(200, r#"{"id":7}"#));
    let none = inputs(&[]);

    let asked = asked(&connector, &cx, &none).await;
    assert!(asked.as_str().starts_with("https://login.acme.example/authorize?"));
    for (name, value) in [
        ("client_key", "client-1"),
        ("scope", "a,b"),
        ("access_type", "offline"),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(of_query(&asked, name).as_deref(), Some(value));
    }
    assert_eq!(of_query(&asked, "client_id"), None);

    let grant = consent(&connector, &cx, &none, "code=c&state=state").await.unwrap();
    let sent = stage.one();
    assert_eq!((sent.method.as_str(), sent.url.as_str()), ("POST", TOKEN));
    for (name, value) in
        [("client_key", "client-1"), ("client_secret", SECRET), ("audience", "api"), ("code", "c")]
    {
        assert_eq!(sent.param(name).as_deref(), Some(value), "{name}");
    }
    assert_eq!((sent.param("redirect_uri"), sent.header("authorization")), (None, None));
    assert_eq!(grant.credential.access_expires_at, Some(LATER(3600)));
    assert_eq!(grant.credential.scopes, Some(["a", "b"].into_iter().collect()));

    let session = session(&connector, &stage, None, &grant);
    assert_eq!(connector.identify(&cx, &session, &grant).await.unwrap().user, "7");
    assert_eq!(stage.one().header("authorization"), Some("Bearer at"));
    assert_eq!(connector.probe(&cx, &session).await.unwrap(), Probe::Alive);
    stage.sent();
    let sent = call(&connector, &stage, None, &grant, "/things").await;
    assert_eq!(
        (sent.url.as_str(), sent.header("authorization")),
        ("https://api.acme.example/v1/things", Some("Bearer at"))
    );

    stage.play(TOKEN, json(200, r#"{"access_token":"at2"}"#));
    let auth = connector.auth(None).unwrap();
    let renewed = auth.refresh(&cx, &held(&grant, &none)).await.unwrap();
    assert_eq!(stage.one().param("refresh_token").as_deref(), Some("rt"));
    // D13: one that is left out is kept.
    assert_eq!(renewed.credential.refresh_token.as_ref().unwrap().expose(), "rt");
    assert_eq!(auth.revoke(&cx, &held(&renewed, &none)).await.unwrap(), Revoked::Done);
    assert_eq!(stage.one().param("token").as_deref(), Some("rt"));
}

#[tokio::test]
async fn token_answers_are_read_in_every_unit_and_shape() {
    for (how, body, expected) in [
        ("", r#"{"access_token":"t","expires_in":60}"#, Some(60)),
        ("expires_in_unit = 'milliseconds'", r#"{"access_token":"t","expires_in":60000}"#, Some(60)),
        ("expires_in_unit = 'by_magnitude'", r#"{"access_token":"t","expires_in":3600000}"#, Some(3600)),
        ("expires_at_unit = 'milliseconds'", r#"{"access_token":"t","expires_at":1767323105000}"#, Some(60)),
        ("", r#"{"access_token":"t","expires_at":"2026-01-02T03:05:05Z"}"#, Some(60)),
        ("members = { expires_in = 'ttl', access_token = 'jwt' }", r#"{"jwt":"t","ttl":60}"#, Some(60)),
        ("within = 'data'", r#"{"data":{"access_token":"t","expires_in":60}}"#, Some(60)),
        ("zero_expiry = 'never'", r#"{"access_token":"t","expires_in":0}"#, None),
        ("", "access_token=t&expires_in=60", Some(60)),
    ] {
        let connector = connector(&acme(&[("[api]", &format!("[oauth2.token_response]\n{how}\n[api]"))]));
        let (cx, stage) = stage();
        stage.play(TOKEN, json(200, body));
        let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
        assert_eq!(grant.credential.access_token.unwrap().expose(), "t", "{how}");
        assert_eq!(grant.credential.access_expires_at, expected.map(LATER), "{how}");
    }
    // D07: no expiry at all.
    let connector = connector(&acme(&[("[api]", "[oauth2.renewal]\ndefault_lifetime_s = 90\n[api]")]));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    assert_eq!(grant.credential.access_expires_at, Some(LATER(90)));
}

#[test]
fn the_policy_is_as_the_manifest_says_and_careful_by_default() {
    let policy = connector(ACME).auth(None).unwrap().policy();
    assert_eq!((policy.reuse, policy.margin), (Reuse::KillsFamily, Duration::from_secs(60)));
    let renewal = "[oauth2.renewal]\nmargin_s = 120\nidle_limit_s = 8640000\nreuse = 'grace'\ngrace_s = 30\nrevocation_scope = 'account_pool'\n[api]";
    let policy = connector(&acme(&[("[api]", renewal)])).auth(None).unwrap().policy();
    assert_eq!(policy.reuse, Reuse::Grace { window: Duration::from_secs(30) });
    assert_eq!(
        (policy.margin, policy.idle_limit),
        (Duration::from_secs(120), Some(Duration::from_secs(8_640_000)))
    );
    assert_eq!(policy.revoke_scope, RevokeScope::AccountPool);
}

/// [`ACME`] with a key in place of OAuth 2.
fn keyed(flow: &str) -> String {
    let start = ACME.find("[oauth2]").unwrap();
    let end = ACME.find("[api]").unwrap();
    let key = "[inputs.key]\ntitle = 'Key'\nexample = 'acme_123'\nsecret = true\n";
    let text = format!("{}{key}{flow}\n{}", &ACME[..start], &ACME[end..]);
    text.replace("\"login.acme.example\", ", "")
}

#[tokio::test]
async fn a_key_goes_into_the_header_the_query_or_basic_that_the_manifest_names() {
    for (injection, header, query) in [
        (
            "headers = { Authorization = 'Token {credential.key}' }",
            Some(("authorization", "Token k3y")),
            None,
        ),
        ("headers = { X-Api-Key = '{credential.key}' }", Some(("x-api-key", "k3y")), None),
        ("query = { api_key = '{credential.key}' }", None, Some("k3y")),
        (
            "basic = { username = '{credential.key}', password = 'x' }",
            Some(("authorization", "Basic azN5Ong=")),
            None,
        ),
    ] {
        let connector =
            connector(&keyed(&format!("[api_key]\ninputs = ['key']\n[api_key.injection]\n{injection}")));
        let (cx, stage) = stage();
        let auth = connector.auth(None).unwrap();
        assert_eq!((auth.method(), auth.consent()), ("api_key", ConsentKind::Form));
        assert_eq!(auth.inputs()[0].name, "key");
        let given = inputs(&[("key", "k3y")]);
        let grant = mint(&connector, &cx, None, &given).await.unwrap();
        assert!(stage.sent().is_empty(), "nobody is asked");
        let sent = call(&connector, &stage, None, &grant, "/x?page=2").await;
        if let Some((name, value)) = header {
            assert_eq!(sent.header(name), Some(value));
        }
        assert_eq!(sent.query("api_key").as_deref(), query);
        assert_eq!(sent.query("page").as_deref(), Some("2"));
        assert!(sent.headers.keys().all(|name| !name.as_str().starts_with("x-trunkline")));
        // It cannot be renewed, and is not lost by trying.
        let error = auth.refresh(&cx, &held(&grant, &given)).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::RefreshTokenMissing));
    }
}

#[tokio::test]
async fn rfc7617_basic_is_made_of_name_and_password() {
    let text = keyed(
        "[inputs.user]\ntitle = 'User'\nexample = 'ada'\n[basic]\ninputs = ['user', 'key']\nusername = '{credential.user}'\npassword = '{credential.key}'",
    );
    let connector = connector(&text);
    let (cx, stage) = stage();
    let grant =
        mint(&connector, &cx, None, &inputs(&[("user", "Aladdin"), ("key", "open sesame")])).await.unwrap();
    let sent = call(&connector, &stage, None, &grant, "/x").await;
    assert_eq!(sent.header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    let grant = mint(&connector, &cx, None, &inputs(&[("user", "a:b"), ("key", "c")])).await.unwrap();
    let error = connector.auth(None).unwrap().prepare(&grant.credential).unwrap_err();
    assert_eq!(error.cause(), Some(Cause::UserCredentialsInvalid));
}

#[tokio::test]
async fn a_login_gives_a_session_that_is_made_anew_when_it_ends() {
    let flow = "[inputs.user]\ntitle = 'User'\nexample = 'ada'\n[session_login]\nlogin_endpoint = 'https://api.acme.example/login'\n\
        params = { username = 'user', password = 'key' }\nencoding = 'json'\n\
        [session_login.response]\nmembers = { access_token = 'session.id' }\n\
        [session_login.injection.headers]\nX-Session = '{credential.access_token}'";
    let flow = flow.replace("'session.id'", "'session_id'");
    let connector = connector(&keyed(&flow));
    let (cx, stage) = stage();
    stage.play("https://api.acme.example/login", json(200, r#"{"session_id":"s1","expires_in":60}"#));
    let given = inputs(&[("user", "ada"), ("key", "p4ss")]);
    let auth = connector.auth(None).unwrap();
    assert_eq!((auth.consent(), auth.policy().reuse), (ConsentKind::Form, Reuse::RejectSoft));
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let sent = stage.one();
    assert_eq!(&sent.body[..], br#"{"password":"p4ss","username":"ada"}"#);
    assert_eq!(call(&connector, &stage, None, &grant, "/x").await.header("x-session"), Some("s1"));
    stage.play("https://api.acme.example/login", json(200, r#"{"session_id":"s2"}"#));
    let again = auth.refresh(&cx, &held(&grant, &given)).await.unwrap();
    assert_eq!(again.credential.access_token.unwrap().expose(), "s2");
}

#[tokio::test]
async fn client_credentials_are_the_applications_or_each_customers_own() {
    let own =
        connector(&acme(&[("\"authorization_code\"", "\"authorization_code\", \"client_credentials\"")]));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    let auth = own.auth(Some("client_credentials")).unwrap();
    assert_eq!((auth.consent(), auth.inputs().len()), (ConsentKind::Unattended, 0));
    mint(&own, &cx, Some("client_credentials"), &inputs(&[])).await.unwrap();
    assert_eq!(stage.one().param("grant_type").as_deref(), Some("client_credentials"));

    let text = acme(&[
        ("\"authorization_code\"", "\"client_credentials\""),
        (
            "authorization_endpoint = \"https://login.acme.example/authorize\"",
            "client_id_input = 'id'\nclient_secret_input = 'secret'\ntoken_endpoint_auth_method = 'client_secret_post'",
        ),
        (
            "[api]",
            "[inputs.id]\ntitle = 'Client id'\nexample = 'c1'\n[inputs.secret]\ntitle = 'Client secret'\nexample = 'made-up'\nsecret = true\n[api]",
        ),
    ]);
    let config = trunkline_manifest::ManifestConfig::new(manifest(&text));
    let theirs = trunkline_manifest::ManifestConnector::new(manifest(&text), &config).unwrap();
    let auth = theirs.auth(None).unwrap();
    assert_eq!((auth.consent(), auth.client_identity()), (ConsentKind::Form, None));
    mint(&theirs, &cx, None, &inputs(&[("id", "c7"), ("secret", "s7")])).await.unwrap();
    let sent = stage.one();
    assert_eq!(
        (sent.param("client_id").as_deref(), sent.param("client_secret").as_deref()),
        (Some("c7"), Some("s7"))
    );
}

#[tokio::test]
async fn headers_that_are_always_the_same_give_way_to_the_requests_own() {
    let connector =
        connector(&acme(&[("[identity]", "[api.headers]\nAcme-Version = '2026-01-01'\n[identity]")]));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    stage.sent();
    assert_eq!(call(&connector, &stage, None, &grant, "/x").await.header("acme-version"), Some("2026-01-01"));
    let session = session(&connector, &stage, None, &grant);
    let mut request = trunkline_core::Request::new(Method::GET, url("https://api.acme.example/v1/x"));
    request.headers.insert("acme-version", HeaderValue::from_static("2027-01-01"));
    session.send(request).await.unwrap();
    assert_eq!(stage.one().header("acme-version"), Some("2027-01-01"));
}

#[tokio::test]
async fn requests_are_scoped_to_the_part_of_the_account_that_was_captured() {
    let text = acme(&[(
        "[api]",
        "[captures.tenant]\nfrom = 'token_response'\npattern = '[a-z0-9-]+'\n[api]\nentity_header = 'Acme-Tenant'\nentity = '{capture.tenant}'",
    )]);
    let connector = connector(&text);
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t","tenant":"t-1"}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    let endpoint = connector.endpoint(&grant.captures).unwrap();
    assert_eq!(endpoint.entity_header_name().unwrap(), "acme-tenant");
    assert_eq!(endpoint.entity().unwrap(), "t-1");
}

#[test]
fn answers_are_judged_by_the_manifests_own_words_first() {
    let errors = "[[errors]]\ncalls = ['refresh']\ncodes = ['gone_token']\ncause = 'grant_revoked'\nremedy = ['Connect Acme again.']\n\
        [[errors]]\nstatus = [403]\nmessage = 'plan'\ncause = 'module_not_subscribed'\n\
        [rate_limit]\nstatus = [403, 429]\nremaining_header = 'x-left'\nreset_header = 'x-reset'\nreset_unit = 'epoch_seconds'\n[api]";
    let connector = connector(&acme(&[("[api]", errors)]));
    let none = HeaderMap::new();
    let judged = |exchange: &Exchange<'_>| connector.diagnose(exchange).map(|diagnosis| diagnosis.cause());
    let gone = r#"{"error":"gone_token"}"#;
    assert_eq!(judged(&exchange(Call::Refresh, 500, &none, gone)), Some(Cause::GrantRevoked));
    assert_eq!(judged(&exchange(Call::Api, 500, &none, gone)), None);
    let plan = r#"{"error":"forbidden","message":"Your Plan has no API"}"#;
    assert_eq!(judged(&exchange(Call::Api, 403, &none, plan)), Some(Cause::ModuleNotSubscribed));
    let remedy = connector.diagnose(&exchange(Call::Refresh, 400, &none, gone)).unwrap();
    assert_eq!(remedy.remedy().to_string(), "Connect Acme again.");

    let mut limited = HeaderMap::new();
    limited.insert("date", HeaderValue::from_static("Fri, 02 Jan 2026 03:04:05 GMT"));
    limited.insert("x-reset", HeaderValue::from_static("1767323135"));
    limited.insert("x-left", HeaderValue::from_static("5"));
    assert_eq!(judged(&exchange(Call::Api, 403, &limited, "{}")), None, "there is some left");
    limited.insert("x-left", HeaderValue::from_static("0"));
    let diagnosis = connector.diagnose(&exchange(Call::Api, 403, &limited, "{}")).unwrap();
    assert_eq!((diagnosis.cause(), diagnosis.retry()), (Cause::RateLimited, Retry::After { after_s: 90 }));
    limited.insert("retry-after", HeaderValue::from_static("7"));
    let diagnosis = connector.diagnose(&exchange(Call::Api, 429, &limited, "{}")).unwrap();
    assert_eq!(diagnosis.retry(), Retry::After { after_s: 7 });
}

#[tokio::test]
async fn a_matcher_decides_at_the_token_endpoint_too() {
    let errors = "[[errors]]\ncodes = ['busy']\ncause = 'service_unavailable'\n[api]";
    let connector = connector(&acme(&[("[api]", errors)]));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t","refresh_token":"r"}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    for (body, cause) in [
        (r#"{"error":"busy"}"#, Cause::ServiceUnavailable),
        (r#"{"error":"invalid_grant"}"#, Cause::GrantRevoked),
    ] {
        stage.play(TOKEN, json(400, body));
        let error =
            connector.auth(None).unwrap().refresh(&cx, &held(&grant, &inputs(&[]))).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause));
    }
}

#[tokio::test]
async fn a_success_that_says_an_error_is_no_identity() {
    let errors = "[[errors]]\ncodes = ['invalid_auth']\ncause = 'access_token_rejected'\n[api]";
    let connector = connector(&acme(&[("[api]", errors)]));
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    let grant = consent(&connector, &cx, &inputs(&[]), "code=c").await.unwrap();
    stage.play("https://api.acme.example/v1/me", json(200, r#"{"ok":false,"error":"invalid_auth"}"#));
    let session = session(&connector, &stage, None, &grant);
    let error = connector.identify(&cx, &session, &grant).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::AccessTokenRejected));
    stage.play("https://api.acme.example/v1/me", json(200, "{}"));
    let error = connector.identify(&cx, &session, &grant).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ResponseInvalid));
}

/// The manifest with the device grant beside the other one.
fn with_device_codes() -> String {
    acme(&[
        ("[\"authorization_code\"]", "[\"authorization_code\", \"device_code\"]"),
        (
            "token_endpoint =",
            "device_authorization_endpoint = \"https://login.acme.example/device\"\ntoken_endpoint =",
        ),
        (
            "scopes = [\"read\"]",
            "scopes = [\"read\"]\ntoken_endpoint_auth_method = \"client_secret_post\"\n\
             parameter_names = { device_code = \"code\" }\n\
             [oauth2.token_response]\nmembers = { expires_in = \"ttl\" }\n\
             error_codes = { declined = \"access_denied\" }",
        ),
    ])
}

#[tokio::test]
async fn a_person_approves_with_a_code_where_the_settings_ask_for_it() {
    const DEVICE: &str = "https://login.acme.example/device";
    let mut config = config(&with_device_codes());
    let unasked = ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap();
    assert!(unasked.auth(Some("device_code")).is_none(), "a manifest alone shows nobody a code");
    config.device_code = true;
    let connector = ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap();
    let auth = connector.auth(Some("device_code")).unwrap();
    assert_eq!(
        (auth.consent(), connector.auth(None).unwrap().method()),
        (ConsentKind::Device, "authorization_code")
    );
    let (cx, stage) = stage();
    stage.play(
        DEVICE,
        json(
            200,
            r#"{"device_code":"d","user_code":"AB-1","verification_uri":"https://acme.example/d","ttl":60}"#,
        ),
    );

    let begun = auth.begin(&cx, &ask(&inputs(&[]))).await.unwrap();
    let sent = stage.one();
    assert_eq!((sent.url.as_str(), sent.param("scope").as_deref()), (DEVICE, Some("read")));
    assert!(sent.public_only);
    assert!(matches!(&begun.step, ConsentStep::Device { user_code, .. } if user_code == "AB-1"));
    let answer = ConsentAnswer { pending: begun.pending, requested: begun.requested, ..Default::default() };
    stage.play(TOKEN, json(400, r#"{"error":"authorization_pending"}"#));
    assert_eq!(auth.poll(&cx, &answer).await.unwrap(), Poll::Pending);
    assert_eq!(stage.one().param("code").as_deref(), Some("d"));
    stage.play(TOKEN, json(400, r#"{"error":"declined"}"#));
    assert_eq!(auth.poll(&cx, &answer).await.unwrap_err().cause(), Some(Cause::ConsentDenied));
    stage.play(TOKEN, json(200, r#"{"access_token":"at","refresh_token":"rt","ttl":3600}"#));
    let Poll::Granted(grant) = auth.poll(&cx, &answer).await.unwrap() else { panic!("a grant") };
    assert!(grant.credential.access_expires_at.is_some());
    stage.sent();
    auth.refresh(&cx, &held(&grant, &inputs(&[]))).await.unwrap();
    assert_eq!(stage.one().param("refresh_token").as_deref(), Some("rt"));
}

#[test]
fn what_does_not_fit_a_device_code_is_told() {
    let device = "device_authorization_endpoint = 'https://login.acme.example/device'\ntoken_endpoint =";
    for (changes, told) in [
        (
            vec![("\"authorization_code\"]", "\"authorization_code\", \"device_code\"]")],
            "is missing for `device_code`",
        ),
        (vec![("token_endpoint =", device)], "no code is asked for there"),
        (
            vec![
                ("\"authorization_code\"]", "\"authorization_code\", \"device_code\"]"),
                ("token_endpoint =", device),
                ("https://login.acme.example/token", "https://{capture.site}.acme.example/token"),
                ("\"login.acme.example\"", "\"*.acme.example\""),
                ("[api]", "[captures.site]\nfrom = 'callback'\npattern = '[a-z]{1,9}'\n[api]"),
            ],
            "`site` is not known before the first token",
        ),
    ] {
        let error = Manifest::parse("acme.toml", &acme(&changes)).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
    let mut without = config(&acme(&[]));
    without.device_code = true;
    let error = ManifestConnector::new(without.manifest.clone().unwrap(), &without).unwrap_err();
    assert!(error.hint_text().unwrap().contains("authorization_code"), "{error:?}");
    let alone = acme(&[
        ("grant_types = [\"authorization_code\"]", "grant_types = [\"device_code\"]"),
        ("authorization_endpoint = \"https://login.acme.example/authorize\"\n", ""),
        ("token_endpoint =", device),
    ]);
    let mut alone = config(&alone);
    let error = ManifestConnector::new(alone.manifest.clone().unwrap(), &alone).unwrap_err();
    assert!(error.hint_text().unwrap().contains("device_code = true"), "{error:?}");
    alone.redirect_uri = None;
    alone.default_method = Some("device_code".to_owned());
    let alone = ManifestConnector::new(alone.manifest.clone().unwrap(), &alone).unwrap();
    assert_eq!(alone.auth(None).unwrap().method(), "device_code");
}
