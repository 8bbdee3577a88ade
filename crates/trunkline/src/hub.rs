//! The hub: what all connections of an application share.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use papaya::HashSet;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use trunkline_core::{
    Clock, ConnectionId, ConnectionKey, Cx, Error, ErrorKind, Registry, Secret, Session, Transport, nearest,
    printable,
};
use trunkline_store::{KeyRing, Store, Vault};
use url::Url;

use crate::config::Config;
use crate::connect::Tenant;
use crate::keeper::{
    Client, Clients, Incidents, Probes, Recent, Timings, Troubles, Unwritten, Upkeep, Witnesses, deadline,
    journal, probe, upkeep,
};
use crate::live::{ByName, Entry, Live, Mounted, Names};
use crate::rights::KnownRights;

/// How many unattended consents of different names can be under way at once.
const UNATTENDED_TURNS: usize = 64;
/// The pause between two looks for the events of other processes.
const POLL_EVENTS: Duration = Duration::from_secs(1);
/// How long events are kept.
const KEEP_EVENTS: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The front door: one per application, cheap to clone.
#[derive(Clone)]
pub struct Trunkline(pub(crate) Arc<Hub>);

pub(crate) struct Hub {
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    /// For APIs.
    pub(crate) transport: Arc<dyn Transport>,
    /// For token endpoints.
    pub(crate) token_transport: Arc<dyn Transport>,
    pub(crate) connections: HashSet<ByName, foldhash::fast::RandomState>,
    pub(crate) return_to: Vec<Url>,
    pub(crate) timings: Timings,
    pub(crate) incidents: Incidents,
    pub(crate) clients: Clients,
    pub(crate) witnesses: Witnesses,
    /// When to look at connections; by this or by another process.
    pub(crate) probes: Probes,
    /// How long before its end a grant is announced to be ending.
    pub(crate) leads: Vec<Duration>,
    pub(crate) troubles: Troubles,
    pub(crate) known: KnownRights,
    pub(crate) recent: Recent,
    pub(crate) unwritten: Arc<Unwritten>,
    pub(crate) journal: Option<PathBuf>,
    /// Told of every commit here that brings events.
    pub(crate) news: watch::Sender<()>,
    /// How often who follows the events looks for those of other processes.
    pub(crate) poll_events: Duration,
    pub(crate) keep_events: Duration,
    /// Ends what runs without an end.
    pub(crate) stopping: CancellationToken,
    mounted: BTreeMap<String, Arc<Mounted>>,
    unattended: [Mutex<()>; UNATTENDED_TURNS],
    pub(crate) tasks: TaskTracker,
    runtime: Handle,
}

impl Trunkline {
    /// Starts to put a hub together.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The connections of one of the application's customers. Names are checked when they are used.
    #[must_use]
    pub fn tenant<'a>(&'a self, tenant: &'a str) -> Tenant<'a> {
        Tenant::new(&self.0, tenant)
    }

    /// The names of the configured connectors.
    pub fn connectors(&self) -> impl Iterator<Item = &str> {
        self.0.mounted.keys().map(String::as_str)
    }
}

impl fmt::Debug for Trunkline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trunkline").field("connectors", &self.0.mounted.keys()).finish_non_exhaustive()
    }
}

