//! A hub with Sage Intacct's provider and the SQLite store, against the simulator on loopback.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trunkline::{
    BrowserSession, Builder, Callback, Config, Connect, Connection, ConsentRequest, ConsentStep, Error,
    KeyRing, Probes, SqliteStore, SystemClock, Trunkline,
};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Clock, Ticks};
use trunkline_sim::sage_intacct::{Knobs, SageIntacct};
use trunkline_testkit::{CrashPoints, Watched};

pub(crate) const KEY: [u8; 32] = [7; 32];

pub(crate) struct World {
    pub(crate) service: SageIntacct,
    pub(crate) trunkline: Trunkline,
    folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Knobs::default(), "").await
    }

    /// `more` is appended to the connector's settings.
    pub(crate) async fn with(knobs: Knobs, more: &str) -> Self {
        let service = SageIntacct::builder().knobs(knobs).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let trunkline = open(&service, folder.path().join("trunkline.db"), more).await.unwrap();
        Self { service, trunkline, folder }
    }

    /// Another hub on the same file, as another process would have.
    pub(crate) async fn another(&self) -> Trunkline {
        open(&self.service, self.file(), "").await.unwrap()
    }

    /// Another hub on the same file, by a clock of its own.
    pub(crate) async fn timed(&self, clock: Ahead) -> Trunkline {
        let builder = builder(&self.service, self.file(), "").await.unwrap();
        builder.clock(clock).upkeep(None).probes(None).build().await.unwrap()
    }

    /// Another hub on the same file that only looks at connections, by a clock of its own.
    pub(crate) async fn probing(&self, clock: Ahead) -> Trunkline {
        let builder = builder(&self.service, self.file(), "").await.unwrap();
        // A round each second.
        let mut probes = Probes::default();
        probes.within = Duration::from_secs(60);
        builder.clock(clock).upkeep(None).probes(probes).build().await.unwrap()
    }

    /// Another hub on the same file, whose calls of the store are counted.
    pub(crate) async fn counted(&self, calls: Arc<CrashPoints>) -> Trunkline {
        let store = Watched::new(Arc::new(SqliteStore::open(self.file()).await.unwrap()), calls);
        let builder = builder(&self.service, self.file(), "").await.unwrap();
        builder.store(store).upkeep(None).probes(None).build().await.unwrap()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("trunkline.db")
    }

    pub(crate) async fn connect(&self) -> Connection {
        match self.trunkline.tenant("acme").connect("sage_intacct").await.unwrap() {
            Connect::Ready(connection) => connection,
            Connect::NeedsConsent(request) => self.consent(&request).await.unwrap(),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn consent(&self, request: &ConsentRequest) -> Result<Connection, Error> {
        self.consent_as(request, self.service.user_id()).await
    }

    pub(crate) async fn consent_as(&self, request: &ConsentRequest, user: &str) -> Result<Connection, Error> {
        let browser = BrowserSession::random()?;
        let ConsentStep::Redirect { url } = request.begin(&browser).await? else { panic!("a redirect") };
        let back = self.service.approve_as(&url, user, self.service.company_id()).await.unwrap();
        Ok(self.trunkline.complete(Callback::from_url(&back)?, &browser).await?.connection)
    }

    /// Lets the access token expire at the service.
    pub(crate) fn half_a_day_later(&self) {
        self.service.control().advance_clock(Duration::from_secs(13 * 60 * 60));
    }
}

/// The operating system's clock, and how far this one is ahead of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ahead(Arc<AtomicU64>);

impl Ahead {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn by(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

impl Clock for Ahead {
    fn wall(&self) -> Timestamp {
        SystemClock.wall().checked_add(self.by()).unwrap()
    }

    fn coarse(&self) -> Ticks {
        SystemClock.coarse().plus(self.by())
    }
}

async fn open(service: &SageIntacct, file: PathBuf, more: &str) -> Result<Trunkline, Error> {
    // What nobody uses is looked at where a test is about that.
    builder(service, file, more).await?.probes(None).build().await
}

async fn builder(service: &SageIntacct, file: PathBuf, more: &str) -> Result<Builder, Error> {
    let settings = format!(
        r#"
        [connectors.sage_intacct]
        provider = "sage_intacct"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "https://app.example.com/connect/callback"
        base_url = "{}"
        {more}
        "#,
        service.client_id(),
        service.client_secret(),
        service.url(),
    );
    Ok(Trunkline::builder()
        .config(Config::from_toml(&settings, "test")?)
        .store(SqliteStore::open(file).await?)
        .keys(KeyRing::new(KEY)))
}

pub(crate) const VENDORS: &str = "/objects/accounts-payable/vendor";
