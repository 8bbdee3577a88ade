//! The catalogue: every manifest is walked from consent to call and renewal, against answers in the service's shape.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;
mod walks;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use common::*;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::{Call, Cause, Connector, ConsentKind, Exchange, Inputs, Probe, Secret};
use trunkline_manifest::{Catalogue, ManifestConfig, ManifestConnector};
use walks::{Row, rows};

/// A fresh RSA key, as PEM.
fn private_key() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn mounted(name: &str, settings: &[(&str, &str)]) -> ManifestConnector {
    let mut config = ManifestConfig::new(Catalogue::builtin().find(name).unwrap());
    config.client_id = Some("client-1".to_owned());
    config.client_secret = Some(Secret::new(SECRET));
    config.redirect_uri = Some("https://app.example.com/cb".to_owned());
    for (input, value) in settings {
        config.inputs.insert((*input).to_owned(), Secret::new(*value));
    }
    ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap()
}

/// Those that sign statements have a test of their own, and so have those that sign requests, beside this one.
const SIGNING: [&str; 6] =
    ["docusign", "flickr", "github_app", "google_service_account", "netsuite", "netsuite_m2m"];

#[test]
fn every_manifest_is_sound_says_its_source_and_is_walked() {
    let walked: Vec<_> = rows().map(|row| row.name).chain(SIGNING).chain(["cloudant"]).collect();
    for manifest in Catalogue::builtin().list() {
        let (urls, checked) = manifest.source();
        assert!(urls.count() > 0 && !checked.is_empty());
        assert!(walked.contains(&manifest.name()), "{} is not walked", manifest.name());
        assert!(!manifest.methods().is_empty());
    }
    assert_eq!(Catalogue::builtin().len(), walked.len());
    // A file that is in the folder is in the catalogue.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/catalogue");
    assert_eq!(trunkline_manifest::Folder::load(folder).unwrap().len(), walked.len());
}

#[tokio::test]
async fn every_manifest_goes_from_consent_to_call_and_renewal() {
    for row in rows() {
        let connector = mounted(row.name, row.settings);
        let (cx, stage) = stage();
        if !row.token.0.is_empty() {
            stage.play(row.token.0, json(200, row.token.1));
        }
        if !row.probes.is_empty() {
            stage.play(row.probes, json(200, "{}"));
        }
        let given: Inputs = inputs(row.inputs);
        let auth = connector.auth(None).unwrap();
        let grant = match auth.consent() {
            ConsentKind::Redirect => consent(&connector, &cx, &given, row.callback).await,
            _ => mint(&connector, &cx, None, &given).await,
        };
        let grant = grant.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        if row.token.0.is_empty() {
            assert!(stage.sent().is_empty(), "{}", row.name);
        } else {
            assert_eq!(stage.one().url.as_str(), row.token.0, "{}", row.name);
        }

        let mut grant = grant;
        if !row.after.0.is_empty() {
            stage.play(row.after.0, json(200, row.after.1));
            let captured = capture(&connector, &cx, &stage, &mut grant, &given).await;
            captured.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
            assert_eq!(stage.one().url.as_str(), row.after.0, "{}", row.name);
        }
        // The same place may say who it is.
        if !row.asks.0.is_empty() {
            stage.play(row.asks.0, json(200, row.asks.1));
        }
        let session = session(&connector, &stage, None, &grant);
        let account = connector
            .identify(&cx, &session, &grant)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        assert_eq!(account.to_string(), row.account, "{}", row.name);
        let probed =
            connector.probe(&cx, &session).await.unwrap_or_else(|error| panic!("{}: {error:?}", row.name));
        assert_eq!(probed == Probe::Alive, !row.asks.0.is_empty(), "{}", row.name);
        for sent in stage.sent() {
            carries(&sent, row);
        }
        let sent = call(&connector, &stage, None, &grant, "/things").await;
        assert_eq!(sent.url.as_str(), format!("{}/things", row.base), "{}", row.name);
        carries(&sent, row);
        // Nothing of the client goes to the API.
        assert!(!sent.holds(SECRET), "{}", row.name);

        let is_minted = auth.consent() != ConsentKind::Redirect && !row.token.0.is_empty();
        if grant.credential.refresh_token.is_some() || is_minted {
            let url = if row.refresh.is_empty() { row.token.0 } else { row.refresh };
            stage.play(url, json(200, row.token.1));
            let renewed = auth.refresh(&cx, &held(&grant, &given)).await.unwrap();
            let sent = stage.one();
            assert_eq!(sent.url.as_str(), url, "{}", row.name);
            assert!(is_minted || sent.holds("rt"), "{}", row.name);
            assert_eq!(renewed.captures, grant.captures, "{}", row.name);
        }
    }
}

