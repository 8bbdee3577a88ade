//! An end that is known ahead is announced in time, each lead once, and drawn when it is reached.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::time::Duration;

use scripted::{Faults, Process, World, settled};
use trunkline::{Cause, State, Store, Upkeep};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Clock, Reuse};
use trunkline_store::{Commit, Event, EventKind, Expected, NewBody, Vault};
use trunkline_tests::Call;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn keeping(world: &World, faults: std::sync::Arc<Faults>) -> Process {
    let mut upkeep = Upkeep::default();
    upkeep.every = Duration::from_secs(600);
    world.process_with(faults, |builder| builder.upkeep(upkeep)).await.unwrap()
}

/// A grant of `acme` that ends after so long, and when something is to be done about it.
async fn ending(world: &World, after: Duration, due: Duration) -> trunkline::Connection {
    let process = world.process().await;
    let connection = process.connected().await;
    let vault = Vault::open(world.store.clone(), trunkline::KeyRing::new([7; 32])).await.unwrap();
    let opened = vault.load_by_id(connection.id()).await.unwrap().unwrap();
    let (mut record, mut held) = (opened.record, opened.held.unwrap());
    let at = |after| world.clock.wall().checked_add(after).unwrap();
    let expected = Expected::Generation(record.generation);
    record.generation += 1;
    record.grant_expires_at = Some(at(after));
    record.due_at = Some(at(due));
    held.credential.grant_expires_at = record.grant_expires_at;
    let done = vault.commit(expected, &record, NewBody::Replace(&held), Vec::new()).await.unwrap();
    assert!(matches!(done, Commit::Done { .. }));
    connection
}

async fn events(world: &World, connection: &trunkline::Connection) -> Vec<Event> {
    world.store.events(connection.id(), 0, 100).await.unwrap()
}

/// How many days before the end each `expiring` was written.
async fn announced(world: &World, connection: &trunkline::Connection, end: Timestamp) -> Vec<i64> {
    let of = |event: &Event| (end.duration_since(event.at).as_hours() + 12) / 24;
    let events = events(world, connection).await;
    events.iter().filter(|event| event.kind == EventKind::Expiring).map(of).collect()
}

#[tokio::test(start_paused = true)]
async fn each_lead_is_announced_once_across_processes_and_restarts_and_the_end_is_drawn() {
    let world = World::new(Reuse::KillsFamily);
    let connection = ending(&world, 30 * DAY, 16 * DAY).await;
    let end = world.row(&connection).await.record.grant_expires_at.unwrap();
    let one = keeping(&world, Faults::new()).await;
    let _two = keeping(&world, Faults::new()).await;

    tokio::time::sleep(18 * DAY).await;
    assert_eq!(announced(&world, &connection, end).await, [14]);
    drop(one);
    let _three = keeping(&world, Faults::new()).await;
    tokio::time::sleep(11 * DAY + DAY / 2).await;
    assert_eq!(announced(&world, &connection, end).await, [14, 7, 1]);
    assert_eq!(connection.status().await.unwrap().state(), State::Active);
    let event = events(&world, &connection).await.pop().unwrap();
    let step = event.detail.unwrap().remedy().to_string();
    assert!(step.contains(&format!("{end:.0}")), "{step}");

    tokio::time::sleep(DAY).await;

    let status = connection.status().await.unwrap();
    assert_eq!(status.state(), State::NeedsConsent);
    assert_eq!(status.diagnosis().unwrap().cause(), Cause::GrantExpired);
    assert_eq!(announced(&world, &connection, end).await, [14, 7, 1]);
    assert_eq!(connection.access_token().await.unwrap_err().cause(), Some(Cause::GrantExpired));
}

#[tokio::test(start_paused = true)]
async fn a_lead_whose_commit_failed_or_was_not_heard_of_is_announced_once() {
    for when in [scripted::When::Before, scripted::When::After] {
        let world = World::new(Reuse::KillsFamily);
        let connection = ending(&world, 30 * DAY, 16 * DAY).await;
        let end = world.row(&connection).await.record.grant_expires_at.unwrap();
        let faults = Faults::new();
        let _keeper = keeping(&world, faults.clone()).await;
        faults.fail(Call::Commit, when, 1);

        tokio::time::sleep(17 * DAY).await;

        assert_eq!(announced(&world, &connection, end).await, [14], "{when:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewal_between_two_leads_repeats_none() {
    let mut world = World::new(Reuse::KillsFamily);
    world.policy.idle_limit = Some(3 * DAY);
    let connection = ending(&world, 30 * DAY, DAY).await;
    let end = world.row(&connection).await.record.grant_expires_at.unwrap();
    let keeper = keeping(&world, Faults::new()).await;

    tokio::time::sleep(29 * DAY + DAY / 2).await;

    assert!(keeper.line.asked() >= 10, "{}", keeper.line.asked());
    assert_eq!(announced(&world, &connection, end).await, [14, 7, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_whose_end_no_use_moves_is_announced_and_its_end_is_the_services_word() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_refresh_end(30 * DAY, true);
    let process = world.process().await;
    let connection = process.connected().await;
    let keeper = keeping(&world, Faults::new()).await;

    tokio::time::sleep(29 * DAY + DAY / 2).await;

    // The first renewal, at half to four fifths of its time, shows that it does not move.
    assert_eq!(keeper.line.asked(), 1);
    let record = world.row(&connection).await.record;
    let end = record.grant_expires_at.unwrap();
    let told = announced(&world, &connection, end).await;
    // A renewal on its last possible day leaves less than a week.
    let week = record.credential_at.unwrap() < end - 7 * DAY;
    let expected: &[_] = if week { &[7, 1] } else { &[1] };
    assert!(told.ends_with(expected), "{told:?}");
    world.service.revokes(0);
    tokio::time::sleep(DAY).await;
    settled().await;
    assert_eq!(keeper.line.asked(), 2, "it was asked");
    assert_eq!(connection.status().await.unwrap().state(), State::NeedsConsent);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_token_that_moves_with_its_use_is_never_announced() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_refresh_end(30 * DAY, false);
    let process = world.process().await;
    let connection = process.connected().await;
    let _keeper = keeping(&world, Faults::new()).await;

    tokio::time::sleep(80 * DAY).await;

    assert_eq!(connection.status().await.unwrap().state(), State::Active);
    assert_eq!(world.store_events(&connection).await, [EventKind::Connected]);
}
