//! OAuth 1.0a (RFC 5849): one test per requirement on the client. The signatures themselves are held against published
//! examples beside the code.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use common::{Script, Sent, Step, TestClock, answer, ask, cx, json, start, url};
use trunkline_auth::oauth1::{
    CONSUMER_KEY, CONSUMER_SECRET, Consumer, REALM, SignatureMethod, Signer, TOKEN_SECRET, ThreeLegged,
    ThreeLeggedBuilder, TokenBased, diagnose,
};
use trunkline_core::http::{HeaderMap, HeaderValue, Method, StatusCode};
use trunkline_core::url::form_urlencoded;
use trunkline_core::{
    AuthProvider, Begun, Body, Call, Callback, Captures, Cause, ConsentKind, ConsentStep, Credential, Cx,
    Diagnosis, Endpoint, Error, ErrorKind, Exchange, Grant, Held, InputSpec, Inputs, Request, RequestBody,
    Revoked, Secret, SentSecrets, Session, Verdict,
};

const TEMPORARY: &str = "https://service.example/request_token";
const AUTHORIZE: &str = "https://service.example/authorize?lang=en";
const TOKEN: &str = "https://service.example/access_token";
const REDIRECT: &str = "https://app.example/connect/callback";

fn form(status: u16, body: &str) -> Step {
    Step::Answer(status, vec![("content-type", "application/x-www-form-urlencoded".into())], body.into())
}

fn temporary() -> Step {
    form(200, "oauth_token=temp-1&oauth_token_secret=canary-temp&oauth_callback_confirmed=true")
}

fn tokens() -> Step {
    form(200, "oauth_token=token-1&oauth_token_secret=canary-secret&user_id=7")
}

fn consumer() -> Consumer {
    Consumer::new("key-1", Secret::new("canary-consumer"))
}

fn builder() -> ThreeLeggedBuilder {
    let signer = Signer::new(SignatureMethod::HmacSha1);
    ThreeLegged::builder(signer, consumer(), [url(TEMPORARY), url(AUTHORIZE), url(TOKEN)], REDIRECT)
}

/// The parameters of an `Authorization` header.
fn signed(sent: &Sent) -> BTreeMap<String, String> {
    let header = sent.header("authorization").unwrap().strip_prefix("OAuth ").unwrap();
    let pairs = header.split(", ").map(|pair| pair.split_once('=').unwrap());
    let decode = |text: &str| {
        form_urlencoded::parse(format!("v={}", text.trim_matches('"')).as_bytes())
            .next()
            .unwrap()
            .1
            .into_owned()
    };
    pairs.map(|(name, value)| (name.to_owned(), decode(value))).collect()
}

async fn begun(step: Step) -> (Result<Begun, Error>, Arc<Script>) {
    let (cx, script) = cx([step]);
    (builder().build().unwrap().begin(&cx, &ask()).await, script)
}

async fn completed(query: &str, step: Step) -> (Result<Grant, Error>, Arc<Script>) {
    let begun = begun(temporary()).await.0.unwrap();
    let (cx, script) = cx([step]);
    (builder().build().unwrap().complete(&cx, &answer(begun, query)).await, script)
}

#[tokio::test]
async fn c_5849_2_1_temporary_credentials_are_asked_for_with_a_callback_that_carries_the_state() {
    let provider = builder().authorize_param("perms", "write").build().unwrap();
    assert_eq!(provider.consent(), ConsentKind::Redirect);
    let (cx, script) = cx([temporary()]);
    let begun = provider.begin(&cx, &ask()).await.unwrap();
    let sent = script.only();
    assert_eq!((sent.method.as_str(), sent.url.as_str(), sent.body.len()), ("POST", TEMPORARY, 0));
    let params = signed(&sent);
    assert_eq!(params["oauth_callback"], format!("{REDIRECT}?state=canary-state"));
    assert_eq!((params["oauth_consumer_key"].as_str(), params["oauth_version"].as_str()), ("key-1", "1.0"));
    assert_eq!(params["oauth_timestamp"], start().as_second().to_string());
    assert!(!params.contains_key("oauth_token"));
    let ConsentStep::Redirect { url } = &begun.step else { panic!() };
    // 2.2: the service's own query stays, and the secret does not travel.
    assert_eq!(url.as_str(), format!("{AUTHORIZE}&oauth_token=temp-1&perms=write"));
    assert_eq!(begun.pending[TOKEN_SECRET].expose(), "canary-temp");
}

