//! Sign-in: consent, the flows without a person, and who is who.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

mod common;

use std::collections::BTreeSet;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::salesforce::{ACME, Harness, at_acme, invalid_grant, oauth_refusal, refusal};
use common::{CALLBACK, VERIFIER, answer, parameter, text};
use serde_json::{Value, json};
use trunkline_sim::salesforce::{AppKind, ConsentRefused, Hosts, Permitted, Salesforce};

const DEAD: &str = "expired access/refresh token";

#[tokio::test]
async fn a_token_answer_has_the_documented_members_and_a_true_signature() {
    let harness = Harness::start().await;
    let code = harness.code_for(harness.sim.username(), "api id refresh_token").await;

    let (status, body) = harness.exchange(&code).await;

    assert_eq!(status, 200);
    assert!(text(&body, "access_token").starts_with("00Dxx0000001gER!"));
    assert_eq!(text(&body, "scope"), "api id refresh_token");
    assert_eq!(text(&body, "token_type"), "Bearer");
    assert_eq!(format!("{}/", text(&body, "instance_url")), harness.sim.url().as_str());
    assert!(text(&body, "id").ends_with("/id/00Dxx0000001gEREAY/005xx000001SwiUAAS"));
    assert_eq!(body.get("expires_in"), None);
    assert!(text(&body, "issued_at").parse::<i64>().unwrap() > 1_700_000_000_000);
    let signed = format!("{}{}", text(&body, "id"), text(&body, "issued_at"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, harness.sim.client_secret().as_bytes());
    let signature = STANDARD.decode(text(&body, "signature")).unwrap();
    hmac::verify(&key, signed.as_bytes(), &signature).unwrap();
}

#[tokio::test]
async fn a_code_works_once_for_its_verifier_and_redirect_uri() {
    let harness = Harness::start().await;
    let exchange = async |code: &str, uri: &str, verifier: &str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", uri),
            ("code_verifier", verifier),
        ];
        oauth_refusal(&harness.token(&fields).await)
    };
    let code = || harness.code_for(harness.sim.username(), "api");
    let other = "https://app.example.com/other";

    let once = code().await;
    assert!(once.ends_with("=="));
    assert_eq!(exchange(&once, CALLBACK, VERIFIER).await.0, 200);
    assert_eq!(exchange(&once, CALLBACK, VERIFIER).await, invalid_grant("invalid authorization code"));
    let wrong = VERIFIER.replace('z', "y");
    assert_eq!(exchange(&code().await, CALLBACK, &wrong).await, invalid_grant("invalid code verifier"));
    assert_eq!(exchange(&code().await, CALLBACK, "").await, invalid_grant("invalid code verifier"));
    assert_eq!(exchange(&code().await, other, VERIFIER).await.1, "redirect_uri_mismatch");
    let late = code().await;
    harness.control().advance_clock(Duration::from_secs(900));
    assert_eq!(exchange(&late, CALLBACK, VERIFIER).await, invalid_grant("expired authorization code"));
}

#[tokio::test]
async fn consent_answers_by_redirect_or_leaves_the_browser_on_a_page() {
    let harness = Harness::start().await;
    let callback_error = async |extra: &[(&str, &str)]| {
        let callback = harness.sim.approve(&harness.authorize_url(extra)).await.unwrap();
        assert_eq!(parameter(&callback, "state").as_deref(), Some("st4te"));
        parameter(&callback, "error").unwrap()
    };

    assert_eq!(callback_error(&[("scope", "api cdp_api")]).await, "invalid_scope");
    assert_eq!(callback_error(&[("response_type", "token")]).await, "unsupported_response_type");
    assert_eq!(callback_error(&[("code_challenge_method", "plain")]).await, "invalid_request");
    harness.app(|app| app.pkce_required = true);
    assert_eq!(callback_error(&[("code_challenge", "")]).await, "invalid_request");
    let denied = harness.sim.deny(&harness.authorize_url(&[])).await.unwrap();
    assert_eq!(parameter(&denied, "error").as_deref(), Some("access-denied"));

    let refused =
        async |extra: &[(&str, &str)]| harness.sim.approve(&harness.authorize_url(extra)).await.unwrap_err();
    assert_eq!(refused(&[("client_id", "unknown")]).await, ConsentRefused::UnknownClient);
    let other = "https://app.example.com/connect/callback/";
    assert_eq!(refused(&[("redirect_uri", other)]).await, ConsentRefused::UnregisteredRedirectUri);
    harness.app(|app| app.uninstalled_in = BTreeSet::from([harness.sim.org_id().to_owned()]));
    assert!(
        matches!(refused(&[]).await, ConsentRefused::ErrorPage { error, .. } if error == "app_not_found")
    );
}

