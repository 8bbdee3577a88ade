//! Disconnecting and connecting again while a renewal is under way, here or in another process.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use scripted::{Fate, Faults, HOUR, PlayedClock, Stage, World, asking, json, settled};
use tokio::sync::Semaphore;
use trunkline::{Connect, ConsentRequest, MemoryStore, Revocation, State, Timings};
use trunkline_core::Reuse;
use trunkline_testkit::{Crash, CrashPoints, Watched};
use trunkline_tests::Call;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_disconnect_during_a_renewal_revokes_the_newest_token_and_nothing_comes_back() {
    for same in [true, false] {
        let world = World::new(Reuse::KillsFamily);
        let [one, two] = [world.process().await, world.process().await];
        let (first, second) = (one.connected().await, two.finds().await);
        world.clock.advance(HOUR);
        let gate = Arc::new(Semaphore::new(0));
        one.line.will(Fate::Held(gate.clone()));
        let renewal = asking(&first).await;
        let before = world.clock.elapsed();

        let outcome = if same { &first } else { &second }.disconnect().await.unwrap();

        // Whoever disconnects waits a little, and leaves the rest to the background.
        assert!(matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
        assert!(world.clock.elapsed() - before <= 3 * SECOND);
        assert_eq!(first.status().await.unwrap().state(), State::Disconnected);
        gate.add_permits(1);
        tokio::time::sleep(5 * SECOND).await;

        assert!(renewal.await.unwrap().is_err(), "what was renewed is not served");
        assert_eq!(world.service.revoked(), ["canary-r-0-1"], "the newest, and only that");
        let row = world.row(&first).await;
        assert_eq!((row.record.status().state(), row.body.is_none()), (State::Disconnected, true));
        for connection in [&first, &second] {
            assert!(connection.access_token().await.is_err());
        }
        assert_eq!(world.service.spent().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_disconnect_behind_a_dead_holder_revokes_after_the_takeover() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let [dying, two] = [world.watched(watch.clone()).await, world.process().await];
    let (first, second) = (dying.connected().await, two.finds().await);
    world.clock.advance(HOUR);
    dying.line.will(Fate::Unseen);
    drop(asking(&first).await);
    watch.kill();

    let outcome = second.disconnect().await.unwrap();
    assert!(matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
    tokio::time::sleep(60 * SECOND).await;

    assert_eq!(world.service.revoked(), ["canary-r-0-0"]);
    assert!(world.row(&second).await.body.is_none());
}

/// A request that was made before there was a connection, so that it can be answered at any time.
async fn early_request(world: &World) -> ConsentRequest {
    let process = world.process().await;
    match process.trunkline.tenant("acme").connect("played").await.unwrap() {
        Connect::NeedsConsent(request) => request,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_consent_during_a_renewal_elsewhere_is_what_stays() {
    let world = World::new(Reuse::KillsFamily);
    let request = early_request(&world).await;
    let [one, two] = [world.process().await, world.process().await];
    let first = one.connected().await;
    world.clock.advance(HOUR);
    one.line.will(Fate::Late(10 * SECOND));
    let renewal = asking(&first).await;

    let second = two.consents_to(&request).await.unwrap();

    assert_eq!(second.id(), first.id());
    assert_eq!(second.token_now().unwrap().expose(), Some("canary-a-1-0"));
    assert_eq!(renewal.await.unwrap().unwrap(), 2, "the renewal ended first");
    world.clock.advance(HOUR);
    assert_eq!(first.access_token().await.unwrap().generation(), 4);
    assert_eq!(world.service.spent().last().unwrap(), "canary-r-1-0");
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_holder_writes_late_loses_against_a_new_consent() {
    let world = World::new(Reuse::KillsFamily);
    let request = early_request(&world).await;
    let watch = Faults::new();
    let [one, two] = [world.watched(watch.clone()).await, world.process().await];
    let first = one.connected().await;
    world.clock.advance(HOUR);
    let gate = watch.hold(Call::Commit);
    let renewal = asking(&first).await;

    let began = world.clock.elapsed();
    let second = two.consents_to(&request).await.unwrap();
    let waited = world.clock.elapsed() - began;
    assert!(waited <= 32 * SECOND, "a person waits no longer than a request may take: {waited:?}");
    gate.add_permits(1);
    settled().await;

    assert_eq!(renewal.await.unwrap().unwrap(), 2, "the holder adopts the new grant");
    assert_eq!(first.token_now().unwrap().expose(), Some("canary-a-1-0"));
    assert_eq!(second.token_now().unwrap().generation(), 2);
    let row = world.row(&second).await;
    assert_eq!((row.lease.owner, row.lease.intent), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_new_consent_after_a_disconnect_is_not_revoked_by_it() {
    let world = World::new(Reuse::KillsFamily);
    let [one, two] = [world.process().await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    world.clock.advance(HOUR);
    let gate = Arc::new(Semaphore::new(0));
    one.line.will(Fate::Held(gate.clone()));
    let renewal = asking(&first).await;
    drop(second.disconnect().await.unwrap());

    // The answer never came; after its deadline somebody consents again.
    let again = two.connected().await;
    tokio::time::sleep(200 * SECOND).await;
    drop((renewal, gate));

    assert_eq!(again.token_now().unwrap().expose(), Some("canary-a-1-0"));
    assert!(world.service.is_alive(1));
    assert_eq!(again.status().await.unwrap().state(), State::Active);
}

#[tokio::test(start_paused = true)]
async fn others_leave_a_revocation_to_whoever_disconnects_for_a_minute() {
    let (store, clock) = (Arc::new(MemoryStore::new()), PlayedClock::new());
    let points = Arc::new(CrashPoints::new());
    let stage =
        Stage::with(Watched::new(store.clone(), points.clone()), clock.clone(), Timings::default()).await;
    let connection = stage.connected().await;
    points.at(Call::Commit, points.count(Call::Commit) + 1, Crash::DiesAfter);
    assert!(tokio::time::timeout(SECOND, connection.disconnect()).await.is_err());

    // Who only looks would tell the one who disconnects that there was nothing to revoke.
    let other =
        Stage::with(Watched::new(store, Arc::new(CrashPoints::new())), clock.clone(), Timings::default())
            .await;
    assert_eq!(other.trunkline.retry_revocations().await.unwrap(), (0, 1));
    clock.advance(Duration::from_secs(60));
    other.tokens.will(json(200, ""));
    assert_eq!(other.trunkline.retry_revocations().await.unwrap(), (1, 0));
}
