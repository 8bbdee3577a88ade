//! How a process ends and the next one begins: the journal, and a store that is not there or another's.

mod processes;

use std::time::Duration;

use futures_util::future::{join, join_all};
use processes::{CALM, Child, Kind, World, soon};
use trunkline_tests::processes::{Answer, Command, Place, Policy, Setup};

const REFUSE: &str = "CREATE TRIGGER full BEFORE UPDATE OF body ON trunkline_connections
    WHEN NEW.generation > OLD.generation BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_could_not_store_before_it_had_to_end_is_stored_by_the_next_one() {
    let mut world = World::sqlite(Policy::KillsFamily, CALM).await;
    let journal = world.path("journal");
    world.setup.journal = Some(journal.clone());
    world.connect_and_expire().await;
    world.control().pause_token_answers();
    let mut child = world.child().await;
    child.tell(&Command::Ask);
    soon("the exchange", world.control().token_exchanges_reached(2)).await;
    world.execute(REFUSE).await;
    world.control().resume_token_endpoint();
    child.failed_to_commit().await;
    assert!(!journal.exists());

    let left = child.shut_down(Duration::from_millis(300)).await;

    assert_eq!(left, Some((1, true)), "one credential, in the journal");
    child.kill().await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&journal.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    world.execute("DROP TRIGGER full").await;
    assert_eq!(world.record().await.generation, 1);

    let mut next = world.child().await;

    assert_eq!(world.record().await.generation, 2, "stored at the start");
    assert!(!journal.exists(), "the journal has done its work");
    let answer = next.ask().await;
    let Answer::Token(2, token) = answer else { panic!("{answer:?}") };
    assert!(world.takes(&token).await);
    world.assert_unharmed("the next process");
    assert_eq!(world.family().refreshed, 1, "nothing was asked for again");
}

/// Everything that is stored of the connection, its secrets' seal included.
async fn row(world: &World) -> String {
    let mut session = world.session().await;
    let columns = "generation, sequence, state, lease_epoch, lease_beat, intent_epoch";
    let hex = "hex(lease_owner), hex(key_id), hex(wrapped_key), hex(body)";
    let row = format!("SELECT concat_ws(' ', {columns}, {hex}) FROM trunkline_connections");
    let row = sqlx::query_scalar(sqlx::AssertSqlSafe(row)).fetch_one(&mut session).await;
    sqlx::Connection::close(session).await.expect("the session ends");
    row.expect("the one row")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_with_another_key_does_not_start_and_changes_nothing() {
    let world = World::sqlite(Policy::KillsFamily, CALM).await;
    world.connect_and_expire().await;
    let mut child = world.child().await;
    let before = row(&world).await;

    let failure = Child::not_opened(&Setup { key: 8, ..world.setup.clone() }).await;

    assert_eq!(failure.kind, "ConfigInvalid", "{failure:?}");
    assert_eq!(row(&world).await, before);
    assert!(matches!(child.ask().await, Answer::Token(2, _)), "the one with the right key goes on");
    world.assert_unharmed("two keys");
}

/// Both started on an empty store, where nothing tells them that they have different keys.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_started_with_another_key_before_anything_was_stored_ends_no_grant() {
    let world = World::sqlite(Policy::KillsFamily, CALM).await;
    let mut other = Child::open(&Setup { key: 8, ..world.setup.clone() }).await;
    world.connect_and_expire().await;
    let before = row(&world).await;

    let answer = other.ask().await;

    assert!(matches!(answer, Answer::Failed(_)), "{answer:?}");
    assert_eq!(row(&world).await, before);
    assert_eq!(world.family().refreshed, 0);
    assert!(matches!(world.child().await.ask().await, Answer::Token(2, _)));
    world.assert_unharmed("two keys");
}

/// What is stored makes no sense, or is of a later version: that is said, and nobody is asked for a new consent.
async fn not_served(kind: Kind, statement: &str, is_opened: bool) {
    let what = format!("{kind:?}: {statement}");
    let Some(world) = World::on(kind, Policy::KillsFamily, CALM).await else { return };
    world.connect_and_expire().await;
    assert_eq!(world.execute(statement).await, 1, "{what}");

    let failure = if is_opened {
        match world.child().await.ask().await {
            Answer::Failed(failure) => failure,
            other => panic!("{what}: {other:?}"),
        }
    } else {
        Child::not_opened(&world.setup).await
    };

    assert_eq!(failure.kind, "StoreFailed", "{what}: {failure:?}");
    assert_eq!((world.family().refreshed, world.family().refused), (0, 0), "{what}");
    world.assert_unharmed(&what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_was_edited_by_hand_and_a_later_schema_are_typed_errors_and_end_no_grant() {
    let other_secret = "UPDATE trunkline_connections SET body = wrapped_key, wrapped_key = body";
    let other_state = "UPDATE trunkline_connections SET state = 'asleep'";
    // The seal is of this very generation.
    let other_generation = "UPDATE trunkline_connections SET generation = 7";
    let later = "UPDATE trunkline_migrations SET version = 99
        WHERE version = (SELECT max(version) FROM trunkline_migrations)";
    for kind in [Kind::File, Kind::Database] {
        let rows = [other_secret, other_state, other_generation].map(|row| not_served(kind, row, true));
        join(join_all(rows), not_served(kind, later, false)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_reached_at_the_start_is_a_typed_error_and_later_it_is_there() {
    let world = World::sqlite(Policy::KillsFamily, CALM).await;
    world.connect_and_expire().await;
    let place = Place::Sqlite(world.path("mounted").join("trunkline.db"));
    let setup = Setup { place, ..world.setup.clone() };

    let failure = Child::not_opened(&setup).await;

    assert_eq!(failure.kind, "StoreFailed", "{failure:?}");
    std::os::unix::fs::symlink(world.path(""), world.path("mounted")).unwrap();
    let answer = Child::open(&setup).await.ask().await;
    assert!(matches!(answer, Answer::Token(2, _)), "{answer:?}");
    world.assert_unharmed("at the start");
}