#[tokio::test]
async fn the_page_signs_in_and_an_app_that_is_not_installed_never_reaches_the_callback() {
    let harness = Harness::start().await;
    let url = harness.authorize_url(&[]);
    let page = harness.http.get(url.clone()).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("action=\"/control/consent\""));
    let decide = async |password: &str, decision: &str| {
        let form = [
            ("query", url.query().unwrap()),
            ("username", harness.sim.username()),
            ("password", password),
            ("decision", decision),
        ];
        let answer = harness.http.post(harness.sim.control_url().join("consent").unwrap()).form(&form);
        let answer = answer.send().await.unwrap();
        let location = answer.headers().get("location").map(|it| it.to_str().unwrap().to_owned());
        (answer.status().as_u16(), location.unwrap_or_default())
    };

    let (status, location) = decide(harness.sim.password(), "allow").await;
    assert!(status == 302 && location.starts_with(CALLBACK) && location.contains("code=aPrx"));
    assert_eq!(decide("wrong", "allow").await.0, 401);
    assert!(decide("", "deny").await.1.contains("error=access-denied"));
    harness.app(|app| {
        app.kind = AppKind::ConnectedApp;
        app.uninstalled_in = BTreeSet::from([harness.sim.org_id().to_owned()]);
    });
    let (_, location) = decide(harness.sim.password(), "allow").await;
    assert!(location.starts_with("/setup/secur/RemoteAccessErrorPage.apexp?error=invalid_client"));
    let page = harness.http.get(harness.login(&location)).send().await.unwrap();
    assert!(page.text().await.unwrap().contains("OAUTH_APPROVAL_ERROR_GENERIC"));
}

#[tokio::test]
async fn auto_approval_decides_as_the_url_says() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| knobs.auto_approve = true);
    let go = async |decide: &str| {
        let url = harness.authorize_url(&[("_decide", decide)]);
        let answer = harness.http.get(url).send().await.unwrap();
        answer.headers()["location"].to_str().unwrap().to_owned()
    };

    assert!(go("").await.contains("code="));
    assert!(go("deny").await.contains("error=access-denied"));
    assert!(go("not_installed").await.contains("app+must+be+installed"));
    assert!(go("blocked").await.contains("OAUTH_APP_BLOCKED"));
    let hanging = harness.http.get(harness.authorize_url(&[("_decide", "hang")])).send();
    assert!(tokio::time::timeout(Duration::from_millis(100), hanging).await.is_err());
}

#[tokio::test]
async fn a_client_proves_itself_in_one_way_and_never_in_the_query() {
    let harness = Harness::start().await;
    let (id, secret) = (harness.sim.client_id(), harness.sim.client_secret());
    let url = harness.login("/services/oauth2/token");
    let grant = ("grant_type", "client_credentials");
    let ask = async |request: reqwest::RequestBuilder| oauth_refusal(&answer(request).await);

    let basic = harness.http.post(url.clone()).basic_auth(id, Some(secret));
    assert_eq!(ask(basic.form(&[grant])).await.0, 200);
    let both = harness.http.post(url.clone()).basic_auth(id, Some(secret));
    assert_eq!(ask(both.form(&[grant, ("client_secret", secret)])).await.1, "invalid_request");
    let query = harness.http.post(url.clone()).query(&[("client_secret", secret)]);
    assert_eq!(ask(query.form(&[grant, ("client_id", id)])).await.1, "invalid_request");
    let wrong = [grant, ("client_id", id), ("client_secret", "wrong")];
    let refused = ask(harness.http.post(url.clone()).form(&wrong)).await;
    assert_eq!(
        (refused.0, refused.1.as_str(), refused.2.as_str()),
        (400, "invalid_client", "invalid client credentials")
    );
    let none = harness.http.post(url.clone()).form(&[grant, ("client_id", id)]);
    assert_eq!(ask(none).await.1, "invalid_client");
    let unknown = harness.http.post(url.clone()).form(&[grant, ("client_id", "x"), ("client_secret", "y")]);
    assert_eq!(ask(unknown).await.1, "invalid_client_id");
    let malformed = harness.http.post(url.clone()).header("authorization", "Basic !").form(&[grant]);
    assert_eq!(ask(malformed).await.1, "invalid_basic_auth_header");
    assert_eq!(harness.token(&[("grant_type", "magic")]).await.1["error"], "unsupported_grant_type");
    assert_eq!(
        oauth_refusal(&harness.token(&[("grant_type", "password")]).await),
        invalid_grant("authentication failure")
    );
}