/// Its session comes in a header.
#[tokio::test]
async fn a_cloudant_session_is_a_cookie() {
    let connector = mounted("cloudant", &[]);
    let (cx, stage) = stage();
    let login = "https://acme.cloudant.com/_session";
    let set = "AuthSession=\"a2lt\"; Expires=Fri, 02-Jan-2026 03:04:05 GMT; Max-Age=86400; Path=/; HttpOnly; Version=1";
    stage.play(login, json(200, r#"{"ok":true,"name":"ada","roles":["_admin"]}"#).with("set-cookie", set));
    let given = inputs(&[("account", "acme"), ("username", "ada"), ("password", "p")]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let sent = stage.one();
    assert_eq!(
        (sent.url.as_str(), String::from_utf8_lossy(&sent.body).as_ref()),
        (login, "name=ada&password=p")
    );
    assert_eq!(grant.credential.access_expires_at, Some(LATER(86_400)));
    assert_eq!(grant.account.as_ref().unwrap().to_string(), "ada@acme");
    let sent = call(&connector, &stage, None, &grant, "/_all_dbs").await;
    assert_eq!(sent.url.as_str(), "https://acme.cloudant.com/_all_dbs");
    assert_eq!((sent.header("cookie"), sent.header("authorization")), (Some("AuthSession=\"a2lt\""), None));
    stage.play(login, json(401, r#"{"error":"unauthorized","reason":"Name or password is incorrect."}"#));
    let error = mint(&connector, &cx, None, &given).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::UserCredentialsInvalid));
}

/// A failed answer of a service, and what it must be taken for.
type Answer = (&'static str, Call, u16, &'static str, Cause);

const ANSWERS: &[Answer] = &[
    (
        "box",
        Call::Api,
        400,
        r#"{"type":"error","status":400,"code":"terms_of_service_required","message":"User must accept custom terms of service before action can be taken"}"#,
        Cause::InteractionRequired,
    ),
    ("clickup", Call::Api, 401, r#"{"err":"Team not authorized","ECODE":"OAUTH_027"}"#, Cause::ScopeMissing),
    (
        "clickup",
        Call::Api,
        401,
        r#"{"err":"Token not found","ECODE":"OAUTH_019"}"#,
        Cause::AccessTokenRejected,
    ),
    (
        "shopify",
        Call::Api,
        200,
        r#"{"errors":[{"message":"Throttled"}],"extensions":{"cost":{"requestedQueryCost":202,"actualQueryCost":null}}}"#,
        Cause::RateLimited,
    ),
    ("shopify", Call::Api, 423, r#"{"errors":"Locked"}"#, Cause::CompanyInactive),
    (
        "shopify_oauth",
        Call::Refresh,
        401,
        r#"{"error":"invalid_request","error_description":"This request requires an active refresh_token"}"#,
        Cause::GrantRevoked,
    ),
    (
        "square",
        Call::Api,
        401,
        r#"{"errors":[{"category":"AUTHENTICATION_ERROR","code":"ACCESS_TOKEN_EXPIRED"}]}"#,
        Cause::AccessTokenExpired,
    ),
    (
        "square",
        Call::Api,
        403,
        r#"{"errors":[{"category":"AUTHENTICATION_ERROR","code":"INSUFFICIENT_SCOPES"}]}"#,
        Cause::ScopeMissing,
    ),
    ("slack", Call::Api, 200, r#"{"ok":false,"error":"account_inactive"}"#, Cause::AccessTokenRejected),
    ("slack", Call::Api, 200, r#"{"ok":false,"error":"token_expired"}"#, Cause::AccessTokenExpired),
    (
        "zoho_crm",
        Call::Api,
        401,
        r#"{"code":"OAUTH_SCOPE_MISMATCH","details":{},"message":"invalid oauth scope to access this URL","status":"error"}"#,
        Cause::ScopeMissing,
    ),
    (
        "zoom",
        Call::Refresh,
        400,
        r#"{"reason":"Invalid Token!","error":"invalid_request"}"#,
        Cause::GrantRevoked,
    ),
];

#[test]
fn answers_in_a_services_own_words_have_their_cause() {
    for (name, call, status, body, cause) in ANSWERS {
        let settings = rows().find(|row| row.name == *name).map_or(&[][..], |row| row.settings);
        let exchange = Exchange {
            call: *call,
            method: &Method::GET,
            path: "/things",
            status: StatusCode::from_u16(*status).unwrap(),
            headers: &HeaderMap::new(),
            body: body.as_bytes(),
        };
        let judged = mounted(name, settings).diagnose(&exchange).map(|diagnosis| diagnosis.cause());
        assert_eq!(judged, Some(*cause), "{name}: {body}");
    }
}

/// A dead refresh token, in the words of services that have their own.
#[tokio::test]
async fn a_dead_refresh_token_is_told_by_the_services_own_code() {
    for (name, status, body) in [
        ("slack", 200, r#"{"ok":false,"error":"invalid_refresh_token"}"#),
        ("zoho_crm", 200, r#"{"error":"invalid_code"}"#),
        ("zoom", 400, r#"{"reason":"Invalid Token!","error":"invalid_request"}"#),
    ] {
        let row = rows().find(|row| row.name == name).unwrap();
        let connector = mounted(name, row.settings);
        let (cx, stage) = stage();
        stage.play(row.token.0, json(200, row.token.1));
        let given = inputs(row.inputs);
        let grant = consent(&connector, &cx, &given, row.callback).await.unwrap();
        stage.play(row.token.0, json(status, body));
        let error = connector.auth(None).unwrap().refresh(&cx, &held(&grant, &given)).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::GrantRevoked), "{name}");
    }
}

fn carries(sent: &Sent, row: &Row) {
    for (name, value) in row.carries {
        assert_eq!(sent.header(name), Some(*value), "{}", row.name);
    }
}

/// What the statement that was sent says.
fn claims(sent: &Sent) -> serde_json::Value {
    let assertion = sent.param("assertion").unwrap();
    let claims = assertion.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    serde_json::from_slice(&claims).unwrap()
}

#[tokio::test]
async fn docusign_is_asked_with_the_operators_key_in_the_place_of_the_tenants_user() {
    let (key, user, account) = (
        "7c2b8d7e-83c3-4940-af5e-cda8a50dd73f",
        "464f7988-8208-4600-ba6f-5e0a5b9e4f7a",
        "18b4799a-f53a-4475-ba4d-b5b4b8a97604",
    );
    let pem = &private_key();
    let connector = mounted("docusign", &[("integration_key", key), ("private_key", pem)]);
    let (cx, stage) = stage();
    let token = "https://account.docusign.com/oauth/token";
    stage.play(token, json(200, r#"{"access_token":"at","token_type":"Bearer","expires_in":3600}"#));
    let given = inputs(&[("user_id", user)]);
    let mut grant = mint(&connector, &cx, None, &given).await.unwrap();
    let now = LATER(0).as_second();
    assert_eq!(
        claims(&stage.one()),
        serde_json::json!({
            "iss": key, "sub": user, "aud": "account.docusign.com", "scope": "signature impersonation",
            "iat": now, "exp": now + 3600
        })
    );
    let told = serde_json::json!({ "sub": user, "accounts": [
        { "account_id": "00000000-0000-4000-8000-000000000000", "is_default": false, "base_uri": "https://eu.docusign.net" },
        { "account_id": account, "is_default": true, "base_uri": "https://na3.docusign.net" },
    ] });
    stage.play("https://account.docusign.com/oauth/userinfo", json(200, told.to_string()));
    capture(&connector, &cx, &stage, &mut grant, &given).await.unwrap();
    assert_eq!(stage.sent().len(), 1);
    let session = session(&connector, &stage, None, &grant);
    let account_is = connector.identify(&cx, &session, &grant).await.unwrap().to_string();
    assert_eq!((account_is, stage.sent().len()), (format!("{user}@{account}"), 1));
    let sent = call(&connector, &stage, None, &grant, "/envelopes").await;
    let base = format!("https://na3.docusign.net/restapi/v2.1/accounts/{account}");
    assert_eq!(sent.url.as_str(), format!("{base}/envelopes"));
    assert!(!sent.holds("PRIVATE KEY"));
    // Nobody has approved it.
    stage.play(token, json(400, r#"{"error":"consent_required"}"#));
    let error = connector.auth(None).unwrap().refresh(&cx, &held(&grant, &given)).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::InteractionRequired));
}

#[tokio::test]
async fn a_github_app_signs_a_statement_that_is_dated_back_and_gets_a_token_of_the_installation() {
    let pem = &private_key();
    let connector = mounted("github_app", &[("app_id", "Iv23liabcdefghij1234"), ("private_key", pem)]);
    let (cx, stage) = stage();
    let token = "https://api.github.com/app/installations/12345678/access_tokens";
    let answer = r#"{"token":"ghs_1","expires_at":"2027-01-15T09:00:00Z","permissions":{"issues":"write"}}"#;
    stage.play(token, json(201, answer));
    let given = inputs(&[("installation_id", "12345678")]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let sent = stage.one();
    let statement = sent.header("authorization").unwrap().strip_prefix("Bearer ").unwrap().to_owned();
    let claims = statement.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let now = LATER(0).as_second();
    let expected = serde_json::json!({ "iss": "Iv23liabcdefghij1234", "iat": now - 60, "exp": now + 540 });
    assert_eq!((claims, &sent.body[..]), (expected, &b"{}"[..]));
    assert!(grant.credential.access_expires_at.is_some() && grant.credential.refresh_token.is_none());
    let sent = call(&connector, &stage, None, &grant, "/installation/repositories").await;
    assert_eq!(sent.header("authorization"), Some("Bearer ghs_1"));
    assert!(!sent.holds("PRIVATE KEY") && !sent.holds(&statement));
}

/// A service that is not asked for a secret gets none: each manifest's requests go to its own hosts.
#[tokio::test]
async fn a_service_account_signs_a_statement_for_the_token_endpoint() {
    let pem = &private_key();
    let connector = mounted("google_service_account", &[]);
    let (cx, stage) = stage();
    stage
        .play("https://oauth2.googleapis.com/token", json(200, r#"{"access_token":"at","expires_in":3599}"#));
    let email = "reader@project-1.iam.gserviceaccount.com";
    let given = inputs(&[("client_email", email), ("private_key", pem)]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let sent = stage.one();
    assert_eq!(sent.param("grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    let now = LATER(0).as_second();
    assert_eq!(
        claims(&sent),
        serde_json::json!({ "iss": email, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600 })
    );
    assert_eq!(grant.account.unwrap().user, email);
    assert!(!sent.holds("PRIVATE KEY"));
    let wrong = inputs(&[("client_email", email), ("private_key", "canary-no-key")]);
    let error = mint(&connector, &cx, None, &wrong).await.unwrap_err();
    assert!(!format!("{error:?}").contains("canary") && stage.sent().is_empty());
}
