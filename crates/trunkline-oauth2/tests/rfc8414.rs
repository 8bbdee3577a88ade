//! RFC 8414 and OpenID Connect Discovery: what an issuer publishes, and what of it is believed.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::{
    Captures, Cause, Connector, ConsentAnswer, ConsentAsk, ConsentStep, Error, ErrorKind, Inputs, Poll,
    ScopeSet, Secret, Verdict, is_public_host,
};
use trunkline_oauth2::{AccountSource, ClientAuthMethod, GrantType, OAuth2};

#[tokio::test]
async fn c_8414_01_metadata_is_looked_for_between_host_and_path_and_then_appended() {
    for (issuer, first, second) in [
        (ISSUER, INSERTED, APPENDED),
        (
            "https://login.example.com",
            "https://login.example.com/.well-known/oauth-authorization-server",
            "https://login.example.com/.well-known/openid-configuration",
        ),
        (
            "https://login.example.com:8443/a/b/",
            "https://login.example.com:8443/.well-known/oauth-authorization-server/a/b",
            "https://login.example.com:8443/a/b/.well-known/openid-configuration",
        ),
    ] {
        let mut config = bare();
        config.issuer = Some(issuer.to_owned());
        let document = metadata("").replace(ISSUER, issuer);
        let (cx, stage) = stage();
        stage.play(second, json(200, &document));
        connector(config.clone()).ready(&cx).await.unwrap();
        assert_eq!(stage.urls(), [first, second], "both are tried");
        stage.play(first, json(200, &document));
        connector(config).ready(&cx).await.unwrap();
        assert_eq!(stage.urls(), [first], "one is enough");
    }
}

async fn discovered(document: &str) -> (Result<(), Error>, OAuth2) {
    let (cx, stage) = stage();
    stage.play(INSERTED, json(200, document));
    let connector = connector(discovering());
    (connector.ready(&cx).await, connector)
}