#[tokio::test]
async fn answers_come_in_json_form_or_xml() {
    let harness = Harness::start().await;
    let ask = async |format: &str, accept: &str| {
        let request = harness.token_request(&[("grant_type", "client_credentials"), ("format", format)]);
        request.header("accept", accept).send().await.unwrap().text().await.unwrap()
    };
    let client_credentials = [("grant_type", "client_credentials")];

    assert!(ask("urlencoded", "*/*").await.starts_with("access_token=00Dxx"));
    assert!(ask("xml", "*/*").await.contains("<OAuth><access_token>00Dxx"));
    assert!(ask("json", "application/xml").await.starts_with('{'));
    let by_header = harness.token_request(&client_credentials).header("accept", "application/xml");
    assert!(by_header.send().await.unwrap().text().await.unwrap().starts_with("<?xml"));
}

#[tokio::test]
async fn client_credentials_run_as_a_user_and_never_refresh() {
    let harness = Harness::start().await;
    let ask = || harness.token(&[("grant_type", "client_credentials")]);

    let (status, body) = ask().await;

    assert_eq!((status.as_u16(), body.get("refresh_token")), (200, None));
    let scopes = text(&body, "scope");
    assert!(
        ["full", "web", "refresh_token"].iter().all(|stripped| !scopes.split(' ').any(|it| it == *stripped))
    );
    harness.app(|app| app.run_as = None);
    assert_eq!(oauth_refusal(&ask().await), invalid_grant("no client credentials user enabled"));
    harness.app(|app| app.client_credentials = false);
    assert_eq!(oauth_refusal(&ask().await).1, "oauth_flow_disabled");
}

#[tokio::test]
async fn the_password_flow_is_blocked_unless_it_is_switched_on() {
    let harness = Harness::start().await;
    let (password, token) = (harness.sim.password(), harness.sim.security_token());
    let whole = format!("{password}{token}");
    let ask = async |password: &str| {
        let username = ("username", harness.sim.username());
        harness.token(&[("grant_type", "password"), username, ("password", password)]).await
    };

    assert_eq!(oauth_refusal(&ask(&whole).await), invalid_grant("authentication failure"));
    harness.knobs(|knobs| knobs.password_grant = true);
    let (status, body) = ask(&whole).await;
    assert_eq!((status.as_u16(), body.get("refresh_token")), (200, None));
    for wrong in [password, token, "wrong"] {
        assert_eq!(oauth_refusal(&ask(wrong).await), invalid_grant("authentication failure"));
    }
}

#[tokio::test]
async fn sign_ins_without_a_person_are_limited_by_the_hour() {
    let harness = Harness::start().await;
    harness.knobs(|knobs| knobs.logins_per_hour = 2);
    let ask = || harness.token(&[("grant_type", "client_credentials")]);

    assert_eq!((ask().await.0, ask().await.0), (200.try_into().unwrap(), 200.try_into().unwrap()));
    assert_eq!(oauth_refusal(&ask().await).1, "rate_limit_exceeded");
    harness.control().advance_clock(Duration::from_secs(3600));
    assert_eq!(ask().await.0, 200);
}

struct Signer {
    key: jsonwebtoken::EncodingKey,
    certificate: String,
}

fn signer() -> Signer {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    let pem = |label: &str, der: &[u8]| {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
    };
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let private: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let public: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
    let key = pem("PRIVATE KEY", private.as_ref());
    Signer {
        key: jsonwebtoken::EncodingKey::from_rsa_pem(key.as_bytes()).unwrap(),
        certificate: pem("PUBLIC KEY", public.as_ref()),
    }
}

