//! The manifests of the catalogue whose requests are signed, and that of NetSuite whose client signs.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use common::*;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::{Actor, Call, Cause, Connector, Diagnosis, Exchange, Probe, Secret, Verdict};
use trunkline_manifest::{Catalogue, ManifestConfig, ManifestConnector};

fn mounted(name: &str) -> ManifestConnector {
    let mut config = ManifestConfig::new(Catalogue::builtin().find(name).unwrap());
    config.client_id = Some("client-1".to_owned());
    config.client_secret = Some(Secret::new(SECRET));
    config.redirect_uri = Some("https://app.example.com/cb".to_owned());
    ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap()
}

fn told(connector: &ManifestConnector, status: u16, body: &str) -> Option<Diagnosis> {
    connector.diagnose(&Exchange {
        call: Call::Api,
        method: &Method::GET,
        path: "/x",
        status: StatusCode::from_u16(status).unwrap(),
        headers: &HeaderMap::new(),
        body: body.as_bytes(),
    })
}

const API: &str = "https://1234567-sb1.suitetalk.api.netsuite.com/services/rest";

#[tokio::test]
async fn netsuite_is_signed_for_in_the_realm_of_the_account_with_what_the_customer_pastes() {
    let connector = mounted("netsuite");
    let (cx, stage) = stage();
    let given = [
        ("account", "1234567-sb1"),
        ("consumer_key", "ck"),
        ("consumer_secret", "canary-cs"),
        ("token_id", "ti"),
        ("token_secret", "canary-ts"),
    ];
    let grant = mint(&connector, &cx, None, &inputs(&given)).await.unwrap();
    let session = session(&connector, &stage, None, &grant);
    assert_eq!(connector.identify(&cx, &session, &grant).await.unwrap().to_string(), "1234567-sb1");
    stage.play(&format!("{API}/record/v1/metadata-catalog"), json(200, "{}"));
    assert_eq!(connector.probe(&cx, &session).await.unwrap(), Probe::Alive);
    let sent = stage.one();
    let header = sent.header("authorization").unwrap();
    assert!(header.starts_with("OAuth realm=\"1234567_SB1\", oauth_consumer_key=\"ck\""), "{header}");
    assert!(header.contains("oauth_token=\"ti\"") && header.contains("HMAC-SHA256"), "{header}");
    assert!(!sent.holds("canary") && !sent.holds(SECRET));
    let sent = call(&connector, &stage, None, &grant, "/record/v1/customer").await;
    assert_eq!(sent.url.as_str(), format!("{API}/record/v1/customer"));
}

/// Oracle's own example of a refused login says nothing of the reason.
#[test]
fn netsuites_refused_login_ends_no_grant_and_says_where_the_reason_stands() {
    let connector = mounted("netsuite");
    let body = r#"{"type":"https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html","title":"Unauthorized","status":401,
        "o:errorDetails":[{"detail":"Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI at Setup > Users/Roles > User Management > View Login Audit Trail.","o:errorCode":"INVALID_LOGIN"}]}"#;
    let refused = told(&connector, 401, body).unwrap();
    assert_eq!((refused.cause(), refused.actor()), (Cause::RequestInvalid, Actor::CustomerAdministrator));
    assert_eq!(refused.evidence().codes[0].as_str(), "INVALID_LOGIN");
    assert!(refused.remedy().steps().next().unwrap().to_string().contains("Login Audit Trail"));
    for body in ["", "{}", "<html>sign in</html>"] {
        let verdict = told(&connector, 401, body).map(|told| told.cause().verdict());
        assert!(!matches!(verdict, Some(Verdict::GrantDead | Verdict::RenewAccessToken)), "{body}");
    }
    let blocked =
        told(&connector, 401, r#"{"o:errorDetails":[{"o:errorCode":"consumer_key_refused"}]}"#).unwrap();
    assert_eq!(
        (blocked.cause(), blocked.cause().verdict()),
        (Cause::ClientNotAuthorized, Verdict::Suspended)
    );
}