impl Hub {
    /// The one place that spawns. What runs here is not cancelled with the caller.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.tasks.spawn_on(task, &self.runtime));
    }

    /// The configured connector called `name`.
    pub(crate) fn mounted(&self, name: &str) -> Result<&Arc<Mounted>, Error> {
        self.mounted.get(name).ok_or_else(|| {
            let near = nearest(name, self.mounted.keys().map(String::as_str));
            let printed = printable(name);
            match (Registry::global().get(name), near) {
                (Some(_), _) => Error::new(
                    ErrorKind::NotConfigured,
                    format!("no connector `{printed}` is configured"),
                )
                .hint(format!(
                    "A provider of that name is linked: add a table [connectors.{printed}] to the settings."
                )),
                (None, Some(near)) => {
                    Error::new(ErrorKind::NotConfigured, format!("no connector `{printed}` is configured"))
                        .hint(format!("Did you mean `{near}`?"))
                }
                (None, None) => match Registry::global().find(name) {
                    Err(error) => error,
                    Ok(_) => Error::new(ErrorKind::Unexpected, "the registry changed its mind"),
                },
            }
        })
    }

    pub(crate) fn all_mounted(&self) -> impl Iterator<Item = &Arc<Mounted>> {
        self.mounted.values()
    }

    /// The application's own clients at the services, each once.
    pub(crate) fn clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        for mounted in self.mounted.values() {
            for method in mounted.connector.info().methods {
                let Some(auth) = mounted.connector.auth(Some(method)) else { continue };
                let client = Client::of(mounted, &*auth);
                if !clients.contains(&client) {
                    clients.push(client);
                }
            }
        }
        clients
    }

    /// The connection in memory with these names; looks up only.
    pub(crate) fn entry(&self, names: Names<'_>) -> Option<Arc<Entry>> {
        self.connections.pin().get(&names).map(|found| found.0.clone())
    }

    /// The connection in memory, made if it is not there. An entry of another id under the same
    /// names, left over from before the connection was made anew, is replaced.
    pub(crate) fn entry_or_insert(
        &self,
        record: &trunkline_store::Record,
        mounted: &Arc<Mounted>,
    ) -> Arc<Entry> {
        let fresh = ByName(Arc::new(Entry::new(record.id, &record.key, mounted.clone())));
        let connections = self.connections.pin();
        loop {
            match connections.get(&fresh.0.names()) {
                Some(found) if found.0.id == record.id => return found.0.clone(),
                Some(stale) => drop(connections.remove(&stale.0.names())),
                None => {
                    if connections.insert(fresh.clone()) {
                        return fresh.0;
                    }
                }
            }
        }
    }

    /// Waits until no other unattended consent for these names is under way in this process.
    pub(crate) async fn unattended_turn(&self, key: &ConnectionKey) -> MutexGuard<'_, ()> {
        let turn = foldhash::fast::FixedState::default().hash_one(key) % UNATTENDED_TURNS as u64;
        self.unattended[usize::try_from(turn).unwrap_or(0)].lock().await
    }

    pub(crate) fn token_cx(&self, mounted: &Mounted) -> Cx {
        Cx::new(mounted.name.as_str(), self.token_transport.clone(), self.clock.clone())
    }

    pub(crate) fn api_cx(&self, mounted: &Mounted) -> Cx {
        Cx::new(mounted.name.as_str(), self.transport.clone(), self.clock.clone())
    }

    /// Lets the connector learn what it must know about its service.
    pub(crate) async fn ready(&self, mounted: &Mounted) -> Result<(), Error> {
        let now = self.clock.wall();
        let ready = mounted.connector.ready(&self.api_cx(mounted)).await;
        ready.map_err(|error| error.map_diagnosis(|diagnosis| diagnosis.during("discovery", now)))
    }

    pub(crate) fn session(&self, live: &Live, held: &trunkline_core::Held) -> Session {
        Session::new(
            self.transport.clone(),
            self.clock.clone(),
            live.auth.clone(),
            live.endpoint.clone(),
            live.prepared.clone(),
            held.captures.clone(),
        )
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// Puts a hub together. A store and keys are required; everything else has a default.
#[derive(Default)]
pub struct Builder {
    config: Config,
    store: Option<Arc<dyn Store>>,
    keys: Option<KeyRing>,
    clock: Option<Arc<dyn Clock>>,
    transport: Option<Arc<dyn Transport>>,
    token_transport: Option<Arc<dyn Transport>>,
    timings: Timings,
    incidents: Incidents,
    /// The outer `None` is the default.
    upkeep: Option<Option<Upkeep>>,
    /// So is here.
    probes: Option<Option<Probes>>,
    leads: Option<Vec<Duration>>,
    journal: Option<PathBuf>,
    believe_rights: Option<Duration>,
    poll_events: Option<Duration>,
    keep_events: Option<Duration>,
}

impl Builder {
    /// The connectors. Default: none.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Where grants rest.
    #[must_use]
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// What seals them. Without keys nothing starts.
    #[must_use]
    pub fn keys(mut self, keys: KeyRing) -> Self {
        self.keys = Some(keys);
        self
    }

    /// Another clock than the operating system's, for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// Another transport to the services' APIs than reqwest. It must keep [`Transport`]'s contract.
    #[must_use]
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Another transport to token endpoints than reqwest: one fresh connection per request.
    #[must_use]
    pub fn token_transport(mut self, transport: impl Transport + 'static) -> Self {
        self.token_transport = Some(Arc::new(transport));
        self
    }

    /// Other bounds for the steps of a renewal: the same in every process that shares the store.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.timings = timings;
        self
    }

    /// Other bounds for when refusals are believed: the same in every process that shares the store.
    #[must_use]
    pub fn incidents(mut self, incidents: Incidents) -> Self {
        self.incidents = incidents;
        self
    }

    /// Another rhythm for keeping alive what nobody uses; `None` leaves it to another process.
    #[must_use]
    pub fn upkeep(mut self, upkeep: impl Into<Option<Upkeep>>) -> Self {
        self.upkeep = Some(upkeep.into());
        self
    }

    /// Another bound, or another budget, for noticing that a grant was revoked which nobody uses; `None` leaves it
    /// to another process.
    #[must_use]
    pub fn probes(mut self, probes: impl Into<Option<Probes>>) -> Self {
        self.probes = Some(probes.into());
        self
    }

    /// How long before the known end of a grant the event `expiring` is written, once for each of these times.
    /// The upkeep does it. Default: 14, 7 and 1 days.
    #[must_use]
    pub fn expiring(mut self, leads: impl IntoIterator<Item = Duration>) -> Self {
        self.leads = Some(leads.into_iter().collect());
        self
    }

    /// How long what was read of a user's rights is believed, for [`Connection::require`](crate::Connection::require)
    /// and `check`. Default 15 minutes; a denial is believed for 30 s at most. Zero asks each time.
    #[must_use]
    pub fn believe_rights(mut self, time: Duration) -> Self {
        self.believe_rights = Some(time);
        self
    }

    /// A file of this process alone, for credentials that could not be stored before a
    /// [`shutdown`](Trunkline::shutdown) had to end. What is in it is stored at the start. Default: none.
    #[must_use]
    pub fn journal(mut self, path: impl Into<PathBuf>) -> Self {
        self.journal = Some(path.into());
        self
    }

    /// How often a stream of events looks for those of other processes. Default 1 s; those of this process are
    /// there at once.
    #[must_use]
    pub fn poll_events(mut self, every: Duration) -> Self {
        self.poll_events = Some(every);
        self
    }

    /// How long events are kept. Default 90 days. The upkeep of any process purges what is older by its own
    /// setting.
    #[must_use]
    pub fn keep_events(mut self, time: Duration) -> Self {
        self.keep_events = Some(time);
        self
    }

    /// Checks everything together and opens the store. Captures the current runtime.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`] when store or keys are missing, a connector's settings do not
    /// fit, two linked crates claim one name, or a stored grant is sealed under a key that is not
    /// there; [`ErrorKind::StoreFailed`] when the store or the journal cannot be read.
    pub async fn build(self) -> Result<Trunkline, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(ErrorKind::ConfigInvalid, "a hub is built inside a tokio runtime"))?;
        let missing = |what: &str| {
            Error::new(ErrorKind::ConfigInvalid, format!("{what} missing: nothing starts without"))
        };
        let store = self.store.ok_or_else(|| missing("a store is"))?;
        let keys = self.keys.ok_or_else(|| {
            missing("sealing keys are").hint("Pass KeyRing::from_env(\"TRUNKLINE_KEY\")? to Builder::keys.")
        })?;
        self.timings.check()?;
        self.incidents.check()?;
        let probes = self.probes.unwrap_or_else(|| Some(Probes::default()));
        probes.as_ref().map_or(Ok(()), Probes::check)?;
        let (connectors, return_to) = self.config.build()?;
        let mounted = connectors
            .into_iter()
            .map(|(name, connector)| (name.clone(), Arc::new(Mounted { name, connector })))
            .collect();
        let hub = Arc::new(Hub {
            vault: Vault::open(store, keys).await?,
            clock: self.clock.unwrap_or_else(|| Arc::new(crate::SystemClock)),
            transport: transport_or(self.transport, Purpose::Api)?,
            token_transport: transport_or(self.token_transport, Purpose::TokenEndpoint)?,
            connections: HashSet::with_hasher(foldhash::fast::RandomState::default()),
            return_to,
            timings: self.timings,
            incidents: self.incidents,
            clients: Clients::default(),
            witnesses: Witnesses::default(),
            probes: probes.unwrap_or_default(),
            leads: self.leads.unwrap_or_else(|| deadline::LEADS.to_vec()),
            troubles: Troubles::default(),
            known: KnownRights::believed_for(self.believe_rights),
            recent: Recent::default(),
            unwritten: Arc::default(),
            journal: self.journal,
            news: watch::Sender::new(()),
            poll_events: self.poll_events.unwrap_or(POLL_EVENTS),
            keep_events: self.keep_events.unwrap_or(KEEP_EVENTS),
            stopping: CancellationToken::new(),
            mounted,
            unattended: [const { Mutex::const_new(()) }; UNATTENDED_TURNS],
            tasks: TaskTracker::new(),
            runtime,
        });
        if let Some(path) = &hub.journal {
            journal::apply(&hub, path).await?;
        }
        let trunkline = Trunkline(hub);
        trunkline.resume_revocations();
        if let Some(upkeep) = self.upkeep.unwrap_or_else(|| Some(Upkeep::default())) {
            let hub = &trunkline.0;
            hub.spawn(upkeep::run(Arc::downgrade(hub), hub.stopping.clone(), upkeep));
        }
        if let Some(probes) = probes {
            let hub = &trunkline.0;
            for mounted in hub.all_mounted() {
                hub.spawn(probe::run(Arc::downgrade(hub), mounted.clone(), hub.stopping.clone(), probes));
            }
        }
        Ok(trunkline)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}

