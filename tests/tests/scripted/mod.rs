//! A hub whose time and network are played: nothing here waits and nothing leaves the process.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde::Deserialize;
use trunkline::{
    Account, BrowserSession, Callback, Completed, Config, Connect, Connection, ConsentRequest, ConsentStep,
    Diagnosis, Error, InputSpec, KeyRing, MemoryStore, Store, Timings, Trunkline,
};
use trunkline_auth::oauth2::{AuthorizationCode, Client, ClientAuth, ClientCredentials, challenge};
use trunkline_core::bytes::Bytes;
use trunkline_core::http::{Response, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Body, BuildConnector, Captures, Clock, Connector, ConnectorInfo, Cx, Endpoint, Exchange,
    Grant, RefreshPolicy, Request, RequestBody, Reuse, Secret, Session, Ticks, Transport, TransportError,
    async_trait, register_connector,
};

/// A clock that goes with tokio's, so that it stands where time is paused, and can be set besides.
#[derive(Debug, Clone)]
pub(crate) struct PlayedClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    began: tokio::time::Instant,
    wall_ms: AtomicI64,
    ticks_ms: AtomicU64,
}

impl PlayedClock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Hands {
            began: tokio::time::Instant::now(),
            wall_ms: AtomicI64::new(1_800_000_000_000),
            ticks_ms: AtomicU64::new(1_000_000),
        }))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.set_wall(i64::try_from(by.as_millis()).unwrap());
        self.advance_ticks(by);
    }

    /// Moves the wall clock alone, as a correction or a suspended machine does.
    pub(crate) fn set_wall(&self, by_ms: i64) {
        self.0.wall_ms.fetch_add(by_ms, Ordering::SeqCst);
    }

    pub(crate) fn advance_ticks(&self, by: Duration) {
        self.0.ticks_ms.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.0.began.elapsed().as_millis()).unwrap()
    }
}

impl Clock for PlayedClock {
    fn wall(&self) -> Timestamp {
        let elapsed = i64::try_from(self.elapsed_ms()).unwrap();
        Timestamp::from_millisecond(self.0.wall_ms.load(Ordering::SeqCst) + elapsed).unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(self.0.ticks_ms.load(Ordering::SeqCst) + self.elapsed_ms())
    }
}

/// What was sent: the method, the URL, the `Authorization` value, the entity and the body.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: trunkline_core::http::HeaderMap,
    pub(crate) body: String,
}