#[tokio::test]
async fn netsuites_client_proves_itself_with_the_key_of_its_certificate() {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let pem = format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        STANDARD.encode(der.as_ref())
    );
    let manifest = Catalogue::builtin().find("netsuite_m2m").unwrap();
    let connector = ManifestConnector::new(manifest.clone(), &ManifestConfig::new(manifest)).unwrap();
    let (cx, stage) = stage();
    let token = format!("{API}/auth/oauth2/v1/token");
    stage.play(&token, json(200, r#"{"access_token":"at","expires_in":"3600","token_type":"bearer"}"#));
    let given = [
        ("account", "1234567-sb1"),
        ("client_id", "ci"),
        ("certificate_id", "cert-1"),
        ("private_key", pem.as_str()),
    ];
    let grant = mint(&connector, &cx, None, &inputs(&given)).await.unwrap();
    let sent = stage.one();
    assert_eq!(
        (sent.url.as_str(), sent.param("grant_type").as_deref()),
        (&*token, Some("client_credentials"))
    );
    let statement = sent.param("client_assertion").unwrap();
    let part = |number: usize| -> serde_json::Value {
        let part = statement.split('.').nth(number).unwrap();
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (part(0), part(1));
    assert_eq!((header["alg"].as_str(), header["kid"].as_str()), (Some("PS256"), Some("cert-1")));
    assert_eq!((claims["iss"].as_str(), claims["aud"].as_str()), (Some("ci"), Some(&*token)));
    assert_eq!(claims["scope"].as_str(), Some("rest_webservices"));
    assert_eq!(grant.credential.access_expires_at, Some(LATER(3600)));
    let sent = call(&connector, &stage, None, &grant, "/record/v1/customer").await;
    assert_eq!((sent.header("authorization"), sent.holds("PRIVATE KEY")), (Some("Bearer at"), false));
}

#[tokio::test]
async fn flickr_is_approved_by_a_person_and_asked_who_it_is() {
    let connector = mounted("flickr");
    let (cx, stage) = stage();
    let none = inputs(&[]);
    let at = |path: &str| format!("https://www.flickr.com/services/{path}");
    stage.play(
        &at("oauth/request_token"),
        json(200, "oauth_callback_confirmed=true&oauth_token=rt&oauth_token_secret=canary-rs"),
    );
    stage.play(
        &at("oauth/access_token"),
        json(
            200,
            "fullname=Ada&oauth_token=at&oauth_token_secret=canary-as&user_nsid=21207597%40N07&username=ada",
        ),
    );
    let asked = asked(&connector, &cx, &none).await;
    assert_eq!(asked.as_str(), format!("{}?oauth_token=rt&perms=read", at("oauth/authorize")));
    let grant = consent(&connector, &cx, &none, "state=state&oauth_token=rt&oauth_verifier=v").await.unwrap();
    assert!(stage.sent().iter().all(|sent| sent.method == "GET" && !sent.holds("canary")));
    let who = r#"{"user":{"id":"21207597@N07","username":{"_content":"ada"}},"stat":"ok"}"#;
    stage.play(&at("rest"), json(200, who));
    let session = session(&connector, &stage, None, &grant);
    assert_eq!(connector.identify(&cx, &session, &grant).await.unwrap().user, "21207597@N07");
    assert_eq!(of_query(&stage.one().url, "method").as_deref(), Some("flickr.test.login"));
    for (code, cause) in [
        (96, Cause::RequestInvalid),
        (98, Cause::GrantRevoked),
        (99, Cause::PermissionMissing),
        (100, Cause::ClientCredentialsInvalid),
        (105, Cause::ServiceUnavailable),
    ] {
        let body = format!(r#"{{"stat":"fail","code":{code},"message":"refused"}}"#);
        stage.play(&at("rest"), json(200, body));
        let error = connector.identify(&cx, &session, &grant).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{code}");
    }
}
