//! A process is stopped at each point of a renewal for so long that another one takes over; then it goes on.

mod processes;

use futures_util::future::join_all;
use processes::{ALL_POLICIES, BRISK, Child, Kind, World, is_long, soon};
use trunkline::State;
use trunkline_sim::sage_intacct::Ended;
use trunkline_tests::processes::{Answer, Point, Policy, Signal};

/// Asks until the answer is a token or that somebody has to consent; errors must allow that.
async fn settled(child: &mut Child, mut answer: Answer, what: &str) -> Answer {
    soon("an answer", async {
        while let Answer::Failed(failure) = &answer {
            let is_dead = failure.cause.as_deref() == Some("grant_revoked");
            assert!(failure.retryable || is_dead, "{what}: {failure:?}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            answer = child.ask().await;
        }
        answer
    })
    .await
}

fn token(answer: Answer, what: &str) -> (u64, String) {
    match answer {
        Answer::Token(generation, token) => (generation, token),
        other => panic!("{what}: {other:?}"),
    }
}

async fn stopped_at(kind: Kind, policy: Policy, point: Point) {
    let what = format!("{kind:?}, {policy:?}, {point:?}");
    let Some(world) = World::on(kind, policy, BRISK).await else { return };
    world.connect_and_expire().await;
    let (mut stopped, mut successor) = (world.child().await, world.child().await);
    stopped.ask_up_to(point, Signal::Stop).await;

    let answer = successor.ask().await;
    let first = settled(&mut successor, answer, &what).await;
    let before = world.family();
    stopped.go_on();
    let answer = stopped.asked().await;
    let last = settled(&mut stopped, answer, &what).await;

    assert_eq!(world.family(), before, "{what}: whoever was stopped has sent nothing");
    match (policy, point.is_between_answer_and_commit()) {
        // It was alone with the only copy for longer than anybody waits: that is what is assumed not to
        // happen, and the successor's replay has ended the family.
        (Policy::KillsFamily, true) => {
            assert_eq!((before.reused, before.ended), (1, Some(Ended::Reuse)), "{what}");
            assert_eq!(first, Answer::NeedsConsent("grant_revoked".to_owned()), "{what}");
        }
        // The successor was refused, and the connection recovers by what the stopped one had in hand.
        (Policy::RejectSoft, true) => {
            assert_eq!((before.reused, before.refused, before.ended), (1, 1, None), "{what}");
            assert_eq!(first, Answer::NeedsConsent("grant_revoked".to_owned()), "{what}");
            let (generation, text) = token(last, &what);
            assert_eq!(generation, 2, "{what}");
            assert!(world.takes(&text).await, "{what}");
            assert_eq!(token(successor.ask().await, &what), (2, text), "{what}");
            assert_eq!(world.state().await, State::Active, "{what}");
        }
        // One of the two tokens is stored, and both processes serve that one.
        (_, between) => {
            assert_eq!((before.reused, before.refused), (u64::from(between), 0), "{what}");
            let (generation, text) = token(first, &what);
            assert_eq!(generation, 2, "{what}");
            assert!(world.takes(&text).await, "{what}");
            assert_eq!(token(last, &what), (2, text.clone()), "{what}: the successor's");
            assert_eq!(token(successor.ask().await, &what), (2, text), "{what}");
            assert_eq!((world.record().await.generation, world.state().await), (2, State::Active), "{what}");
        }
    }
}

async fn stopped_at_every_point(kind: Kind, policy: Policy) {
    join_all(Point::ALL.into_iter().map(|point| stopped_at(kind, policy, point))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_overwrites_and_spends_nothing_where_a_spent_token_kills_the_family() {
    stopped_at_every_point(Kind::File, Policy::KillsFamily).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_overwrites_and_spends_nothing_where_a_spent_token_is_refused() {
    stopped_at_every_point(Kind::File, Policy::RejectSoft).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_overwrites_and_spends_nothing_where_a_spent_token_works_for_a_while() {
    stopped_at_every_point(Kind::File, Policy::Grace(120)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_process_overwrites_and_spends_nothing_on_a_database() {
    let policies = if is_long() { &ALL_POLICIES[..] } else { &ALL_POLICIES[..1] };
    for policy in policies {
        stopped_at_every_point(Kind::Database, *policy).await;
    }
}
