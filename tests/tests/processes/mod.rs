//! Real processes on one store, against the simulator in the test's own process.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod child;
pub(crate) mod cluster;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use trunkline::{BrowserSession, Callback, Connect, ConsentStep, ReqwestTransport, State, Store};
use trunkline_core::http::{HeaderValue, Method, header};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{ConnectionKey, Request, Transport};
use trunkline_sim::sage_intacct::{Control, Family, Knobs, Rotation, SageIntacct};
use trunkline_store::{Record, conformance::postgres::TestSchema};
use trunkline_tests::processes::{API, CONNECTOR, Place, Points, Policy, Setup, TENANT};

pub(crate) use child::Child;

/// No wait of a test is longer.
pub(crate) fn patience() -> Duration {
    Duration::from_secs(if is_long() { 1_200 } else { 90 })
}

pub(crate) const ALL_POLICIES: [Policy; 3] = [Policy::KillsFamily, Policy::RejectSoft, Policy::Grace(120)];

/// For renewals that nothing disturbs: so long that a busy machine does not disturb them either.
pub(crate) const CALM: [u64; 4] = [10_000, 5_000, 2_000, 6_000];
/// For takeovers: short, and yet each longer than a busy machine takes to come round.
pub(crate) const BRISK: [u64; 4] = [1_500, 1_000, 500, 1_200];

/// Whether the tests that take minutes are wanted.
pub(crate) fn is_long() -> bool {
    std::env::var_os("TRUNKLINE_LONG_TESTS").is_some_and(|wanted| wanted == "1")
}

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Database,
}

/// One simulator and one store, with one connection on them.
pub(crate) struct World {
    pub(crate) service: SageIntacct,
    pub(crate) setup: Setup,
    store: Arc<dyn Store>,
    folder: tempfile::TempDir,
    _schema: Option<TestSchema>,
}

impl World {
    /// On a SQLite file.
    pub(crate) async fn sqlite(policy: Policy, timings: [u64; 4]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Sqlite(folder.path().join("trunkline.db"));
        Self::at(place, folder, None, policy, timings).await
    }

    /// On a PostgreSQL server, if there is one. The schema's name tells its sessions from those of other tests.
    pub(crate) async fn postgres(policy: Policy, timings: [u64; 4]) -> Option<Self> {
        let schema = TestSchema::find().await?;
        let mut url: url::Url = schema.url().parse().unwrap();
        url.query_pairs_mut().append_pair("application_name", schema.name());
        let place = Place::Postgres { url: url.into(), schema: schema.name().to_owned() };
        Some(Self::at(place, tempfile::tempdir().unwrap(), Some(schema), policy, timings).await)
    }

    /// On either, if it is there.
    pub(crate) async fn on(kind: Kind, policy: Policy, timings: [u64; 4]) -> Option<Self> {
        match kind {
            Kind::File => Some(Self::sqlite(policy, timings).await),
            Kind::Database => Self::postgres(policy, timings).await,
        }
    }

    /// On a server of the test's own.
    pub(crate) async fn on_cluster(cluster: &cluster::Cluster, policy: Policy, timings: [u64; 4]) -> Self {
        let place = Place::Postgres { url: cluster.url(), schema: "trunkline_test".to_owned() };
        Self::at(place, tempfile::tempdir().unwrap(), None, policy, timings).await
    }

    async fn at(
        place: Place,
        folder: tempfile::TempDir,
        schema: Option<TestSchema>,
        policy: Policy,
        timings: [u64; 4],
    ) -> Self {
        let (rotation, rotation_grace_s) = match policy {
            Policy::KillsFamily => (Rotation::OnWithReuseDetection, 0),
            Policy::RejectSoft => (Rotation::On, 0),
            Policy::Grace(window_s) => (Rotation::OnWithReuseDetection, window_s),
        };
        let knobs = Knobs {
            rotation,
            rotation_grace_s,
            // As RFC 6749 has it.
            invalid_grant_status: 400,
            expires_in_s: 1,
            application_concurrency: Some(10_000),
            company_concurrency: Some(10_000),
            ..Knobs::default()
        };
        let service = SageIntacct::builder().knobs(knobs).start().await.unwrap();
        let setup = Setup {
            place,
            service: service.url(),
            client_id: service.client_id().to_owned(),
            client_secret: service.client_secret().to_owned(),
            policy,
            timings,
            key: 7,
            journal: None,
            log: std::env::var_os("TRUNKLINE_TEST_LOG").and_then(|filter| filter.into_string().ok()),
        };
        let store = setup.store().await.unwrap();
        Self { service, setup, store, folder, _schema: schema }
    }

