//! A service that answers badly, too late, or asks to be left alone.

mod scripted;

use std::time::Duration;

use scripted::{Fate, HOUR, World, settled};
use trunkline::{Cause, ErrorKind, State};
use trunkline_core::Reuse;

const SECOND: Duration = Duration::from_secs(1);

fn slow_down(retry_after: &str) -> Fate {
    Fate::Refused(429, vec![("retry-after", retry_after.to_owned())], "{}")
}

#[tokio::test(start_paused = true)]
async fn half_an_answer_after_the_rotation_is_an_unknown_outcome_and_no_death() {
    let world = World::new(Reuse::Grace { window: 300 * SECOND });
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);
    process.line.will(Fate::Truncated);

    let told = connection.access_token().await.map(drop).unwrap_err();

    assert_eq!(told.cause(), Some(Cause::RefreshOutcomeUnknown));
    assert_eq!(connection.status().await.unwrap().state(), State::Degraded);
    assert_eq!(connection.access_token().await.unwrap().generation(), 2, "the policy resolves it");
}

#[tokio::test(start_paused = true)]
async fn an_answer_after_the_deadline_is_not_waited_for_and_its_token_not_used() {
    for (late, told_after) in [(29, 29), (31, 30)] {
        let world = World::new(Reuse::RejectSoft);
        let process = world.process().await;
        let connection = process.connected().await;
        world.clock.advance(HOUR);
        process.line.will(Fate::Late(late * SECOND));

        let told = connection.access_token().await.map(|token| token.generation());

        assert_eq!(world.clock.elapsed().as_secs(), told_after);
        match late {
            29 => assert_eq!(told.unwrap(), 2),
            _ => {
                assert_eq!(told.unwrap_err().cause(), Some(Cause::RefreshOutcomeUnknown));
                tokio::time::sleep(HOUR).await;
                assert_eq!(world.row(&connection).await.record.generation, 1);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_asks_for_a_day_is_left_alone_for_a_quarter_of_an_hour() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);
    process.line.will(slow_down("86400"));
    for minute in 0..15 {
        let before = world.clock.elapsed();
        let told = connection.access_token().await.map(drop).unwrap_err();
        assert_eq!((told.kind(), told.cause()), (ErrorKind::RateLimited, Some(Cause::RateLimited)));
        assert_eq!(world.clock.elapsed(), before, "told at once");
        assert_eq!(process.line.asked(), 1, "{minute}");
        tokio::time::sleep(60 * SECOND).await;
    }

    assert_eq!(connection.access_token().await.unwrap().generation(), 2);
    assert_eq!(process.line.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_is_shorter_is_kept_as_it_is() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);
    process.line.will(slow_down("20"));
    connection.access_token().await.map(drop).unwrap_err();

    tokio::time::sleep(19 * SECOND).await;
    connection.access_token().await.map(drop).unwrap_err();
    assert_eq!(process.line.asked(), 1);
    tokio::time::sleep(SECOND).await;
    connection.access_token().await.map(drop).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failing_renewal_is_no_error_for_a_reader_whose_token_serves() {
    let world = World::new(Reuse::KillsFamily);
    let [one, two] = [world.process().await, world.process().await];
    let (first, second) = (one.connected().await, two.finds().await);
    world.clock.advance(HOUR - 44 * SECOND);
    for fate in [slow_down("5"), Fate::NotSent, Fate::Refused(500, vec![], "oops"), Fate::LostAnswer] {
        one.line.will(fate.clone());
        two.line.will(fate);
    }

    for _ in 0..43 {
        for connection in [&first, &second] {
            assert_eq!(connection.access_token().await.unwrap().generation(), 1);
            assert!(connection.get("/x").send().await.unwrap().status().is_success());
        }
        settled().await;
        assert_ne!(first.status().await.unwrap().state(), State::NeedsConsent);
        tokio::time::sleep(SECOND).await;
    }
    assert_eq!(first.status().await.unwrap().state(), State::Degraded);
}

#[tokio::test(start_paused = true)]
async fn a_wall_clock_that_jumps_ends_no_grant() {
    for jump in [-3_600_000, 3_600_000] {
        let world = World::new(Reuse::KillsFamily);
        let process = world.process().await;
        let connection = process.connected().await;
        world.clock.set_wall(jump);
        for _ in 0..40 {
            tokio::time::sleep(300 * SECOND).await;
            connection.access_token().await.map(drop).unwrap();
        }
        let spent = world.service.spent();
        assert!(spent.len() >= 3 && spent.len() <= 6, "{jump} {:?}", process.line.asked_at());
        assert!(world.service.is_alive(0));
    }
}
