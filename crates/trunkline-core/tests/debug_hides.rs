//! Whatever holds a secret can be printed for debugging, and shows none of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::bytes::Bytes;
use trunkline_core::http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use trunkline_core::http::{HeaderMap, Method, Response, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Body, Call, Callback, Captures, Clock, ConsentAnswer, ConsentAsk, ConsentKind,
    ConsentStep, Credential, Cx, Endpoint, Error, Exchange, Grant, Held, Inputs, Prepared, Request,
    RequestBody, Revoked, ScopeSet, Secret, Session, Ticks, Transport, TransportError, async_trait,
};

const CANARY: &str = "canary-c0ffee";

fn canary() -> Secret {
    Secret::new(CANARY)
}

/// The text that both forms of `Debug` print, which must hold no canary and, so that it is of some
/// use, all of `shown`.
#[track_caller]
fn hides(value: &dyn std::fmt::Debug, shown: &[&str]) {
    let text = format!("{value:?} {value:#?}");
    assert!(!text.to_lowercase().contains("canary"), "{text}");
    // As a list of numbers it would be readable too.
    assert!(!text.contains("99, 97, 110"), "{text}");
    for part in shown {
        assert!(text.contains(part), "`{part}` is not in {text}");
    }
}

fn inputs() -> Inputs {
    let mut inputs = Inputs::default();
    inputs.insert("api_key", canary());
    inputs
}

fn pending() -> BTreeMap<String, Secret> {
    [("verifier".to_owned(), canary())].into()
}

fn credential() -> Credential {
    Credential {
        access_token: Some(canary()),
        refresh_token: Some(canary()),
        other: [("session_id".to_owned(), canary())].into(),
        ..Credential::default()
    }
}

fn prepared() -> Prepared {
    Prepared::authorization("Bearer", &canary())
        .and_then(|prepared| prepared.header(HeaderName::from_static("x-api-key"), &canary()))
        .expect("the canary fits into a header")
}

#[test]
fn debug_of_a_request_hides_query_headers_and_body() {
    let url = format!("https://api.acme.example/token?code={CANARY}#{CANARY}");
    let mut request = Request::new(Method::POST, url.parse().unwrap());
    request.headers.insert(AUTHORIZATION, HeaderValue::from_static(CANARY));
    request.body = RequestBody::Bytes(Bytes::from_static(CANARY.as_bytes()));

    hides(&request, &["POST", "api.acme.example", "/token"]);
    hides(&request.body, &["bytes"]);
}

#[test]
fn debug_of_a_request_hides_the_user_information_of_its_url() {
    let url = format!("https://{CANARY}:{CANARY}@api.acme.example/");

    hides(&Request::new(Method::GET, url.parse().unwrap()), &["api.acme.example"]);
}

#[test]
fn debug_of_a_response_body_and_a_failed_exchange_hides_what_came() {
    let headers: HeaderMap =
        [(HeaderName::from_static("set-cookie"), HeaderValue::from_static(CANARY))].into_iter().collect();
    let (method, status, body) = (&Method::GET, StatusCode::UNAUTHORIZED, CANARY.as_bytes());
    let exchange = Exchange { call: Call::Api, method, path: "/whoami", status, headers: &headers, body };

    hides(&exchange, &["GET", "/whoami", "401"]);
    hides(&Body::from(Bytes::from_static(CANARY.as_bytes())), &["Body"]);
}

#[test]
fn debug_of_a_callback_shows_names_alone() {
    let callback = Callback::from_query(&format!("?code={CANARY}&state={CANARY}")).unwrap();

    hides(&callback, &["code", "state"]);
    hides(&Callback::from_form(&canary(), &inputs()), &["api_key", "state"]);
}

