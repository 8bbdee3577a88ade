//! What is done when nobody knows whether a refresh token was spent: by the service's policy, never by count.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use scripted::{Fate, HOUR, Process, World, settled};
use trunkline::{Cause, Connection, MemoryStore, State, Timings};
use trunkline_core::Reuse;

const SECOND: Duration = Duration::from_secs(1);
const BIT: Duration = Duration::from_millis(2);
/// When the renewal is tried first: in its window, and so that the quiet time after a failure ends before the
/// token does.
const IN_WINDOW: Duration = Duration::from_secs(3600 - 44);
/// The quiet time after a failure.
const QUIET: Duration = Duration::from_secs(31);

fn grace(seconds: u64) -> Reuse {
    Reuse::Grace { window: Duration::from_secs(seconds) }
}

/// A connection whose renewal behind the reader has an unknown outcome, and whose token still serves.
async fn unknown_while_it_serves(world: &World, fate: Fate) -> (Process, Connection) {
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(IN_WINDOW);
    process.line.will(fate);
    assert_eq!(connection.access_token().await.unwrap().generation(), 1);
    settled().await;
    assert_eq!(process.line.asked(), 1);
    let status = connection.status().await.unwrap();
    let cause = status.diagnosis().unwrap().cause();
    assert_eq!((status.state(), cause), (State::Degraded, Cause::RefreshOutcomeUnknown));
    (process, connection)
}

/// How often the service was asked after a reader has looked again while the token serves.
async fn asked_again(process: &Process, connection: &Connection) -> usize {
    tokio::time::sleep(QUIET).await;
    assert!(connection.token_now().is_some(), "a reader is served meanwhile");
    settled().await;
    process.line.asked()
}

#[tokio::test(start_paused = true)]
async fn where_a_replay_kills_it_waits_until_the_token_is_over() {
    for fate in [Fate::LostRequest, Fate::LostAnswer, Fate::Truncated] {
        let is_spent = !matches!(fate, Fate::LostRequest);
        let world = World::new(Reuse::KillsFamily);
        let (process, connection) = unknown_while_it_serves(&world, fate).await;

        assert_eq!(asked_again(&process, &connection).await, 1, "no replay while the token serves");
        assert!(world.service.is_alive(0));

        tokio::time::sleep(15 * SECOND).await;
        let told = connection.access_token().await.map(|token| token.generation());
        assert_eq!(process.line.asked(), 2);
        match is_spent {
            false => assert_eq!(told.unwrap(), 2),
            true => assert_eq!(told.unwrap_err().cause(), Some(Cause::GrantRevoked)),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_a_replay_is_harmless_it_comes_at_once() {
    let world = World::new(Reuse::RejectSoft);
    let (process, connection) = unknown_while_it_serves(&world, Fate::LostRequest).await;

    assert_eq!(asked_again(&process, &connection).await, 2);
    assert_eq!(connection.token_now().unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn within_its_grace_it_comes_when_the_first_request_must_have_arrived() {
    let world = World::new(grace(200));
    let (process, connection) = unknown_while_it_serves(&world, Fate::LostAnswer).await;

    assert_eq!(asked_again(&process, &connection).await, 1);
    tokio::time::sleep(Timings::default().commit_grace - BIT).await;
    assert_eq!(process.line.asked(), 1);
    tokio::time::sleep(2 * BIT).await;
    settled().await;
    assert_eq!(process.line.asked(), 2, "while the token serves");

    assert_eq!(connection.token_now().unwrap().generation(), 2);
    world.clock.advance(HOUR);
    assert_eq!(connection.access_token().await.unwrap().generation(), 3);
    assert_eq!(connection.status().await.unwrap().state(), State::Active);
}

#[tokio::test(start_paused = true)]
async fn a_grace_that_may_be_over_counts_as_none() {
    // After half a minute half the window has to hold the request's half minute as well.
    let world = World::new(grace(100));
    let (process, connection) = unknown_while_it_serves(&world, Fate::LostRequest).await;
    assert_eq!(asked_again(&process, &connection).await, 1, "outside half the window");

    let mut world = World::new(grace(100_000));
    world.store = Arc::new(MemoryStore::new());
    let (process, connection) = unknown_while_it_serves(&world, Fate::LostRequest).await;
    assert_eq!(asked_again(&process, &connection).await, 1, "of unknown age");

    tokio::time::sleep(15 * SECOND).await;
    assert_eq!(connection.access_token().await.unwrap().generation(), 2, "when the token is over");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_rejected_no_longer_serves() {
    let world = World::new(Reuse::KillsFamily);
    let (process, connection) = unknown_while_it_serves(&world, Fate::LostRequest).await;
    world.service.rejects("canary-a-0-0");

    let response = connection.get("/x").send().await.unwrap();

    assert!(response.status().is_success());
    assert_eq!((process.line.asked(), connection.token_now().unwrap().generation()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refused_replay_is_a_verdict_once_an_answer_would_have_been_written() {
    let world = World::new(Reuse::RejectSoft);
    let (_process, connection) = unknown_while_it_serves(&world, Fate::LostAnswer).await;
    tokio::time::sleep(QUIET + 15 * SECOND).await;
    let began = world.clock.elapsed();

    let told = connection.access_token().await.map(|token| token.generation());

    assert_eq!(told.unwrap_err().cause(), Some(Cause::GrantRevoked));
    let waited = world.clock.elapsed() - began;
    let grace = Timings::default().commit_grace;
    assert!(waited >= grace && waited < grace + SECOND, "{waited:?}");
    assert_eq!(connection.status().await.unwrap().state(), State::NeedsConsent);
}

#[tokio::test(start_paused = true)]
async fn more_unknown_outcomes_come_ever_more_slowly_and_never_kill() {
    let world = World::new(Reuse::RejectSoft);
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);
    (0..9).for_each(|_| process.line.will(Fate::LostRequest));

    while process.line.asked() < 9 {
        let told = connection.access_token().await.map(|token| token.generation());
        assert_eq!(told.unwrap_err().cause(), Some(Cause::RefreshOutcomeUnknown));
        assert_eq!(connection.status().await.unwrap().state(), State::Degraded);
        tokio::time::sleep(SECOND).await;
    }

    let asked = process.line.asked_at();
    let pauses: Vec<u64> = asked.windows(2).map(|pair| (pair[1] - pair[0]).as_secs()).collect();
    assert_eq!(pauses, [1, 60, 120, 240, 480, 900, 900, 900]);
    tokio::time::sleep(900 * SECOND).await;
    assert_eq!(connection.access_token().await.unwrap().generation(), 2, "and any success ends it");
    assert_eq!(connection.status().await.unwrap().state(), State::Active);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_sent_closes_its_intent_and_gives_back_one_that_it_found() {
    let world = World::new(Reuse::RejectSoft);
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);

    process.line.will(Fate::NotSent);
    connection.access_token().await.map(drop).unwrap_err();
    let row = world.row(&connection).await;
    assert_eq!((row.lease.owner, row.lease.intent), (None, None));

    process.line.will(Fate::LostRequest);
    process.line.will(Fate::NotSent);
    for _ in 0..2 {
        connection.access_token().await.map(drop).unwrap_err();
        let row = world.row(&connection).await;
        assert!(row.lease.owner.is_none() && row.lease.intent.is_some(), "still unknown");
    }
    assert_eq!(connection.access_token().await.unwrap().generation(), 2);
}
