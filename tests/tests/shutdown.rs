//! The end of a process that holds what the store did not take.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use scripted::{Fate, Faults, HOUR, Process, When, World, asking, settled};
use trunkline::{Connect, Connection, ErrorKind, State, Unfinished};
use trunkline_core::Reuse;
use trunkline_tests::Call;

const SECOND: Duration = Duration::from_secs(1);

async fn process(world: &World, watch: Arc<Faults>, journal: Option<&Path>) -> Process {
    let journal = journal.map(PathBuf::from);
    let set = |builder: trunkline::Builder| match journal {
        Some(path) => builder.journal(path),
        None => builder,
    };
    world.process_with(watch, set).await.unwrap()
}

/// A process that is shut down and ends with a renewed credential that the store did not take.
async fn ends_with_one(world: &World, journal: Option<&Path>) -> (Connection, Unfinished) {
    let watch = Faults::new();
    let ending = process(world, watch.clone(), journal).await;
    let connection = ending.finds().await;
    world.clock.advance(HOUR);
    watch.fail(Call::Commit, When::Before, usize::MAX);
    let waiting = asking(&connection).await;
    let began = world.clock.elapsed();
    let unfinished = ending.trunkline.shutdown(5 * SECOND).await.unwrap_err();
    assert_eq!(world.clock.elapsed() - began, 5 * SECOND);
    watch.kill();
    drop(waiting);
    (connection, unfinished)
}

fn path_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("trunkline.journal")
}

#[expect(clippy::disallowed_methods, reason = "what is written is sealed, and the folder is the test's own")]
fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

/// The refresh token that the next renewal spends.
async fn spends_next(world: &World, connection: &Connection) -> String {
    world.clock.advance(2 * HOUR);
    connection.access_token().await.map(drop).unwrap();
    world.service.spent().last().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn what_the_store_did_not_take_is_in_the_journal_and_applied_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::KillsFamily);
    world.process().await.connected().await;

    let (_, unfinished) = ends_with_one(&world, Some(&journal)).await;

    assert!(unfinished.is_in_journal());
    assert_eq!(unfinished.credentials(), 1);
    let text = std::fs::read_to_string(&journal).unwrap();
    assert!(!text.is_empty() && !text.contains("canary"), "sealed");
    assert_eq!(text.as_bytes(), unfinished.sealed());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&journal).unwrap().permissions().mode() & 0o777, 0o600);
    }

    let next = process(&world, Faults::new(), Some(&journal)).await;
    assert!(!journal.exists(), "it has done its work");
    let connection = next.finds().await;
    assert_eq!(connection.token_now().unwrap().expose(), Some("canary-a-0-1"));
    assert_eq!(next.line.asked(), 0);
    let row = world.row(&connection).await;
    assert_eq!((row.lease.owner, row.lease.intent), (None, None));
    assert_eq!(spends_next(&world, &connection).await, "canary-r-0-1");
}

#[tokio::test(start_paused = true)]
async fn without_a_journal_the_sealed_credentials_come_back_in_the_error() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::KillsFamily);
    world.process().await.connected().await;

    let (_, unfinished) = ends_with_one(&world, None).await;

    assert!(!unfinished.is_in_journal());
    assert!(!String::from_utf8_lossy(unfinished.sealed()).contains("canary"));
    assert!(!format!("{unfinished:?} {unfinished}").contains("canary"));
    write(&journal, unfinished.sealed());
    let next = process(&world, Faults::new(), Some(&journal)).await;
    let connection = next.finds().await;
    assert_eq!(spends_next(&world, &connection).await, "canary-r-0-1");
}

#[tokio::test(start_paused = true)]
async fn a_journal_is_dropped_where_a_newer_credential_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::KillsFamily);
    let other = world.process().await;
    let Connect::NeedsConsent(request) = other.trunkline.tenant("acme").connect("played").await.unwrap()
    else {
        panic!("nothing is stored")
    };
    other.connected().await;
    ends_with_one(&world, Some(&journal)).await;
    other.consents_to(&request).await.unwrap();

    let next = process(&world, Faults::new(), Some(&journal)).await;

    assert!(!journal.exists());
    let connection = next.finds().await;
    assert_eq!(connection.token_now().unwrap().expose(), Some("canary-a-1-0"));
    assert_eq!(spends_next(&world, &connection).await, "canary-r-1-0");
}

