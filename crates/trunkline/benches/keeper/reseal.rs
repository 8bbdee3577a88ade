//! A new key takes over while readers work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use trunkline::{KeyRing, Store};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{ConnectionId, ConnectionKey, Held, Secret};
use trunkline_store::{Commit, Expected, NewBody, Record, Vault};

use crate::Row;
use crate::common::{self, TOKEN_BYTES};
use crate::measure::{quantile, wall};
use crate::place::{Place, at_once, two_workers};

const RECORDS: u32 = 100_000;
const READERS: u64 = 4;
const IDLE: Duration = Duration::from_secs(3);
/// How many rows are made at once, to share commits.
const AT_ONCE: usize = 256;

pub(crate) fn figure() -> Vec<Row> {
    let runtime = two_workers();
    let place = Place::file();
    let store = runtime.block_on(place.open());
    let old = vault(&runtime, &store, common::keys());
    runtime.block_on(fill(&old));
    let new = vault(&runtime, &store, KeyRing::new([8; 32]).with_retired([7; 32]));

    let (idle, failed_idle) = runtime.block_on(read_during(&new, async {
        tokio::time::sleep(IDLE).await;
    }));
    let start = wall();
    let mut resealed = 0;
    let (busy, failed) = runtime.block_on(read_during(&new, async {
        resealed = new.reseal(|_| {}).await.expect("a pass").done;
    }));
    let took = (wall() - start) / 1e9;
    assert_eq!(resealed, u64::from(RECORDS), "all are under the new key");
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let failed = (failed + failed_idle) as f64;
    let [before, during] = [&idle, &busy].map(|times| quantile(times, 0.99));
    let [median_before, median_during] = [&idle, &busy].map(|times| quantile(times, 0.5));
    let ratio = during / before;
    vec![
        Row::new(format!(
            "failed reads of {} while 100,000 records are re-sealed in {took:.1} s, SQLite",
            busy.len()
        ))
        .at_most(failed, 0.0, "in all"),
        Row::new("p99 of 4 readers during it")
            .reference(format!("without it, {:.0} us (median {:.0})", before / 1e3, median_before / 1e3))
            .ours(format!("{:.0} us (median {:.0})", during / 1e3, median_during / 1e3))
            .result(format!("{ratio:.2} x"), "<= 2 x", ratio <= 2.0),
    ]
}

fn vault(runtime: &Runtime, store: &Arc<dyn Store>, keys: KeyRing) -> Vault {
    runtime.block_on(Vault::open(store.clone(), keys)).expect("a vault")
}

/// In an order that has nothing to do with when they were made.
fn id(number: u32) -> ConnectionId {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&number.wrapping_mul(2_654_435_761).to_be_bytes());
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    ConnectionId::from_bytes(bytes)
}

async fn fill(vault: &Vault) {
    let mut held = Held::default();
    held.credential.access_token = Some(Secret::new("t".repeat(TOKEN_BYTES)));
    held.credential.refresh_token = Some(Secret::new("r".repeat(64)));
    let (vault, held) = (vault.clone(), Arc::new(held));
    at_once(AT_ONCE, (0..RECORDS).collect(), move |number| {
        let (vault, held) = (vault.clone(), held.clone());
        async move {
            let body = NewBody::Replace(&held);
            let done = vault.commit(Expected::Absent, &record(number), body, Vec::new()).await;
            assert!(matches!(done, Ok(Commit::Done { .. })), "{done:?}");
        }
    })
    .await;
}

fn record(number: u32) -> Record {
    let tenant = format!("tenant-{number:06}");
    let key = ConnectionKey::new(&tenant, common::CONNECTOR, trunkline_core::DEFAULT_LABEL).expect("names");
    Record::connected(id(number), key, "bench", Timestamp::UNIX_EPOCH).0
}

/// How long each read took while `work` went on, and how many failed.
async fn read_during(vault: &Vault, work: impl Future<Output = ()>) -> (Vec<f64>, u64) {
    let (stop, failed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut readers = JoinSet::new();
    for reader in 0..READERS {
        let (vault, stop, failed) = (vault.clone(), stop.clone(), failed.clone());
        readers.spawn(async move {
            let mut times = Vec::new();
            let mut next = reader.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            while !stop.load(Ordering::Relaxed) {
                next = next.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let number = u32::try_from((next >> 33) % u64::from(RECORDS)).unwrap_or(0);
                let start = wall();
                let read = vault.load_by_id(id(number)).await;
                times.push(wall() - start);
                if !matches!(read, Ok(Some(opened)) if opened.held.is_some()) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            times
        });
    }
    work.await;
    stop.store(true, Ordering::Relaxed);
    let times = readers.join_all().await.concat();
    (times, failed.load(Ordering::Relaxed))
}
