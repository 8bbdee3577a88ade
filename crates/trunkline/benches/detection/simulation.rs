//! Many idle connections at a service that revokes some of them, in virtual time.
//!
//! The clock is tokio's, which stands still while anything is to be done; the service answers at once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use trunkline::{Config, Connect, Connection, KeyRing, MemoryStore, Probes, State, Trunkline};
use trunkline_core::http::{Method, Response};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{
    Account, AuthProvider, Begun, Body, BuildConnector, Captures, Cause, Clock, Connector, ConnectorInfo,
    ConsentAnswer, ConsentAsk, ConsentKind, Credential, Cx, Diagnosis, Endpoint, Error, ErrorKind, Exchange,
    Grant, Held, Prepared, Probe, RefreshPolicy, Request, RequestBody, Reuse, Revoked, Secret, Session,
    Ticks, Transport, TransportError, async_trait, register_connector, transport_failure,
};

const CONNECTOR: &str = "simulated";
const LIFE: Duration = Duration::from_secs(12 * 60 * 60);

/// What is played.
pub(crate) struct Scene {
    pub(crate) connections: usize,
    pub(crate) span: Duration,
    /// How many grants are revoked, at random times.
    pub(crate) revocations: usize,
    /// When the service is down, and how long.
    pub(crate) outages: Vec<(Duration, Duration)>,
    pub(crate) probes: Probes,
    pub(crate) seed: u64,
}

/// What came of it.
pub(crate) struct Outcome {
    /// From each revocation, or the end of the outage that hid it, to the change of state, ascending.
    pub(crate) latencies: Vec<Duration>,
    /// Revocations that were not found.
    pub(crate) unfound: usize,
    /// Connections that lost their state though nobody revoked them.
    pub(crate) false_verdicts: usize,
    /// Requests to the API, and to the token endpoint, per connection and day.
    pub(crate) probes_per_day: f64,
    pub(crate) renewals_per_day: f64,
}

impl Outcome {
    pub(crate) fn quantile(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a list")]
        let place = (last as f64 * part).round() as usize;
        self.latencies.get(place).copied().unwrap_or_default()
    }
}

/// Plays a scene, inside a runtime whose time is paused.
pub(crate) async fn play(scene: &Scene) -> Outcome {
    let clock = Virtual(tokio::time::Instant::now());
    let service = Service::default();
    let hub = hub(scene, clock, &service).await;
    let connections = connect_all(scene, &hub).await;
    let began = clock.0.elapsed();
    service.forget_counts();
    let revoked = happen(scene, &service).await;
    // The last one has its time as well.
    tokio::time::sleep(scene.probes.within * 2).await;
    let days = (clock.0.elapsed() - began).as_secs_f64() / 86_400.0 * scene.connections as f64;
    drop(hub.shutdown(Duration::from_secs(60)).await);

    let (mut latencies, mut unfound, mut false_verdicts) = (Vec::new(), 0, 0);
    for (number, connection) in connections.iter().enumerate() {
        // What was lost stays so: neither a probe nor a renewal asks for it any more.
        let status = connection.status().await.expect("memory");
        let lost = (!matches!(status.state(), State::Active | State::Degraded))
            .then(|| clock.since_start(status.since()) - began);
        let at = revoked.iter().find(|(revoked, _)| *revoked == number).map(|(_, at)| *at);
        match (at, lost) {
            (Some(at), Some(lost)) if lost >= at => latencies.push(lost - scene.hidden_until(at, lost)),
            (Some(_), None) => unfound += 1,
            (None, None) => {}
            (_, Some(_)) => false_verdicts += 1,
        }
    }
    latencies.sort();
    let per_day = |count: &AtomicU64| count.load(Ordering::Relaxed) as f64 / days;
    Outcome {
        latencies,
        unfound,
        false_verdicts,
        probes_per_day: per_day(&service.0.calls),
        renewals_per_day: per_day(&service.0.renewals),
    }
}

impl Scene {
    /// From when on a revocation at `at` that was found at `found` could be: an outage hides it.
    fn hidden_until(&self, at: Duration, found: Duration) -> Duration {
        let hiding = self.outages.iter().map(|(start, long)| (*start, *start + *long));
        let ends = hiding.filter(|(start, end)| *start < found && at < *end && *end <= found);
        ends.map(|(_, end)| end).max().unwrap_or(at).max(at)
    }
}