#[tokio::test]
async fn c_5849_2_3_the_verifier_is_exchanged_for_token_credentials_without_an_end() {
    let (grant, script) =
        completed("state=canary-state&oauth_token=temp-1&oauth_verifier=v-1", tokens()).await;
    let grant = grant.unwrap();
    let sent = script.only();
    let params = signed(&sent);
    assert_eq!((params["oauth_token"].as_str(), params["oauth_verifier"].as_str()), ("temp-1", "v-1"));
    assert!(!format!("{:?}{:?}", sent.headers, sent.body).contains("canary"));
    let credential = &grant.credential;
    assert_eq!(credential.access_token.as_ref().unwrap().expose(), "token-1");
    assert_eq!(credential.other[TOKEN_SECRET].expose(), "canary-secret");
    assert_eq!((credential.access_expires_at, &credential.refresh_token), (None, &None));
    assert_eq!(credential.issued_at, Some(start()));

    let (cx, script) = cx([]);
    let held = Held { credential: grant.credential, ..Held::default() };
    let provider = builder().build().unwrap();
    let error = provider.refresh(&cx, &held).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::RefreshTokenMissing));
    assert_eq!(provider.revoke(&cx, &held).await.unwrap(), Revoked::NotSupported);
    assert_eq!(script.count(), 0);
}

#[tokio::test]
async fn a_callback_that_is_not_this_consents_spends_nothing() {
    for (query, cause) in [
        ("state=s&oauth_token=temp-2&oauth_verifier=v", Cause::ConsentInvalid),
        ("state=s&oauth_verifier=v", Cause::ConsentInvalid),
        ("state=s&oauth_token=temp-1", Cause::ConsentDenied),
        ("state=s&oauth_token=temp-1&oauth_verifier=", Cause::ConsentDenied),
        ("state=s&denied=temp-1", Cause::ConsentDenied),
        ("state=s&oauth_token=temp-1&oauth_problem=token_expired", Cause::ConsentExpired),
        ("state=s&oauth_token=temp-1&oauth_problem=user_refused", Cause::RateLimited),
    ] {
        let (result, script) = completed(query, tokens()).await;
        assert_eq!(result.unwrap_err().cause(), Some(cause), "{query}");
        assert_eq!(script.count(), 0, "{query}");
    }
    // At another place.
    let begun = begun(temporary()).await.0.unwrap();
    let elsewhere = url("https://app.example/connect/other?oauth_token=temp-1&oauth_verifier=v");
    let mut other = answer(begun, "");
    other.callback = Callback::from_url(&elsewhere).unwrap();
    let (cx, script) = cx([tokens()]);
    let error = builder().build().unwrap().complete(&cx, &other).await.unwrap_err();
    assert_eq!((error.cause(), script.count()), (Some(Cause::ConsentInvalid), 0));
}

#[tokio::test]
async fn c_5849_2_1_a_service_that_does_not_confirm_the_callback_is_not_believed() {
    for body in [
        "oauth_token=temp-1&oauth_token_secret=canary",
        "oauth_token=temp-1&oauth_token_secret=canary&oauth_callback_confirmed=false",
        "oauth_token=temp-1&oauth_callback_confirmed=true",
        "oauth_token=temp-1&oauth_token_secret=&oauth_callback_confirmed=true",
    ] {
        let error = begun(form(200, body)).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ResponseInvalid), "{body}");
        assert!(!format!("{error:?}{error}").contains("canary"));
    }
}

