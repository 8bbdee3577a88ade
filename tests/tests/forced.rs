//! A token that the service rejects before its time.

mod scripted;

use std::time::Duration;

use scripted::{Fate, HOUR, World, settled};
use trunkline::{Cause, State};
use trunkline_core::Reuse;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_rejected_token_that_another_process_has_replaced_costs_no_request() {
    let world = World::new(Reuse::KillsFamily);
    let [one, two] = [world.process().await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    world.service.rejects("canary-a-0-0");
    assert!(first.get("/x").send().await.unwrap().status().is_success());
    assert_eq!(first.token_now().unwrap().generation(), 2);
    assert_eq!(second.token_now().unwrap().generation(), 1, "it has not heard of the newer one");

    let response = second.get("/x").send().await.unwrap();

    assert!(response.status().is_success());
    assert_eq!((one.line.asked(), two.line.asked()), (1, 0));
    assert_eq!(second.token_now().unwrap().generation(), 2);
}

#[tokio::test(start_paused = true)]
async fn callers_whose_rejected_token_was_replaced_meanwhile_take_the_newer_one() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connection = process.connected().await;
    world.service.rejects("canary-a-0-0");
    process.line.will(Fate::Late(SECOND));

    let calls = (0..20).map(|_| async { connection.get("/x").send().await.unwrap().status() });
    let answers = futures_util::future::join_all(calls).await;

    assert!(answers.iter().all(|status| status.is_success()));
    assert_eq!(process.line.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_that_are_rejected_again_and_again_are_renewed_once_a_minute() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connection = process.connected().await;
    (0..40).for_each(|number| world.service.rejects(&format!("canary-a-0-{number}")));

    for _ in 0..300 {
        match connection.get("/x").send().await {
            Ok(response) => {
                assert_eq!(response.diagnosis().unwrap().cause(), Cause::AccessTokenRejected);
            }
            Err(error) => assert_eq!(error.cause(), Some(Cause::AccessTokenRejected)),
        }
        tokio::time::sleep(SECOND).await;
    }

    let asked = process.line.asked_at();
    assert!((4..=5).contains(&asked.len()), "{asked:?}");
    assert!(asked.windows(2).all(|pair| pair[1] - pair[0] >= 60 * SECOND), "{asked:?}");
    assert_eq!(connection.status().await.unwrap().state(), State::Active, "that is no verdict on the grant");
}

#[tokio::test(start_paused = true)]
async fn a_token_rejected_right_after_a_usual_renewal_is_not_renewed_at_once() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);
    connection.access_token().await.map(drop).unwrap();
    world.service.rejects("canary-a-0-1");

    connection.get("/x").send().await.map(drop).unwrap_err();
    settled().await;
    assert_eq!(process.line.asked(), 1);
    tokio::time::sleep(60 * SECOND).await;

    assert!(connection.get("/x").send().await.unwrap().status().is_success());
    assert_eq!(process.line.asked(), 2);
}