/// Lets everything happen that the scene says; answers who was revoked when.
async fn happen(scene: &Scene, service: &Service) -> Vec<(usize, Duration)> {
    let start = tokio::time::Instant::now();
    let mut random = Random(scene.seed | 1);
    let mut happenings: Vec<(Duration, Happening)> = Vec::new();
    for (at, long) in &scene.outages {
        happenings.push((*at, Happening::Down(true)));
        happenings.push((*at + *long, Happening::Down(false)));
    }
    let mut chosen = HashSet::new();
    while chosen.len() < scene.revocations.min(scene.connections) {
        let number = random.below(scene.connections as u64) as usize;
        if chosen.insert(number) {
            // By then every connection has been looked at, and no token is over unseen.
            let first = scene.probes.within * 2;
            let left = scene.span.saturating_sub(first).as_millis() as u64;
            let at = first + Duration::from_millis(random.below(left));
            happenings.push((at, Happening::Revoke(number)));
        }
    }
    happenings.sort_by_key(|(at, _)| *at);
    let mut revoked = Vec::new();
    for (at, happening) in happenings {
        tokio::time::sleep_until(start + at).await;
        match happening {
            Happening::Down(down) => service.0.is_down.store(down, Ordering::Relaxed),
            Happening::Revoke(number) => {
                service.revoked().insert(number);
                revoked.push((number, at));
            }
        }
    }
    tokio::time::sleep_until(start + scene.span).await;
    revoked
}

enum Happening {
    Down(bool),
    Revoke(usize),
}

async fn connect_all(scene: &Scene, hub: &Trunkline) -> Vec<Connection> {
    let mut connections = Vec::with_capacity(scene.connections);
    // Spread over the bound, as a population is that has been there for a while.
    let pause = scene.probes.within / u32::try_from(scene.connections).expect("not so many");
    for number in 0..scene.connections {
        tokio::time::sleep(pause).await;
        match hub.tenant(&format!("tenant-{number:06}")).connect(CONNECTOR).await.expect("a connection") {
            Connect::Ready(connection) => connections.push(connection),
            other => panic!("{other:?}"),
        }
    }
    connections
}

async fn hub(scene: &Scene, clock: Virtual, service: &Service) -> Trunkline {
    let config = Config::new().connector(CONNECTOR, SimulatedConfig {}).expect("a free name");
    let builder = Trunkline::builder()
        .config(config)
        .store(MemoryStore::with_clock(Arc::new(clock)))
        .keys(KeyRing::new([7; 32]))
        .clock(clock)
        .transport(service.clone())
        .token_transport(service.clone())
        .probes(scene.probes);
    builder.build().await.expect("a hub")
}

/// The wall clock and the ticks are both tokio's.
#[derive(Debug, Clone, Copy)]
struct Virtual(tokio::time::Instant);

impl Virtual {
    fn since_start(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(Timestamp::UNIX_EPOCH)).unwrap_or_default()
    }
}

impl Clock for Virtual {
    fn wall(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH.checked_add(self.0.elapsed()).expect("not so long")
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(1_000 + u64::try_from(self.0.elapsed().as_millis()).expect("not so long"))
    }
}

/// A reproducible row of numbers (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// The service: a token is the number of its grant.
#[derive(Debug, Clone, Default)]
struct Service(Arc<Books>);

#[derive(Debug, Default)]
struct Books {
    revoked: Mutex<HashSet<usize>>,
    is_down: AtomicBool,
    calls: AtomicU64,
    renewals: AtomicU64,
}

impl Service {
    fn revoked(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.0.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget_counts(&self) {
        self.0.calls.store(0, Ordering::Relaxed);
        self.0.renewals.store(0, Ordering::Relaxed);
    }
}

#[async_trait]
impl Transport for Service {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let is_call = request.method == Method::GET;
        let count = if is_call { &self.0.calls } else { &self.0.renewals };
        let number = count.fetch_add(1, Ordering::Relaxed);
        let answer = |status: u16| {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = status.try_into().expect("a status");
            Ok(response)
        };
        if self.0.is_down.load(Ordering::Relaxed) {
            // The ways in which a service is down.
            return match number % 4 {
                0 => answer(503),
                1 => answer(502),
                2 => Err(TransportError::NotSent("refused".to_owned())),
                _ => Err(TransportError::Unknown("reset".to_owned())),
            };
        }
        let token = match &request.body {
            RequestBody::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            _ => {
                let value = request.headers.get("authorization").and_then(|value| value.to_str().ok());
                value.unwrap_or("").trim_start_matches("Bearer ").to_owned()
            }
        };
        let is_revoked = token.parse().is_ok_and(|number| self.revoked().contains(&number));
        match (is_revoked, is_call) {
            (false, _) => answer(200),
            (true, true) => answer(401),
            (true, false) => answer(400),
        }
    }
}

