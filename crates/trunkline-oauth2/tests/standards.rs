//! The standards behind the settings: the request as it is sent, RFC 9207, 7009, 7662, and the judge.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::*;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::{Call, Cause, Connector, ConsentAnswer, Diagnosis, Exchange, Retry, Revoked, Verdict};
use trunkline_oauth2::{AccountSource, OAuth2Config};

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

#[tokio::test]
async fn settings_reach_the_requests() {
    let mut config = given();
    config.scopes = vec!["b".into(), "a".into()];
    config.scope_separator = ',';
    config.authorization_params.insert("prompt".into(), "consent".into());
    config.token_params.insert("audience".into(), "api".into());
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t","scope":"a,b"}"#));
    let with = connector(config.clone());
    let (asked, _) = begin(&with, &cx).await.unwrap();
    let query: Vec<_> = asked.query_pairs().into_owned().collect();
    assert_eq!(value(&query, "scope"), Some("a,b"));
    assert_eq!(value(&query, "prompt"), Some("consent"));
    assert_eq!(value(&query, "code_challenge_method"), Some("S256"));
    let grant = complete(&with, &cx, "code=c").await.unwrap();
    assert_eq!(grant.credential.scopes.unwrap(), ["a", "b"].into_iter().collect());
    let sent = stage.sent().remove(0);
    assert_eq!(sent.param("audience"), Some("api"));
    assert!(sent.param("code_verifier").is_some());

    config.pkce = false;
    let (asked, _) = begin(&connector(config), &cx).await.unwrap();
    assert!(asked.query_pairs().all(|(name, _)| name != "code_challenge"));
}

