//! RFC 6749: one test per requirement on the client.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use common::*;
use trunkline_auth::oauth2::{
    AuthorizationCode, Client, ClientAuth, TokenCodec, TokenEncoding, random_token,
};
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::{
    AuthProvider, Callback, Cause, ConsentAnswer, ConsentAsk, ConsentStep, ErrorKind, InputSpec, Inputs,
    ScopeSet, Secret, Verdict,
};

const CODE: &str = "code=canary-code&state=canary-state";

#[tokio::test]
async fn c_6749_01_the_authorization_url_keeps_its_query_and_repeats_nothing() {
    let own = url("https://service.example/authorize?tenant=a%26b");
    let make = |own| {
        AuthorizationCode::builder(client(), own, url("https://service.example/token"), REDIRECT)
            .scope("read")
            .authorize_param("prompt", "consent")
    };
    let (sent, _) = begin(&make(own).build().unwrap()).await;
    assert!(sent.as_str().starts_with("https://service.example/authorize?tenant=a%26b&"), "{sent}");
    assert_eq!(sent.fragment(), None);
    assert_eq!(value(&sent, "response_type").unwrap(), "code");
    assert_eq!(value(&sent, "client_id").unwrap(), "client-1");
    assert_eq!(value(&sent, "redirect_uri").unwrap(), REDIRECT);
    assert_eq!(value(&sent, "prompt").unwrap(), "consent");
    let mut names: Vec<_> = query(&sent).into_iter().map(|(name, _)| name).collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");

    for bad in ["https://service.example/a?state=x", "https://service.example/a#b"] {
        let error = make(url(bad)).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{bad}");
    }
    for name in ["state", "scope", "prompt", "code_challenge_method", "client_secret"] {
        let built = make(url("https://service.example/a")).authorize_param(name, "x").build();
        assert_eq!(built.unwrap_err().kind(), ErrorKind::ConfigInvalid, "{name}");
    }
}

#[tokio::test]
async fn c_6749_02_the_redirect_uri_of_the_exchange_is_the_authorized_one_byte_for_byte() {
    for redirect in [REDIRECT, "https://app.example", "http://127.0.0.1:8123/cb", "com.example.app:/cb"] {
        let provider = AuthorizationCode::builder(
            client(),
            url("https://service.example/authorize"),
            url("https://service.example/token"),
            redirect,
        );
        let provider = provider.build().unwrap();
        let (asked, begun) = begin(&provider).await;
        let (cx, script) = cx([ok()]);
        provider.complete(&cx, &answer(begun, CODE)).await.unwrap();
        assert_eq!(value(&asked, "redirect_uri").unwrap(), redirect);
        assert_eq!(script.only().param("redirect_uri").unwrap(), redirect);
    }
}

#[tokio::test]
async fn c_6749_03_the_state_is_unguessable_and_sent_as_it_was_given() {
    let (one, two) = (random_token(), random_token());
    assert_ne!(one, two);
    assert_eq!(one.expose().len(), 43);
    let provider = provider();
    let ask = ConsentAsk {
        state: one.clone(),
        scopes: ScopeSet::default(),
        inputs: Inputs::default(),
        loopback_port: None,
    };
    let begun = provider.begin(&cx([]).0, &ask).await.unwrap();
    let ConsentStep::Redirect { url } = &begun.step else { panic!() };
    assert_eq!(value(url, "state").unwrap(), one.expose());
}

#[tokio::test]
async fn c_6749_04_callback_errors_are_mapped_and_unknown_ones_kept() {
    for (code, cause) in [
        ("access_denied", Cause::ConsentDenied),
        ("invalid_scope", Cause::ScopeInvalid),
        ("unauthorized_client", Cause::ClientNotPermitted),
        ("unsupported_response_type", Cause::ClientNotPermitted),
        ("server_error", Cause::ServiceUnavailable),
        ("temporarily_unavailable", Cause::ServiceUnavailable),
        ("invalid_request", Cause::ConfigurationInvalid),
        ("acme_moon_phase", Cause::ConsentDenied),
    ] {
        let query = format!("error={code}&error_description=No+%3Cb%3Eway%3C/b%3E&state=canary-state");
        let (result, script) = complete_with(&provider(), &query, []).await;
        let error = result.unwrap_err();
        let evidence = error.diagnosis().unwrap().evidence();
        assert_eq!(error.cause(), Some(cause), "{code}");
        assert_eq!(evidence.codes[0].as_str(), code);
        assert_eq!(evidence.message.as_ref().unwrap().as_str(), "No way");
        assert_eq!(evidence.at, Some(start()));
        assert_eq!(script.count(), 0, "no token call");
    }
    let (result, script) = complete_with(&provider(), "state=canary-state", []).await;
    assert_eq!(result.unwrap_err().cause(), Some(Cause::ConsentInvalid));
    assert_eq!(script.count(), 0);
}

