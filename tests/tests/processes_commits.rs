//! The service has given the new credential, and the store does not take it: nothing is lost while the process
//! lives.

mod processes;

use processes::cluster::Cluster;
use processes::{BRISK, CALM, Child, World, soon};
use sqlx::Connection as _;
use trunkline_tests::processes::{Answer, Command, Point, Policy, Signal};

/// As the database says it, and only to a new credential: leases and heartbeats are taken.
const FULL_FILE: &str = "CREATE TRIGGER refuse BEFORE UPDATE OF body ON trunkline_connections
    WHEN NEW.generation > OLD.generation BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";
const FULL_DATABASE: &str = "
    CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
    CREATE TRIGGER refuse BEFORE UPDATE ON trunkline_connections FOR EACH ROW
        WHEN (NEW.generation > OLD.generation) EXECUTE FUNCTION refused()";
/// To any write.
const DEAD_FILE: &str = "CREATE TRIGGER stuck BEFORE UPDATE ON trunkline_connections
    BEGIN SELECT RAISE(ABORT, 'disk I/O error'); END";

/// A process that waits for an answer which the service has committed to.
async fn holding(world: &World) -> Child {
    world.connect_and_expire().await;
    world.control().pause_token_answers();
    let mut child = world.child().await;
    child.tell(&Command::Ask);
    soon("the exchange", world.control().token_exchanges_reached(2)).await;
    child
}

/// The answer comes, the store refuses it, and nobody is served with what is not stored.
async fn refused(world: &World, child: &mut Child) {
    world.control().resume_token_endpoint();
    child.failed_to_commit().await;
    assert_eq!(world.record().await.generation, 1);
    assert!(!child.has_reported(), "nobody is served with what is not stored");
}

/// The store works again: the answer is stored and served, here and elsewhere, without another request.
async fn stored(world: &World, child: &mut Child) {
    let answer = child.asked().await;
    let Answer::Token(2, token) = &answer else { panic!("{answer:?}") };
    assert!(world.takes(token).await);
    assert_eq!(world.child().await.ask().await, answer, "another process serves the same");
    world.assert_unharmed("once it is stored");
    assert_eq!(world.family().refreshed, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_refuses_the_commit_loses_nothing_while_the_process_lives() {
    let world = World::sqlite(Policy::KillsFamily, CALM).await;
    let mut child = holding(&world).await;
    world.execute(FULL_FILE).await;
    refused(&world, &mut child).await;
    world.execute("DROP TRIGGER refuse").await;
    stored(&world, &mut child).await;
}

/// The limit on the size of files is what a full disk is to one process: writes fail in the middle of a commit.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_grow_loses_nothing_while_the_process_lives() {
    let world = World::sqlite(Policy::KillsFamily, CALM).await;
    let mut child = holding(&world).await;
    child.limit_files(Some(1));
    refused(&world, &mut child).await;
    child.limit_files(None);
    stored(&world, &mut child).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_locked_for_longer_than_a_write_waits_loses_nothing() {
    let world = World::sqlite(Policy::KillsFamily, CALM).await;
    let mut child = holding(&world).await;
    let mut lock = world.session().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut lock).await.unwrap();
    refused(&world, &mut child).await;
    sqlx::raw_sql("ROLLBACK").execute(&mut lock).await.unwrap();
    lock.close().await.unwrap();
    stored(&world, &mut child).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_disk_is_full_loses_nothing_while_the_process_lives() {
    let Some(world) = World::postgres(Policy::KillsFamily, CALM).await else { return };
    let mut child = holding(&world).await;
    world.execute(FULL_DATABASE).await;
    refused(&world, &mut child).await;
    world.execute("DROP TRIGGER refuse ON trunkline_connections").await;
    stored(&world, &mut child).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_becomes_read_only_loses_nothing_while_the_process_lives() {
    let Some(cluster) = Cluster::start() else { return };
    let world = World::on_cluster(&cluster, Policy::KillsFamily, CALM).await;
    let mut child = holding(&world).await;
    cluster.read_only(true).await;
    refused(&world, &mut child).await;
    cluster.read_only(false).await;
    stored(&world, &mut child).await;
}

/// It shows that it lives: another process waits, for however long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_store_what_it_holds_but_shows_that_it_lives_is_not_taken_over() {
    let world = World::sqlite(Policy::KillsFamily, BRISK).await;
    let mut child = holding(&world).await;
    world.execute(FULL_FILE).await;
    refused(&world, &mut child).await;
    let mut other = world.child().await;
    other.tell(&Command::Ask);
    tokio::time::sleep(world.setup.takeover() * 3 / 2).await;
    assert!(!other.has_reported());
    world.execute("DROP TRIGGER refuse").await;

    stored(&world, &mut child).await;

    assert!(matches!(other.asked().await, Answer::Token(2, _)));
}

/// Nobody can write, so nobody can show that it lives. That must not look like a death to whoever comes first
/// when the store is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_took_no_writes_for_long_makes_no_holder_look_dead() {
    let world = World::sqlite(Policy::KillsFamily, BRISK).await;
    let mut child = holding(&world).await;
    world.execute(DEAD_FILE).await;
    refused(&world, &mut child).await;
    // It reads the row, and sees the same lease all the time.
    let mut other = world.child().await;
    other.tell(&Command::Arm(Point::BeforeLease, Signal::Stop));
    other.tell(&Command::Ask);
    let taking_over =
        tokio::time::timeout(world.setup.takeover() * 3 / 2, other.at(Point::BeforeLease)).await;
    world.execute("DROP TRIGGER stuck").await;
    if taking_over.is_ok() {
        // It is the first to write.
        other.go_on();
    }

    stored(&world, &mut child).await;

    let answer = soon("the other's answer", async {
        loop {
            match other.asked().await {
                Answer::Failed(_) => other.tell(&Command::Ask),
                answer => return answer,
            }
        }
    });
    assert!(matches!(answer.await, Answer::Token(2, _)));
}
