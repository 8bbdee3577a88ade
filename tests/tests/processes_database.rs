//! A database that goes away and comes back while processes renew.

mod processes;

use std::time::Duration;

use futures_util::future::join_all;
use processes::cluster::Cluster;
use processes::{CALM, Child, World, is_long, soon};
use trunkline::State;
use trunkline_tests::processes::{Answer, Command, Place, Policy, Served};

const PROCESSES: usize = 3;
const CALLERS: usize = 50;

/// Lets processes serve while the database is in trouble; at the end every exchange is a generation, and what
/// is stored is what the service takes.
async fn serve_in_trouble(world: &World, mut trouble: impl AsyncFnMut()) {
    let expiries = if is_long() { 120 } else { 5 };
    world.connect().await;
    let mut children = join_all((0..PROCESSES).map(|_| world.child())).await;
    let command = Command::Serve { callers: CALLERS, until: 1 + expiries };
    children.iter_mut().for_each(|child| child.tell(&command));
    let served = async { join_all(children.iter_mut().map(Child::served)).await };

    let served = soon("everybody", async {
        tokio::select! {
            served = served => served,
            () = async { loop { trouble().await } } => unreachable!(),
        }
    })
    .await;

    world.assert_unharmed("in trouble");
    served.iter().for_each(assert_served);
    // A renewal that nobody waited for may be under way still.
    world.control().knobs(|knobs| knobs.expires_in_s = 3_600);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let answer = children[0].ask().await;
    let Answer::Token(generation, token) = &answer else { panic!("{answer:?}") };
    assert!(world.takes(token).await, "what is stored serves");
    for child in &mut children {
        assert_eq!(child.ask().await, answer);
    }
    world.assert_unharmed("after the trouble");
    assert_eq!(world.family().refreshed, generation - 1, "each exchange brought a generation");
    assert_eq!(world.state().await, State::Active);
}

/// Callers may see that the store has failed, and nothing worse.
fn assert_served(served: &Served) {
    assert_eq!((served.callers, served.backwards), (CALLERS, 0), "{served:?}");
    assert!(served.errors.keys().all(|error| error.starts_with("StoreFailed")), "{served:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_are_ended_again_and_again_lose_nothing() {
    let Some(world) = World::postgres(Policy::KillsFamily, CALM).await else { return };
    let Place::Postgres { schema, .. } = &world.setup.place else { panic!("a database") };
    let end =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{schema}'");
    let mut ended = 0;
    serve_in_trouble(&world, async || {
        ended += world.execute(&end).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
    })
    .await;
    assert!(ended >= 10, "{ended} sessions were ended");
}

/// As a proxy does that is impatient, or about to stop: whenever a commit is tried again, the session that was
/// used before is gone. It goes over one that was just used.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_gets_through_although_idle_sessions_are_ended_at_once() {
    let Some(world) = World::postgres(Policy::KillsFamily, CALM).await else { return };
    let Place::Postgres { schema, .. } = &world.setup.place else { panic!("a database") };
    let end = format!(
        "DO $$ BEGIN FOR i IN 1..25 LOOP
            PERFORM pg_stat_clear_snapshot();
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE application_name = '{schema}' AND state = 'idle' AND state_change < clock_timestamp() - interval '30 ms';
            PERFORM pg_sleep(0.02);
        END LOOP; END $$"
    );
    world.connect_and_expire().await;
    let mut child = world.child().await;
    world.control().pause_token_answers();
    child.tell(&Command::Ask);
    soon("the exchange", world.control().token_exchanges_reached(2)).await;
    let stored = async {
        // The sessions that it has are ended before it has something to store.
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.control().resume_token_endpoint();
        tokio::time::timeout(Duration::from_secs(10), child.asked()).await
    };

    let answer = tokio::select! {
        answer = stored => answer,
        () = async { loop { world.execute(&end).await; } } => unreachable!(),
    };

    assert!(matches!(answer, Ok(Answer::Token(2, _))), "{answer:?}");
    world.assert_unharmed("idle sessions");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_and_restarts_again_and_again_loses_nothing() {
    let Some(cluster) = Cluster::start() else { return };
    let world = World::on_cluster(&cluster, Policy::KillsFamily, CALM).await;
    let mut crashes = 0;
    serve_in_trouble(&world, async || {
        tokio::time::sleep(Duration::from_millis(1_200)).await;
        crashes += 1;
        // Off the runtime's threads: the simulator answers meanwhile.
        tokio::task::block_in_place(|| {
            cluster.down();
            cluster.up();
        });
    })
    .await;
    assert!(crashes >= 2, "{crashes} crashes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_while_an_answer_is_under_way_gets_it_when_it_is_back() {
    let Some(cluster) = Cluster::start() else { return };
    let world = World::on_cluster(&cluster, Policy::KillsFamily, CALM).await;
    world.connect_and_expire().await;
    let (mut child, mut other) = (world.child().await, world.child().await);
    world.control().pause_token_answers();
    child.tell(&Command::Ask);
    soon("the exchange", world.control().token_exchanges_reached(2)).await;
    other.tell(&Command::Ask);
    tokio::task::block_in_place(|| cluster.down());
    world.control().resume_token_endpoint();
    child.failed_to_commit().await;
    tokio::task::block_in_place(|| cluster.up());

    let answer = child.asked().await;

    let Answer::Token(2, token) = &answer else { panic!("{answer:?}") };
    assert!(world.takes(token).await);
    while !matches!(other.asked().await, Answer::Token(2, _)) {
        // While the server was away, it said so.
        other.tell(&Command::Ask);
    }
    world.assert_unharmed("after the crash");
    assert_eq!(world.family().refreshed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_not_there_at_the_start_is_a_typed_error_and_later_it_is_there() {
    let Some(cluster) = Cluster::start() else { return };
    let world = World::on_cluster(&cluster, Policy::KillsFamily, CALM).await;
    world.connect_and_expire().await;
    tokio::task::block_in_place(|| cluster.down());

    let failure = Child::not_opened(&world.setup).await;

    assert_eq!(failure.kind, "StoreFailed", "{failure:?}");
    tokio::task::block_in_place(|| cluster.up());
    let answer = world.child().await.ask().await;
    assert!(matches!(answer, Answer::Token(2, _)), "{answer:?}");
    world.assert_unharmed("at the start");
}
