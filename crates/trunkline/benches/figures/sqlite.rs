//! `connect` for a connection that is in the file and not in memory.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Row as _};
use trunkline::{SqliteStore, Trunkline};

use crate::Row;
use crate::common::{self, TokenEndpoint};
use crate::measure::{pair, process_cpu, wall};

const ROWS: usize = 300;
const TURNS: usize = 11;
/// The columns that the store reads.
const READ: &str = "SELECT id, method, account, state, state_since, diagnosis, generation, sequence, created_at, \
     credential_at, access_expires_at, due_at, key_id, wrapped_key, body FROM trunkline_connections \
     WHERE tenant = ? AND connector = ? AND label = ?";

pub(crate) fn figure() -> Vec<Row> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bench.db");
    common::runtime().block_on(measure(&path))
}

async fn measure(path: &Path) -> Vec<Row> {
    let tenants: Vec<_> = (0..ROWS).map(|number| format!("tenant-{number:06}")).collect();
    let first = open(path).await;
    for tenant in &tenants {
        drop(common::connect(&first, tenant).await);
    }
    drop(first);

    let pool = pool(path).await;
    let (mut walls, mut cpus) = (Vec::new(), Vec::new());
    for turn in 0..=TURNS {
        // A hub that has nothing in memory; its pool and statement are warm after one read.
        let hub = open(path).await;
        drop(common::connect(&hub, &tenants[0]).await);
        read(&pool, &tenants[0]).await;
        let mut spent = [(0.0, 0.0), (0.0, 0.0)];
        for (at, tenant) in tenants.iter().enumerate().skip(1) {
            for step in 0..2 {
                let ours = (at + step) % 2 == 0;
                let (cpu_before, before) = (process_cpu(), wall());
                if ours {
                    drop(black_box(common::connect(&hub, tenant).await));
                } else {
                    read(&pool, tenant).await;
                }
                let (took, cpu) = (wall() - before, process_cpu() - cpu_before);
                let sum = &mut spent[usize::from(ours)];
                *sum = (sum.0 + took, sum.1 + cpu);
            }
        }
        if turn > 0 {
            walls.push((spent[0].0, spent[1].0));
            cpus.push((spent[0].1, spent[1].1));
        }
    }
    [("wall", pair(&walls)), ("CPU", pair(&cpus))]
        .into_iter()
        .map(|(clock, pair)| {
            #[expect(clippy::cast_precision_loss, reason = "300")]
            let per_row = 1e3 * (ROWS - 1) as f64;
            Row::new(format!("`connect` from SQLite, sealed, {clock}"))
                .reference(format!("bare sqlx read of the row, {:.1} us", pair.reference / per_row))
                .ours(format!("{:.1} us", pair.ours / per_row))
                .ratio(&pair, 1.3)
        })
        .collect()
}

async fn open(path: &Path) -> Trunkline {
    let store = SqliteStore::open(path).await.expect("a store");
    common::hub(store, TokenEndpoint::default(), false).await
}

/// The settings of the store's own pool.
async fn pool(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
        .pragma("secure_delete", "fast")
        .disable_statement_logging();
    SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(Duration::from_secs(10))
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options)
        .await
        .expect("a pool")
}

/// Reads every column out of the row, and looks at none.
async fn read(pool: &SqlitePool, tenant: &str) {
    let row = sqlx::query(READ)
        .bind(tenant)
        .bind(common::CONNECTOR)
        .bind(trunkline_core::DEFAULT_LABEL)
        .fetch_one(pool)
        .await
        .expect("a row");
    for column in [0, 12, 13, 14] {
        black_box(row.get::<&[u8], _>(column));
    }
    for column in [1, 2, 3, 5] {
        black_box(row.get::<Option<&str>, _>(column));
    }
    for column in [4, 6, 7, 8, 9, 10, 11] {
        black_box(row.get::<Option<i64>, _>(column));
    }
}
