//! Eight processes with a thousand callers each on one store: one exchange for each expiry.

mod processes;

use std::time::Instant;

use futures_util::future::join_all;
use processes::{CALM, Child, World, is_long, soon};
use trunkline_tests::processes::{Command, Policy, Served};

const PROCESSES: usize = 8;
const CALLERS: usize = 1_000;

/// How much of a token's life passes at least before it is renewed.
const SHARE: f64 = 0.9;

async fn children(world: &World) -> Vec<Child> {
    join_all((0..PROCESSES).map(|_| world.child())).await
}

/// Tells all processes the same, and waits for what they report.
async fn all(children: &mut [Child], command: &Command) -> Vec<Served> {
    children.iter_mut().for_each(|child| child.tell(command));
    join_all(children.iter_mut().map(Child::served)).await
}

fn assert_served(served: &[Served]) {
    for one in served {
        assert_eq!((one.callers, one.backwards), (CALLERS, 0), "{one:?}");
        assert!(one.errors.is_empty(), "{one:?}");
    }
}

/// Callers ask all the time: a renewal begins before the token ends, in whatever process sees it first.
#[expect(clippy::disallowed_methods, reason = "the processes have the operating system's clock")]
async fn many_expiries(world: World) {
    let expiries = if is_long() { 200 } else { 10 };
    world.connect().await;
    let mut children = children(&world).await;
    let began = Instant::now();

    let served = all(&mut children, &Command::Serve { callers: CALLERS, until: 1 + expiries }).await;

    let took = began.elapsed();
    assert_served(&served);
    world.assert_unharmed("many expiries");
    let (generation, refreshed) = (world.record().await.generation, world.family().refreshed);
    assert_eq!(generation - 1, refreshed, "each exchange brought a generation");
    assert!(refreshed >= expiries);
    // The first of them may have been due at the start.
    let most = 1 + took.mul_f64(1.0 / SHARE).as_secs();
    assert!(refreshed <= most, "{refreshed} exchanges of a token that lives 1 s in {took:?}");
}

/// Nobody asks before the token has ended; then everybody does at once.
async fn everybody_at_once(world: World) {
    world.connect().await;
    let mut children = children(&world).await;
    for round in 1..=if is_long() { 30 } else { 3 } {
        world.expired().await;
        // Tokens live long enough for everybody to be served with this one.
        world.control().knobs(|knobs| knobs.expires_in_s = 3);

        let served = all(&mut children, &Command::Herd { callers: CALLERS }).await;

        assert_served(&served);
        world.assert_unharmed("everybody at once");
        assert_eq!(world.family().refreshed, round, "one exchange for each expiry");
    }
}

async fn sqlite() -> World {
    World::sqlite(Policy::KillsFamily, CALM).await
}

async fn postgres() -> Option<World> {
    World::postgres(Policy::KillsFamily, CALM).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_on_one_file_make_one_exchange_for_each_of_many_expiries() {
    soon("everybody", many_expiries(sqlite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_on_one_database_make_one_exchange_for_each_of_many_expiries() {
    if let Some(world) = postgres().await {
        soon("everybody", many_expiries(world)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_thousand_callers_of_an_expired_token_make_one_exchange_on_one_file() {
    soon("everybody", everybody_at_once(sqlite().await)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_thousand_callers_of_an_expired_token_make_one_exchange_on_one_database() {
    if let Some(world) = postgres().await {
        soon("everybody", everybody_at_once(world)).await;
    }
}