#[tokio::test]
async fn c_9207_01_where_the_metadata_promises_an_issuer_a_callback_without_one_is_refused() {
    let promised = metadata(r#""authorization_response_iss_parameter_supported":true"#);
    let iss = format!("iss={ISSUER}");
    for (document, setting, refused) in [
        (promised.as_str(), None, true),
        (&metadata(""), None, false),
        (&metadata(""), Some(true), true),
        (&promised, Some(false), false),
    ] {
        let (cx, stage) = stage();
        stage.play(INSERTED, json(200, document));
        stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
        let mut config = discovering();
        config.authorization_response_iss_parameter_supported = setting;
        let connector = connector(config);
        connector.ready(&cx).await.unwrap();
        stage.sent();
        let result = complete(&connector, &cx, "code=c").await;
        assert_eq!(result.is_err(), refused, "{setting:?}");
        assert_eq!(stage.urls().is_empty(), refused, "the code is not spent");
        complete(&connector, &cx, &format!("code=c&{iss}")).await.unwrap();
    }
}

#[tokio::test]
async fn c_9207_02_an_issuer_that_comes_is_compared_even_where_nothing_is_discovered() {
    let mut config = given();
    config.issuer = Some(ISSUER.to_owned());
    let connector = connector(config);
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t"}"#));
    for query in ["code=c&iss=https://evil.example.com", "error=access_denied&iss=https://evil.example.com"] {
        let error = complete(&connector, &cx, query).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{query}");
    }
    assert!(stage.sent().is_empty());
    complete(&connector, &cx, &format!("code=c&iss={ISSUER}")).await.unwrap();
    complete(&connector, &cx, "code=c").await.unwrap();
}

#[tokio::test]
async fn c_7009_01_the_refresh_token_is_revoked_where_the_service_says() {
    let (cx, stage) = stage();
    stage.play(REVOKE, json(200, ""));
    let auth = connector(given()).auth(None).unwrap();
    assert_eq!(auth.revoke(&cx, &held()).await.unwrap(), Revoked::Done);
    let sent = stage.sent().remove(0);
    assert_eq!((sent.url.as_str(), sent.param("token")), (REVOKE, Some("old-refresh")));
    assert!(sent.authorization().unwrap().starts_with("Basic "));

    let mut without = given();
    without.revocation_endpoint = None;
    let auth = connector(without).auth(None).unwrap();
    assert_eq!(auth.revoke(&cx, &held()).await.unwrap(), Revoked::NotSupported);
    assert!(stage.sent().is_empty());
}

#[tokio::test]
async fn c_7009_03_a_busy_service_leaves_the_token_alive_and_names_the_pause() {
    let (cx, stage) = stage();
    stage.play(REVOKE, Reply::Answer(503, vec![("retry-after", "90".to_owned())], Vec::new()));
    let error = connector(given()).auth(None).unwrap().revoke(&cx, &held()).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
    assert_eq!(error.diagnosis().unwrap().retry(), Retry::After { after_s: 90 });
}

fn introspecting() -> OAuth2Config {
    let mut config = given();
    config.introspection_endpoint = Some(url(INTROSPECT));
    config
}

#[tokio::test]
async fn c_7662_01_inactive_is_a_normal_answer_and_a_401_is_about_our_own_credentials() {
    let connector = connector(introspecting());
    let grant = trunkline_core::Grant { credential: held().credential, ..Default::default() };
    for (reply, cause) in [
        (json(200, r#"{"active":false}"#), Cause::AccessTokenRejected),
        (json(401, ""), Cause::ClientCredentialsInvalid),
        (json(401, r#"{"error":"invalid_client"}"#), Cause::ClientCredentialsInvalid),
    ] {
        let (cx, stage) = stage();
        stage.play(INTROSPECT, reply);
        let error = identify(&connector, &cx, &stage, &grant).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause));
        let sent = stage.sent().remove(0);
        assert_eq!((sent.url.as_str(), sent.param("token")), (INTROSPECT, Some("old-access")));
        assert!(sent.authorization().unwrap().starts_with("Basic "), "the client asks, not the token");
    }
}

#[tokio::test]
async fn c_7662_02_an_introspection_that_fails_says_nothing_about_the_token() {
    let connector = connector(introspecting());
    let grant = trunkline_core::Grant { credential: held().credential, ..Default::default() };
    for reply in [
        json(500, ""),
        json(503, r#"{"active":false}"#),
        json(200, ""),
        json(200, r#"{"active":"false"}"#),
        json(200, "<html>"),
        json(403, "<html>"),
        json(404, ""),
        Reply::Lost,
        Reply::NotSent,
    ] {
        let (cx, stage) = stage();
        stage.play(INTROSPECT, reply);
        let error = identify(&connector, &cx, &stage, &grant).await.unwrap_err();
        assert_eq!(error.cause().unwrap().verdict(), Verdict::Transient, "{error:?}");
    }
}

#[tokio::test]
async fn c_7662_03_what_the_service_knows_of_the_token_is_the_account() {
    let mut config = introspecting();
    config.account_company = Some("org".to_owned());
    let connector = connector(config);
    let (cx, stage) = stage();
    stage.play(INTROSPECT, json(200, r#"{"active":true,"sub":"ada","org":17,"exp":1767330000,"scope":"a"}"#));
    let grant = trunkline_core::Grant { credential: held().credential, ..Default::default() };
    let account = identify(&connector, &cx, &stage, &grant).await.unwrap();
    assert_eq!((account.user.as_str(), account.company.as_str()), ("ada", "17"));
}

fn judged(config: OAuth2Config, call: Call, status: u16, body: &str) -> Option<Diagnosis> {
    let (method, headers) = (&Method::POST, &HeaderMap::new());
    let status = StatusCode::from_u16(status).unwrap();
    connector(config).diagnose(&Exchange {
        call,
        method,
        path: "/token",
        status,
        headers,
        body: body.as_bytes(),
    })
}

#[tokio::test]
async fn c_14_a_services_own_words_for_over_and_for_not_now_count_whatever_the_status() {
    let mut config = given();
    config.terminal_errors = vec!["bad_refresh_token".into(), "any token request failure".into()];
    config.transient_errors = vec!["unknown_error".into(), "already being processed".into()];
    let busy = r#"{"error":"invalid_grant","error_description":"Token request is already being processed"}"#;
    for (status, body, cause) in [
        (500, r#"{"message":"Any token request failure"}"#, Cause::GrantRevoked),
        (400, r#"{"error":"bad_refresh_token"}"#, Cause::GrantRevoked),
        (400, busy, Cause::ServiceUnavailable),
        (400, r#"{"error":"unknown_error"}"#, Cause::ServiceUnavailable),
        // Twins.
        (400, r#"{"error":"invalid_grant"}"#, Cause::GrantRevoked),
        (400, r#"{"error":"unknown_error_2"}"#, Cause::RefreshOutcomeUnknown),
        (500, r#"{"message":"Any failure"}"#, Cause::ServiceUnavailable),
    ] {
        let (cx, stage) = stage();
        stage.play(TOKEN, json(status, body));
        let auth = connector(config.clone()).auth(None).unwrap();
        let error = auth.refresh(&cx, &held()).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{status} {body}");
        assert_eq!(stage.sent().len(), 1, "one request");
    }
    let gone = r#"{"error":"bad_refresh_token"}"#;
    assert_eq!(judged(config.clone(), Call::Exchange, 400, gone).unwrap().cause(), Cause::ConsentInvalid);
    assert_eq!(judged(config.clone(), Call::Api, 400, gone), None, "an API has words of its own");
    assert_eq!(judged(given(), Call::Refresh, 400, gone), None, "the standards are the judge");
}

#[tokio::test]
async fn client_credentials_mint_again_and_have_no_user() {
    let mut config = given();
    config.userinfo_endpoint = Some(url(USERINFO));
    config.grant_type = trunkline_oauth2::GrantType::ClientCredentials;
    let connector = connector(config);
    let (cx, stage) = stage();
    stage.play(TOKEN, json(200, r#"{"access_token":"t","expires_in":60}"#));
    let auth = connector.auth(None).unwrap();
    let grant = auth.complete(&cx, &ConsentAnswer::default()).await.unwrap();
    assert_eq!(stage.sent().remove(0).param("grant_type"), Some("client_credentials"));
    assert!(identify(&connector, &cx, &stage, &grant).await.unwrap().user.is_empty());
    assert!(stage.sent().is_empty(), "UserInfo is for users");
    let held = trunkline_core::Held { credential: grant.credential, ..Default::default() };
    auth.refresh(&cx, &held).await.unwrap();
    assert_eq!(stage.sent().remove(0).param("grant_type"), Some("client_credentials"));
}

#[tokio::test]
async fn the_account_is_told_where_the_settings_say() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let id_token = |claims: &str| format!("{}.{}.sig", encode("{}"), encode(claims));
    let ours = id_token(r#"{"iss":"https://login.example.com/tenant1","aud":["x","client-1"],"sub":"ada"}"#);
    let foreign = id_token(r#"{"iss":"https://login.example.com/tenant1","aud":"client-2","sub":"eve"}"#);
    let other_issuer = id_token(r#"{"iss":"https://evil.example.com","aud":"client-1","sub":"eve"}"#);
    type Change = fn(&mut OAuth2Config);
    let none: Change = |_| {};
    let userinfo: Change = |c| c.userinfo_endpoint = Some(url(USERINFO));
    let nested: Change = |c| {
        c.userinfo_endpoint = Some(url(USERINFO));
        c.account_user = "user.id".to_owned();
        c.account_company = Some("team.id".to_owned());
    };
    let by_token: Change = |c| {
        c.account = Some(AccountSource::TokenResponse);
        c.account_user = "user_id".to_owned();
        c.account_company = Some("team_id".to_owned());
    };
    let by_id_token: Change = |c| c.account = Some(AccountSource::IdToken);
    let nowhere: Change = |c| c.account = Some(AccountSource::None);
    for (change, id_token, told, expected) in [
        (none, Some(&ours), "", Some("ada")),
        (none, Some(&foreign), "", Some("")),
        (none, Some(&other_issuer), "", Some("")),
        (none, None, "", Some("")),
        (nowhere, Some(&ours), "", Some("")),
        (by_id_token, Some(&ours), "", Some("ada")),
        (by_id_token, Some(&foreign), "", None),
        (by_id_token, None, "", None),
        (by_token, None, "", Some("u7@t9")),
        (userinfo, None, r#"{"sub":"ada"}"#, Some("ada")),
        (userinfo, Some(&ours), r#"{"sub":"ada"}"#, Some("ada")),
        // C-OIDC-03
        (userinfo, Some(&ours), r#"{"sub":"eve"}"#, None),
        (userinfo, None, r#"{"name":"Ada"}"#, None),
        (userinfo, None, r#"{"sub":"a\u0000da"}"#, None),
        (userinfo, None, "<html>", None),
        (nested, None, r#"{"user":{"id":7},"team":{"id":"t9"}}"#, Some("7@t9")),
    ] {
        let mut config = given();
        config.issuer = Some(ISSUER.to_owned());
        change(&mut config);
        let connector = connector(config);
        let (cx, stage) = stage();
        let id = id_token.map_or(String::new(), |token| format!(r#","id_token":"{token}""#));
        let body = format!(r#"{{"access_token":"t","user_id":"u7","team_id":"t9"{id}}}"#);
        stage.play(TOKEN, json(200, body));
        stage.play(USERINFO, json(200, told));
        let grant = complete(&connector, &cx, "code=c").await.unwrap();
        stage.sent();
        let found = identify(&connector, &cx, &stage, &grant).await.map(|account| account.to_string());
        assert_eq!(found.ok().as_deref(), expected, "{id_token:?} {told}");
        for sent in stage.sent() {
            assert_eq!((sent.url.as_str(), sent.authorization()), (USERINFO, Some("Bearer t")));
        }
    }
}

#[tokio::test]
async fn a_refused_question_who_we_are_is_judged_by_the_standards() {
    let mut config = given();
    config.userinfo_endpoint = Some(url(USERINFO));
    let connector = connector(config);
    let grant = trunkline_core::Grant { credential: held().credential, ..Default::default() };
    let challenge = r#"Bearer error="insufficient_scope", scope="openid""#;
    for (reply, cause) in [
        (json(401, ""), Cause::AccessTokenRejected),
        (Reply::Answer(403, vec![("www-authenticate", challenge.to_owned())], vec![]), Cause::ScopeMissing),
        (json(503, ""), Cause::ServiceUnavailable),
    ] {
        let (cx, stage) = stage();
        stage.play(USERINFO, reply);
        let error = identify(&connector, &cx, &stage, &grant).await.unwrap_err();
        assert_eq!(error.cause(), Some(cause));
    }
}

/// So that one breaker is for all processes, whether or not they know the endpoints yet.
#[test]
fn the_client_is_known_before_the_service_is_and_is_another_with_another_secret() {
    let identity = |config: OAuth2Config| {
        let auth = connector(config).auth(None).unwrap();
        auth.client_identity().unwrap().expose().to_owned()
    };
    let mut other = given();
    other.client_secret = Some(trunkline_core::Secret::new("canary-other-secret"));
    assert_eq!(identity(given()), identity(discovering()));
    assert_ne!(identity(given()), identity(other));
}