#[tokio::test]
async fn c_8414_02_the_issuer_is_compared_to_the_letter() {
    for other in [
        "https://login.example.com/tenant2",
        "https://login.example.com/tenant1/",
        "https://LOGIN.example.com/tenant1",
        "https://login.example.com:443/tenant1",
        "",
    ] {
        let document = metadata("").replace(&format!(r#""{ISSUER}""#), &format!(r#""{other}""#));
        let (result, connector) = discovered(&document).await;
        assert_eq!(result.unwrap_err().cause(), Some(Cause::ConfigurationInvalid), "{other}");
        assert!(begin(&connector, &stage().0).await.is_err(), "nothing of it is used");
    }
    // The other document may be the right one.
    let (cx, stage) = stage();
    stage.play(INSERTED, json(200, metadata("").replace("tenant1\"", "other\"")));
    stage.play(APPENDED, json(200, metadata("")));
    connector(discovering()).ready(&cx).await.unwrap();
}

#[tokio::test]
async fn c_8414_03_endpoints_are_https_and_unknown_members_are_ignored() {
    discovered(&metadata(r#""acme":null,"jwks_uri":"x""#)).await.0.unwrap();
    for bad in
        ["http://login.example.com/token", "ftp://login.example.com/token", "https://u:p@login.example.com/t"]
    {
        let (result, _) = discovered(&metadata("").replace(TOKEN, bad)).await;
        assert_eq!(result.unwrap_err().cause(), Some(Cause::ResponseInvalid), "{bad}");
    }
    let without = metadata("").replace("token_endpoint", "tokenless");
    let (result, _) = discovered(&without).await;
    assert_eq!(result.unwrap_err().cause(), Some(Cause::ConfigurationInvalid));
    for (key, value) in [("issuer", "http://login.example.com"), ("issuer", "https://login.example.com/?x")] {
        let mut config = bare();
        config.issuer = Some(value.to_owned());
        assert_eq!(OAuth2::new(config).unwrap_err().kind(), ErrorKind::ConfigInvalid, "{key} {value}");
    }
}

#[tokio::test]
async fn c_8414_03_metadata_is_kept_for_its_time_and_serves_on_while_a_newer_look_fails() {
    let (cx, stage) = stage();
    stage.play(INSERTED, json(200, metadata("")));
    let mut config = discovering();
    config.metadata_ttl_s = 600;
    let connector = connector(config);
    for _ in 0..3 {
        connector.ready(&cx).await.unwrap();
    }
    assert_eq!(stage.urls().len(), 1);
    stage.pass(599);
    connector.ready(&cx).await.unwrap();
    assert_eq!(stage.urls().len(), 0);
    let endpoint = connector.endpoint(&Captures::default()).unwrap();

    stage.pass(1);
    let moved = "https://login.example.com/token2";
    stage.play(INSERTED, json(200, metadata("").replace(TOKEN, moved)));
    connector.ready(&cx).await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&endpoint, &connector.endpoint(&Captures::default()).unwrap()));
    stage.sent();
    stage.play(moved, json(200, r#"{"access_token":"t"}"#));
    connector.auth(None).unwrap().refresh(&cx, &held()).await.unwrap();
    assert_eq!(stage.urls(), [moved], "and the renewal is one request");

    stage.pass(600);
    for broken in [json(503, ""), Reply::NotSent, json(200, "{"), json(404, "")] {
        stage.play(INSERTED, broken);
        connector.ready(&cx).await.unwrap();
        stage.sent();
        stage.pass(60);
        connector.auth(None).unwrap().refresh(&cx, &held()).await.unwrap();
    }
}

#[tokio::test]
async fn a_service_that_cannot_be_discovered_is_left_alone_for_a_while_and_nothing_is_concluded() {
    for (reply, cause) in [
        (Reply::NotSent, Cause::ServiceUnreachable),
        (Reply::Lost, Cause::ServiceUnavailable),
        (json(503, r#"{"error":"invalid_grant"}"#), Cause::ServiceUnavailable),
        (json(429, ""), Cause::RateLimited),
        (json(404, ""), Cause::ServiceUnavailable),
        (json(401, ""), Cause::ServiceUnavailable),
        (json(302, ""), Cause::ServiceUnavailable),
        (json(200, "<html>Sign in to the network</html>"), Cause::ServiceUnavailable),
        (json(200, "[]"), Cause::ServiceUnavailable),
        (json(200, "[".repeat(10_000)), Cause::ServiceUnavailable),
        (json(200, format!(r#"{{"x":"{}"}}"#, "x".repeat(300_000))), Cause::ServiceUnavailable),
    ] {
        let (cx, stage) = stage();
        stage.play(INSERTED, reply);
        let connector = connector(discovering());
        let error = connector.ready(&cx).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause));
        assert_eq!(error.cause().unwrap().verdict(), Verdict::Transient);
        assert!(!stage.urls().is_empty());
        assert_eq!(connector.ready(&cx).await.unwrap_err().cause(), Some(cause));
        assert!(stage.urls().is_empty(), "a crowd of renewals does not ask again");
        // Whoever goes on all the same learns that nothing was sent.
        let error = connector.auth(None).unwrap().refresh(&cx, &held()).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
        assert!(stage.urls().is_empty());
        stage.pass(10);
        stage.play(INSERTED, json(200, metadata("")));
        connector.ready(&cx).await.unwrap();
    }
}

#[tokio::test]
async fn c_8414_04_the_client_authenticates_as_the_metadata_says_and_by_basic_where_it_says_nothing() {
    let methods = |list: &str| metadata(&format!(r#""token_endpoint_auth_methods_supported":{list}"#));
    let basic = "Basic Y2xpZW50LTE6Y2FuYXJ5LXNlY3JldA==";
    for (document, chosen, header, body) in [
        (metadata(""), None, Some(basic), None),
        (methods("null"), None, Some(basic), None),
        (methods(r#"["client_secret_post","client_secret_basic"]"#), None, Some(basic), None),
        (methods(r#"["private_key_jwt","client_secret_post"]"#), None, None, Some(SECRET)),
        // The setting counts more.
        (methods(r#"["client_secret_post"]"#), Some(ClientAuthMethod::ClientSecretBasic), Some(basic), None),
        (metadata(""), Some(ClientAuthMethod::ClientSecretPost), None, Some(SECRET)),
    ] {
        let (cx, stage) = stage();
        stage.play(INSERTED, json(200, document));
        stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
        let mut config = discovering();
        config.token_endpoint_auth_method = chosen;
        let connector = connector(config);
        connector.ready(&cx).await.unwrap();
        stage.sent();
        connector.auth(None).unwrap().refresh(&cx, &held()).await.unwrap();
        let sent = stage.sent().remove(0);
        assert_eq!((sent.authorization(), sent.param("client_secret")), (header, body), "{chosen:?}");
    }
    let (result, _) = discovered(&methods(r#"["private_key_jwt"]"#)).await;
    assert_eq!(result.unwrap_err().cause(), Some(Cause::ConfigurationInvalid));

    let mut public = discovering();
    public.client_secret = None;
    let (cx, stage) = stage();
    stage.play(INSERTED, json(200, methods(r#"["client_secret_basic","none"]"#)));
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    let connector = connector(public);
    connector.ready(&cx).await.unwrap();
    stage.sent();
    connector.auth(None).unwrap().refresh(&cx, &held()).await.unwrap();
    let sent = stage.sent().remove(0);
    assert_eq!((sent.authorization(), sent.param("client_id")), (None, Some("client-1")));
}

#[tokio::test]
async fn c_8414_05_a_discovered_endpoint_never_leads_into_a_network_of_ones_own() {
    for own in [
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/token",
        "https://192.168.0.1/token",
        "https://127.0.0.1/token",
        "http://127.0.0.1/token",
        "https://[::1]/token",
        "https://[::ffff:10.0.0.1]/token",
        "https://localhost/token",
        "https://metadata.google.internal/token",
        "https://intranet/token",
        "https://2130706433/token",
    ] {
        for endpoint in [TOKEN, AUTHORIZE, REVOKE] {
            let (result, _) = discovered(&metadata("").replace(endpoint, own)).await;
            assert_eq!(result.unwrap_err().cause(), Some(Cause::ResponseInvalid), "{own}");
        }
        let userinfo = metadata(&format!(r#""userinfo_endpoint":"{own}""#));
        assert!(discovered(&userinfo).await.0.is_err(), "{own}");
    }
    // An issuer on loopback may name its own machine, and still no other network.
    for (endpoint, good) in [
        ("http://127.0.0.1:9/token", true),
        ("http://localhost:9/token", true),
        ("https://login.example.com/token", true),
        ("https://10.0.0.1/token", false),
        ("http://169.254.169.254/token", false),
    ] {
        let mut config = bare();
        config.issuer = Some("http://127.0.0.1:9/tenant1".to_owned());
        let document = metadata("").replace(ISSUER, "http://127.0.0.1:9/tenant1").replace(TOKEN, endpoint);
        let (cx, stage) = stage();
        stage.play("http://127.0.0.1:9/.well-known/oauth-authorization-server/tenant1", json(200, document));
        assert_eq!(connector(config).ready(&cx).await.is_ok(), good, "{endpoint}");
    }
    // What the operator typed himself is guarded too, unless he gives the endpoints one by one.
    let mut config = bare();
    config.issuer = Some("https://10.0.0.1".to_owned());
    assert_eq!(OAuth2::new(config.clone()).unwrap_err().kind(), ErrorKind::ConfigInvalid);
    config.token_endpoint = Some(url("https://10.0.0.1/token"));
    config.authorization_endpoint = Some(url("https://10.0.0.1/authorize"));
    OAuth2::new(config).unwrap();
}

#[tokio::test]
async fn c_8414_05_whatever_was_discovered_is_guarded_again_when_its_name_is_resolved() {
    let (cx, stage) = stage();
    let more = format!(r#""userinfo_endpoint":"{USERINFO}","introspection_endpoint":"{INTROSPECT}""#);
    stage.play(INSERTED, json(200, metadata(&more)));
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    stage.play(REVOKE, json(200, ""));
    stage.play(USERINFO, json(200, r#"{"sub":"ada"}"#));
    stage.play(INTROSPECT, json(200, r#"{"active":true,"sub":"ada"}"#));
    for account in [AccountSource::Userinfo, AccountSource::Introspection] {
        let mut config = discovering();
        config.account = Some(account);
        let connector = connector(config);
        connector.ready(&cx).await.unwrap();
        let grant = complete(&connector, &cx, "code=c").await.unwrap();
        identify(&connector, &cx, &stage, &grant).await.unwrap();
        connector.auth(None).unwrap().revoke(&cx, &held()).await.unwrap();
        let sent = stage.sent();
        assert_eq!(sent.len(), 4);
        assert!(sent.iter().all(|sent| sent.public_only), "{account:?}");
    }
    // What the operator typed may lead wherever it is to lead.
    let mut config = given();
    config.userinfo_endpoint = Some(url(USERINFO));
    let connector = connector(config);
    let grant = complete(&connector, &cx, "code=c").await.unwrap();
    identify(&connector, &cx, &stage, &grant).await.unwrap();
    connector.auth(None).unwrap().revoke(&cx, &held()).await.unwrap();
    assert!(stage.sent().iter().all(|sent| !sent.public_only));
}

#[tokio::test]
async fn a_setting_that_names_an_endpoint_counts_more_than_the_metadata() {
    let (cx, stage) = stage();
    stage.play(INSERTED, json(200, metadata("")));
    let mut config = discovering();
    config.authorization_endpoint = Some(url("https://eu.example.com/authorize"));
    let connector = connector(config);
    connector.ready(&cx).await.unwrap();
    let (asked, _) = begin(&connector, &cx).await.unwrap();
    assert_eq!(asked.host_str(), Some("eu.example.com"));
}

#[tokio::test]
async fn no_document_makes_discovery_panic_or_believe_what_it_must_not() {
    let whole = metadata(r#""userinfo_endpoint":"https://id.example.com/u","scopes_supported":["a"]"#);
    let mut seed = 7_u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut believed = 0;
    for _ in 0..4_000 {
        let mut document = whole.clone().into_bytes();
        for _ in 0..=next(4) {
            let at = next(document.len());
            match next(4) {
                0 => document.truncate(at),
                1 => document[at] = u8::try_from(next(256)).unwrap(),
                2 => {
                    let piece = document[at..(at + 20).min(document.len())].to_vec();
                    document.splice(at..at, piece);
                }
                _ => drop(document.splice(at..at, [b"{}[]\":,0\\"[next(9)]])),
            }
            if document.is_empty() {
                break;
            }
        }
        let (cx, stage) = stage();
        stage.play(INSERTED, Reply::Answer(200, Vec::new(), document));
        let connector = connector(discovering());
        drop(connector.ready(&cx).await);
        // Whatever was believed: it is on the open Internet.
        if let Ok((asked, _)) = begin(&connector, &cx).await {
            assert!(asked.scheme() == "https" && is_public_host(&asked), "{asked}");
            believed += 1;
        }
    }
    assert!(believed > 100, "some documents stay whole");
}

#[tokio::test]
async fn a_device_endpoint_is_discovered_where_the_settings_ask_for_the_grant() {
    let (cx, stage) = stage();
    stage.play(INSERTED, json(200, metadata(&format!(r#""device_authorization_endpoint":"{DEVICE}""#))));
    stage.play(
        DEVICE,
        json(
            200,
            r#"{"device_code":"d","user_code":"1","verification_uri":"https://login.example.com/d","expires_in":60}"#,
        ),
    );
    let mut config = discovering();
    config.redirect_uri = None;
    config.grant_type = GrantType::DeviceCode;
    let connector = connector(config);
    connector.ready(&cx).await.unwrap();

    let auth = connector.auth(None).unwrap();
    let ask = ConsentAsk {
        state: Secret::new("state"),
        scopes: ScopeSet::default(),
        inputs: Inputs::default(),
        loopback_port: None,
    };
    let begun = auth.begin(&cx, &ask).await.unwrap();

    assert!(matches!(begun.step, ConsentStep::Device { .. }));
    assert!(stage.sent().last().unwrap().public_only, "a stranger named it");
    stage.play(TOKEN, json(400, r#"{"error":"authorization_pending"}"#));
    let answer = ConsentAnswer { pending: begun.pending, ..ConsentAnswer::default() };
    assert_eq!(auth.poll(&cx, &answer).await.unwrap(), Poll::Pending);
    stage.play(INSERTED, json(200, metadata("")));
    let mut none = discovering();
    none.grant_type = GrantType::DeviceCode;
    let none = OAuth2::new(none).unwrap().ready(&cx).await.unwrap_err();
    assert!(format!("{none:?}").contains("device_authorization_endpoint"), "{none:?}");
}
