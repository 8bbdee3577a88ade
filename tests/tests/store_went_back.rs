//! A store that goes back to an older state: a failover that lost its last commits, a backup.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use scripted::{Faults, HOUR, Process, When, World, asking, settled};
use trunkline::{Connection, MemoryStore, State, Store};
use trunkline_core::Reuse;
use trunkline_store::{Body, Change, Commit, Expected, Stored};
use trunkline_tests::Call;

/// Another store that holds a row as it once was, of the first generation.
async fn older(row: &Stored) -> Arc<MemoryStore> {
    let store = Arc::new(MemoryStore::new());
    let change = Change {
        expected: Expected::Absent,
        under: None,
        record: row.record.clone(),
        body: Body::Replace(row.body.clone().unwrap()),
        events: Vec::new(),
    };
    assert!(matches!(store.commit(&change).await.unwrap(), Commit::Done { .. }));
    store
}

/// A process that has renewed once, and the store before it did.
async fn renewed(world: &World) -> (Process, Connection, Arc<MemoryStore>) {
    let process = world.process().await;
    let connection = process.connected().await;
    let older = older(&world.row(&connection).await).await;
    world.clock.advance(HOUR);
    assert_eq!(connection.access_token().await.unwrap().generation(), 2);
    (process, connection, older)
}

async fn generation(store: &MemoryStore, connection: &Connection) -> u64 {
    store.get_by_id(connection.id()).await.unwrap().unwrap().record.generation
}

#[tokio::test(start_paused = true)]
async fn a_recent_credential_is_written_back_before_anything_is_renewed() {
    let world = World::new(Reuse::KillsFamily);
    let (process, connection, older) = renewed(&world).await;
    process.store.fails_over(older.clone());
    // Rejected before its time and soon: what was stored last is still kept in memory.
    tokio::time::sleep(Duration::from_secs(61)).await;
    world.service.rejects("canary-a-0-1");

    assert!(connection.get("/x").send().await.unwrap().status().is_success());

    assert_eq!(world.service.spent(), ["canary-r-0-0", "canary-r-0-1"], "the spent one is not spent again");
    assert_eq!(generation(&older, &connection).await, 3);
    assert!(world.service.is_alive(0));
}

#[tokio::test(start_paused = true)]
async fn another_process_on_the_older_state_reads_what_was_written_back() {
    let world = World::new(Reuse::KillsFamily);
    let (process, connection, older) = renewed(&world).await;
    let other = world.process().await;
    let second = other.finds().await;
    for gone in [&process, &other] {
        gone.store.fails_over(older.clone());
    }
    tokio::time::sleep(Duration::from_secs(61)).await;
    world.service.rejects("canary-a-0-1");

    assert!(connection.get("/x").send().await.unwrap().status().is_success());
    assert!(second.get("/x").send().await.unwrap().status().is_success());

    assert_eq!((process.line.asked(), other.line.asked()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_goes_back_while_a_credential_waits_to_be_written_gets_it_too() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let process = world.watched(watch.clone()).await;
    let connection = process.connected().await;
    let older = older(&world.row(&connection).await).await;
    world.clock.advance(HOUR);
    connection.access_token().await.map(drop).unwrap();
    world.clock.advance(HOUR);
    watch.fail(Call::Commit, When::Before, usize::MAX);
    let waiting = asking(&connection).await;
    process.store.fails_over(older.clone());
    watch.recover();

    assert_eq!(waiting.await.unwrap().unwrap(), 3);
    assert_eq!(generation(&older, &connection).await, 3);
    world.clock.advance(HOUR);
    connection.access_token().await.map(drop).unwrap();
    assert_eq!(world.service.spent().last().unwrap(), "canary-r-0-2");
}

#[tokio::test(start_paused = true)]
async fn a_backup_older_than_memory_ends_in_the_truth_and_not_in_silence() {
    let world = World::new(Reuse::KillsFamily);
    let (process, connection, older) = renewed(&world).await;
    // Longer than recent credentials are kept.
    tokio::time::sleep(HOUR).await;
    world.clock.advance(HOUR);
    connection.access_token().await.map(drop).unwrap();
    drop(process);
    // A process that never saw the newer ones starts on the backup.
    let fresh = world.process().await;
    fresh.store.fails_over(older.clone());
    let found = fresh.trunkline.tenant("acme").connect("played").await.unwrap();
    settled().await;

    assert!(matches!(found, trunkline::Connect::NeedsConsent(_)), "the service says so");
    let row = older.get_by_id(connection.id()).await.unwrap().unwrap();
    assert_eq!(row.record.status().state(), State::NeedsConsent);
}
