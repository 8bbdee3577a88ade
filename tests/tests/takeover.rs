//! A holder that fell silent with an answer in its hand, and the one that followed it.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::time::Duration;

use scripted::{Fate, Faults, HOUR, Process, World, asking, settled};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use trunkline::{Cause, Connection, Error, State, Timings};
use trunkline_core::Reuse;
use trunkline_store::EventKind;
use trunkline_tests::Call;

const SECOND: Duration = Duration::from_secs(1);
const BIT: Duration = Duration::from_millis(2);

/// Two processes: the first has got an answer and does not get it into the store; the second waits for it.
struct Silent {
    world: World,
    lets_commit: std::sync::Arc<Semaphore>,
    holder: JoinHandle<Result<u64, Error>>,
    connection: Connection,
    follower: JoinHandle<Result<u64, Error>>,
    processes: [Process; 2],
}

impl Silent {
    /// The follower has just been refused when this answers.
    async fn refused(reuse: Reuse) -> Self {
        Self::followed(reuse, Duration::ZERO).await
    }

    /// The follower has just asked when this answers, and is told after `late`.
    async fn followed(reuse: Reuse, late: Duration) -> Self {
        let world = World::new(reuse);
        let watch = Faults::new();
        let processes = [world.watched(watch.clone()).await, world.process().await];
        let first = processes[0].connected().await;
        let connection = processes[1].finds().await;
        world.clock.advance(HOUR);
        if !late.is_zero() {
            processes[1].line.will(Fate::Late(late));
        }
        let lets_commit = watch.hold(Call::Commit);
        let holder = asking(&first).await;
        let follower = asking(&connection).await;
        let takeover = Timings::default().lease_ttl() + Timings::default().commit_grace;
        tokio::time::sleep(takeover + BIT).await;
        settled().await;
        assert_eq!(world.service.spent(), ["canary-r-0-0", "canary-r-0-0"]);
        Self { world, lets_commit, holder, connection, follower, processes }
    }

    async fn state(&self) -> State {
        self.connection.status().await.unwrap().state()
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_commit_wins_over_a_refused_replay() {
    let silent = Silent::refused(Reuse::RejectSoft).await;
    tokio::time::sleep(9 * SECOND).await;
    assert_eq!(silent.state().await, State::Active, "no verdict yet");

    silent.lets_commit.add_permits(1);

    assert_eq!(silent.holder.await.unwrap().unwrap(), 2);
    assert_eq!(silent.follower.await.unwrap().unwrap(), 2, "it adopts what the late one wrote");
    let events = silent.world.store_events(&silent.connection).await;
    assert_eq!(events, [EventKind::Connected]);
}

#[tokio::test(start_paused = true)]
async fn after_the_grace_a_refused_replay_is_a_verdict_and_a_later_commit_recovers_the_connection() {
    let silent = Silent::refused(Reuse::RejectSoft).await;
    tokio::time::sleep(11 * SECOND).await;
    assert_eq!(silent.state().await, State::NeedsConsent);
    let told = silent.follower.await.unwrap().unwrap_err();
    assert_eq!(told.cause(), Some(Cause::GrantRevoked));
    tokio::time::sleep(3 * HOUR).await;
    assert!(silent.holder.await.unwrap().is_err(), "whoever asked was told after a minute");

    silent.lets_commit.add_permits(1);
    settled().await;

    assert_eq!(silent.connection.status().await.unwrap().state(), State::Active);
    assert_eq!(silent.connection.access_token().await.unwrap().generation(), 3, "after hours it is renewed");
    let events = silent.world.store_events(&silent.connection).await;
    assert_eq!(events, [EventKind::Connected, EventKind::NeedsConsent, EventKind::Recovered]);
    drop(silent.processes);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_is_granted_counts_and_the_late_answer_is_dropped() {
    let silent = Silent::refused(Reuse::Grace { window: 1_000 * SECOND }).await;
    assert_eq!(silent.follower.await.unwrap().unwrap(), 2);

    silent.lets_commit.add_permits(1);

    assert_eq!(silent.holder.await.unwrap().unwrap(), 2, "the late one adopts the newer");
    silent.world.clock.advance(HOUR);
    assert_eq!(silent.connection.access_token().await.unwrap().generation(), 3);
    assert_eq!(silent.world.service.spent().last().unwrap(), "canary-r-0-2");
    assert!(silent.world.service.revoked().is_empty(), "it may be of the same grant");
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_wakes_during_the_replay_keeps_its_answer_and_writes_it_after_the_refusal() {
    let silent = Silent::followed(Reuse::RejectSoft, 5 * SECOND).await;
    silent.lets_commit.add_permits(1);
    tokio::time::sleep(4 * SECOND).await;
    let row = silent.world.row(&silent.connection).await;
    assert_eq!(row.record.generation, 1, "another intent is open");

    tokio::time::sleep(2 * SECOND).await;

    assert_eq!(silent.world.row(&silent.connection).await.record.generation, 2);
    assert_eq!(silent.follower.await.unwrap().unwrap(), 2);
    assert_eq!(silent.holder.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_wakes_during_a_replay_that_is_granted_does_not_write_over_it() {
    let silent = Silent::followed(Reuse::Grace { window: 1_000 * SECOND }, 5 * SECOND).await;
    silent.lets_commit.add_permits(1);
    tokio::time::sleep(4 * SECOND).await;
    let row = silent.world.row(&silent.connection).await;
    assert_eq!(row.record.generation, 1, "what the replay brings is the newer one");

    assert_eq!(silent.follower.await.unwrap().unwrap(), 2);
    assert_eq!(silent.holder.await.unwrap().unwrap(), 2);
    silent.world.clock.advance(HOUR);
    silent.connection.access_token().await.map(drop).unwrap();
    assert_eq!(silent.world.service.spent().last().unwrap(), "canary-r-0-2");
    assert!(silent.world.service.is_alive(0));
}

#[tokio::test(start_paused = true)]
async fn a_dead_holders_grant_gets_its_verdict_after_the_grace() {
    let world = World::new(Reuse::RejectSoft);
    let watch = Faults::new();
    let [one, two] = [world.watched(watch.clone()).await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    world.clock.advance(HOUR);
    let _for_ever = watch.hold(Call::Commit);
    drop(asking(&first).await);
    watch.kill();

    let told = second.access_token().await.map(drop).unwrap_err();

    assert_eq!(told.cause(), Some(Cause::GrantRevoked));
    let grace = Timings::default().commit_grace;
    let expected = Timings::default().lease_ttl() + grace + grace;
    let waited = world.clock.elapsed();
    assert!(waited >= expected && waited < expected + SECOND, "{waited:?}");
    assert_eq!(second.status().await.unwrap().state(), State::NeedsConsent);
}
