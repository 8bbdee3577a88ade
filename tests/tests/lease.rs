//! One holder at a time among all processes, and who may follow one that fell silent.

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use scripted::{Fate, Faults, HOUR, When, World, asking, settled};
use tokio::sync::Semaphore;
use trunkline::{Cause, Timings};
use trunkline_core::Reuse;
use trunkline_tests::Call;

const SECOND: Duration = Duration::from_secs(1);

/// How long a lease must be seen unchanged before it is taken over.
fn takeover() -> Duration {
    Timings::default().lease_ttl() + Timings::default().commit_grace
}

#[tokio::test(start_paused = true)]
async fn of_two_processes_one_asks_and_the_other_adopts_no_later_than_the_renewal_takes() {
    let world = World::new(Reuse::KillsFamily);
    let [one, two] = [world.process().await, world.process().await];
    let first = one.connected().await;
    let second = two.finds().await;
    world.clock.advance(HOUR);
    one.line.will(Fate::Late(8 * SECOND));

    let asked = asking(&first).await;
    let began = world.clock.elapsed();
    let followed = second.access_token().await.unwrap().generation();

    let waited = world.clock.elapsed() - began;
    assert!(waited >= 8 * SECOND && waited <= 9 * SECOND, "{waited:?}: a look at most a second late");
    assert_eq!((asked.await.unwrap().unwrap(), followed), (2, 2));
    assert_eq!((one.line.asked(), two.line.asked()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_a_quick_renewal_waits_an_eighth_longer_at_most() {
    let world = World::new(Reuse::KillsFamily);
    let [one, two] = [world.process().await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    world.clock.advance(HOUR);
    one.line.will(Fate::Late(Duration::from_millis(200)));

    let asked = asking(&first).await;
    let began = world.clock.elapsed();
    second.access_token().await.unwrap();

    assert!(world.clock.elapsed() - began <= Duration::from_millis(230));
    asked.await.unwrap().unwrap();
}

/// A process that dies after its request was sent and lost.
async fn dies_asking(world: &World) {
    let watch = Faults::new();
    let dying = world.watched(watch.clone()).await;
    let connection = dying.finds().await;
    world.clock.advance(HOUR);
    dying.line.will(Fate::Unseen);
    drop(asking(&connection).await);
    watch.kill();
    assert_eq!(dying.line.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_died_is_succeeded_after_its_time_and_the_grace_and_not_before() {
    let world = World::new(Reuse::KillsFamily);
    let two = world.process().await;
    let connection = two.connected().await;
    dies_asking(&world).await;

    let asked = asking(&connection).await;
    tokio::time::sleep(takeover() - Duration::from_millis(1)).await;
    settled().await;
    assert_eq!(two.line.asked(), 0);
    tokio::time::sleep(Duration::from_millis(2)).await;
    settled().await;

    assert_eq!(two.line.asked(), 1);
    assert_eq!(asked.await.unwrap().unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_tries_its_commit_again_is_not_succeeded_for_hours() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let [one, two] = [world.watched(watch.clone()).await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    world.clock.advance(HOUR);
    watch.fail(Call::Commit, When::Before, usize::MAX);

    let asked = asking(&first).await;
    for _ in 0..200 {
        // Callers are told after a minute, each time; the holder goes on.
        let told = second.access_token().await.map(|token| token.generation()).unwrap_err();
        assert_eq!(told.cause(), Some(Cause::ServiceUnavailable));
        tokio::time::sleep(60 * SECOND).await;
    }
    assert_eq!(two.line.asked(), 0);
    assert!(world.clock.elapsed() > 3 * HOUR);
    watch.recover();
    tokio::time::sleep(10 * SECOND).await;

    assert!(asked.await.unwrap().is_err());
    // Its token is over by then: the other goes on from the one that was stored.
    assert_eq!(second.access_token().await.unwrap().generation(), 3);
    assert_eq!(world.service.spent(), ["canary-r-0-0", "canary-r-0-1"]);
    assert!(world.service.is_alive(0));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_paused_beyond_the_slack_sends_nothing_and_gives_the_intent_back() {
    for (paused, sends) in [(1_999, true), (2_001, false)] {
        let world = World::new(Reuse::KillsFamily);
        let watch = Faults::new();
        let one = world.watched(watch.clone()).await;
        let connection = one.connected().await;
        world.clock.advance(HOUR);
        watch.slow(Call::Lease, Duration::from_millis(paused));

        let told = connection.access_token().await.map(|token| token.generation());

        assert_eq!((told.is_ok(), one.line.asked()), (sends, usize::from(sends)), "{paused}");
        let row = world.row(&connection).await;
        assert_eq!((row.lease.owner, row.lease.intent), (None, None), "{paused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_with_a_valid_token_never_waits_for_a_renewal() {
    let world = World::new(Reuse::KillsFamily);
    let [one, two] = [world.process().await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    let gate = Arc::new(Semaphore::new(0));
    one.line.will(Fate::Held(gate.clone()));
    world.clock.advance(HOUR - 20 * SECOND);
    let began = world.clock.elapsed();

    for _ in 0..3 {
        for connection in [&first, &second] {
            assert_eq!(connection.access_token().await.unwrap().generation(), 1);
            assert!(connection.token_now().is_some());
            settled().await;
        }
    }
    assert_eq!(world.clock.elapsed(), began, "no time passed");
    assert_eq!((one.line.asked(), two.line.asked()), (1, 0));
    gate.add_permits(1);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_granted_and_reported_as_failed_is_not_left_behind() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let one = world.watched(watch.clone()).await;
    let connection = one.connected().await;
    world.clock.advance(HOUR);
    watch.fail(Call::Lease, When::After, 1);
    let began = world.clock.elapsed();

    assert_eq!(connection.access_token().await.unwrap().generation(), 2);

    assert!(world.clock.elapsed() - began < SECOND, "its own lease is no one else's");
    assert_eq!((one.line.asked(), watch.count(Call::Lease)), (1, 2));

    // Nor by one who gives up.
    world.clock.advance(HOUR);
    watch.fail(Call::Lease, When::After, 4);
    connection.access_token().await.map(drop).unwrap_err();
    let row = world.row(&connection).await;
    assert_eq!((row.lease.owner, row.lease.intent), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_an_hour_changes_no_lease_and_no_takeover() {
    for jump in [-3_600_000, 3_600_000] {
        let world = World::new(Reuse::KillsFamily);
        let two = world.process().await;
        let connection = two.connected().await;
        dies_asking(&world).await;
        world.clock.advance(HOUR);

        let asked = asking(&connection).await;
        tokio::time::sleep(takeover() / 2).await;
        world.clock.set_wall(jump);
        tokio::time::sleep(takeover() / 2 - Duration::from_millis(1)).await;
        settled().await;
        assert_eq!(two.line.asked(), 0, "{jump}");
        tokio::time::sleep(Duration::from_millis(2)).await;
        settled().await;

        assert_eq!(two.line.asked(), 1, "{jump}");
        assert_eq!(asked.await.unwrap().unwrap(), 2, "{jump}");
    }
}