    /// Makes the connection, in generation 1.
    pub(crate) async fn connect(&self) {
        let trunkline = self.setup.open(&Points::default()).await.unwrap();
        let Connect::NeedsConsent(request) = trunkline.tenant(TENANT).connect(CONNECTOR).await.unwrap()
        else {
            panic!("a new store")
        };
        let browser = BrowserSession::random().unwrap();
        let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else {
            panic!("a redirect")
        };
        let back = self.service.approve(&url).await.unwrap();
        let done = trunkline.complete(Callback::from_url(&back).unwrap(), &browser).await;
        assert_eq!(done.unwrap().connection.connector(), CONNECTOR);
        trunkline.shutdown(Duration::from_secs(10)).await.unwrap();
    }

    /// Makes the connection and waits until its access token has ended; the tokens that come then live long.
    pub(crate) async fn connect_and_expire(&self) {
        self.connect().await;
        self.control().knobs(|knobs| knobs.expires_in_s = 3_600);
        self.expired().await;
    }

    /// Waits until the stored access token has ended.
    pub(crate) async fn expired(&self) {
        let end = self.record().await.access_expires_at.unwrap();
        let left = end.as_millisecond() - now_ms();
        tokio::time::sleep(Duration::from_millis(u64::try_from(left + 50).unwrap_or(0))).await;
    }

    pub(crate) fn control(&self) -> Control {
        self.service.control()
    }

    /// Runs statements on the database, behind the back of the store, and answers how many rows they met.
    pub(crate) async fn execute(&self, statements: &str) -> u64 {
        let statements = AssertSqlSafe(statements.to_owned());
        match &self.setup.place {
            Place::Sqlite(_) => {
                let mut session = self.session().await;
                let done = sqlx::raw_sql(statements).execute(&mut session).await.unwrap();
                session.close().await.unwrap();
                done.rows_affected()
            }
            Place::Postgres { url, schema } => {
                let server: PgConnectOptions = url.parse().unwrap();
                let server = server.options([("search_path", schema)]).application_name("the test");
                let mut session = server.connect().await.unwrap();
                let done = sqlx::raw_sql(statements).execute(&mut session).await.unwrap();
                session.close().await.unwrap();
                done.rows_affected()
            }
        }
    }

    /// A session on the SQLite file.
    pub(crate) async fn session(&self) -> SqliteConnection {
        let file = SqliteConnectOptions::new().filename(self.path("trunkline.db"));
        file.busy_timeout(patience()).connect().await.unwrap()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Another process on the same store; its hub is open.
    pub(crate) async fn child(&self) -> Child {
        Child::open(&self.setup).await
    }

    /// What is stored, read by a store beside those of the processes.
    pub(crate) async fn record(&self) -> Record {
        let key = ConnectionKey::new(TENANT, CONNECTOR, trunkline_core::DEFAULT_LABEL).unwrap();
        self.store.get(&key).await.unwrap().unwrap().record
    }

    pub(crate) async fn state(&self) -> State {
        self.record().await.status().state()
    }

    /// What the service counted for the one grant.
    pub(crate) fn family(&self) -> Family {
        let families = self.control().families();
        assert_eq!(families.len(), 1, "{families:?}");
        families.into_iter().next().unwrap()
    }

    /// Nothing was spent twice, nothing was refused, and the grant lives.
    pub(crate) fn assert_unharmed(&self, what: &str) {
        let family = self.family();
        assert_eq!((family.reused, family.refused, family.ended), (0, 0, None), "{what}: {family:?}");
    }

    /// Whether the service's API takes this token.
    pub(crate) async fn takes(&self, token: &str) -> bool {
        let url = self.service.url().join(&format!("{API}/services/core/session/id")).unwrap();
        let mut request = Request::new(Method::GET, url);
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        request.headers.insert(header::AUTHORIZATION, value);
        ReqwestTransport::api().unwrap().send(request).await.unwrap().status() == 200
    }
}

#[expect(clippy::disallowed_methods, reason = "the processes have the operating system's clock")]
pub(crate) fn now_ms() -> i64 {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap().as_millisecond()
}

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(patience(), happens).await.unwrap_or_else(|_| panic!("in vain: {what}"))
}
