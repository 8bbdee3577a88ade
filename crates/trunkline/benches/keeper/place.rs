//! The stores that the figures are measured on.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use trunkline::{Config, Store, Trunkline};
use trunkline_core::Transport;
use trunkline_store::conformance::postgres::TestSchema;
use trunkline_store::{LeaseAsk, LeaseOwner, PostgresStore, Seen, SqliteStore, Stored};

use crate::Row;
use crate::common;

/// The pool's own default.
const POSTGRES_CONNECTIONS: u32 = 10;

/// A store of its own, which is gone with this value.
pub(crate) enum Place {
    File(TempDir),
    Schema(TestSchema),
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(tempfile::tempdir().expect("a folder"))
    }

    pub(crate) async fn schema() -> Option<Self> {
        TestSchema::find().await.map(Self::Schema)
    }

    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::File(_) => "SQLite (WAL, synchronous=FULL)",
            Self::Schema(_) => "PostgreSQL (synchronous_commit=on)",
        }
    }

    /// The file, of one that is a file.
    pub(crate) fn path(&self) -> Option<PathBuf> {
        match self {
            Self::File(folder) => Some(folder.path().join("bench.db")),
            Self::Schema(_) => None,
        }
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::File(folder) => Arc::new(sqlite(folder).await),
            Self::Schema(schema) => Arc::new(postgres(schema).await),
        }
    }

    pub(crate) async fn hub(&self, endpoint: impl Transport + Clone + 'static, config: Config) -> Trunkline {
        match self {
            Self::File(folder) => common::hub_of(sqlite(folder).await, endpoint, config).await,
            Self::Schema(schema) => common::hub_of(postgres(schema).await, endpoint, config).await,
        }
    }
}

async fn sqlite(folder: &TempDir) -> SqliteStore {
    SqliteStore::open(folder.path().join("bench.db")).await.expect("a store")
}

async fn postgres(schema: &TestSchema) -> PostgresStore {
    let options = schema.options().expect("a URL").max_connections(POSTGRES_CONNECTIONS);
    PostgresStore::connect_with(options).await.expect("a store")
}

/// Stands in the table for what was not measured.
pub(crate) fn skipped(figure: &str) -> Row {
    Row::new(figure).result("SKIPPED: no PostgreSQL server", "", false)
}

pub(crate) fn two_workers() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// Works on all items, so many at once.
pub(crate) async fn at_once<T, F>(many: usize, items: Vec<T>, work: impl Fn(T) -> F + Clone + Send + 'static)
where
    T: Send + 'static,
    F: Future<Output = ()> + Send,
{
    let items = Arc::new(Mutex::new(items));
    let mut tasks = JoinSet::new();
    for _ in 0..many {
        let (items, work) = (items.clone(), work.clone());
        tasks.spawn(async move {
            loop {
                let next = items.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let Some(item) = next else { return };
                work(item).await;
            }
        });
    }
    tasks.join_all().await;
}

/// Asks for the free lease of a row, as a renewal does.
pub(crate) fn ask(stored: &Stored) -> LeaseAsk {
    LeaseAsk {
        id: stored.record.id,
        generation: stored.record.generation,
        seen: Seen::Free,
        intent: None,
        owner: LeaseOwner::from_bytes([1; 16]),
        fingerprint: [2; 32],
    }
}

/// What a renewal commits: the next generation, under its intent. The secrets are those of before: a
/// store does not look into them.
pub(crate) fn renewed(stored: &Stored, epoch: u64) -> trunkline_store::Change {
    let mut record = stored.record.clone();
    let expected =
        trunkline_store::Expected::Unchanged { generation: record.generation, sequence: record.sequence };
    record.generation += 1;
    trunkline_store::Change {
        expected,
        under: Some(trunkline_store::Fence::close(epoch)),
        record,
        body: trunkline_store::Body::Replace(stored.body.clone().expect("secrets")),
        events: Vec::new(),
    }
}