#[test]
fn c_6749_05_a_callback_with_code_and_error_or_repeated_parameters_is_refused() {
    for query in ["code=a&error=b", "code=a&code=a", "state=a&state=b&code=c"] {
        let error = Callback::from_query(query).unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{query}");
    }
}

#[tokio::test]
async fn c_6749_06_the_token_request_is_a_form_post_over_tls_without_a_secret_in_its_url() {
    let (result, script) = complete_with(&provider(), "code=caf%C3%A9+1&state=canary-state", [ok()]).await;
    result.unwrap();
    let sent = script.only();
    assert_eq!(sent.method, Method::POST);
    assert_eq!(sent.url.as_str(), "https://service.example/token");
    assert_eq!(sent.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(sent.header("accept"), Some("application/json"));
    assert_eq!(sent.timeout.unwrap().as_secs(), 30);
    assert_eq!(sent.param("code").unwrap(), "café 1");
    assert_eq!(sent.param("grant_type").unwrap(), "authorization_code");

    for bad in [
        "http://service.example/token",
        "https://u:p@service.example/token",
        "https://s.example/#x",
        "https://s.example/?client_secret=x",
    ] {
        for build in [
            AuthorizationCode::builder(client(), url("https://s.example"), url(bad), REDIRECT).build(),
            AuthorizationCode::builder(client(), url(bad), url("https://s.example"), REDIRECT).build(),
            builder().refresh_url(url(bad)).build(),
            builder().revoke_url(url(bad)).build(),
        ] {
            assert_eq!(build.unwrap_err().kind(), ErrorKind::ConfigInvalid, "{bad}");
        }
    }
    let in_url = builder().token_encoding(TokenEncoding::Query).build();
    assert_eq!(in_url.unwrap_err().kind(), ErrorKind::ConfigInvalid);
}

async fn basic_of(id: &str, secret: &str, auth: ClientAuth) -> (String, common::Sent) {
    let client = Client::new(id, Some(Secret::new(secret))).auth(auth);
    let provider = AuthorizationCode::builder(
        client,
        url("https://service.example/authorize"),
        url("https://service.example/token"),
        REDIRECT,
    );
    let (result, script) = refresh_with(&provider.build().unwrap(), ok()).await;
    result.unwrap();
    let sent = script.only();
    assert!(sent.headers["authorization"].is_sensitive());
    let pair = sent.header("authorization").unwrap().strip_prefix("Basic ").unwrap().to_owned();
    (pair, sent)
}

#[tokio::test]
async fn c_6749_07_basic_credentials_are_form_encoded_first() {
    let (pair, _) = basic_of("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw", ClientAuth::Basic).await;
    assert_eq!(pair, "czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
    let (pair, _) = basic_of("a:b", " %&+£€", ClientAuth::Basic).await;
    assert_eq!(STANDARD.decode(pair).unwrap(), b"a%3Ab:+%25%26%2B%C2%A3%E2%82%AC");
}

#[tokio::test]
async fn c_6749_08_basic_without_encoding_is_an_option_and_the_standard_the_default() {
    let (pair, _) = basic_of("id", " %&+£€", ClientAuth::BasicRaw).await;
    assert_eq!(String::from_utf8(STANDARD.decode(pair).unwrap()).unwrap(), "id: %&+£€");
    let provider = AuthorizationCode::builder(
        Client::new("id", Some(Secret::new("a b"))),
        url("https://service.example/authorize"),
        url("https://service.example/token"),
        REDIRECT,
    );
    let (_, script) = refresh_with(&provider.build().unwrap(), ok()).await;
    assert_eq!(script.only().header("authorization"), Some(&*format!("Basic {}", STANDARD.encode("id:a+b"))));
    let colon = Client::new("a:b", Some(Secret::new("s"))).auth(ClientAuth::BasicRaw);
    let provider =
        AuthorizationCode::builder(colon, url("https://s.example"), url("https://s.example"), REDIRECT);
    assert_eq!(provider.build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn c_6749_09_a_request_authenticates_the_client_in_exactly_one_way() {
    for auth in [ClientAuth::Basic, ClientAuth::BasicRaw] {
        let (_, sent) = basic_of("id", SECRET, auth).await;
        assert_eq!(sent.param("client_id"), None);
        assert_eq!(sent.param("client_secret"), None);
    }
    let (_, script) = refresh_with(&provider(), ok()).await;
    let sent = script.only();
    assert_eq!(sent.header("authorization"), None);
    assert_eq!(sent.param("client_id").unwrap(), "client-1");
    assert_eq!(sent.param("client_secret").unwrap(), SECRET);
    for name in ["client_id", "client_secret", "grant_type", "refresh_token", "scope"] {
        let built = builder().token_param(name, "x").build();
        assert_eq!(built.unwrap_err().kind(), ErrorKind::ConfigInvalid, "{name}");
    }
}

#[tokio::test]
async fn c_6749_10_a_public_client_sends_its_id_in_the_body_and_no_secret() {
    let make = |client| {
        AuthorizationCode::builder(
            client,
            url("https://service.example/authorize"),
            url("https://service.example/token"),
            REDIRECT,
        )
        .build()
    };
    let (_, script) = refresh_with(&make(Client::new("public", None)).unwrap(), ok()).await;
    let sent = script.only();
    assert_eq!(sent.param("client_id").unwrap(), "public");
    assert_eq!(sent.param("client_secret"), None);
    assert_eq!(sent.header("authorization"), None);
    for bad in [
        Client::new("id", Some(Secret::new("s"))).auth(ClientAuth::None),
        Client::new("id", None).auth(ClientAuth::Body),
        Client::new("id", Some(Secret::new(""))),
        Client::new("", None),
    ] {
        assert_eq!(make(bad).unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
}

#[tokio::test]
async fn c_6749_11_the_token_type_has_no_case_and_an_unknown_one_is_refused() {
    let body = |kind: &str| json(200, &format!(r#"{{"access_token":"t","token_type":{kind}}}"#));
    for kind in [r#""Bearer""#, r#""bearer""#, r#""BEARER""#] {
        let grant = refresh_with(&provider(), body(kind)).await.0.unwrap();
        let prepared = provider().prepare(&grant.credential).unwrap();
        assert_eq!(prepared.authorization_value().unwrap(), "Bearer t", "{kind}");
    }
    for kind in [r#""mac""#, r#""DPoP""#, r#""N_A""#, r#""xyzzy""#, "7", "[]"] {
        let error = refresh_with(&provider(), body(kind)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ResponseInvalid), "{kind}");
        assert_eq!(error.cause().unwrap().verdict(), Verdict::OutcomeUnknown);
    }
}

#[tokio::test]
async fn c_6749_12_unknown_members_are_kept_readable_and_never_printed() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let into = seen.clone();
    let provider = builder()
        .codec(TokenCodec::new().capture("instance_url").capture("user_id").capture("absent"))
        .account_hint(move |token| {
            *into.lock().unwrap() = format!("{token:?}");
            let user = token.member("user_id")?;
            Some(trunkline_core::Account::new("acme", user.expose()))
        });
    let body = r#"{"access_token":"canary-t","instance_url":"https://eu.example","user_id":9007199254740993,
        "extra":{"canary":1},"odd":[1,null,"canary-x"]}"#;
    let grant = refresh_with(&provider.build().unwrap(), json(200, body)).await.0.unwrap();
    assert_eq!(grant.captures.get("instance_url"), Some("https://eu.example"));
    assert_eq!(grant.captures.get("user_id"), Some("9007199254740993"));
    assert_eq!(grant.captures.get("absent"), None);
    assert_eq!(grant.account.unwrap().user, "9007199254740993");
    let printed = seen.lock().unwrap().clone();
    assert!(printed.contains("instance_url") && !printed.contains("canary-"), "{printed}");
    let token = builder().codec(TokenCodec::new().capture("refresh_token")).build();
    assert_eq!(token.unwrap_err().kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn c_6749_13_without_a_scope_in_the_answer_the_granted_scopes_are_the_requested_ones() {
    let provider = builder().scopes(["read", "write"]).build().unwrap();
    let grant = complete_with(&provider, CODE, [ok()]).await.0.unwrap();
    let requested: ScopeSet = ["write", "read"].into_iter().collect();
    assert_eq!(grant.credential.scopes, Some(requested.clone()));

    let narrowed = json(200, r#"{"access_token":"t","scope":"read"}"#);
    let granted = complete_with(&provider, CODE, [narrowed]).await.0.unwrap().credential.scopes.unwrap();
    assert_eq!(requested.missing_from(&granted), ["write"].into_iter().collect());
    let kept = refresh_with(&provider, ok()).await.0.unwrap();
    assert_eq!(kept.credential.scopes, held().credential.scopes);
}

#[tokio::test]
async fn c_6749_14_scopes_are_a_case_sensitive_set_separated_by_blanks() {
    let body = json(200, r#"{"access_token":"t","scope":"b A a  b,c"}"#);
    let granted = refresh_with(&provider(), body).await.0.unwrap().credential.scopes.unwrap();
    assert_eq!(granted, ["A", "b,c", "a", "b"].into_iter().collect());
    assert!(!granted.contains("B"));
    let (asked, _) = begin(&builder().scopes(["b", "a"]).scope("b").build().unwrap()).await;
    assert_eq!(value(&asked, "scope").unwrap(), "a b");
}

#[tokio::test]
async fn c_6749_15_errors_are_read_at_400_and_401_and_their_text_is_not_trusted() {
    let long = "x".repeat(9_000);
    let jwt = format!("eyJ{}", "a".repeat(60));
    let text = format!("<script>alert(1)</script> no old-refresh {SECRET} {jwt}\\u0007\\u202e {long}");
    for status in [400, 401] {
        let body =
            format!(r#"{{"error":"invalid_grant","error_description":"{text}","error_uri":"https://x"}}"#);
        let error = refresh_with(&provider(), json(status, &body)).await.0.unwrap_err();
        let evidence = error.diagnosis().unwrap().evidence();
        let message = evidence.message.as_ref().unwrap().as_str();
        assert_eq!(error.cause(), Some(Cause::GrantRevoked), "{status}");
        assert_eq!(evidence.status, Some(status));
        assert!(message.starts_with("alert(1) no [redacted] [redacted] [redacted]"), "{message}");
        assert!(message.chars().count() <= 300 && !message.contains(['<', '\u{7}', '\u{202e}']), "{message}");
        assert!(!format!("{error:?}").contains("https://x"));
    }
}

#[tokio::test]
async fn c_6749_16_invalid_client_is_about_the_application_and_not_the_grant() {
    for (code, cause) in [
        ("invalid_client", Cause::ClientCredentialsInvalid),
        ("unauthorized_client", Cause::ClientNotPermitted),
        ("unsupported_grant_type", Cause::ClientNotPermitted),
    ] {
        let headers = vec![("www-authenticate", "Basic realm=\"token\"".to_owned())];
        let body = format!(r#"{{"error":"{code}"}}"#).into_bytes();
        let error = refresh_with(&provider(), Step::Answer(401, headers, body)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{code}");
        assert_eq!(error.cause().unwrap().verdict(), Verdict::ClientBroken);
    }
    for (code, cause) in [
        ("invalid_request", Cause::ConfigurationInvalid),
        ("invalid_scope", Cause::ScopeInvalid),
        ("invalid_target", Cause::ConfigurationInvalid),
    ] {
        let error =
            refresh_with(&provider(), json(400, &format!(r#"{{"error":"{code}"}}"#))).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{code}");
    }
}

#[tokio::test]
async fn c_6749_17_a_renewal_keeps_the_old_refresh_token_unless_a_new_one_comes() {
    for absent in ["", r#","refresh_token":null"#, r#","refresh_token":"""#] {
        let body = format!(r#"{{"access_token":"t"{absent}}}"#);
        let grant = refresh_with(&provider(), json(200, &body)).await.0.unwrap();
        assert_eq!(grant.credential.refresh_token.unwrap().expose(), "old-refresh", "{absent}");
    }
    let body = r#"{"access_token":"t","refresh_token":"new-refresh"}"#;
    let grant = refresh_with(&provider(), json(200, body)).await.0.unwrap();
    assert_eq!(grant.credential.refresh_token.unwrap().expose(), "new-refresh");
    assert_eq!(grant.credential.access_token.unwrap().expose(), "t");
}

#[tokio::test]
async fn c_6749_18_a_renewal_asks_for_no_scope() {
    let (_, script) = refresh_with(&builder().scope("everything").build().unwrap(), ok()).await;
    let sent = script.only();
    let names: Vec<_> = sent.form().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["grant_type", "refresh_token", "client_id", "client_secret"]);
    assert_eq!(sent.param("refresh_token").unwrap(), "old-refresh");
}

#[tokio::test]
async fn c_6749_19_tokens_and_codes_of_8_kib_are_taken_as_they_are() {
    let long: String = (0..8 * 1024).map(|i| char::from(b"aZ9-._~+/="[i % 10])).collect();
    let encoded: String = form_urlencoded::byte_serialize(long.as_bytes()).collect();
    let body = format!(r#"{{"access_token":"{long}","refresh_token":"{long}"}}"#);
    let (result, script) = complete_with(&provider(), &format!("code={encoded}"), [json(200, &body)]).await;
    let grant = result.unwrap();
    assert_eq!(script.only().param("code").unwrap(), long);
    assert_eq!(grant.credential.refresh_token.as_ref().unwrap().expose(), long);
    let prepared = provider().prepare(&grant.credential).unwrap();
    assert_eq!(prepared.authorization_value().unwrap().len(), "Bearer ".len() + long.len());
}

#[tokio::test]
async fn c_6749_20_an_exchange_of_unknown_outcome_starts_over_and_never_resends_the_code() {
    for step in [
        Step::Lost,
        Step::Cut(200, br#"{"access_token":"t"#.to_vec()),
        json(200, r#"{"access_token":"t""#),
        json(200, "{}"),
        json(400, r#"{"error":"acme_moon_phase"}"#),
    ] {
        let (result, script) = complete_with(&provider(), CODE, [step]).await;
        let error = result.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentOutcomeUnknown));
        assert_eq!(script.count(), 1);
    }
    for (body, cause) in [
        (r#"{"error":"invalid_grant"}"#, Cause::ConsentInvalid),
        (r#"{"error":"invalid_grant","error_description":"Code has expired"}"#, Cause::ConsentExpired),
        (r#"{"error":"consent_required"}"#, Cause::ConsentDenied),
    ] {
        let error = complete_with(&provider(), CODE, [json(400, body)]).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(cause), "{body}");
    }
    let error = complete_with(&provider(), CODE, [Step::NotSent]).await.0.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ServiceUnreachable));
}

#[tokio::test]
async fn c_6749_21_nothing_printed_holds_a_secret() {
    let provider = provider();
    let (_, begun) = begin(&provider).await;
    let body = r#"{"access_token":"canary-access","refresh_token":"canary-refresh","id_token":"canary-id"}"#;
    let (first, _) = complete_with(&provider, CODE, [json(200, body)]).await;
    let mut printed = vec![format!("{provider:?}{:?}{begun:?}{first:?}", builder())];
    for status in [200, 400, 500] {
        let body = r#"{"error":"invalid_grant","error_description":"canary-code","access_token":"canary-a"}"#;
        let (result, _) = complete_with(&provider, CODE, [json(status, body)]).await;
        let error = result.unwrap_err();
        printed
            .push(format!("{error:?}{error}{}", serde_json::to_string(error.diagnosis().unwrap()).unwrap()));
    }
    assert!(printed.iter().all(|text| !text.contains("canary")), "{printed:#?}");
}

#[tokio::test]
async fn failures_of_a_renewal_are_classified_by_what_is_known() {
    let lost = Step::Cut(200, b"{".to_vec());
    let large = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(1024 * 1024));
    for (step, cause) in [
        (Step::NotSent, Cause::ServiceUnreachable),
        (Step::Lost, Cause::RefreshOutcomeUnknown),
        (lost, Cause::RefreshOutcomeUnknown),
        (json(200, ""), Cause::RefreshOutcomeUnknown),
        (json(200, "{}"), Cause::RefreshOutcomeUnknown),
        (json(200, r#"{"access_token":""}"#), Cause::RefreshOutcomeUnknown),
        (json(200, &large), Cause::RefreshOutcomeUnknown),
        (json(400, r#"{"error":"acme_moon_phase"}"#), Cause::RefreshOutcomeUnknown),
        (json(401, ""), Cause::RefreshOutcomeUnknown),
        (json(400, r#"{"error":"interaction_required"}"#), Cause::InteractionRequired),
        (json(408, ""), Cause::ServiceUnavailable),
        (json(425, ""), Cause::ServiceUnavailable),
        (json(429, r#"{"error":"invalid_grant"}"#), Cause::RateLimited),
        // D03: a standard's word counts at 500, and at no other status of an outage.
        (json(500, r#"{"error":"invalid_grant"}"#), Cause::GrantRevoked),
        (json(500, r#"{"error":"acme_moon_phase"}"#), Cause::ServiceUnavailable),
        (json(503, r#"{"error":"invalid_grant"}"#), Cause::ServiceUnavailable),
        (Step::Cut(503, b"{".to_vec()), Cause::ServiceUnavailable),
        (json(400, r#"{"error":"temporarily_unavailable"}"#), Cause::ServiceUnavailable),
    ] {
        let (result, script) = refresh_with(&provider(), step).await;
        let error = result.unwrap_err();
        let evidence = error.diagnosis().unwrap().evidence();
        assert_eq!(error.cause(), Some(cause), "{error:?}");
        assert_eq!(evidence.call.as_deref(), Some("refresh"));
        assert_eq!(evidence.at, after(7));
        assert_eq!(script.count(), 1, "no second attempt");
    }
    let mut nothing = held();
    nothing.credential.refresh_token = None;
    let error = provider().refresh(&cx([]).0, &nothing).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::RefreshTokenMissing));
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let headers = vec![("location", "https://evil.example/token".to_owned())];
        let (result, script) = refresh_with(&provider(), Step::Answer(status, headers, Vec::new())).await;
        assert_eq!(result.unwrap_err().cause(), Some(Cause::ServiceUnavailable), "{status}");
        assert_eq!(script.count(), 1);
    }
}

#[tokio::test]
async fn a_pause_is_as_long_as_the_service_says() {
    use trunkline_core::Retry;
    for (header, seconds) in [
        ("120", 120),
        ("Fri, 02 Jan 2026 03:05:12 GMT", 60),
        ("Friday, 02-Jan-26 03:05:12 GMT", 60),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0),
        ("99999999999999999999999", 86_400),
        ("soon", 30),
    ] {
        for status in [429, 503] {
            let step = Step::Answer(status, vec![("retry-after", header.to_owned())], Vec::new());
            let error = refresh_with(&provider(), step).await.0.unwrap_err();
            let retry = error.diagnosis().unwrap().retry();
            assert_eq!(retry, Retry::After { after_s: seconds }, "{status} {header}");
        }
    }
}

#[tokio::test]
async fn client_credentials_mint_again_at_each_renewal_from_the_same_inputs() {
    let input = InputSpec::new("username", "User", "u@company");
    let provider = credentials().input(input, "username").scope("a").build().unwrap();
    let mut inputs = Inputs::default();
    let missing = provider.complete(&cx([]).0, &ConsentAnswer::default()).await.unwrap_err();
    assert_eq!(missing.cause(), Some(Cause::InputMissing));

    inputs.insert("username", Secret::new("u@company"));
    let requested = ["b"].into_iter().collect();
    let asked = ConsentAnswer { inputs: inputs.clone(), requested, ..ConsentAnswer::default() };
    let body = r#"{"access_token":"t1","refresh_token":"unused","expires_in":60}"#;
    let (one, script) = cx([json(200, body)]);
    let grant = provider.complete(&one, &asked).await.unwrap();
    let sent = script.only();
    assert_eq!(sent.param("grant_type").unwrap(), "client_credentials");
    assert_eq!(sent.param("username").unwrap(), "u@company");
    assert_eq!(sent.param("scope").unwrap(), "a b");
    assert_eq!(grant.credential.refresh_token, None);
    assert_eq!(grant.credential.access_expires_at, after(60));

    let renewed = trunkline_core::Held { credential: grant.credential, inputs, ..held() };
    let (two, script) = cx([ok()]);
    let grant = provider.refresh(&two, &renewed).await.unwrap();
    let sent = script.only();
    assert_eq!(sent.param("grant_type").unwrap(), "client_credentials");
    assert_eq!(sent.param("username").unwrap(), "u@company");
    assert_eq!(sent.param("scope").unwrap(), "a b");
    assert_eq!(grant.credential.access_token.unwrap().expose(), "new-access");

    let odd = || json(400, r#"{"error":"acme_moon_phase"}"#);
    let error = provider.complete(&cx([odd()]).0, &asked).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::RequestInvalid), "whoever connects is told");
    for step in [odd(), Step::Lost, json(200, "{}")] {
        let error = provider.refresh(&cx([step]).0, &renewed).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ServiceUnavailable), "nothing was spent");
    }
    let refused = || json(400, r#"{"error":"invalid_grant"}"#);
    let error = provider.refresh(&cx([refused()]).0, &renewed).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::UserCredentialsInvalid));
    assert_eq!(error.diagnosis().unwrap().evidence().status, Some(StatusCode::BAD_REQUEST.as_u16()));
}