#[tokio::test]
async fn refusals_are_judged_by_their_words_and_a_lost_answer_is_no_refusal() {
    use Cause::*;
    let good = "state=s&oauth_token=temp-1&oauth_verifier=canary-verifier";
    let cases = [
        (form(401, "oauth_problem=consumer_key_unknown"), ClientCredentialsInvalid, ClientCredentialsInvalid),
        (form(401, "oauth_problem=timestamp_refused"), ConfigurationInvalid, ConfigurationInvalid),
        (form(401, "oauth_problem=token_expired"), ConsentExpired, ConsentExpired),
        (form(401, "Invalid signature canary-verifier"), ClientCredentialsInvalid, ConsentInvalid),
        (form(401, "<html>sign in to the network</html>"), ServiceUnavailable, ServiceUnavailable),
        (form(503, "oauth_problem=token_expired"), ServiceUnavailable, ServiceUnavailable),
        (form(503, ""), ServiceUnavailable, ServiceUnavailable),
        (form(429, ""), RateLimited, RateLimited),
        (form(200, "ok"), ServiceUnavailable, ConsentOutcomeUnknown),
        (Step::Lost, ServiceUnavailable, ConsentOutcomeUnknown),
        (Step::NotSent, ServiceUnreachable, ServiceUnreachable),
        (Step::Cut(200, b"oauth_token=to".to_vec()), ServiceUnavailable, ConsentOutcomeUnknown),
    ];
    for (number, (step, at_begin, at_complete)) in cases.into_iter().enumerate() {
        let twin = || match &step {
            Step::Answer(status, headers, body) => Step::Answer(*status, headers.clone(), body.clone()),
            Step::Cut(status, body) => Step::Cut(*status, body.clone()),
            Step::NotSent => Step::NotSent,
            Step::Lost => Step::Lost,
        };
        let error = begun(twin()).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(at_begin), "{number}");
        let error = completed(good, twin()).await.0.unwrap_err();
        assert_eq!(error.cause(), Some(at_complete), "{number}");
        assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
    }
}

fn credential() -> Credential {
    Credential {
        access_token: Some(Secret::new("token-1")),
        other: [(TOKEN_SECRET.to_owned(), Secret::new("canary-secret"))].into(),
        ..Credential::default()
    }
}

fn session(
    provider: impl AuthProvider + 'static,
    cx: &Cx,
    script: &Arc<Script>,
    credential: &Credential,
) -> Session {
    let prepared = provider.prepare(credential).unwrap();
    assert_eq!(prepared.headers().count(), 0, "nothing is carried as it is");
    assert!(!format!("{prepared:?}").contains("canary"));
    let endpoint = Arc::new(Endpoint::new(url("https://api.example/v1")).unwrap());
    Session::new(
        script.clone(),
        cx.shared_clock(),
        Arc::new(provider),
        endpoint,
        prepared,
        Captures::default(),
    )
}

#[tokio::test]
async fn each_request_is_signed_anew_and_no_secret_is_sent() {
    let (cx, script) = cx([json(200, ""), json(200, ""), json(200, "")]);
    let session = session(builder().build().unwrap(), &cx, &script, &credential());
    for _ in 0..2 {
        let mut request = Request::new(Method::POST, url("https://api.example/v1/things?a=1"));
        request.headers.insert("content-type", HeaderValue::from_static("application/x-www-form-urlencoded"));
        request.body = RequestBody::Bytes("b=2".into());
        session.send(request).await.unwrap();
    }
    // One that is sent again brings the old signature along.
    let mut again = Request::new(Method::GET, url("https://api.example/v1/things"));
    again.headers.insert("authorization", HeaderValue::from_static("OAuth oauth_nonce=\"old\""));
    session.send(again).await.unwrap();

    let sent = script.sent.lock().unwrap();
    let params: Vec<_> = sent.iter().map(signed).collect();
    let nonces: HashSet<&str> = params.iter().map(|params| params["oauth_nonce"].as_str()).collect();
    assert_eq!(nonces.len(), 3);
    assert!(
        nonces.iter().all(|nonce| nonce.len() == 32 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit()))
    );
    assert!(params.iter().all(|params| params["oauth_token"] == "token-1"));
    // 3.3: the injected clock, which the script moves.
    let times: Vec<i64> = params.iter().map(|params| params["oauth_timestamp"].parse().unwrap()).collect();
    assert_eq!(times, [0, 7, 14].map(|passed| start().as_second() + passed));
    for sent in sent.iter() {
        assert_eq!(sent.headers.get_all("authorization").iter().count(), 1);
        assert!(sent.headers.keys().all(|name| ["authorization", "content-type"].contains(&name.as_str())));
        assert!(!format!("{:?}{}", sent.headers, sent.url).contains("canary"));
        let authorization = sent.header("authorization").unwrap();
        assert!(!authorization.contains("canary"), "{authorization}");
    }
}

