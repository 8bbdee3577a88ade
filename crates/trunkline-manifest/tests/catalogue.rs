//! The catalogue: every manifest is walked from consent to call and renewal, against answers in the service's shape.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use common::*;
use trunkline_core::{Connector, ConsentKind, Inputs, Probe, Secret};
use trunkline_manifest::{Catalogue, ManifestConfig, ManifestConnector};

/// What one service answers, and what must come of it.
struct Row {
    name: &'static str,
    inputs: &'static [(&'static str, &'static str)],
    /// What the service appends to the redirect URI.
    callback: &'static str,
    /// Where the token is asked for, and what comes; empty where there is none.
    token: (&'static str, &'static str),
    /// Where the identity or the probe is asked for, and what comes; empty where nothing is.
    asks: (&'static str, &'static str),
    account: &'static str,
    /// What the API's base is.
    base: &'static str,
    authorization: &'static str,
}

const TOKEN: &str = r#"{"access_token":"at","refresh_token":"rt","token_type":"bearer","expires_in":3600}"#;

const fn row(
    name: &'static str,
    token: &'static str,
    asks: (&'static str, &'static str),
    account: &'static str,
    base: &'static str,
) -> Row {
    Row {
        name,
        inputs: &[],
        callback: "code=c",
        token: (token, TOKEN),
        asks,
        account,
        base,
        authorization: "Bearer at",
    }
}

