//! Several processes on one store and at one service.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use trunkline::{
    BrowserSession, Builder, Callback, Config, Connect, Connection, ConsentStep, Error, KeyRing, MemoryStore,
    Store, Trunkline,
};
use trunkline_core::{RefreshPolicy, Reuse, async_trait};
use trunkline_store::{EventKind, StoreError};
use trunkline_tests::{Call, Watch, Watched};

use super::{PlayedClock, PlayedConfig, PlayedService};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// What the processes share. The connector's policy says the same as the service does.
pub(crate) struct World {
    pub(crate) clock: PlayedClock,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) service: PlayedService,
    pub(crate) policy: RefreshPolicy,
}

/// A store without faults.
struct Unwatched;

#[async_trait]
impl Watch for Unwatched {}

impl World {
    pub(crate) fn new(reuse: Reuse) -> Self {
        let clock = PlayedClock::new();
        let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
        let service = PlayedService::new(clock.clone(), reuse);
        let mut policy = RefreshPolicy::default();
        policy.reuse = reuse;
        Self { clock, store, service, policy }
    }

    pub(crate) async fn process(&self) -> Process {
        self.process_with(Arc::new(Unwatched), |builder| builder).await.unwrap()
    }

    /// A process whose way to the store is watched.
    pub(crate) async fn watched(&self, watch: Arc<dyn Watch>) -> Process {
        self.process_with(watch, |builder| builder).await.unwrap()
    }

    pub(crate) async fn process_with(
        &self,
        watch: Arc<dyn Watch>,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Result<Process, Error> {
        self.process_on(self.store.clone(), watch, set).await
    }

    /// A process on another store than the world's.
    pub(crate) async fn process_on(
        &self,
        store: Arc<dyn Store>,
        watch: Arc<dyn Watch>,
        set: impl FnOnce(Builder) -> Builder,
    ) -> Result<Process, Error> {
        let line = self.service.line();
        let store = Watched::new(store, watch);
        let builder = Trunkline::builder()
            .config(Config::new().connector("played", PlayedConfig::of(self.policy)).unwrap())
            .store(store.clone())
            .keys(KeyRing::new([7; 32]))
            .clock(self.clock.clone())
            .transport(line.clone())
            .token_transport(line.clone())
            .upkeep(None)
            .probes(None);
        Ok(Process { trunkline: set(builder).build().await?, line, store })
    }

    /// What happened to a connection, in order.
    pub(crate) async fn store_events(&self, connection: &Connection) -> Vec<EventKind> {
        let events = self.store.events(connection.id(), 0, 100).await.unwrap();
        events.iter().map(|event| event.kind).collect()
    }

    /// The stored row of a connection.
    pub(crate) async fn row(&self, connection: &Connection) -> trunkline_store::Stored {
        self.store.get_by_id(connection.id()).await.unwrap().unwrap()
    }
}

/// One process.
pub(crate) struct Process {
    pub(crate) trunkline: Trunkline,
    pub(crate) line: PlayedService,
    pub(crate) store: Watched,
}

impl Process {
    /// A first consent of `acme`, or a new one.
    pub(crate) async fn connected(&self) -> Connection {
        self.consents("acme").await.unwrap()
    }

    pub(crate) async fn consents(&self, tenant: &str) -> Result<Connection, Error> {
        let connect = self.trunkline.tenant(tenant).connect("played").await.unwrap();
        let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
        self.consents_to(&request).await
    }

    pub(crate) async fn consents_to(&self, request: &trunkline::ConsentRequest) -> Result<Connection, Error> {
        let browser = BrowserSession::random().unwrap();
        let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else {
            panic!("a redirect")
        };
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let callback = Callback::from_query(&format!("code=canary-code&state={state}"))?;
        Ok(self.trunkline.complete(callback, &browser).await?.connection)
    }

    /// So many tenants consent: `tenant-0` has the service's first grant, and so on.
    pub(crate) async fn tenants(&self, count: usize) -> Vec<Connection> {
        let mut connections = Vec::new();
        for number in 0..count {
            connections.push(self.consents(&format!("tenant-{number}")).await.unwrap());
        }
        connections
    }

    /// The connection of `acme` as this process finds it in the store.
    pub(crate) async fn finds(&self) -> Connection {
        match self.trunkline.tenant("acme").connect("played").await.unwrap() {
            Connect::Ready(connection) => connection,
            other => panic!("{other:?}"),
        }
    }
}

/// Starts to ask for a token in the background; lets it run until it waits.
pub(crate) async fn asking(connection: &Connection) -> tokio::task::JoinHandle<Result<u64, Error>> {
    let connection = connection.clone();
    #[expect(clippy::disallowed_methods, reason = "it outlives its asker, as a request of another task does")]
    let asking = tokio::spawn(async move { connection.access_token().await.map(|token| token.generation()) });
    settled().await;
    asking
}

/// Lets everything run that can run without time passing.
pub(crate) async fn settled() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Makes calls of one kind fail, or never come back; or ends the process.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    dead: AtomicBool,
    failing: std::sync::Mutex<Vec<(Call, When, usize)>>,
    slow: std::sync::Mutex<Option<(Call, Duration)>>,
    held: std::sync::Mutex<Option<(Call, Arc<Semaphore>)>>,
    calls: std::sync::Mutex<Vec<Call>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// The call fails, and nothing is done.
    Before,
    /// The call is done, and is reported as failed.
    After,
    /// The call is not done and never comes back.
    Never,
}

impl Faults {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The next `times` calls of this kind fail in this way.
    pub(crate) fn fail(&self, call: Call, when: When, times: usize) {
        self.failing.lock().unwrap().push((call, when, times));
    }

    /// The next call of this kind is done at once, and its answer takes this long.
    pub(crate) fn slow(&self, call: Call, by: Duration) {
        *self.slow.lock().unwrap() = Some((call, by));
    }

    /// The next call of this kind waits until a permit is given, and is done then.
    pub(crate) fn hold(&self, call: Call) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.held.lock().unwrap() = Some((call, gate.clone()));
        gate
    }

    /// Whatever failed works again.
    pub(crate) fn recover(&self) {
        self.failing.lock().unwrap().clear();
    }

    /// From now on no call comes back: the process is dead. What it had sent goes on without it.
    pub(crate) fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    pub(crate) fn count(&self, call: Call) -> usize {
        self.calls.lock().unwrap().iter().filter(|made| **made == call).count()
    }

    async fn fault(&self, call: Call, at: &[When]) -> Result<(), StoreError> {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let fault = {
            let mut failing = self.failing.lock().unwrap();
            let mut fits = failing.iter_mut().filter(|(of, when, _)| *of == call && at.contains(when));
            fits.find(|(_, _, left)| *left > 0).map(|(_, when, left)| {
                *left -= 1;
                *when
            })
        };
        match fault {
            None => Ok(()),
            Some(When::Never) => std::future::pending().await,
            Some(_) => Err(StoreError::Unavailable { reason: "played".into() }),
        }
    }
}

#[async_trait]
impl Watch for Faults {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        self.calls.lock().unwrap().push(call);
        let held = self.held.lock().unwrap().take_if(|held| held.0 == call);
        if let Some((_, gate)) = held {
            gate.acquire().await.unwrap().forget();
        }
        self.fault(call, &[When::Before, When::Never]).await
    }

    async fn after(&self, call: Call) -> Result<(), StoreError> {
        let slow = self.slow.lock().unwrap().take_if(|slow| slow.0 == call);
        if let Some((_, by)) = slow {
            tokio::time::sleep(by).await;
        }
        self.fault(call, &[When::After]).await
    }
}