#[test]
fn c_5849_3_4_1_3_1_a_form_that_is_streamed_cannot_be_signed() {
    let provider = builder().build().unwrap();
    let prepared = provider.prepare(&credential()).unwrap();
    for (kind, is_signed) in
        [("application/json", true), ("Application/X-WWW-Form-Urlencoded; charset=utf-8", false)]
    {
        let mut request = Request::new(Method::POST, url("https://api.example/"));
        request.headers.insert("content-type", HeaderValue::from_static(kind));
        request.body = RequestBody::Stream(Box::pin(Body::empty()));
        let result = provider.sign(&mut request, &prepared, &TestClock::default());
        assert_eq!(result.is_ok(), is_signed, "{kind}");
    }
}

const TOKENS: [InputSpec; 2] = [
    InputSpec::new("token_id", "Token ID", "t").secret(),
    InputSpec::new("token_secret", "Token secret", "s").secret(),
];
const CONSUMERS: [InputSpec; 2] = [
    InputSpec::new("consumer_key", "Consumer key", "k").secret(),
    InputSpec::new("consumer_secret", "Consumer secret", "s").secret(),
];

fn inputs(given: &[(&str, &str)]) -> Inputs {
    let mut inputs = Inputs::default();
    given.iter().for_each(|(name, value)| inputs.insert(*name, Secret::new(*value)));
    inputs
}

#[tokio::test]
async fn token_and_consumer_may_be_what_a_customer_pastes() {
    let signer = Signer::new(SignatureMethod::HmacSha256).realm("1234567_SB1").unwrap();
    let provider = TokenBased::of_customer(signer, CONSUMERS, TOKENS);
    assert_eq!((provider.consent(), provider.inputs().len()), (ConsentKind::Form, 4));
    assert_eq!(provider.client_identity(), None, "no fault of the application's");
    let (cx, script) = cx([json(200, "")]);
    let begun = provider.begin(&cx, &ask()).await.unwrap();
    let mut given = answer(begun, "");
    let least = [("token_id", "token-1"), ("token_secret", "canary-1"), ("consumer_key", "key-2")];
    given.inputs = inputs(&least);
    let error = provider.complete(&cx, &given).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::InputMissing));
    given.inputs.insert("consumer_secret", Secret::new("canary-2"));
    let grant = provider.complete(&cx, &given).await.unwrap();
    assert_eq!(grant.credential.other[CONSUMER_SECRET].expose(), "canary-2");
    assert_eq!(script.count(), 0);

    let session = session(provider, &cx, &script, &grant.credential);
    session.send(Request::new(Method::GET, url("https://api.example/v1/x"))).await.unwrap();
    let sent = script.only();
    assert!(sent.header("authorization").unwrap().starts_with("OAuth realm=\"1234567_SB1\", "));
    assert_eq!(signed(&sent)["oauth_consumer_key"], "key-2");
    assert!(!sent.header("authorization").unwrap().contains("canary"));
}

#[tokio::test]
async fn the_applications_consumer_signs_for_all_customers() {
    let signer = Signer::new(SignatureMethod::HmacSha256);
    let provider = TokenBased::new(signer, consumer(), TOKENS).unwrap();
    assert_eq!(provider.client_identity(), Some(consumer().identity()));
    let (cx, script) = cx([json(200, "")]);
    let session = session(provider, &cx, &script, &credential());
    session.send(Request::new(Method::GET, url("https://api.example/v1/x"))).await.unwrap();
    assert_eq!(signed(&script.only())["oauth_consumer_key"], "key-1");
}