const ROWS: &[Row] = &[
    row(
        "airtable",
        "https://airtable.com/oauth2/v1/token",
        ("https://api.airtable.com/v0/meta/whoami", r#"{"id":"usr1"}"#),
        "usr1",
        "https://api.airtable.com/v0",
    ),
    row(
        "asana",
        "https://app.asana.com/-/oauth_token",
        ("https://app.asana.com/api/1.0/users/me", r#"{"data":{"gid":"7"}}"#),
        "7",
        "https://app.asana.com/api/1.0",
    ),
    Row {
        inputs: &[("company_domain", "mycompany"), ("api_key", "k")],
        token: ("", ""),
        authorization: "Basic azp4",
        ..row("bamboohr", "", ("", ""), "mycompany", "https://api.bamboohr.com/api/gateway.php/mycompany/v1")
    },
    row(
        "dropbox",
        "https://api.dropboxapi.com/oauth2/token",
        ("https://api.dropboxapi.com/2/users/get_current_account", r#"{"account_id":"dbid:1"}"#),
        "dbid:1",
        "https://api.dropboxapi.com/2",
    ),
    Row {
        // Without a member for its end, form-encoded where nobody asks for JSON.
        token: (
            "https://github.com/login/oauth/access_token",
            r#"{"access_token":"at","scope":"repo,gist","token_type":"bearer"}"#,
        ),
        ..row(
            "github",
            "",
            ("https://api.github.com/user", r#"{"id":1,"login":"octocat"}"#),
            "1",
            "https://api.github.com",
        )
    },
    row(
        "gitlab",
        "https://gitlab.com/oauth/token",
        ("https://gitlab.com/api/v4/user", r#"{"id":1,"username":"ada"}"#),
        "1",
        "https://gitlab.com/api/v4",
    ),
    row(
        "google",
        "https://oauth2.googleapis.com/token",
        ("https://openidconnect.googleapis.com/v1/userinfo", r#"{"sub":"s1"}"#),
        "s1",
        "https://www.googleapis.com",
    ),
    row(
        "google_drive",
        "https://oauth2.googleapis.com/token",
        ("https://openidconnect.googleapis.com/v1/userinfo", r#"{"sub":"s1"}"#),
        "s1",
        "https://www.googleapis.com/drive/v3",
    ),
    Row {
        token: (
            "https://api.hubapi.com/oauth/v1/token",
            r#"{"access_token":"at","refresh_token":"rt","expires_in":1800,"hub_id":123,"user_id":5}"#,
        ),
        ..row("hubspot", "", ("", ""), "5@123", "https://api.hubapi.com")
    },
    Row {
        token: ("https://api.intercom.io/auth/eagle/token", r#"{"access_token":"at","token_type":"Bearer"}"#),
        ..row(
            "intercom",
            "",
            ("https://api.intercom.io/me", r#"{"type":"admin","id":"9"}"#),
            "9",
            "https://api.intercom.io",
        )
    },
    Row {
        token: (
            "https://api.linear.app/oauth/token",
            r#"{"access_token":"at","token_type":"Bearer","expires_in":315705599,"scope":"read write"}"#,
        ),
        ..row(
            "linear",
            "",
            ("https://api.linear.app/graphql", r#"{"data":{"viewer":{"id":"u","organization":{"id":"o"}}}}"#),
            "u@o",
            "https://api.linear.app",
        )
    },
    Row {
        token: (
            "https://api.notion.com/v1/oauth/token",
            r#"{"access_token":"at","bot_id":"b-1","workspace_id":"w-1","owner":{"workspace":true}}"#,
        ),
        ..row("notion", "", ("", ""), "b-1@w-1", "https://api.notion.com/v1")
    },
    Row {
        token: (
            "https://oauth.pipedrive.com/oauth/token",
            r#"{"access_token":"at","refresh_token":"rt","token_type":"Bearer","expires_in":3599,"scope":"base,deals:full","api_domain":"https://mi6.pipedrive.com"}"#,
        ),
        ..row(
            "pipedrive",
            "",
            (
                "https://mi6.pipedrive.com/api/v1/users/me",
                r#"{"success":true,"data":{"id":777,"company_id":1}}"#,
            ),
            "777@1",
            "https://mi6.pipedrive.com/api/v1",
        )
    },
    Row {
        callback: "code=c&realmId=4620816365",
        ..row(
            "quickbooks",
            "https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
            (
                "https://quickbooks.api.intuit.com/v3/company/4620816365/companyinfo/4620816365",
                r#"{"CompanyInfo":{}}"#,
            ),
            "4620816365",
            "https://quickbooks.api.intuit.com/v3/company/4620816365",
        )
    },
    Row {
        inputs: &[("api_key", "SG.k.k")],
        token: ("", ""),
        authorization: "Bearer SG.k.k",
        ..row(
            "sendgrid",
            "",
            ("https://api.sendgrid.com/v3/scopes", r#"{"scopes":[]}"#),
            "",
            "https://api.sendgrid.com/v3",
        )
    },
    Row {
        inputs: &[("api_key", "k")],
        token: ("", ""),
        authorization: "Basic azo=",
        ..row(
            "stripe",
            "",
            ("https://api.stripe.com/v1/account", r#"{"id":"acct_1"}"#),
            "acct_1",
            "https://api.stripe.com",
        )
    },
    Row {
        inputs: &[("account_sid", "AC0123456789abcdef0123456789abcdef"), ("auth_token", "t")],
        token: ("", ""),
        authorization: "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0",
        ..row(
            "twilio",
            "",
            (
                "https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef.json",
                r#"{"status":"active"}"#,
            ),
            "AC0123456789abcdef0123456789abcdef",
            "https://api.twilio.com/2010-04-01",
        )
    },
    Row {
        // An id token for client-1 whose subject is `x1`.
        token: (
            "https://identity.xero.com/connect/token",
            r#"{"access_token":"at","refresh_token":"rt","expires_in":1800,"id_token":"e30.eyJzdWIiOiJ4MSIsImF1ZCI6ImNsaWVudC0xIn0.s"}"#,
        ),
        ..row("xero", "", ("https://api.xero.com/connections", "[]"), "x1", "https://api.xero.com")
    },
    Row {
        inputs: &[("subdomain", "acme")],
        ..row(
            "zendesk",
            "https://acme.zendesk.com/oauth/tokens",
            ("https://acme.zendesk.com/api/v2/users/me.json", r#"{"user":{"id":3}}"#),
            "3@acme",
            "https://acme.zendesk.com/api/v2",
        )
    },
];

/// A fresh RSA key, as PEM.
fn private_key() -> String {
    let key = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der.as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fn mounted(name: &str) -> ManifestConnector {
    let mut config = ManifestConfig::new(Catalogue::builtin().find(name).unwrap());
    config.client_id = Some("client-1".to_owned());
    config.client_secret = Some(Secret::new(SECRET));
    config.redirect_uri = Some("https://app.example.com/cb".to_owned());
    ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap()
}

#[test]
fn every_manifest_is_sound_says_its_source_and_is_walked() {
    let walked: Vec<_> = ROWS.iter().map(|row| row.name).chain(["google_service_account"]).collect();
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
    for row in ROWS {
        let connector = mounted(row.name);
        let (cx, stage) = stage();
        if !row.token.0.is_empty() {
            stage.play(row.token.0, json(200, row.token.1));
        }
        if !row.asks.0.is_empty() {
            stage.play(row.asks.0, json(200, row.asks.1));
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
            assert_eq!(sent.header("authorization"), Some(row.authorization), "{}", row.name);
        }
        let sent = call(&connector, &stage, None, &grant, "/things").await;
        assert_eq!(sent.url.as_str(), format!("{}/things", row.base), "{}", row.name);
        assert_eq!(sent.header("authorization"), Some(row.authorization), "{}", row.name);

        if grant.credential.refresh_token.is_some() {
            let renewed = auth.refresh(&cx, &held(&grant, &given)).await.unwrap();
            let sent = stage.one();
            assert_eq!(sent.url.as_str(), row.token.0, "{}", row.name);
            assert!(sent.holds("rt"), "{}", row.name);
            assert_eq!(renewed.captures, grant.captures, "{}", row.name);
        }
        // Nothing of the client goes to the API.
        assert!(!sent.holds(SECRET), "{}", row.name);
    }
}

/// A service that is not asked for a secret gets none: each manifest's requests go to its own hosts.
#[tokio::test]
async fn a_service_account_signs_a_statement_for_the_token_endpoint() {
    let pem = &private_key();
    let connector = mounted("google_service_account");
    let (cx, stage) = stage();
    stage
        .play("https://oauth2.googleapis.com/token", json(200, r#"{"access_token":"at","expires_in":3599}"#));
    let email = "reader@project-1.iam.gserviceaccount.com";
    let given = inputs(&[("client_email", email), ("private_key", pem)]);
    let grant = mint(&connector, &cx, None, &given).await.unwrap();
    let sent = stage.one();
    assert_eq!(sent.param("grant_type").as_deref(), Some("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    let assertion = sent.param("assertion").unwrap();
    let claims = assertion.split('.').nth(1).unwrap();
    let claims = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let now = LATER(0).as_second();
    assert_eq!(
        claims,
        serde_json::json!({ "iss": email, "aud": "https://oauth2.googleapis.com/token", "iat": now, "exp": now + 3600 })
    );
    assert_eq!(grant.account.unwrap().user, email);
    assert!(!sent.holds("PRIVATE KEY"));
    let wrong = inputs(&[("client_email", email), ("private_key", "canary-no-key")]);
    let error = mint(&connector, &cx, None, &wrong).await.unwrap_err();
    assert!(!format!("{error:?}").contains("canary") && stage.sent().is_empty());
}