#[tokio::test]
async fn an_assertion_must_be_signed_current_for_this_host_and_approved() {
    let (signer, stranger) = (signer(), signer());
    let harness = Harness::with(Salesforce::builder().certificate(signer.certificate.clone())).await;
    let now_s = jiff::Timestamp::now().as_second();
    let claims = json!({
        "iss": harness.sim.client_id(), "sub": harness.sim.username(),
        "aud": "https://login.salesforce.com", "exp": now_s + 170,
    });
    let ask = async |claims: &Value, key: &jsonwebtoken::EncodingKey| {
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        let assertion = jsonwebtoken::encode(&header, claims, key).unwrap();
        let grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        harness.token(&[("grant_type", grant_type), ("assertion", &assertion)]).await
    };
    let changed = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        claims
    };

    assert_eq!(
        oauth_refusal(&ask(&claims, &signer.key).await),
        invalid_grant("user hasn't approved this consumer")
    );
    harness.connect().await;
    let (status, body) = ask(&claims, &signer.key).await;
    assert_eq!((status.as_u16(), body.get("refresh_token")), (200, None));
    let text_exp = changed("exp", (now_s + 170).to_string().into());
    assert_eq!(ask(&text_exp, &signer.key).await.0, 200, "clients send text too");
    for (claims, key, description) in [
        (claims.clone(), &stranger.key, "invalid assertion"),
        (changed("sub", "nobody@acme.example".into()), &signer.key, "invalid assertion"),
        (changed("exp", (now_s + 900).into()), &signer.key, "invalid assertion"),
        (changed("exp", (now_s - 1).into()), &signer.key, "expired authorization code"),
        (changed("exp", ((now_s + 170) * 1000).into()), &signer.key, "expired authorization code"),
        (changed("aud", "https://test.salesforce.com".into()), &signer.key, "audience is invalid"),
    ] {
        assert_eq!(oauth_refusal(&ask(&claims, key).await), invalid_grant(description), "{claims}");
    }
    let unknown = changed("iss", "unknown".into());
    assert_eq!(oauth_refusal(&ask(&unknown, &signer.key).await).1, "invalid_client_id");
    // Approved by an administrator, nobody needs to have approved before.
    harness.control().revoke_grants(harness.sim.username()).unwrap();
    harness.app(|app| app.permitted = Permitted::AdminApproved(BTreeSet::from(["Integration".to_owned()])));
    assert_eq!(ask(&claims, &signer.key).await.0, 200);
}