#[tokio::test]
async fn a_credential_that_holds_a_realm_is_signed_in_it() {
    let provider = TokenBased::new(Signer::new(SignatureMethod::HmacSha256), consumer(), TOKENS).unwrap();
    let (cx, script) = cx([json(200, "")]);
    let mut credential = credential();
    credential.other.insert(REALM.to_owned(), Secret::new("1234567_SB1"));
    let session = session(provider.clone(), &cx, &script, &credential);
    session.send(Request::new(Method::GET, url("https://api.example/v1/x"))).await.unwrap();
    assert!(script.only().header("authorization").unwrap().starts_with("OAuth realm=\"1234567_SB1\", "));
    // What fits no header is sent nowhere.
    credential.other.insert(REALM.to_owned(), Secret::new("a\", oauth_token=\"b"));
    let prepared = provider.prepare(&credential).unwrap();
    let mut request = Request::new(Method::GET, url("https://api.example/v1/x"));
    let error = provider.sign(&mut request, &prepared, &TestClock::default()).unwrap_err();
    assert_eq!((error.kind(), request.headers.len()), (ErrorKind::ConfigInvalid, 0));
}

/// With PLAINTEXT a request carries both secrets, encoded once and again.
#[tokio::test]
async fn a_service_that_quotes_a_plain_signature_gives_no_secret_away() {
    let odd = Consumer::new("key-1", Secret::new("canary+of the/application"));
    let plain = || Signer::new(SignatureMethod::Plaintext);
    let token_based = TokenBased::new(plain(), odd.clone(), TOKENS).unwrap();
    let urls = [url(TEMPORARY), url(AUTHORIZE), url(TOKEN)];
    let three_legged = ThreeLegged::builder(plain(), odd, urls, REDIRECT).build().unwrap();
    let of_customer = TokenBased::of_customer(plain(), CONSUMERS, TOKENS);
    let mut own = credential();
    own.other.insert(CONSUMER_KEY.to_owned(), Secret::new("key-2"));
    own.other.insert(CONSUMER_SECRET.to_owned(), Secret::new("canary+of the/application"));
    let providers: [(Arc<dyn AuthProvider>, Credential); 3] = [
        (Arc::new(token_based), credential()),
        (Arc::new(three_legged), credential()),
        (Arc::new(of_customer), own),
    ];
    for (provider, credential) in providers {
        let prepared = provider.prepare(&credential).unwrap();
        let mut request = Request::new(Method::GET, url("https://api.example/v1/x"));
        provider.sign(&mut request, &prepared, &TestClock::default()).unwrap();
        let header = request.headers["authorization"].to_str().unwrap();
        assert!(header.contains("canary"), "{header}");
        let quotes = [
            header,
            "canary%2Bof%20the%2Fapplication&canary-secret",
            "the secret canary+of the/application is wrong",
        ];
        for quoted in quotes {
            let cleaned = SentSecrets::of(&prepared).clean(quoted.as_bytes()).unwrap();
            assert!(!String::from_utf8_lossy(&cleaned).contains("canary"), "{quoted}");
        }
    }
}

/// A hostile service sends the browser back with what it knows, in the words of a refusal.
#[tokio::test]
async fn a_refusal_that_quotes_the_consents_secrets_does_not_give_them_away() {
    let begun = begun(temporary()).await.0.unwrap();
    let provider = builder()
        .judge(|exchange| {
            let text = String::from_utf8_lossy(exchange.body).into_owned();
            Some(Diagnosis::new(Cause::ConsentDenied).message(&text))
        })
        .build()
        .unwrap();
    let (cx, _) = cx([]);
    let query = "state=canary-state&error=denied&error_description=canary-temp+of+canary-state";
    let error = provider.complete(&cx, &answer(begun, query)).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ConsentDenied));
    assert!(!format!("{error:?}{error}").contains("canary"), "{error:?}");
}

