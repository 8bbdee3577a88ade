//! What one durable renewal costs on SQLite, and what many at once share.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::runtime::Runtime;
use trunkline::{Store, Trunkline};
use trunkline_core::{ConnectionId, ConnectionKey, DEFAULT_LABEL};
use trunkline_store::{Commit, Stored};

use crate::Row;
use crate::common::{self, TokenEndpoint};
use crate::measure::{pair, wall};
use crate::place::{Place, ask, at_once, renewed, two_workers};

const PAGE: usize = 4_096;
/// As many pages as SQLite's log has before it starts again.
const PAGES: u64 = 1_000;
const ROWS: usize = 100;
/// The log grows to its full size first; then nothing is appended, in either file.
const WARM_UP: usize = 6;
const ROUNDS: usize = 12;
const MANY: usize = 256;

pub(crate) fn figure() -> Vec<Row> {
    let runtime = two_workers();
    let mut rows = alone(&runtime);
    rows.extend(together(&runtime));
    rows
}

/// Writes pages where pages were, each confirmed by the disk.
struct Raw {
    file: File,
    next: u64,
}

impl Raw {
    fn new(folder: &Path) -> Self {
        let file = File::options().write(true).create_new(true).open(folder.join("raw")).expect("a file");
        file.write_all_at(&vec![1; PAGE * 1_000], 0).expect("a disk");
        file.sync_all().expect("a disk");
        Self { file, next: 0 }
    }

    fn write(&mut self) -> f64 {
        let page = [2; PAGE];
        let start = wall();
        self.file.write_all_at(&page, self.next % PAGES * PAGE as u64).expect("a disk");
        self.file.sync_data().expect("a disk");
        self.next += 1;
        wall() - start
    }
}

/// The two commits of a renewal, one after the other, each beside a raw write.
fn alone(runtime: &Runtime) -> Vec<Row> {
    let place = Place::file();
    let path = place.path().expect("a file");
    let mut raw = Raw::new(path.parent().expect("a folder"));
    let (mut leases, mut commits, mut hops) = (Vec::new(), Vec::new(), Vec::new());
    let (store, mut rows) = runtime.block_on(rows(&place, ROWS));
    for round in 0..WARM_UP + ROUNDS {
        for stored in &mut rows {
            let reference = raw.write();
            let start = wall();
            let epoch = runtime.block_on(store.lease(&ask(stored))).expect("an answer").expect("the lease");
            let lease = (reference, wall() - start);
            let change = renewed(stored, epoch);
            let reference = raw.write();
            let start = wall();
            let done = runtime.block_on(store.commit(&change)).expect("an answer");
            let commit = (reference, wall() - start);
            assert!(matches!(done, Commit::Done { .. }));
            stored.record = change.record;
            let reference = raw.write();
            let start = wall();
            let nobody = ConnectionId::from_bytes([0; 16]);
            assert_eq!(runtime.block_on(store.get_by_id(nobody)).expect("an answer"), None);
            let hop = (reference, wall() - start);
            if round >= WARM_UP {
                leases.push(lease);
                commits.push(commit);
                hops.push(hop);
            }
        }
    }
    let hop = pair(&hops);
    let mut rows: Vec<_> = [("lease and intent", leases), ("the new credential", commits)]
        .map(|(what, taken)| {
            let pair = pair(&taken);
            Row::new(format!("a renewal's commit of {what}, SQLite, synchronous=FULL"))
                .reference(format!("4 KiB and fdatasync, {:.0} us", pair.reference / 1e3))
                .ours(format!("{:.0} us", pair.ours / 1e3))
                .ratio(&pair, 1.3)
        })
        .into();
    // What the way to the driver's thread and back costs every statement, whatever it does.
    let alone = Row::new("a statement that finds nothing and writes nothing, SQLite");
    rows.push(alone.ours(format!("{:.0} us", hop.ours / 1e3)).result(
        format!("{:.2} x", hop.ratio),
        "",
        true,
    ));
    rows
}