#[tokio::test(start_paused = true)]
async fn a_journal_stays_while_a_successors_intent_is_open_and_counts_when_its_replay_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::RejectSoft);
    let other = world.process().await;
    let connection = other.connected().await;
    ends_with_one(&world, Some(&journal)).await;
    // A successor takes over, and nobody knows what becomes of its request.
    other.line.will(Fate::Unseen);
    let successor = asking(&connection).await;
    tokio::time::sleep(50 * SECOND).await;
    settled().await;
    assert_eq!(other.line.asked(), 1);

    let text = std::fs::read(&journal).unwrap();
    drop(process(&world, Faults::new(), Some(&journal)).await);
    assert_eq!(std::fs::read(&journal).unwrap(), text, "kept for the next start");

    // Its request ends without an answer, and the next, after a pause, is refused: now anyone who has an answer
    // may write it.
    tokio::time::sleep(100 * SECOND).await;
    assert!(successor.await.unwrap().is_err());
    let successor = asking(&connection).await;
    assert_eq!(other.line.asked(), 2);
    let next = process(&world, Faults::new(), Some(&journal)).await;
    assert!(!journal.exists());
    assert_eq!(successor.await.unwrap().unwrap(), 2, "it adopts what the journal brought");
    assert_eq!(spends_next(&world, &next.finds().await).await, "canary-r-0-1");
}

#[tokio::test(start_paused = true)]
async fn a_journal_recovers_a_connection_that_was_given_up_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::RejectSoft);
    let other = world.process().await;
    let connection = other.connected().await;
    ends_with_one(&world, Some(&journal)).await;
    assert!(connection.access_token().await.is_err(), "the replay is refused");
    assert_eq!(connection.status().await.unwrap().state(), State::NeedsConsent);

    drop(process(&world, Faults::new(), Some(&journal)).await);

    assert!(!journal.exists());
    assert_eq!(connection.status().await.unwrap().state(), State::Active);
    assert_eq!(spends_next(&world, &connection).await, "canary-r-0-1");
}

#[tokio::test(start_paused = true)]
async fn a_damaged_journal_is_a_typed_error_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::KillsFamily);
    world.process().await.connected().await;
    ends_with_one(&world, Some(&journal)).await;
    let whole = std::fs::read(&journal).unwrap();

    for damaged in [&whole[..whole.len() / 2], b"\0\0\0", b"{}\n"] {
        write(&journal, damaged);
        let started = world.process_with(Faults::new(), |builder| builder.journal(&journal)).await;
        let error = started.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::StoreFailed);
        assert!(error.hint_text().is_some_and(|hint| hint.contains("Keep the file")));
        assert_eq!(std::fs::read(&journal).unwrap(), damaged);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_back_in_time_leaves_nothing_unfinished() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let ending = process(&world, watch.clone(), Some(&journal)).await;
    let connection = ending.connected().await;
    world.clock.advance(HOUR);
    watch.fail(Call::Commit, When::After, 6);
    let waiting = asking(&connection).await;

    ending.trunkline.shutdown(60 * SECOND).await.unwrap();

    assert_eq!(waiting.await.unwrap().unwrap(), 2);
    assert!(!journal.exists());
}

#[tokio::test(start_paused = true)]
async fn a_request_under_way_at_the_deadline_is_told_and_puts_nothing_in_the_journal() {
    let folder = tempfile::tempdir().unwrap();
    let journal = path_in(&folder);
    let world = World::new(Reuse::KillsFamily);
    let ending = process(&world, Faults::new(), Some(&journal)).await;
    let connection = ending.connected().await;
    world.clock.advance(HOUR);
    ending.line.will(Fate::Late(20 * SECOND));
    let _waiting = asking(&connection).await;

    let unfinished = ending.trunkline.shutdown(SECOND).await.unwrap_err();

    assert_eq!((unfinished.credentials(), unfinished.is_in_journal()), (0, false));
    assert!(!journal.exists());
}
