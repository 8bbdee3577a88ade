//! What `connect` answers from what is known, without asking anybody.

mod scripted;

use std::time::Duration;

use scripted::{Fate, Faults, HOUR, Process, World, settled};
use trunkline::{Cause, Connect, Diagnosis, Error, Retry, Store as _};
use trunkline_core::{Clock as _, Reuse};
use trunkline_store::{Body, Change, Expected, Turn};
use trunkline_tests::Call;

async fn connects(process: &Process) -> Result<Connect, Error> {
    process.trunkline.tenant("acme").connect("played").await
}

/// A thousand callers at once, who are served or not.
async fn a_thousand(process: &Process) -> Vec<bool> {
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let trunkline = process.trunkline.clone();
        callers.spawn(async move {
            matches!(trunkline.tenant("acme").connect("played").await, Ok(Connect::Ready(_)))
        });
    }
    callers.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_an_expired_token_read_the_store_once_and_ask_once() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let process = world.watched(watch.clone()).await;
    process.connected().await;
    world.clock.advance(HOUR);
    let before = watch.count(Call::Read);

    assert!(a_thousand(&process).await.iter().all(|served| *served));

    assert_eq!(process.line.asked(), 1);
    assert_eq!(watch.count(Call::Read) - before, 1);
}

#[tokio::test(start_paused = true)]
async fn a_thousand_callers_of_a_service_that_fails_ask_once_and_nobody_asks_again() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let process = world.watched(watch.clone()).await;
    process.connected().await;
    world.clock.advance(HOUR);
    process.line.will(Fate::Refused(503, vec![], "{}"));
    let before = watch.count(Call::Read);

    assert!(a_thousand(&process).await.iter().all(|served| !served));

    assert_eq!(process.line.asked(), 1);
    assert!(watch.count(Call::Read) - before <= 3, "{}", watch.count(Call::Read) - before);
}

#[tokio::test(start_paused = true)]
async fn a_refused_grant_is_asked_for_once_and_all_are_told_to_consent() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    process.connected().await;
    world.clock.advance(HOUR);
    world.service.ends(0);

    for _ in 0..3 {
        let Connect::NeedsConsent(request) = connects(&process).await.unwrap() else { panic!("it is gone") };
        assert_eq!(request.diagnosis().unwrap().cause(), Cause::GrantRevoked);
    }

    assert_eq!(process.line.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_made_anew_elsewhere_is_found_behind_the_one_in_memory() {
    let world = World::new(Reuse::KillsFamily);
    let (one, two) = (world.process().await, world.process().await);
    one.connected().await;
    world.clock.advance(HOUR);
    world.service.ends(0);
    assert!(matches!(connects(&one).await.unwrap(), Connect::NeedsConsent(_)));
    two.consents("acme").await.unwrap();
    settled().await;

    assert!(matches!(connects(&one).await.unwrap(), Connect::Ready(_)));
    assert_eq!(one.line.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_the_service_asked_for_is_told_with_what_is_left_of_it() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    process.connected().await;
    world.clock.advance(HOUR);
    process.line.will(Fate::Refused(503, vec![("retry-after", "120".to_owned())], "{}"));
    for (passed, left) in [(0, 120), (50, 70), (69, 1)] {
        world.clock.advance(Duration::from_secs(passed));
        let error = connects(&process).await.unwrap_err();
        assert_eq!(error.diagnosis().unwrap().retry(), Retry::After { after_s: left });
    }
    assert_eq!(process.line.asked(), 1);

    world.clock.advance(Duration::from_secs(1));
    assert!(matches!(connects(&process).await.unwrap(), Connect::Ready(_)));
}

#[tokio::test(start_paused = true)]
async fn a_suspension_is_told_with_the_time_of_the_next_look() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connection = process.connected().await;
    let before = world.row(&connection).await.record;
    let (mut record, now) = (before.clone(), world.clock.wall());
    let event = record.turn(Turn::Suspended(Diagnosis::new(Cause::UserDisabled)), now).unwrap();
    record.probe_at = now.checked_add(Duration::from_secs(600)).ok();
    let expected = Expected::unchanged(&before);
    let change = Change { expected, under: None, record, body: Body::Keep, events: vec![event] };
    let stored = world.store.commit(&change).await.unwrap();
    assert!(matches!(stored, trunkline_store::Commit::Done { .. }));

    let other = world.process().await;
    let Connect::Suspended(why) = connects(&other).await.unwrap() else { panic!("suspended") };

    assert_eq!((why.cause(), why.retry()), (Cause::UserDisabled, Retry::After { after_s: 600 }));
    assert_eq!(other.line.asked(), 0);
}
