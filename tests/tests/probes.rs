//! A grant that is revoked at the service is found though nobody uses it, within a bound and at a budget.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::collections::BTreeMap;
use std::time::Duration;

use scripted::{Fate, Faults, HOUR, Process, World, settled};
use trunkline::{Cause, Connection, Probes, State};
use trunkline_core::Reuse;
use trunkline_core::http::Method;
use trunkline_store::EventKind;
use trunkline_tests::Call;

const MINUTE: Duration = Duration::from_secs(60);
const BOUND: Duration = Duration::from_secs(15 * 60);

fn world() -> World {
    let world = World::new(Reuse::KillsFamily);
    // A token that serves for ever shows what a probe alone finds out.
    world.service.states_life(Some(365 * 24 * 3600));
    world
}

fn budget(within: Duration, per_second: u32) -> Probes {
    let mut probes = Probes::default();
    (probes.within, probes.per_second) = (within, per_second);
    probes
}

async fn probing(world: &World, probes: Probes) -> Process {
    world.process_with(Faults::new(), |builder| builder.probes(probes)).await.unwrap()
}

/// As many connections, each a grant of its own, made by a process that is gone then.
async fn unused(world: &World, count: usize) -> Vec<Connection> {
    let process = world.process().await;
    let mut made = Vec::new();
    for number in 0..count {
        made.push(process.consents(&format!("tenant-{number:03}")).await.unwrap());
    }
    made
}

async fn state(world: &World, connection: &Connection) -> State {
    world.row(connection).await.record.status().state()
}