#[derive(Debug, Deserialize)]
struct SimulatedConfig {}

register_connector!("simulated", SimulatedConfig);

impl BuildConnector for SimulatedConfig {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Simulated", docs: "", methods: &["simulated"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let base = "https://simulated.test/".parse().map_err(|_| unexpected("no URL"))?;
        let endpoint = Arc::new(Endpoint::new(base)?);
        Ok(Arc::new(Simulated { auth: Arc::new(Grants::default()), endpoint }))
    }
}

#[derive(Debug)]
struct Simulated {
    auth: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
}

#[async_trait]
impl Connector for Simulated {
    fn info(&self) -> &'static ConnectorInfo {
        &SimulatedConfig::INFO
    }

    #[expect(clippy::needless_lifetimes, reason = "as the trait writes it")]
    fn auth<'a>(&self, _: Option<&'a str>) -> Option<Arc<dyn AuthProvider>> {
        Some(self.auth.clone())
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    async fn identify(&self, _: &Cx, _: &Session, grant: &Grant) -> Result<Account, Error> {
        grant.account.clone().ok_or_else(|| unexpected("no account"))
    }

    async fn probe(&self, _: &Cx, session: &Session) -> Result<Probe, Error> {
        let me = Request::new(Method::GET, session.endpoint().join("/me")?);
        let cause = match session.send(me).await?.status().as_u16() {
            200 => return Ok(Probe::Alive),
            401 => Cause::AccessTokenRejected,
            _ => Cause::ServiceUnavailable,
        };
        Err(Error::of(cause))
    }

    fn diagnose(&self, _: &Exchange<'_>) -> Option<Diagnosis> {
        None
    }
}

/// Grants that nobody has to approve, numbered in the order in which they are made.
#[derive(Debug, Default)]
struct Grants(AtomicU64);

impl Grants {
    /// The access tokens of a population that has been there for a while end at any time.
    fn grant(&self, cx: &Cx, number: &str, left: Duration) -> Grant {
        let now = cx.clock().wall();
        let token = || Some(Secret::new(number));
        let credential = Credential {
            access_token: token(),
            refresh_token: token(),
            issued_at: Some(now),
            access_expires_at: now.checked_add(left).ok(),
            ..Credential::default()
        };
        let account = Some(Account::new("simulated", number));
        Grant { credential, captures: Captures::default(), account }
    }
}

#[async_trait]
impl AuthProvider for Grants {
    fn method(&self) -> &'static str {
        "simulated"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Unattended
    }

    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        policy.reuse = Reuse::RejectSoft;
        policy
    }

    async fn begin(&self, _: &Cx, _: &ConsentAsk) -> Result<Begun, Error> {
        Err(unexpected("nobody is asked"))
    }

    async fn complete(&self, cx: &Cx, _: &ConsentAnswer) -> Result<Grant, Error> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let part = Random(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1).below(LIFE.as_secs());
        Ok(self.grant(cx, &number.to_string(), Duration::from_secs(part) + Duration::from_secs(60)))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let token = held.credential.refresh_token.as_ref().ok_or_else(|| unexpected("no token"))?;
        let url = "https://simulated.test/token".parse().map_err(|_| unexpected("no URL"))?;
        let mut request = Request::new(Method::POST, url);
        request.body = RequestBody::Bytes(token.expose().to_owned().into());
        let answer = cx.transport().send(request).await.map_err(|error| transport_failure(&error))?;
        match answer.status().as_u16() {
            200 => Ok(self.grant(cx, token.expose(), LIFE)),
            400 => Err(Error::of(Cause::GrantRevoked)),
            _ => Err(Error::of(Cause::ServiceUnavailable)),
        }
    }

    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        let token = credential.access_token.as_ref().ok_or_else(|| unexpected("no token"))?;
        Prepared::authorization("Bearer", token).map_err(|_| unexpected("no header"))
    }
}

fn unexpected(what: &'static str) -> Error {
    Error::new(ErrorKind::Unexpected, what)
}
