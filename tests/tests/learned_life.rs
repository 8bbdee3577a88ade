//! The life of an access token that its service does not state.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::time::Duration;

use scripted::{HOUR, World};
use trunkline::Connection;
use trunkline_core::Reuse;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The life that was given to the stored token, in minutes; `None` when it has no end.
async fn life(world: &World, connection: &Connection) -> Option<i64> {
    let record = world.row(connection).await.record;
    let life = record.access_expires_at?.duration_since(record.credential_at.unwrap());
    Some(life.as_mins())
}

#[tokio::test(start_paused = true)]
async fn a_rejection_teaches_a_life_and_each_full_life_a_longer_one() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_life(None);
    let process = world.process().await;
    let connection = process.connected().await;
    assert_eq!(life(&world, &connection).await, None);
    tokio::time::sleep(2 * HOUR).await;
    connection.access_token().await.map(drop).unwrap();
    assert_eq!(process.line.asked(), 0, "it serves until it is rejected");

    world.service.rejects("canary-a-0-0");
    assert!(connection.get("/x").send().await.unwrap().status().is_success());
    assert_eq!(life(&world, &connection).await, Some(108), "a tenth less than it lived");

    // From now on it is renewed before it is rejected, behind its readers or when it is over.
    tokio::time::sleep(108 * MINUTE).await;
    connection.access_token().await.map(drop).unwrap();
    assert_eq!(process.line.asked(), 2);
    assert_eq!(life(&world, &connection).await, Some(135), "a quarter more");

    tokio::time::sleep(125 * MINUTE).await;
    world.service.rejects("canary-a-0-2");
    assert!(connection.get("/x").send().await.unwrap().status().is_success());
    assert_eq!(life(&world, &connection).await, Some(112), "and it learns again");
}

#[tokio::test(start_paused = true)]
async fn another_process_knows_what_was_learned() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_life(None);
    let [one, two] = [world.process().await, world.process().await];
    let first = one.connected().await;
    tokio::time::sleep(HOUR).await;
    world.service.rejects("canary-a-0-0");
    first.get("/x").send().await.map(drop).unwrap();

    let second = two.finds().await;
    tokio::time::sleep(54 * MINUTE).await;

    assert!(second.token_now().is_none(), "its time is over");
    second.access_token().await.map(drop).unwrap();
    assert_eq!((one.line.asked(), two.line.asked()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_rejected_young_was_not_too_old() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_life(None);
    let process = world.process().await;
    let connection = process.connected().await;
    tokio::time::sleep(2 * MINUTE).await;
    world.service.rejects("canary-a-0-0");

    connection.get("/x").send().await.map(drop).unwrap();
    assert_eq!(life(&world, &connection).await, None);

    tokio::time::sleep(3 * DAY).await;
    assert!(connection.token_now().is_some());
    assert_eq!(process.line.asked(), 1);
}