#[tokio::test]
async fn identity_answers_words_instead_of_json() {
    let harness = Harness::start().await;
    let tokens = harness.connect_with(harness.sim.username(), "api id").await;
    let me = format!("/id/{}/{}", harness.sim.org_id(), harness.sim.user_id());
    let get = async |path: &str, token: &str| {
        let mut request = harness.http.get(harness.login(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let (status, body) = answer(request).await;
        (status.as_u16(), body)
    };

    let (status, body) = get(&me, &tokens.access).await;
    assert_eq!((status, &body["organization_id"]), (200, &json!(harness.sim.org_id())));
    assert!(text(&body["urls"], "rest").contains("{version}"));
    let (_, body) = get(&format!("{me}?version=latest"), &tokens.access).await;
    assert!(text(&body["urls"], "rest").ends_with("/services/data/v68.0/"));
    let short = "/id/00Dxx0000001gER/005xx000001SwiU";
    assert_eq!(get(short, &tokens.access).await.0, 200);
    assert_eq!(get("/services/oauth2/userinfo", &tokens.access).await.1["user_id"], harness.sim.user_id());

    let word = |status: u16, text: &str| (status, Value::String(text.to_owned()));
    let userinfo = "/services/oauth2/userinfo";
    assert_eq!(get(userinfo, "").await, word(403, "Missing_OAuth_Token"));
    assert_eq!(get(userinfo, "00D!stale").await, word(403, "Bad_OAuth_Token"));
    assert_eq!(get("/id/00Dxx0000002gER/005xx000001SwiU", &tokens.access).await, word(403, "Wrong_Org"));
    assert_eq!(get("/id/00Dxx0000001gER/nobody", &tokens.access).await, word(404, "Bad_Id"));
    let (_, other) =
        harness.query(&tokens, "SELECT Id FROM User WHERE Username = 'reader@acme.example'").await;
    let other = format!("/id/{}/{}", harness.sim.org_id(), text(&other["records"][0], "Id"));
    assert_eq!(get(&other, &tokens.access).await, word(403, "No_Access"));
    let admin = harness.connect_as("admin").await;
    assert_eq!(get(&other, &admin.access).await.0, 200);
    let bare = harness.connect_with(harness.sim.username(), "web").await;
    assert_eq!(get(userinfo, &bare.access).await, word(403, "No_Access"));
    harness.control().end_session(&tokens.access).unwrap();
    assert_eq!(get(&me, &tokens.access).await, word(403, "Bad_OAuth_Token"));
}

#[tokio::test]
async fn soap_signs_in_with_password_and_security_token() {
    let harness = Harness::start().await;
    let login = async |username: &str, password: &str| {
        let body = format!(
            "<e:Envelope xmlns:e='http://schemas.xmlsoap.org/soap/envelope/'><e:Body><n:login \
             xmlns:n='urn:partner.soap.sforce.com'><n:username>{username}</n:username><n:password>{password}\
             </n:password></n:login></e:Body></e:Envelope>"
        );
        let request = harness.http.post(harness.login("/services/Soap/u/65.0")).body(body);
        let answer = request.header("content-type", "text/xml").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let (password, token) = (harness.sim.password(), harness.sim.security_token());
    let whole = format!("{password}{token}");

    let (status, body) = login(harness.sim.username(), &whole).await;

    assert_eq!(status, 200);
    let session = body.split("<sessionId>").nth(1).unwrap().split('<').next().unwrap();
    let tokens = common::Tokens { access: session.to_owned(), refresh: String::new() };
    assert_eq!(harness.get(&tokens, "limits").await.0, 200);
    for (username, password) in [
        (harness.sim.username(), password),
        (harness.sim.username(), "wrong"),
        (at_acme("former").as_str(), whole.as_str()),
        ("nobody@acme.example", whole.as_str()),
    ] {
        let (status, body) = login(username, password).await;
        assert_eq!(status, 500);
        assert!(body.contains("<sf:exceptionCode>INVALID_LOGIN</sf:exceptionCode>"), "{body}");
    }
    harness.knobs(|knobs| knobs.trusted_network = true);
    assert_eq!(login(harness.sim.username(), password).await.0, 200);
}

#[tokio::test]
async fn each_host_does_its_own_part() {
    let harness = Harness::with(Salesforce::builder().hosts(Hosts::Separate)).await;
    let org_url = harness.sim.my_domain_url(ACME).unwrap();
    let url = harness.authorize_url(&[("scope", "api refresh_token")]);
    let sandbox_user = "integration@acme.example.dev";
    assert_eq!(harness.sim.approve_as(&url, sandbox_user).await, Err(ConsentRefused::WrongHost));
    let tokens = harness.connect().await;
    let data = async |origin: &url::Url| {
        let url = origin.join("/services/data/v65.0/limits").unwrap();
        answer(harness.http.get(url).bearer_auth(&tokens.access)).await
    };

    assert_eq!(data(&org_url).await.0, 200);
    for wrong in [harness.sim.url(), harness.sim.test_url(), harness.sim.my_domain_url("globex").unwrap()] {
        assert_eq!(refusal(&data(&wrong).await), (401, "INVALID_SESSION_ID".to_owned()), "{wrong}");
    }
    let on = async |origin: &url::Url, fields: &[(&str, &str)]| {
        let client = [("client_id", harness.sim.client_id()), ("client_secret", harness.sim.client_secret())];
        let form: Vec<_> = client.iter().chain(fields).copied().collect();
        let url = origin.join("/services/oauth2/token").unwrap();
        oauth_refusal(&answer(harness.http.post(url).form(&form)).await)
    };
    let client_credentials = [("grant_type", "client_credentials")];
    let refused = invalid_grant("request not supported on this domain");
    assert_eq!(on(&harness.sim.url(), &client_credentials).await, refused);
    assert_eq!(on(&org_url, &client_credentials).await.0, 200);
    let refresh = [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh.as_str())];
    assert_eq!(on(&harness.sim.test_url(), &refresh).await, invalid_grant(DEAD));
    let (status, body) = harness.refresh(&tokens.refresh).await;
    assert_eq!(status, 200, "the wrong host did the grant no harm: {body}");

    harness.control().rename_my_domain(ACME).unwrap();

    assert_eq!(data(&org_url).await.0, 401);
    let (_, body) = harness.refresh(&text(&body, "refresh_token")).await;
    let moved = harness.sim.my_domain_url(ACME).unwrap();
    assert_eq!(format!("{}/", text(&body, "instance_url")), moved.as_str());
    assert!(moved != org_url && data(&moved).await.0 == 200);
}