/// When each token was probed on these lines, in order.
fn probed(processes: &[&Process]) -> BTreeMap<String, Vec<Duration>> {
    let mut at: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (when, token) in processes.iter().flat_map(|process| process.line.called()) {
        at.entry(token).or_default().push(when);
    }
    at.values_mut().for_each(|at| at.sort());
    at
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_that_nobody_uses_is_found_within_the_bound() {
    let world = world();
    let made = unused(&world, 20).await;
    let _process = probing(&world, Probes::default()).await;
    for (family, connection) in made.iter().enumerate().take(10) {
        tokio::time::sleep(7 * MINUTE).await;
        assert_eq!(state(&world, connection).await, State::Active);
        world.service.revokes(family);

        tokio::time::sleep(BOUND).await;

        let status = world.row(connection).await.record.status().clone();
        assert_eq!(status.state(), State::NeedsConsent, "{family}");
        assert_eq!(status.diagnosis().unwrap().cause(), Cause::GrantRevoked);
        assert_eq!(world.store_events(connection).await, [EventKind::Connected, EventKind::NeedsConsent]);
    }
    for connection in &made[10..] {
        assert_eq!(state(&world, connection).await, State::Active, "and nothing else is lost");
    }
}

#[tokio::test(start_paused = true)]
async fn what_lives_is_proved_alive_once_in_each_bound_and_written_down_in_pages() {
    let world = world();
    let made = unused(&world, 50).await;
    let faults = Faults::new();
    let process =
        world.process_with(faults.clone(), |builder| builder.probes(Probes::default())).await.unwrap();

    tokio::time::sleep(24 * HOUR).await;

    for at in probed(&[&process]).values() {
        let pauses: Vec<_> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(pauses.iter().all(|pause| (11 * MINUTE..=BOUND).contains(pause)), "{pauses:?}");
        assert!((96..=130).contains(&at.len()), "{}", at.len());
    }
    assert_eq!(probed(&[&process]).len(), 50);
    let now = trunkline_core::Clock::wall(&world.clock);
    for connection in &made {
        let record = world.row(connection).await.record;
        let age = Duration::try_from(now.duration_since(record.proved_at.unwrap())).unwrap();
        assert!(age <= BOUND, "{age:?}");
        assert_eq!((record.sequence, record.generation), (1, 1), "a proof is no event");
    }
    assert_eq!(faults.count(Call::Commit), 0, "proofs are written in pages");
    assert!(process.line.asked() == 0, "and no token is spent for them");
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_use_costs_no_probe() {
    let world = world();
    let process = probing(&world, Probes::default()).await;
    let connection = process.connected().await;
    let before = process.line.called().len();

    for _ in 0..48 {
        tokio::time::sleep(5 * MINUTE).await;
        connection.request(Method::GET, "/things").send().await.unwrap();
    }

    assert_eq!(process.line.called().len() - before, 48, "its own calls and no other");
    let record = world.row(&connection).await.record;
    let age = trunkline_core::Clock::wall(&world.clock).duration_since(record.proved_at.unwrap());
    assert!(Duration::try_from(age).unwrap() <= BOUND, "and it is known that it lives: {age:?}");
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_token_is_over_is_a_renewal_which_is_a_proof() {
    let world = World::new(Reuse::KillsFamily);
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;

    tokio::time::sleep(10 * HOUR).await;

    // Each a little ahead of its hour.
    assert!((10..=13).contains(&process.line.asked()), "{}", process.line.asked());
    assert_eq!(state(&world, &made[0]).await, State::Active);
    world.service.revokes(0);
    tokio::time::sleep(BOUND).await;
    assert_eq!(state(&world, &made[0]).await, State::NeedsConsent);
}

#[tokio::test(start_paused = true)]
async fn an_outage_proves_nothing_and_a_few_probes_are_enough_to_see_its_end() {
    let world = world();
    let made = unused(&world, 60).await;
    let process = probing(&world, Probes::default()).await;
    tokio::time::sleep(HOUR).await;
    let before = process.line.called().len();

    world.service.is_down(true);
    world.service.revokes(59);
    tokio::time::sleep(6 * HOUR).await;

    for connection in &made {
        assert_eq!(state(&world, connection).await, State::Active, "nothing was said about it");
    }
    let during = process.line.called().len() - before;
    assert!((24..=60 * 30).contains(&during), "{during}: no more than without the outage");
    world.service.is_down(false);
    tokio::time::sleep(BOUND).await;
    assert_eq!(state(&world, &made[59]).await, State::NeedsConsent, "what was lost meanwhile is found then");
    for connection in &made[..59] {
        assert_eq!(world.store_events(connection).await, [EventKind::Connected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_down_is_asked_by_a_few_of_many() {
    let world = world();
    unused(&world, 200).await;
    tokio::time::sleep(BOUND).await;
    world.service.is_down(true);
    let process = probing(&world, Probes::default()).await;

    tokio::time::sleep(10 * MINUTE).await;

    let during = process.line.called().len();
    assert!((5..=13).contains(&during), "{during}: of 200 that are due, a few in a row and those under way");
    world.service.is_down(false);
    tokio::time::sleep(BOUND).await;
    assert_eq!(probed(&[&process]).values().map(Vec::len).sum::<usize>(), during + 200);
}

#[tokio::test(start_paused = true)]
async fn whoever_lacks_a_permission_is_known_to_the_service() {
    let world = world();
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;
    world.service.answers_calls(403);

    tokio::time::sleep(2 * HOUR).await;

    assert_eq!(state(&world, &made[0]).await, State::Active);
    assert!(process.line.called().len() <= 11 && process.line.asked() == 0);
    let proved = world.row(&made[0]).await.record.proved_at.unwrap();
    let age = trunkline_core::Clock::wall(&world.clock).duration_since(proved);
    assert!(Duration::try_from(age).unwrap() <= BOUND);
}

#[tokio::test(start_paused = true)]
async fn what_a_probe_itself_is_told_is_judged_without_spending_a_token() {
    let world = world();
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;
    world.service.answers_calls(410);

    tokio::time::sleep(BOUND).await;

    assert_eq!(state(&world, &made[0]).await, State::NeedsConsent);
    assert_eq!(process.line.asked(), 0);
    let called = process.line.called().len();
    tokio::time::sleep(24 * HOUR).await;
    assert_eq!(process.line.called().len(), called, "and it is not asked again");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_connection_is_looked_at_ever_more_slowly_and_recovers() {
    let world = world();
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;
    world.service.answers_calls(423);
    tokio::time::sleep(24 * HOUR).await;

    let at: Vec<_> = process.line.called().into_iter().map(|(at, _)| at).collect();
    let pauses: Vec<_> = at.windows(2).map(|pair| (pair[1] - pair[0]).as_secs() / 60).collect();
    assert!(pauses[0] <= 6 && pauses.last().unwrap().abs_diff(60) <= 1, "{pauses:?}");
    assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1] + 1), "{pauses:?}");
    assert_eq!(state(&world, &made[0]).await, State::Suspended);

    world.service.answers_calls(200);
    tokio::time::sleep(HOUR + MINUTE).await;

    let events = world.store_events(&made[0]).await;
    assert_eq!(events, [EventKind::Connected, EventKind::Suspended, EventKind::Recovered]);
    assert!(world.row(&made[0]).await.record.probe_at.is_some(), "and it is probed as before");
}

#[tokio::test(start_paused = true)]
async fn a_suspended_connection_whose_token_is_over_recovers_by_a_renewal() {
    let world = World::new(Reuse::KillsFamily);
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;
    world.service.answers_calls(423);
    tokio::time::sleep(30 * MINUTE).await;
    assert_eq!(state(&world, &made[0]).await, State::Suspended);

    tokio::time::sleep(HOUR + 10 * MINUTE).await;

    // Its access token was over, and the service renewed it.
    assert_eq!(process.line.asked(), 1, "one renewal, whose token the API then refuses");
    let events = world.store_events(&made[0]).await;
    assert_eq!(events[..3], [EventKind::Connected, EventKind::Suspended, EventKind::Recovered]);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_of_a_suspended_connection_that_fails_frees_its_lease() {
    let world = World::new(Reuse::KillsFamily);
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;
    world.service.answers_calls(423);
    tokio::time::sleep(30 * MINUTE).await;
    for _ in 0..3 {
        process.line.will(Fate::Refused(503, vec![], "{}"));
    }

    tokio::time::sleep(3 * HOUR).await;

    let row = world.row(&made[0]).await;
    assert!(row.lease.owner.is_none() && row.lease.intent.is_none(), "{:?}", row.lease);
    assert!(process.line.asked() >= 2, "{}", process.line.asked());
}

#[tokio::test(start_paused = true)]
async fn two_processes_share_the_probes() {
    let world = world();
    unused(&world, 40).await;
    let one = probing(&world, Probes::default()).await;
    let two = probing(&world, Probes::default()).await;

    tokio::time::sleep(12 * HOUR).await;

    for at in probed(&[&one, &two]).values() {
        assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= 11 * MINUTE), "{at:?}");
    }
    assert!(!one.line.called().is_empty() && !two.line.called().is_empty(), "both take their part");
}

#[tokio::test(start_paused = true)]
async fn more_than_the_budget_allows_is_looked_at_at_its_pace() {
    let world = world();
    unused(&world, 90).await;
    tokio::time::sleep(BOUND).await;
    let process = probing(&world, budget(MINUTE, 1)).await;

    tokio::time::sleep(10 * MINUTE).await;

    let mut at: Vec<_> = process.line.called().into_iter().map(|(at, _)| at).collect();
    at.sort();
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(900)), "{at:?}");
    let probed = probed(&[&process]);
    assert_eq!(probed.len(), 90, "each has its turn");
    assert!(probed.values().all(|at| at.len() >= 5), "the longest due first");
}

#[tokio::test(start_paused = true)]
async fn a_page_is_spread_over_its_time() {
    let world = world();
    unused(&world, 25).await;
    tokio::time::sleep(BOUND).await;
    let process = probing(&world, budget(BOUND, 2)).await;

    tokio::time::sleep(MINUTE).await;

    let at: Vec<_> = process.line.called().into_iter().map(|(at, _)| at).collect();
    assert_eq!(at.len(), 25);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= Duration::from_millis(490)), "{at:?}");
}

