//! Grants that nobody uses are kept alive, at a budget.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::collections::BTreeSet;
use std::time::Duration;

use scripted::{Fate, Faults, Process, World};
use trunkline::{Revocation, State, Upkeep};
use trunkline_core::Reuse;
use trunkline_tests::Call;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A service that ends a grant after 30 days of disuse, and a connector that knows it.
fn world() -> World {
    let mut world = World::new(Reuse::KillsFamily);
    world.service.ends_idle(30 * DAY);
    world.policy.idle_limit = Some(30 * DAY);
    world
}

fn rhythm(every: Duration, batch: u32, concurrency: usize) -> Upkeep {
    let mut upkeep = Upkeep::default();
    (upkeep.every, upkeep.batch, upkeep.concurrency) = (every, batch, concurrency);
    upkeep
}

async fn keeping(world: &World, watch: std::sync::Arc<Faults>, upkeep: Upkeep) -> Process {
    world.process_with(watch, |builder| builder.upkeep(upkeep)).await.unwrap()
}

/// As many connections, each a grant of its own, which nobody uses.
async fn unused(world: &World, count: usize) {
    let process = world.process().await;
    for number in 0..count {
        process.consents(&format!("tenant-{number}")).await.unwrap();
    }
}

/// The times between the renewals of a grant, in days.
fn days_between(world: &World, family: usize) -> Vec<f64> {
    let at = world.service.renewed_at(family);
    at.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / DAY.as_millis() as f64).collect()
}

#[tokio::test(start_paused = true)]
async fn connections_that_nobody_uses_live_for_four_hundred_days() {
    let world = world();
    unused(&world, 20).await;
    let keeper = keeping(&world, Faults::new(), rhythm(60 * MINUTE, 100, 4)).await;

    tokio::time::sleep(400 * DAY).await;

    for family in 0..20 {
        assert!(world.service.is_alive(family));
        let pauses = days_between(&world, family);
        assert!((16..=27).contains(&pauses.len()), "{pauses:?}");
        assert!(pauses.iter().all(|days| (14.9..24.1).contains(days)), "{pauses:?}");
        let tenant = format!("tenant-{family}");
        let records = keeper.trunkline.tenant(&tenant).connections(None, 10).await.unwrap();
        assert_eq!(records[0].status().state(), State::Active);
    }
}

#[tokio::test(start_paused = true)]
async fn without_upkeep_they_are_lost() {
    let world = world();
    unused(&world, 1).await;
    let process = world.process().await;
    tokio::time::sleep(31 * DAY).await;

    let found = process.trunkline.tenant("tenant-0").connect("played").await.unwrap();

    assert!(matches!(found, trunkline::Connect::NeedsConsent(_)), "so the played limit is enforced");
}

#[tokio::test(start_paused = true)]
async fn two_processes_never_renew_the_same_due_one_twice() {
    let world = world();
    unused(&world, 30).await;
    let one = keeping(&world, Faults::new(), rhythm(10 * MINUTE, 4, 4)).await;
    let two = keeping(&world, Faults::new(), rhythm(10 * MINUTE, 4, 4)).await;

    tokio::time::sleep(60 * DAY).await;

    let spent = world.service.spent();
    assert_eq!(spent.iter().collect::<BTreeSet<_>>().len(), spent.len(), "each token once");
    for family in 0..30 {
        let pauses = days_between(&world, family);
        assert!(!pauses.is_empty() && pauses.iter().all(|days| *days > 14.9), "{pauses:?}");
    }
    assert!(one.line.asked() > 0 && two.line.asked() > 0, "both take their part");
}

#[tokio::test(start_paused = true)]
async fn after_a_downtime_the_backlog_is_drained_at_the_budget() {
    let world = world();
    unused(&world, 33).await;
    tokio::time::sleep(25 * DAY).await;
    let began = world.clock.elapsed();

    let keeper = keeping(&world, Faults::new(), rhythm(MINUTE, 5, 2)).await;
    tokio::time::sleep(20 * MINUTE).await;

    let asked = keeper.line.asked_at();
    assert_eq!(asked.len(), 33);
    for (place, at) in asked.iter().enumerate() {
        let round = u32::try_from(place / 5).unwrap() + 1;
        assert!(*at - began >= round * MINUTE, "five a minute at most: {asked:?}");
        assert!(*at - began <= round * MINUTE * 12 / 10, "and not fewer: {asked:?}");
    }
    assert!((0..33).all(|family| world.service.is_alive(family)));
}

#[tokio::test(start_paused = true)]
async fn upkeep_renews_only_a_few_at_a_time() {
    let world = world();
    unused(&world, 12).await;
    tokio::time::sleep(25 * DAY).await;
    let keeper = keeping(&world, Faults::new(), rhythm(MINUTE, 100, 3)).await;
    (0..12).for_each(|_| keeper.line.will(Fate::Late(Duration::from_secs(10))));

    tokio::time::sleep(3 * MINUTE).await;

    let asked = keeper.line.asked_at();
    assert_eq!(asked.len(), 12);
    let fourth_later = asked.windows(4).all(|four| four[3] - four[0] >= Duration::from_secs(10));
    assert!(fourth_later, "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn upkeep_stops_at_a_shutdown_and_with_the_last_handle() {
    for shuts_down in [true, false] {
        let world = world();
        let watch = Faults::new();
        let keeper = keeping(&world, watch.clone(), rhythm(MINUTE, 5, 2)).await;
        tokio::time::sleep(10 * MINUTE).await;
        let before = watch.count(Call::ClaimDue);
        assert!(before >= 8, "{before}");
        if shuts_down {
            keeper.trunkline.shutdown(Duration::from_secs(1)).await.unwrap();
        } else {
            drop(keeper);
        }

        tokio::time::sleep(60 * MINUTE).await;

        assert_eq!(watch.count(Call::ClaimDue), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_tried_again_after_its_claim_is_over() {
    let world = world();
    unused(&world, 1).await;
    tokio::time::sleep(25 * DAY).await;
    let keeper = keeping(&world, Faults::new(), rhythm(MINUTE, 5, 2)).await;
    keeper.line.will(Fate::Refused(503, vec![], "{}"));
    keeper.line.will(Fate::NotSent);

    tokio::time::sleep(40 * MINUTE).await;

    let asked = keeper.line.asked_at();
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.windows(2).all(|pair| (10..=12).contains(&((pair[1] - pair[0]).as_secs() / 60))));
    assert!(world.service.is_alive(0));
}

#[tokio::test(start_paused = true)]
async fn revocations_that_were_not_finished_are_taken_up() {
    let world = world();
    let process = world.process().await;
    let connection = process.connected().await;
    world.service.fails_revocations(3);
    let outcome = connection.disconnect().await.unwrap();
    assert!(matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
    drop(process);
    let _keeper = keeping(&world, Faults::new(), rhythm(MINUTE, 5, 2)).await;

    tokio::time::sleep(60 * MINUTE).await;

    assert_eq!(world.service.revoked(), ["canary-r-0-0"]);
    let row = world.row(&connection).await;
    assert!(row.body.is_none() && row.record.due_at.is_none());
}
