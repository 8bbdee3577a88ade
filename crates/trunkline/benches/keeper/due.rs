//! Claiming what is due, among few and among many.

use std::path::Path;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tokio::runtime::Runtime;
use trunkline::Store;
use trunkline_core::jiff::Timestamp;

use crate::Row;
use crate::common;
use crate::measure::{turns, wall};
use crate::place::{Place, skipped};

const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
const CLAIM: u32 = 100;
const TURNS: usize = 31;

/// A row for each number, due in an order that has nothing to do with that of the table. `$id`, `$sealed` and
/// `$from` are the database's own words.
macro_rules! fill {
    ($id:literal, $sealed:literal, $from:literal) => {
        concat!(
            "INSERT INTO trunkline_connections (id, tenant, connector, label, method, state, state_since, generation, \
             sequence, created_at, credential_at, due_at, key_id, wrapped_key, body) SELECT ",
            $id,
            ", 'tenant-' || n, 'bench', 'default', 'bench', 'active', 0, 1, 1, 0, 0, (n * 7919) % 1000003, ",
            $sealed,
            " FROM ",
            $from
        )
    };
}

const SQLITE: &str = fill!(
    "CAST(printf('%016d', n) AS BLOB)",
    "zeroblob(16), zeroblob(60), zeroblob(200)",
    "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count) \
     SELECT n FROM numbers)"
);
const POSTGRES: &str = fill!(
    "convert_to(lpad(n::text, 16, '0'), 'UTF8')",
    "decode(repeat('00', 16), 'hex'), decode(repeat('00', 60), 'hex'), decode(repeat('00', 200), 'hex')",
    "generate_series(1, :count::bigint) AS numbers (n)"
);

pub(crate) fn figure() -> Vec<Row> {
    let runtime = common::runtime();
    let mut rows = vec![measure(&runtime, &Place::file(), &Place::file())];
    let places = runtime.block_on(async { Place::schema().await.zip(Place::schema().await) });
    rows.push(match places {
        Some((few, many)) => measure(&runtime, &few, &many),
        None => skipped("a claim of 100 due connections among 1,000,000, PostgreSQL"),
    });
    rows
}

fn measure(runtime: &Runtime, few: &Place, many: &Place) -> Row {
    let stores = [(few, FEW), (many, MANY)].map(|(place, count)| {
        runtime.block_on(async {
            let store = place.open().await;
            fill(place, count).await;
            store
        })
    });
    let [few, all] = &stores;
    let mut until = i64::from(MANY) * 2;
    let mut claim = |store: &Arc<dyn Store>| {
        // Still due, but behind all others: every claim finds as much to do.
        until += 1;
        let [now, until] =
            [i64::from(MANY) * 1_000, until].map(|at| Timestamp::from_microsecond(at).expect("a time"));
        let start = wall();
        let claimed = runtime.block_on(store.claim_due(common::CONNECTOR, now, until, CLAIM));
        let took = wall() - start;
        assert_eq!(claimed.expect("an answer").len(), CLAIM as usize);
        took
    };
    let claim = std::cell::RefCell::new(&mut claim);
    let pair = turns(TURNS, || claim.borrow_mut()(few), || claim.borrow_mut()(all));
    Row::new(format!("a claim of 100 due connections among 1,000,000, {}", many.name()))
        .reference(format!("among 1,000, {:.2} ms", pair.reference / 1e6))
        .ours(format!("{:.2} ms", pair.ours / 1e6))
        .ratio(&pair, 3.0)
}

async fn fill(place: &Place, count: u32) {
    match place {
        Place::File(_) => fill_file(&place.path().expect("a file"), count).await,
        Place::Schema(schema) => {
            let mut filling = schema.pool(&[]).acquire().await.expect("a connection");
            let filled = sqlx::raw_sql(AssertSqlSafe(POSTGRES.replace(":count", &count.to_string())));
            filled.execute(&mut *filling).await.expect("rows");
            // What the server does by itself a while later.
            sqlx::raw_sql("VACUUM ANALYZE trunkline_connections")
                .execute(&mut *filling)
                .await
                .expect("a plan");
            sqlx::raw_sql("CHECKPOINT").execute(&mut *filling).await.ok();
        }
    }
}

async fn fill_file(path: &Path, count: u32) {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .synchronous(SqliteSynchronous::Off)
        .pragma("cache_size", "-300000")
        .disable_statement_logging();
    let mut filling = options.connect().await.expect("a connection");
    let filled = sqlx::raw_sql(AssertSqlSafe(SQLITE.replace(":count", &count.to_string())));
    filled.execute(&mut filling).await.expect("rows");
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut filling).await.expect("an empty log");
    filling.close().await.expect("it is closed");
}
