//! Real processes that share a store: what a test says to such a process, and what that one answers.
//!
//! The process is the program `keeper_child`. It is told by a JSON object on its command line what to open,
//! then by lines on its standard input what to do, and reports by lines on its standard output. It ends
//! when its input does, so that none outlives its test.

mod connector;
mod points;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use trunkline::{
    Builder, Config, Error, KeyRing, PostgresOptions, PostgresStore, ReqwestTransport, SqliteStore, Store,
    Timings, Trunkline,
};
use trunkline_core::Transport;

use self::connector::ServiceConfig;
pub use self::points::{Point, Points, Signal};
use crate::Watched;

/// The tenant and the connector of the one connection.
pub const TENANT: &str = "acme";
/// See [`TENANT`].
pub const CONNECTOR: &str = "service";
/// Below the simulator's origin.
pub const API: &str = "ia/api/v1";
/// Which of the simulator's registered addresses consents come back to.
pub const REDIRECT_URI: &str = "https://app.example.com/connect/callback";

/// Where grants rest.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Place {
    /// In a SQLite file.
    Sqlite(PathBuf),
    /// In a schema of a PostgreSQL database.
    Postgres {
        /// How the database is reached.
        url: String,
        /// The schema's name.
        schema: String,
    },
}

/// What the connector believes that a spent refresh token does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Policy {
    /// It ends the family.
    #[default]
    KillsFamily,
    /// It is refused.
    RejectSoft,
    /// It works for this many seconds.
    Grace(u64),
}

/// Everything that a hub is opened with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The store.
    pub place: Place,
    /// The origin of the simulator.
    pub service: url::Url,
    /// The client's name there.
    pub client_id: String,
    /// The client's secret there.
    pub client_secret: String,
    /// The connector's policy.
    pub policy: Policy,
    /// Request deadline, lease slack, commit budget and commit grace, in milliseconds.
    pub timings: [u64; 4],
    /// Every byte of the sealing key.
    pub key: u8,
    /// The journal, if there is one.
    pub journal: Option<PathBuf>,
    /// What is logged to standard error.
    pub log: Option<String>,
}

impl Setup {
    fn bounds(&self) -> Timings {
        let [request, slack, budget, grace] = self.timings.map(Duration::from_millis);
        let mut timings = Timings::default();
        timings.request_deadline = request;
        timings.lease_slack = slack;
        timings.commit_budget = budget;
        timings.commit_grace = grace;
        timings
    }

    /// How long a lease must be seen unchanged before it is taken over.
    #[must_use]
    pub fn takeover(&self) -> Duration {
        self.timings.map(Duration::from_millis).iter().sum()
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// The store's.
    pub async fn store(&self) -> Result<Arc<dyn Store>, Error> {
        Ok(match &self.place {
            Place::Sqlite(path) => Arc::new(SqliteStore::open(path).await?),
            Place::Postgres { url, schema } => {
                let options = PostgresOptions::parse(url)?.schema(schema).max_connections(2);
                let options = options.acquire_timeout(Duration::from_secs(2));
                Arc::new(PostgresStore::connect_with(options).await?)
            }
        })
    }

    /// Opens a hub that stops where `points` say.
    ///
    /// # Errors
    ///
    /// The store's and the builder's.
    pub async fn open(&self, points: &Points) -> Result<Trunkline, Error> {
        let watched = Watched::new(self.store().await?, Arc::new(points.clone()));
        let network: Arc<dyn Transport> = Arc::new(ReqwestTransport::token_endpoint()?);
        self.builder(points)?.store(watched).token_transport(points.around(network)).build().await
    }

    fn builder(&self, points: &Points) -> Result<Builder, Error> {
        let settings = ServiceConfig::new(self, points.clone());
        let builder = Trunkline::builder()
            .config(Config::new().connector(CONNECTOR, settings)?)
            .keys(KeyRing::new([self.key; 32]))
            .timings(self.bounds())
            .upkeep(None)
            .probes(None);
        Ok(match &self.journal {
            Some(path) => builder.journal(path),
            None => builder,
        })
    }
}

/// What a process is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Command {
    /// Send yourself this signal when you come to this point the next time.
    Arm(Point, Signal),
    /// Go on after you were stopped. It is written before the process is woken.
    Go,
    /// Ask for the token once.
    Ask,
    /// Send one request to the service's API.
    Call,
    /// Let so many callers ask for the token again and again, until each has one of this generation.
    Serve {
        /// How many.
        callers: usize,
        /// Up to which generation.
        until: u64,
    },
    /// Let so many callers ask for the token once, all at the same time.
    Herd {
        /// How many.
        callers: usize,
    },
    /// Shut down within so many milliseconds.
    Shutdown(u64),
}

/// What a process reports.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Report {
    /// The hub is open.
    Open,
    /// The hub cannot be opened, and the process ends.
    NotOpened(Failure),
    /// It has come to the point that was armed: the signal follows.
    At(Point),
    /// To `Ask`.
    Asked(Answer),
    /// To `Call`: the status, or why there is none.
    Called(Result<u16, Failure>),
    /// To `Serve` and `Herd`.
    Served(Served),
    /// To `Shutdown`: how many credentials could not be stored, and whether they are in the journal.
    ShutDown(Option<(usize, bool)>),
}

/// What asking for the token was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The token and its generation.
    Token(u64, String),
    /// Somebody has to consent, for this reason.
    NeedsConsent(String),
    /// An error.
    Failed(Failure),
}

/// An error, as far as it can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The kind, in the spelling of its name.
    pub kind: String,
    /// The code of the cause, where there is one.
    pub cause: Option<String>,
    /// Whether it may be tried again.
    pub retryable: bool,
    /// What it says.
    pub text: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self {
            kind: format!("{:?}", error.kind()),
            cause: error.cause().map(|cause| cause.code().to_owned()),
            retryable: error.kind().is_retryable(),
            text: error.to_string(),
        }
    }
}

/// What many callers were answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Served {
    /// How many callers had a token of the wanted generation in the end.
    pub callers: usize,
    /// How many tokens were handed out.
    pub tokens: u64,
    /// Where a caller got an older token than before.
    pub backwards: u64,
    /// The errors, by kind and cause.
    pub errors: BTreeMap<String, u64>,
}

/// Writes one report, whole.
///
/// # Panics
///
/// If nobody reads: then the test is over.
pub fn report(report: &Report) {
    let mut line = serde_json::to_vec(report).expect("a report is plain data");
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).expect("the test reads its processes' reports");
}
