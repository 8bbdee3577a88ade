//! A new sealing key takes over while readers and renewals go on.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::Arc;

use scripted::{Faults, HOUR, Process, World, settled};
use trunkline::{Connect, ErrorKind, KeyRing};
use trunkline_core::Reuse;
use trunkline_store::{StoreError, Vault};
use trunkline_tests::{Call, Watched};

const OLD: [u8; 32] = [7; 32];
const NEW: [u8; 32] = [8; 32];
/// More than two pages of a pass.
const CONNECTIONS: usize = 450;

async fn with_keys(world: &World, keys: KeyRing) -> Result<Process, trunkline::Error> {
    world.process_with(Faults::new(), |builder| builder.keys(keys)).await
}

async fn connected(world: &World) {
    let process = world.process().await;
    for number in 0..CONNECTIONS {
        process.consents(&format!("tenant-{number}")).await.unwrap();
    }
}

async fn reads(process: &Process, number: usize) -> u64 {
    match process.trunkline.tenant(&format!("tenant-{number}")).connect("played").await.unwrap() {
        Connect::Ready(connection) => connection.token_now().unwrap().generation(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn renewals_and_a_pass_do_not_disturb_each_other() {
    let world = World::new(Reuse::KillsFamily);
    connected(&world).await;
    let both = KeyRing::new(NEW).with_retired(OLD);
    let watch = Faults::new();
    let watched = Watched::new(world.store.clone(), watch.clone());
    let vault = Vault::open(Arc::new(watched), both.clone()).await.unwrap();
    assert_eq!(vault.retired_in_use().await.unwrap(), [(KeyRing::new(OLD).current_id(), 450)]);
    let process = with_keys(&world, both).await.unwrap();
    world.clock.advance(HOUR);

    // The first page was read, and waits to be written, while some of its rows are renewed.
    let gate = watch.hold(Call::Rewrap);
    let (mut seen, mut steps) = (0, 0);
    #[expect(clippy::disallowed_methods, reason = "the pass runs beside the renewals")]
    let pass = tokio::spawn(async move {
        let progress = |resealed: trunkline_store::Resealed| {
            assert!(resealed.seen > seen);
            (seen, steps) = (resealed.seen, steps + 1);
        };
        let total = vault.reseal(progress).await;
        (vault, total)
    });
    settled().await;
    for number in (0..CONNECTIONS).step_by(3) {
        assert_eq!(reads(&process, number).await, 2);
    }
    gate.add_permits(1);
    let (vault, total) = pass.await.unwrap();

    let total = total.unwrap();
    assert!(total.done < total.seen, "renewed rows are under the new key already: {total:?}");
    assert_eq!(vault.retired_in_use().await.unwrap(), []);
    // The old key can go, and nothing is lost.
    let after = with_keys(&world, KeyRing::new(NEW)).await.unwrap();
    for number in 0..CONNECTIONS {
        assert_eq!(reads(&after, number).await, 2);
    }
    let spent = world.service.spent();
    assert_eq!(spent.len(), CONNECTIONS, "each was renewed once");
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_is_broken_off_is_taken_up_by_the_next() {
    let world = World::new(Reuse::KillsFamily);
    connected(&world).await;
    let watch = Faults::new();
    let watched = Watched::new(world.store.clone(), watch.clone());
    let both = KeyRing::new(NEW).with_retired(OLD);
    let vault = Vault::open(Arc::new(watched), both).await.unwrap();
    let mut done = 0;
    let failing = watch.clone();
    let broken = vault.reseal(|resealed| {
        done = resealed.done;
        failing.fail(Call::Rewrap, scripted::When::Before, 1);
    });
    assert!(matches!(broken.await, Err(StoreError::Unavailable { .. })));
    watch.recover();
    let left = CONNECTIONS as u64 - done;
    assert!(done > 0 && left > 0, "one page was done");
    assert_eq!(vault.retired_in_use().await.unwrap(), [(KeyRing::new(OLD).current_id(), left)]);

    let total = vault.reseal(|_| {}).await.unwrap();

    assert_eq!((total.seen, total.done), (left, left));
    assert_eq!(vault.retired_in_use().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_gone_too_early_is_noticed_at_the_start() {
    let world = World::new(Reuse::KillsFamily);
    world.process().await.connected().await;

    let error = with_keys(&world, KeyRing::new(NEW)).await.err().unwrap();

    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    let back = with_keys(&world, KeyRing::new(NEW).with_retired(OLD)).await.unwrap();
    assert!(back.finds().await.token_now().is_some());
}