enum Purpose {
    Api,
    TokenEndpoint,
}

#[cfg(feature = "reqwest")]
fn transport_or(given: Option<Arc<dyn Transport>>, which: Purpose) -> Result<Arc<dyn Transport>, Error> {
    match (given, which) {
        (Some(given), _) => Ok(given),
        (None, Purpose::Api) => Ok(Arc::new(crate::ReqwestTransport::api()?)),
        (None, Purpose::TokenEndpoint) => Ok(Arc::new(crate::ReqwestTransport::token_endpoint()?)),
    }
}

#[cfg(not(feature = "reqwest"))]
#[expect(clippy::needless_pass_by_value, reason = "the same signature with and without reqwest")]
fn transport_or(given: Option<Arc<dyn Transport>>, which: Purpose) -> Result<Arc<dyn Transport>, Error> {
    let name = match which {
        Purpose::Api => "transport",
        Purpose::TokenEndpoint => "token_transport",
    };
    given.ok_or_else(|| {
        Error::new(
            ErrorKind::ConfigInvalid,
            format!("without the feature `reqwest`, Builder::{name} is required"),
        )
    })
}

/// 16 random bytes for a new connection.
pub(crate) fn random_id() -> Result<ConnectionId, Error> {
    random().map(ConnectionId::from_bytes)
}

/// 32 random bytes in URL-safe base64.
pub(crate) fn random_token() -> Result<Secret, Error> {
    use base64::Engine;
    let bytes = zeroize::Zeroizing::new(random::<32>()?);
    Ok(Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(*bytes)))
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    aws_lc_rs::rand::fill(&mut bytes)
        .map_err(|_| Error::new(ErrorKind::Unexpected, "the operating system gives no random bytes"))?;
    Ok(bytes)
}