#[tokio::test(start_paused = true)]
async fn probes_stop_at_a_shutdown_and_with_the_last_handle() {
    for shuts_down in [true, false] {
        let world = world();
        unused(&world, 3).await;
        let process = probing(&world, Probes::default()).await;
        tokio::time::sleep(HOUR).await;
        let line = process.line.clone();
        let before = line.called().len();
        assert!(before >= 9, "{before}");
        if shuts_down {
            process.trunkline.shutdown(Duration::from_secs(1)).await.unwrap();
        } else {
            drop(process);
        }

        tokio::time::sleep(5 * HOUR).await;

        assert_eq!(line.called().len(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn proofs_that_cannot_be_written_are_found_again() {
    let world = world();
    let made = unused(&world, 1).await;
    let faults = Faults::new();
    faults.fail(Call::Prove, scripted::When::Before, 2);
    let _process =
        world.process_with(faults.clone(), |builder| builder.probes(Probes::default())).await.unwrap();

    tokio::time::sleep(HOUR).await;

    assert!(faults.count(Call::Prove) >= 3);
    let proved = world.row(&made[0]).await.record.proved_at.unwrap();
    let age = trunkline_core::Clock::wall(&world.clock).duration_since(proved);
    assert!(Duration::try_from(age).unwrap() <= BOUND, "{age:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_disconnected_is_not_probed() {
    let world = world();
    let made = unused(&world, 1).await;
    let process = probing(&world, Probes::default()).await;
    made[0].disconnect().await.unwrap();
    settled().await;
    let before = process.line.called().len();

    tokio::time::sleep(5 * HOUR).await;

    assert_eq!(process.line.called().len(), before);
}