/// Many renewals at once: the protocol's two commits of each.
fn together(runtime: &Runtime) -> Vec<Row> {
    let place = Place::file();
    let path = place.path().expect("a file");
    let mut raw = Raw::new(path.parent().expect("a folder"));
    let (store, rows) = runtime.block_on(rows(&place, MANY));
    // A reader that holds on to its snapshot keeps the log from being started again while it is counted.
    let pin = runtime.block_on(pin(&path));
    let before = transactions(&path);
    let start = wall();
    runtime.block_on(renew_all(&store, rows));
    let took = wall() - start;
    let syncs = transactions(&path) - before;
    runtime.block_on(async { pin.close().await.expect("it is closed") });
    let single = pair(&(0..MANY).map(|_| (raw.write(), 0.0)).collect::<Vec<_>>()).reference;
    #[expect(clippy::cast_precision_loss, reason = "hundreds")]
    let (commits, syncs) = (2.0 * MANY as f64, syncs as f64);
    vec![
        Row::new(format!("commits of {MANY} renewals at once, per sync, SQLite"))
            .reference("one commit, one sync")
            .ours(format!("{commits} commits, {syncs} transactions"))
            .result(format!("{:.0}", commits / syncs), ">= 2", commits >= syncs * 2.0),
        Row::new(format!("one of {MANY} durable renewals at once, SQLite"))
            .reference(format!("4 KiB and fdatasync, {:.0} us", single / 1e3))
            .ours(format!("{:.0} us", took / MANY as f64 / 1e3))
            .result(format!("{:.2} x", took / MANY as f64 / single), "", true),
    ]
}

async fn renew_all(store: &Arc<dyn Store>, rows: Vec<Stored>) {
    let store = store.clone();
    at_once(MANY, rows, move |stored| {
        let store = store.clone();
        async move {
            let epoch = store.lease(&ask(&stored)).await.expect("an answer").expect("the lease");
            let done = store.commit(&renewed(&stored, epoch)).await.expect("an answer");
            assert!(matches!(done, Commit::Done { .. }));
        }
    })
    .await;
}

/// Stored connections with a sealed token of 900 bytes.
async fn rows(place: &Place, count: usize) -> (Arc<dyn Store>, Vec<Stored>) {
    let hub = place.hub(TokenEndpoint::default(), common::config(common::base(), false)).await;
    let store = place.open().await;
    let made = Arc::new(Mutex::new(Vec::new()));
    let tenants = (0..count).map(|number| format!("tenant-{number:04}")).collect();
    let (source, all) = (store.clone(), made.clone());
    at_once(64, tenants, move |tenant: String| {
        let (hub, store, all) = (hub.clone(), source.clone(), all.clone());
        async move {
            let stored = make(&hub, &store, &tenant).await;
            all.lock().expect("no panic").push(stored);
        }
    })
    .await;
    let rows = std::mem::take(&mut *made.lock().expect("no panic"));
    (store, rows)
}

async fn make(hub: &Trunkline, store: &Arc<dyn Store>, tenant: &str) -> Stored {
    drop(common::connect(hub, tenant).await);
    let key = ConnectionKey::new(tenant, common::CONNECTOR, DEFAULT_LABEL).expect("names");
    store.get(&key).await.expect("an answer").expect("a row")
}

async fn pin(path: &Path) -> SqliteConnection {
    let mut reader = SqliteConnectOptions::new()
        .filename(path)
        .disable_statement_logging()
        .connect()
        .await
        .expect("a reader");
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM trunkline_connections")
        .execute(&mut reader)
        .await
        .expect("a snapshot");
    reader
}

/// Counts the transactions in the log: the last frame of each says how large the file is after it. With
/// synchronous=FULL each is one sync.
fn transactions(path: &Path) -> usize {
    const HEADER: usize = 32;
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let log = std::fs::read(name).expect("a log");
    let of_this_log = |frame: &&[u8]| frame[8..16] == log[16..24];
    log[HEADER..].chunks_exact(24 + PAGE).filter(of_this_log).filter(|frame| frame[4..8] != [0; 4]).count()
}