#[test]
fn what_cannot_be_signed_is_refused_with_the_settings() {
    let signer = || Signer::new(SignatureMethod::HmacSha1);
    let urls = || [url(TEMPORARY), url(AUTHORIZE), url(TOKEN)];
    let plain = |at: usize| {
        let mut urls = urls();
        urls[at] = url("http://service.example/x");
        ThreeLegged::builder(signer(), consumer(), urls, REDIRECT)
    };
    for wrong in [
        plain(0),
        plain(1),
        plain(2),
        ThreeLegged::builder(signer(), consumer(), urls(), "http://app.example/cb"),
        ThreeLegged::builder(signer(), consumer(), urls(), "https://app.example/cb?state=mine"),
        ThreeLegged::builder(signer(), Consumer::new("", Secret::new("s")), urls(), REDIRECT),
        ThreeLegged::builder(signer(), Consumer::new("k", Secret::new("")), urls(), REDIRECT),
        builder().authorize_param("lang", "fr"),
        builder().authorize_param("oauth_token", "mine"),
        builder().token_method(Method::PUT),
    ] {
        assert_eq!(wrong.build().unwrap_err().kind(), ErrorKind::ConfigInvalid);
    }
    assert!(TokenBased::new(signer(), Consumer::new("k", Secret::new("")), TOKENS).is_err());
    for realm in ["a\"b", "a\\b", "a\r\nb", "ä"] {
        assert_eq!(signer().realm(realm).unwrap_err().kind(), ErrorKind::ConfigInvalid, "{realm}");
    }
    assert!(!format!("{:?}{:?}", builder(), consumer()).contains("canary"));
    // Half a credential signs nothing.
    let provider = builder().build().unwrap();
    for half in [
        Credential { access_token: None, ..credential() },
        Credential { other: BTreeMap::new(), ..credential() },
    ] {
        assert_eq!(provider.prepare(&half).unwrap_err().cause(), Some(Cause::AccessTokenExpired));
    }
}

#[test]
fn an_apis_refusal_ends_a_grant_only_where_the_service_says_so() {
    let told = |status: u16, challenge: &'static str, body: &str| {
        let mut headers = HeaderMap::new();
        if !challenge.is_empty() {
            headers.insert("www-authenticate", HeaderValue::from_static(challenge));
        }
        let exchange = Exchange {
            call: Call::Api,
            method: &Method::GET,
            path: "/x",
            status: StatusCode::from_u16(status).unwrap(),
            headers: &headers,
            body: body.as_bytes(),
        };
        diagnose(&exchange).map(|diagnosis| diagnosis.cause())
    };
    for (status, challenge, body, cause) in [
        (401, "OAuth realm=\"x\", oauth_problem=\"token_revoked\"", "", Some(Cause::GrantRevoked)),
        (401, "", "oauth_problem=token_expired&oauth_problem_advice=x", Some(Cause::GrantExpired)),
        (401, "OAuth oauth_problem=token_rejected", "", Some(Cause::AccessTokenRejected)),
        (401, "OAuth oauth_problem=timestamp_refused", "", Some(Cause::ConfigurationInvalid)),
        (401, "OAuth oauth_problem=nonce_used", "", Some(Cause::OutcomeUnknown)),
        (401, "OAuth oauth_problem=signature_invalid", "", Some(Cause::RequestInvalid)),
        (400, "OAuth oauth_problem=parameter_absent", "", Some(Cause::RequestInvalid)),
        (401, "OAuth oauth_problem=consumer_key_refused", "", Some(Cause::RateLimited)),
        // Twins: no word, a word of nobody's, another scheme's.
        (401, "", "", Some(Cause::RequestInvalid)),
        (401, "OAuth realm=\"x\"", "{}", Some(Cause::RequestInvalid)),
        (401, "OAuth oauth_problem=frobnicated", "", None),
        (401, "Bearer error=\"invalid_token\"", "", None),
        (403, "", "", None),
        (500, "", "", None),
        (503, "OAuth oauth_problem=token_revoked", "", None),
        (401, "", "<html>sign in to the network</html>", None),
    ] {
        assert_eq!(told(status, challenge, body), cause, "{status} {challenge} {body}");
    }
    let dead = |problem: &str| {
        told(401, "", &format!("oauth_problem={problem}")).unwrap().verdict() == Verdict::GrantDead
    };
    assert!(dead("token_revoked") && dead("token_expired"));
    assert!(!dead("signature_invalid") && !dead("timestamp_refused") && !dead("permission_denied"));
}
