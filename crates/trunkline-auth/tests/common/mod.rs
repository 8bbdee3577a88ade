//! A scripted transport, a clock, and the providers under test.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_auth::oauth2::{
    AuthorizationCode, AuthorizationCodeBuilder, Client, ClientAuth, ClientCredentials,
    ClientCredentialsBuilder,
};
use trunkline_core::bytes::Bytes;
use trunkline_core::http::{self, HeaderMap, Method, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Body, Callback, Clock, ConsentAnswer, ConsentAsk, ConsentStep, Credential, Cx,
    Error, Grant, Held, Inputs, Request, RequestBody, ScopeSet, Secret, Ticks, Transport, TransportError,
    async_trait,
};

pub(crate) const SECRET: &str = "canary-client-secret";
pub(crate) const REDIRECT: &str = "https://app.example/connect/callback?via=trunkline";

/// What the transport does with one request.
pub(crate) enum Step {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// The head and a part of the body come, then nothing.
    Cut(u16, Vec<u8>),
    NotSent,
    Lost,
}

pub(crate) fn json(status: u16, body: &str) -> Step {
    Step::Answer(status, vec![("content-type", "application/json".into())], body.as_bytes().to_vec())
}

pub(crate) fn ok() -> Step {
    json(200, r#"{"access_token":"new-access","token_type":"Bearer","expires_in":3600}"#)
}

/// A request as it was sent.
pub(crate) struct Sent {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) timeout: Option<Duration>,
}

impl Sent {
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        form_urlencoded::parse(&self.body).into_owned().collect()
    }

    pub(crate) fn param(&self, name: &str) -> Option<String> {
        self.form().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

#[derive(Default)]
pub(crate) struct Script {
    steps: Mutex<VecDeque<Step>>,
    pub(crate) sent: Mutex<Vec<Sent>>,
    clock: Arc<TestClock>,
}

impl Script {
    /// The one request that was sent.
    pub(crate) fn only(&self) -> Sent {
        let mut sent = self.sent.lock().unwrap();
        assert_eq!(sent.len(), 1, "exactly one request");
        sent.remove(0)
    }

    pub(crate) fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

struct Cut(Option<Bytes>, bool);

impl futures_core::Stream for Cut {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        std::task::Poll::Ready(match self.0.take() {
            Some(bytes) => Some(Ok(bytes)),
            None => std::mem::take(&mut self.1).then(|| Err(TransportError::Unknown("reset".into()))),
        })
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let body = match request.body {
            RequestBody::Bytes(bytes) => bytes,
            RequestBody::Empty => Bytes::new(),
            RequestBody::Stream(_) => panic!("a token request is in memory"),
        };
        let (method, url, headers, timeout) = (request.method, request.url, request.headers, request.timeout);
        self.sent.lock().unwrap().push(Sent { method, url, headers, body, timeout });
        // Services take their time: whatever counts from the answer is 7 s off.
        self.clock.advance(7);
        let (status, headers, body) = match self.steps.lock().unwrap().pop_front() {
            Some(Step::Answer(status, headers, body)) => (status, headers, Body::from(Bytes::from(body))),
            Some(Step::Cut(status, body)) => {
                (status, Vec::new(), Body::stream(Box::pin(Cut(Some(body.into()), true))))
            }
            Some(Step::NotSent) => return Err(TransportError::NotSent("connection refused".into())),
            Some(Step::Lost) => return Err(TransportError::Unknown("timed out".into())),
            None => panic!("a request that the test does not expect"),
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(name, value.parse().unwrap());
        }
        Ok(response)
    }
}

#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Timestamp>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Mutex::new(start()))
    }
}

impl TestClock {
    fn advance(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        *now = now.checked_add(Duration::from_secs(seconds)).unwrap();
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0)
    }
}

/// When every test starts.
pub(crate) fn start() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

pub(crate) fn after(seconds: u64) -> Option<Timestamp> {
    Some(start().checked_add(Duration::from_secs(seconds)).unwrap())
}

pub(crate) fn cx(steps: impl IntoIterator<Item = Step>) -> (Cx, Arc<Script>) {
    let clock = Arc::new(TestClock::default());
    let steps = Mutex::new(steps.into_iter().collect());
    let script = Arc::new(Script { steps, sent: Mutex::default(), clock: clock.clone() });
    (Cx::new("acme", script.clone(), clock), script)
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

pub(crate) fn client() -> Client {
    Client::new("client-1", Some(Secret::new(SECRET))).auth(ClientAuth::Body)
}

pub(crate) fn builder() -> AuthorizationCodeBuilder {
    AuthorizationCode::builder(
        client(),
        url("https://service.example/authorize"),
        url("https://service.example/token"),
        REDIRECT,
    )
    .revoke_url(url("https://service.example/revoke"))
}

pub(crate) fn provider() -> AuthorizationCode {
    builder().build().unwrap()
}

pub(crate) fn credentials() -> ClientCredentialsBuilder {
    ClientCredentials::builder(client(), url("https://service.example/token"))
}

pub(crate) fn held() -> Held {
    let credential = Credential {
        access_token: Some(Secret::new("old-access")),
        refresh_token: Some(Secret::new("old-refresh")),
        scopes: Some(["a", "b"].into_iter().collect()),
        ..Credential::default()
    };
    Held { credential, ..Held::default() }
}

pub(crate) fn ask() -> ConsentAsk {
    ConsentAsk {
        state: Secret::new("canary-state"),
        scopes: ScopeSet::default(),
        inputs: Inputs::default(),
        loopback_port: None,
    }
}

/// Starts a consent; answers the URL and what was begun.
pub(crate) async fn begin(provider: &dyn AuthProvider) -> (Url, Begun) {
    let begun = provider.begin(&cx([]).0, &ask()).await.unwrap();
    match &begun.step {
        ConsentStep::Redirect { url } => (url.clone(), begun),
        step => panic!("{step:?}"),
    }
}

pub(crate) fn answer(begun: Begun, query: &str) -> ConsentAnswer {
    let callback = Callback::from_query(query).unwrap();
    ConsentAnswer { callback, inputs: Inputs::default(), pending: begun.pending, requested: begun.requested }
}

/// A whole consent whose callback has `query`.
pub(crate) async fn complete_with(
    provider: &dyn AuthProvider,
    query: &str,
    steps: impl IntoIterator<Item = Step>,
) -> (Result<Grant, Error>, Arc<Script>) {
    let (_, begun) = begin(provider).await;
    let (cx, script) = cx(steps);
    (provider.complete(&cx, &answer(begun, query)).await, script)
}

pub(crate) async fn refresh_with(
    provider: &dyn AuthProvider,
    step: Step,
) -> (Result<Grant, Error>, Arc<Script>) {
    let (cx, script) = cx([step]);
    (provider.refresh(&cx, &held()).await, script)
}

pub(crate) fn query(url: &Url) -> Vec<(String, String)> {
    url.query_pairs().into_owned().collect()
}

pub(crate) fn value(url: &Url, name: &str) -> Option<String> {
    query(url).into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
}
