//! A process dies at each point of a renewal, under each policy of the service, and another one goes on.

mod processes;

use processes::{ALL_POLICIES, BRISK, Kind, World, is_long, soon};
use trunkline::State;
use trunkline_sim::sage_intacct::Ended;
use trunkline_tests::processes::{Answer, Point, Policy, Signal};

/// What another process is served with, after one died at this point.
#[derive(Debug, PartialEq, Eq)]
enum After {
    /// A token that the service takes.
    Served,
    /// Nothing: the grant is gone, and somebody has to consent.
    Lost,
}

/// With what the service gave dies the only copy of it. Only a service that takes the spent token once more
/// can give it again.
fn expected(policy: Policy, point: Point) -> After {
    match policy {
        Policy::Grace(_) => After::Served,
        _ if point.is_between_answer_and_commit() => After::Lost,
        _ => After::Served,
    }
}

/// Asks another process until it is served or told that somebody has to consent. On the way there may only be
/// the error that says that the outcome is unknown.
async fn ask_another(world: &World, what: &str) -> After {
    let mut other = world.child().await;
    let answer = soon("an answer", async {
        loop {
            match other.ask().await {
                Answer::Failed(failure) if failure.cause.as_deref() == Some("refresh_outcome_unknown") => {}
                answer => return answer,
            }
        }
    })
    .await;
    match answer {
        Answer::Token(generation, token) => {
            assert_eq!(generation, 2, "{what}");
            assert!(world.takes(&token).await, "{what}: the token serves");
            assert_eq!(world.state().await, State::Active, "{what}");
            After::Served
        }
        Answer::NeedsConsent(cause) => {
            assert_eq!(cause, "grant_revoked", "{what}");
            assert_eq!(world.state().await, State::NeedsConsent, "{what}");
            After::Lost
        }
        Answer::Failed(failure) => panic!("{what}: {failure:?}"),
    }
}

async fn killed_at(kind: Kind, policy: Policy, point: Point) {
    let what = format!("{kind:?}, {policy:?}, {point:?}");
    let Some(world) = World::on(kind, policy, BRISK).await else { return };
    world.connect_and_expire().await;
    let mut child = world.child().await;
    child.ask_up_to(point, Signal::Kill).await;

    let after = ask_another(&world, &what).await;

    assert_eq!(after, expected(policy, point), "{what}");
    let family = world.family();
    let spent_twice = u64::from(point.is_between_answer_and_commit());
    assert_eq!(family.reused, spent_twice, "{what}: {family:?}");
    match (after, policy) {
        (After::Served, _) => assert_eq!((family.refused, family.ended), (0, None), "{what}: {family:?}"),
        (After::Lost, Policy::KillsFamily) => assert_eq!(family.ended, Some(Ended::Reuse), "{what}"),
        (After::Lost, _) => assert_eq!(family.ended, None, "{what}"),
    }
}

async fn killed_at_every_point(kind: Kind, policy: Policy) {
    // Each waits for a takeover most of the time.
    let runs = Point::ALL.into_iter().map(|point| killed_at(kind, policy, point));
    futures_util::future::join_all(runs).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_anywhere_leaves_a_grant_where_a_spent_token_kills_the_family_if_it_can_be() {
    killed_at_every_point(Kind::File, Policy::KillsFamily).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_anywhere_leaves_a_grant_where_a_spent_token_is_refused_if_it_can_be() {
    killed_at_every_point(Kind::File, Policy::RejectSoft).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_anywhere_leaves_a_grant_where_a_spent_token_works_for_a_while() {
    killed_at_every_point(Kind::File, Policy::Grace(120)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_anywhere_leaves_the_same_on_a_database() {
    // The age of an intent is by the database's clock: that counts where a spent token works for a while.
    let policies = if is_long() { &ALL_POLICIES[..] } else { &ALL_POLICIES[2..] };
    for policy in policies {
        killed_at_every_point(Kind::Database, *policy).await;
    }
}

/// The service has committed to the new token, and its answer is under way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_dies_while_its_answer_is_under_way_is_as_one_that_dies_with_it_in_hand() {
    futures_util::future::join_all(ALL_POLICIES.into_iter().map(|policy| async move {
        let what = format!("{policy:?}");
        let world = World::sqlite(policy, BRISK).await;
        world.connect_and_expire().await;
        world.control().pause_token_answers();
        let mut child = world.child().await;
        child.tell(&trunkline_tests::processes::Command::Ask);
        soon("the exchange", world.control().token_exchanges_reached(2)).await;
        child.kill().await;
        world.control().resume_token_endpoint();

        let after = ask_another(&world, &what).await;

        assert_eq!(after, expected(policy, Point::AfterAnswer), "{what}");
        assert_eq!(world.family().reused, 1, "{what}");
    }))
    .await;
}