pub(crate) enum Answer {
    Http(u16, Vec<(&'static str, String)>, String),
    Fail(TransportError),
    /// This status and these chunks: large, broken off, of any bytes. Counts those that were read.
    Chunks(u16, Vec<Result<Bytes, TransportError>>, Arc<AtomicU64>),
    /// This status, a first chunk, and then silence.
    Drip(u16, &'static str),
    /// Never answers.
    Hang,
    /// Waits for a permit, then answers as the next does.
    Hold(Arc<tokio::sync::Semaphore>, Box<Answer>),
}

pub(crate) fn json(status: u16, body: &str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

pub(crate) fn token(access: &str, refresh: &str, expires_in: u64) -> Answer {
    json(
        200,
        &format!(
            r#"{{"access_token":"{access}","refresh_token":"{refresh}","token_type":"Bearer","expires_in":{expires_in}}}"#
        ),
    )
}

/// A whole body of any bytes, in chunks.
pub(crate) fn chunks(status: u16, chunks: impl IntoIterator<Item = &'static [u8]>) -> Answer {
    let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
    Answer::Chunks(status, chunks, Arc::default())
}

/// Plays a queue of answers; a request that nothing answers fails the test.
#[derive(Clone, Default)]
pub(crate) struct PlayedTransport {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl std::fmt::Debug for PlayedTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlayedTransport")
    }
}

impl PlayedTransport {
    pub(crate) fn will(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for PlayedTransport {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let authorization =
            request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let body = match request.body {
            RequestBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            RequestBody::Empty => String::new(),
            RequestBody::Stream(stream) => {
                String::from_utf8(Body::stream(stream).collect(1 << 20).await.unwrap().to_vec()).unwrap()
            }
        };
        let (method, url, headers) = (request.method.to_string(), request.url.clone(), request.headers);
        self.sent.lock().unwrap().push(Sent { method, url, authorization, headers, body });
        let mut answer = self.answers.lock().unwrap().pop_front();
        while let Some(Answer::Hold(gate, next)) = answer {
            gate.acquire().await.unwrap().forget();
            answer = Some(*next);
        }
        match answer {
            Some(Answer::Http(status, headers, body)) => {
                let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(Body::from(Bytes::from(body))).unwrap())
            }
            Some(Answer::Fail(error)) => Err(error),
            Some(Answer::Chunks(status, chunks, read)) => {
                let chunks = chunks.into_iter().inspect(move |_| {
                    read.fetch_add(1, Ordering::SeqCst);
                });
                let body = Body::stream(Box::pin(futures_util::stream::iter(chunks)));
                Ok(Response::builder().status(status).body(body).unwrap())
            }
            Some(Answer::Drip(status, first)) => {
                let first = futures_util::stream::iter([Ok(Bytes::from_static(first.as_bytes()))]);
                let drip = futures_util::StreamExt::chain(first, futures_util::stream::pending());
                let response = Response::builder().status(status);
                Ok(response.body(Body::stream(Box::pin(drip))).unwrap())
            }
            Some(Answer::Hang) => std::future::pending().await,
            Some(Answer::Hold(..)) => unreachable!("held answers were unwrapped"),
            None => panic!("nothing answers {}", request.url.path()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PlayedConfig {
    /// What a spent refresh token does: `grace`, with its window, or one of the others.
    reuse: Option<String>,
    grace_s: u64,
    idle_s: Option<u64>,
}

impl PlayedConfig {
    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        policy.reuse = match self.reuse.as_deref() {
            Some("grace") => Reuse::Grace { window: Duration::from_secs(self.grace_s) },
            Some("reject_soft") => Reuse::RejectSoft,
            _ => Reuse::KillsFamily,
        };
        policy.idle_limit = self.idle_s.map(Duration::from_secs);
        policy
    }
}

impl BuildConnector for PlayedConfig {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Played", docs: "", methods: &["authorization_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let url = |path: &str| format!("https://auth.played.test{path}").parse::<Url>().unwrap();
        let client = Client::new("client", Some(Secret::new("canary-client-secret"))).auth(ClientAuth::Body);
        let auth =
            AuthorizationCode::builder(client, url("/authorize"), url("/token"), "https://app.test/callback")
                .revoke_url(url("/revoke"))
                .policy(self.policy())
                .build()?;
        let input = |name| InputSpec { name, title: "", example: "", secret: false };
        let client = Client::new("client", Some(Secret::new("canary-client-secret"))).auth(ClientAuth::Body);
        let credentials = ClientCredentials::builder(client, url("/token"))
            .input(input("company"), "company")
            .input(input("user"), "user")
            .build()?;
        let base = Endpoint::new("https://api.played.test/v1".parse().unwrap())?
            .entity_header(trunkline_core::http::HeaderName::from_static("x-entity"));
        Ok(Arc::new(Played {
            auth: Arc::new(auth),
            credentials: Arc::new(credentials),
            endpoint: Arc::new(base),
        }))
    }
}

register_connector!("played", PlayedConfig);

#[derive(Debug)]
struct Played {
    auth: Arc<dyn AuthProvider>,
    credentials: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
}

#[async_trait]
impl Connector for Played {
    fn info(&self) -> &'static ConnectorInfo {
        &PlayedConfig::INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        match method {
            None | Some("authorization_code") => Some(self.auth.clone()),
            Some("client_credentials") => Some(self.credentials.clone()),
            Some(_) => None,
        }
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    /// The answer to `/me` is the account's user.
    async fn identify(&self, _: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let me = Request::new(trunkline_core::http::Method::GET, session.endpoint().join("/me")?);
        let body = session.send(me).await?.into_body().collect(1_000).await.unwrap();
        Ok(Account::new("acme", String::from_utf8(body.to_vec()).unwrap()))
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        challenge::diagnose(exchange.status, exchange.headers)
    }
}

pub(crate) struct Stage {
    pub(crate) trunkline: Trunkline,
    pub(crate) clock: PlayedClock,
    pub(crate) api: PlayedTransport,
    pub(crate) tokens: PlayedTransport,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(MemoryStore::new()).await
    }

    pub(crate) async fn on(store: impl Store + 'static) -> Self {
        Self::with(store, PlayedClock::new(), Timings::default()).await
    }

    /// Another process on the same store and at the same time has the same clock.
    pub(crate) async fn with(store: impl Store + 'static, clock: PlayedClock, timings: Timings) -> Self {
        let (api, tokens) = (PlayedTransport::default(), PlayedTransport::default());
        let trunkline = Trunkline::builder()
            .config(Config::new().connector("played", PlayedConfig::default()).unwrap())
            .store(store)
            .keys(KeyRing::new([7; 32]))
            .clock(clock.clone())
            .transport(api.clone())
            .token_transport(tokens.clone())
            .timings(timings)
            .upkeep(None)
            .build()
            .await
            .unwrap();
        Self { trunkline, clock, api, tokens }
    }

    pub(crate) async fn request(&self) -> ConsentRequest {
        match self.trunkline.tenant("acme").connect("played").await.unwrap() {
            Connect::NeedsConsent(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// Begins a consent and answers with the query of the callback.
    pub(crate) async fn begin(&self, request: &ConsentRequest, browser: &BrowserSession) -> String {
        let ConsentStep::Redirect { url } = request.begin(browser).await.unwrap() else {
            panic!("a redirect")
        };
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        format!("code=canary-code&state={state}")
    }

    pub(crate) async fn complete(&self, query: &str, browser: &BrowserSession) -> Result<Completed, Error> {
        self.trunkline.complete(Callback::from_query(query)?, browser).await
    }

    /// A connection of user `ada`, with the token `canary-a1` that lives an hour.
    pub(crate) async fn connected(&self) -> Connection {
        let browser = BrowserSession::random().unwrap();
        let query = self.begin(&self.request().await, &browser).await;
        self.tokens.will(token("canary-a1", "canary-r1", 3600));
        self.api.will(Answer::Http(200, vec![], "ada".to_owned()));
        self.complete(&query, &browser).await.unwrap().connection
    }
}