#[test]
fn an_answer_that_is_refused_is_not_quoted() {
    for query in [
        format!("code={CANARY}&code={CANARY}"),
        format!("code={CANARY}&error={CANARY}"),
        CANARY.repeat(2_000),
    ] {
        let error = Callback::from_query(&query).unwrap_err();
        hides(&error, &["ConsentInvalid"]);
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

#[test]
fn debug_of_inputs_shows_names_alone() {
    hides(&inputs(), &["api_key"]);
}

#[test]
fn debug_of_a_consent_step_hides_the_state() {
    let url = format!("https://login.acme.example/authorize?state={CANARY}").parse().unwrap();

    hides(&ConsentStep::Redirect { url }, &["login.acme.example/authorize"]);
    hides(&ConsentStep::Form { state: canary(), inputs: Vec::new() }, &["Form"]);
    let page = format!("https://acme.example/device?user_code={CANARY}").parse::<Url>().unwrap();
    let device = ConsentStep::Device {
        state: canary(),
        user_code: CANARY.to_owned(),
        verification_uri: page.clone(),
        verification_uri_complete: Some(page),
        expires_at: Timestamp::UNIX_EPOCH,
        interval: Duration::from_secs(5),
    };
    hides(&device, &["Device", "acme.example", "5s"]);
}

#[test]
fn debug_of_a_consent_in_progress_hides_state_inputs_and_what_is_pending() {
    let step = ConsentStep::Form { state: canary(), inputs: Vec::new() };

    hides(
        &ConsentAsk { state: canary(), scopes: ScopeSet::default(), inputs: inputs(), loopback_port: None },
        &["api_key"],
    );
    hides(&Begun { step, pending: pending(), requested: ScopeSet::default() }, &["verifier"]);
    let callback = Callback::from_form(&canary(), &inputs());
    let answer = ConsentAnswer { callback, inputs: inputs(), pending: pending(), ..ConsentAnswer::default() };
    hides(&answer, &["verifier"]);
}

#[test]
fn debug_of_a_credential_and_of_what_holds_one_hides_its_secrets() {
    hides(&credential(), &["session_id", "redacted"]);
    hides(&Grant { credential: credential(), ..Grant::default() }, &["session_id"]);
    let held = Held { credential: credential(), inputs: inputs(), ..Held::default() };
    hides(&held, &["session_id", "api_key"]);
}

#[test]
fn debug_of_what_requests_carry_shows_header_names_alone() {
    hides(&prepared(), &["authorization", "x-api-key"]);
    for (_, value) in prepared().headers() {
        hides(value, &["Sensitive"]);
    }
}

#[test]
fn debug_of_a_session_hides_the_credential_it_carries() {
    let endpoint = Endpoint::new("https://api.acme.example".parse().unwrap()).unwrap();
    let session = Session::new(
        Arc::new(Nowhere),
        Arc::new(Never),
        Arc::new(Nothing),
        Arc::new(endpoint),
        prepared(),
        Captures::default(),
    );

    hides(&session, &["api.acme.example", "x-api-key"]);
}

#[derive(Debug)]
struct Never;

impl Clock for Never {
    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn coarse(&self) -> Ticks {
        Ticks::NEVER
    }
}

#[derive(Debug)]
struct Nowhere;

#[async_trait]
impl Transport for Nowhere {
    async fn send(&self, _: Request) -> Result<Response<Body>, TransportError> {
        Err(TransportError::NotSent("there is no network here".to_owned()))
    }
}

#[derive(Debug)]
struct Nothing;

fn unsupported() -> Error {
    Error::new(trunkline_core::ErrorKind::Unsupported, "there is nothing here")
}

#[async_trait]
impl AuthProvider for Nothing {
    fn method(&self) -> &'static str {
        "nothing"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Unattended
    }

    async fn begin(&self, _: &Cx, _: &ConsentAsk) -> Result<Begun, Error> {
        Err(unsupported())
    }

    async fn complete(&self, _: &Cx, _: &ConsentAnswer) -> Result<Grant, Error> {
        Err(unsupported())
    }

    async fn refresh(&self, _: &Cx, _: &Held) -> Result<Grant, Error> {
        Err(unsupported())
    }

    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Err(unsupported())
    }

    fn prepare(&self, _: &Credential) -> Result<Prepared, Error> {
        Ok(Prepared::none())
    }
}
