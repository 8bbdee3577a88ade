//! What the benches share: a connector with a token of 900 bytes, stores and transports that cost
//! nothing, and a registry of 1,000 connectors.

#![allow(dead_code, reason = "each bench uses a part of it")]

pub(crate) mod registry;
pub(crate) mod rights;
pub(crate) mod store;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use trunkline::{Config, Connect, Connection, KeyRing, Store, Trunkline};
use trunkline_core::http::{Method, Response};
use trunkline_core::jiff::SignedDuration;
use trunkline_core::permission::PermissionMap;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, Begun, Body, BuildConnector, Captures, Connector, ConnectorInfo, ConsentAnswer,
    ConsentAsk, ConsentKind, Credential, Cx, Diagnosis, Endpoint, Error, ErrorKind, Exchange, Grant, Held,
    Prepared, Request, Revoked, Secret, Session, Transport, TransportError, register_connector,
};

pub(crate) const CONNECTOR: &str = "bench";
pub(crate) const TOKEN_BYTES: usize = 900;
pub(crate) const TOKEN_DELAY: Duration = Duration::from_millis(50);
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// Settings of a connector whose grants need nobody's consent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BenchConfig {
    /// Where requests go.
    pub(crate) base: Url,
    /// How long the first token serves, in milliseconds; negative for one that is expired when it is issued.
    pub(crate) first_life_ms: i64,
    /// How old it is when it is issued. The older, the sooner it is to be renewed.
    #[serde(default)]
    pub(crate) first_age_ms: i64,
}

register_connector!("bench", BenchConfig);

const INFO: ConnectorInfo = ConnectorInfo { title: "Bench", docs: "", methods: &["bench"] };

impl BuildConnector for BenchConfig {
    const INFO: ConnectorInfo = INFO;

    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        let endpoint = Arc::new(Endpoint::new(self.base.clone())?);
        let first = [self.first_life_ms, self.first_age_ms].map(SignedDuration::from_millis);
        let auth = Arc::new(BenchAuth { first });
        Ok(Arc::new(BenchConnector { endpoint, auth }))
    }
}

#[derive(Debug)]
struct BenchConnector {
    endpoint: Arc<Endpoint>,
    auth: Arc<BenchAuth>,
}

#[async_trait]
impl Connector for BenchConnector {
    fn info(&self) -> &'static ConnectorInfo {
        &INFO
    }

    #[expect(clippy::needless_lifetimes, reason = "as the trait writes it")]
    fn auth<'a>(&self, _method: Option<&'a str>) -> Option<Arc<dyn AuthProvider>> {
        Some(self.auth.clone())
    }

    fn endpoint(&self, _captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    fn permissions(&self) -> Option<&dyn PermissionMap> {
        Some(&rights::OpenMap)
    }

    async fn identify(&self, _cx: &Cx, _session: &Session, _grant: &Grant) -> Result<Account, Error> {
        Ok(account())
    }

    fn diagnose<'a>(&self, _exchange: &Exchange<'a>) -> Option<Diagnosis> {
        None
    }
}

fn account() -> Account {
    Account::new("company", "user")
}

#[derive(Debug)]
struct BenchAuth {
    /// Life and age of the first token.
    first: [SignedDuration; 2],
}

impl BenchAuth {
    fn grant(cx: &Cx, [life, age]: [SignedDuration; 2]) -> Grant {
        let now = cx.clock().wall();
        let credential = Credential {
            access_token: Some(Secret::new("t".repeat(TOKEN_BYTES))),
            refresh_token: Some(Secret::new("r".repeat(64))),
            issued_at: Some(now - age),
            access_expires_at: Some(now + life),
            ..Credential::default()
        };
        Grant { credential, captures: Captures::default(), account: Some(account()) }
    }
}

#[async_trait]
impl AuthProvider for BenchAuth {
    fn method(&self) -> &'static str {
        "bench"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Unattended
    }

    async fn begin(&self, _cx: &Cx, _ask: &ConsentAsk) -> Result<Begun, Error> {
        Err(Error::new(ErrorKind::Unsupported, "nobody is asked"))
    }

    async fn complete(&self, cx: &Cx, _answer: &ConsentAnswer) -> Result<Grant, Error> {
        Ok(Self::grant(cx, self.first))
    }

    async fn refresh(&self, cx: &Cx, _held: &Held) -> Result<Grant, Error> {
        cx.transport()
            .send(Request::new(Method::POST, base()))
            .await
            .map_err(|error| trunkline_core::transport_failure(&error))?;
        Ok(Self::grant(cx, [LIFETIME, SignedDuration::ZERO]))
    }

    async fn revoke(&self, _cx: &Cx, _held: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        let token = credential.access_token.as_ref();
        let token = token.ok_or_else(|| Error::new(ErrorKind::Unexpected, "no token"))?;
        Prepared::authorization("Bearer", token)
            .map_err(|_| Error::new(ErrorKind::ResponseInvalid, "the token cannot stand in a header"))
    }
}

/// A token endpoint that answers after a while, and counts. Also the transport of hubs that send nothing.
#[derive(Debug, Clone)]
pub(crate) struct TokenEndpoint {
    requests: Arc<AtomicU64>,
    delay: Duration,
}

impl Default for TokenEndpoint {
    fn default() -> Self {
        Self::after(TOKEN_DELAY)
    }
}

impl TokenEndpoint {
    pub(crate) fn after(delay: Duration) -> Self {
        Self { requests: Arc::default(), delay }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Transport for TokenEndpoint {
    async fn send(&self, _request: Request) -> Result<Response<Body>, TransportError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        Ok(Response::new(Body::empty()))
    }
}

pub(crate) fn base() -> Url {
    "http://127.0.0.1:9/v1".parse().expect("a URL")
}

/// A hub that sends nothing but token requests, to `endpoint`.
pub(crate) async fn hub(
    store: impl Store + 'static,
    endpoint: TokenEndpoint,
    born_expired: bool,
) -> Trunkline {
    hub_of(store, endpoint, config(base(), born_expired)).await
}

pub(crate) async fn hub_of(
    store: impl Store + 'static,
    endpoint: impl Transport + Clone + 'static,
    config: Config,
) -> Trunkline {
    Trunkline::builder()
        .config(config)
        .store(store)
        .keys(keys())
        .transport(endpoint.clone())
        .token_transport(endpoint)
        .build()
        .await
        .expect("a hub")
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::new([7; 32])
}

pub(crate) fn config(base: Url, born_expired: bool) -> Config {
    let life = if born_expired { SignedDuration::from_secs(-1) } else { LIFETIME };
    first_token(base, life, SignedDuration::ZERO)
}

/// Settings under which the first token has this life left, and this age.
pub(crate) fn first_token(base: Url, life: SignedDuration, age: SignedDuration) -> Config {
    let [first_life_ms, first_age_ms] =
        [life, age].map(|span| i64::try_from(span.as_millis()).unwrap_or(i64::MAX));
    let settings = BenchConfig { base, first_life_ms, first_age_ms };
    Config::new().connector(CONNECTOR, settings).expect("a free name")
}

/// A hub with `count` connections in memory, and their tenants.
pub(crate) async fn filled(count: usize) -> (Trunkline, Vec<String>) {
    let hub = hub(store::NoStore, TokenEndpoint::default(), false).await;
    let tenants: Vec<_> = (0..count).map(|number| format!("tenant-{number:06}")).collect();
    for tenant in &tenants {
        drop(connect(&hub, tenant).await);
    }
    (hub, tenants)
}

pub(crate) async fn connect(hub: &Trunkline, tenant: &str) -> Connection {
    match hub.tenant(tenant).connect(CONNECTOR).await {
        Ok(Connect::Ready(connection)) => connection,
        other => panic!("not connected: {other:?}"),
    }
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// A deadline and what requests carry, guarded.
pub(crate) type BareGuard = arc_swap::Guard<Option<Arc<(u64, Prepared)>>>;

/// What a held token costs at least: a guard-style load of a pointer, a coarse clock, a comparison.
#[derive(Debug)]
pub(crate) struct BareToken {
    cell: arc_swap::ArcSwapOption<(u64, Prepared)>,
}

impl BareToken {
    pub(crate) fn new() -> Self {
        let prepared = Prepared::authorization("Bearer", &Secret::new("t".repeat(TOKEN_BYTES)));
        let token = (u64::MAX, prepared.expect("a header value"));
        Self { cell: arc_swap::ArcSwapOption::from_pointee(token) }
    }

    #[inline]
    pub(crate) fn load(&self) -> Option<BareGuard> {
        use trunkline_core::Clock;
        let guard = self.cell.load();
        let now = trunkline::SystemClock.coarse().as_millis();
        let serves = guard.as_ref().is_some_and(|token| now < token.0);
        serves.then_some(guard)
    }
}
