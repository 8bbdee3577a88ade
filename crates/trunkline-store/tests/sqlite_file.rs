//! What the SQLite store does with files: rights, damage, versions, several processes.
#![cfg(feature = "sqlite")]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::*;
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, SqliteStore, StoreError};

#[cfg(unix)]
#[tokio::test]
async fn the_file_and_its_companions_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (_folder, path) = folder();
    let (store, vault) = open(&path).await.unwrap();
    insert(&vault, 1, "token").await;
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&companion(&path, suffix)), 0o600, "{suffix}");
    }
    store.close().await;

    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    let (_store, vault) = open(&path).await.unwrap();
    insert(&vault, 2, "token").await;
    for suffix in ["", "-wal", "-shm"] {
        assert_eq!(mode(&companion(&path, suffix)), 0o600, "{suffix} of a file that was open to others");
    }
}

#[tokio::test]
async fn a_truncated_file_is_reported_and_left_as_it_is() {
    let (_folder, path) = folder();
    closed_store(&path, 40).await;
    let whole = fs::read(&path).unwrap();
    assert!(whole.len() > 40_000, "{}", whole.len());

    for length in [1, 50, 100, 511, 512, 4_095, 4_096, 5_000, whole.len() / 2, whole.len() - 1] {
        fs::File::options().write(true).truncate(true).open(&path).unwrap();
        let mut file = fs::File::options().write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, &whole[..length]).unwrap();
        drop(file);

        let error = open(&path).await.err();
        let typed = matches!(error, Some(StoreError::Corrupt { .. } | StoreError::NotADatabase));
        assert!(typed, "{length} bytes: {error:?}");
        assert!(fs::read(&path).unwrap() == whole[..length], "{length} bytes: the file was changed");
    }
}

#[tokio::test]
async fn an_emptied_file_does_not_cost_its_log() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    insert(&vault, 1, "token").await;
    let log = fs::read(companion(&path, "-wal")).unwrap();
    let (_other, emptied) = folder();
    for (name, content) in [(emptied.clone(), Vec::new()), (companion(&emptied, "-wal"), log.clone())] {
        std::io::Write::write_all(&mut fs::File::create(name).unwrap(), &content).unwrap();
    }

    let error = SqliteStore::open(&emptied).await.err();

    assert!(matches!(error, Some(StoreError::Corrupt { .. })), "{error:?}");
    assert_eq!(fs::read(companion(&emptied, "-wal")).unwrap(), log);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_reported_and_left_as_it_is() {
    let (_folder, path) = folder();
    let text = "canary: not a database\n".repeat(500);
    std::io::Write::write_all(&mut fs::File::create(&path).unwrap(), text.as_bytes()).unwrap();

    let error = SqliteStore::open(&path).await.unwrap_err();

    assert_eq!(error, StoreError::NotADatabase);
    let shown = format!("{:?}", trunkline_core::Error::from(error));
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
}

#[tokio::test]
async fn a_file_from_a_newer_schema_is_refused_and_left_as_it_is() {
    let (_folder, path) = folder();
    closed_store(&path, 1).await;
    tamper(&path, "INSERT INTO trunkline_migrations VALUES (7, 0)").await;
    let before = fs::read(&path).unwrap();

    let error = SqliteStore::open(&path).await.err();

    assert_eq!(error, Some(StoreError::SchemaTooNew { found: 7, known: 5 }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// Whoever was connected before the columns were there is looked at soon, and old events have their places.
#[tokio::test]
async fn an_older_file_is_brought_up_to_date_with_what_it_holds() {
    let (_folder, path) = folder();
    drop(fs::File::create(&path).unwrap());
    tamper(&path, include_str!("../src/sqlite/schema/0001.sql")).await;
    tamper(&path, include_str!("../src/sqlite/schema/0002.sql")).await;
    tamper(
        &path,
        "INSERT INTO trunkline_migrations VALUES (1, 0), (2, 0); \
         INSERT INTO trunkline_connections (id, tenant, connector, label, method, state, state_since, \
          generation, sequence, created_at, credential_at) VALUES \
         (unhex('00000000000000000000000000000001'), 'acme', 'c', 'l1', 'oauth2', 'active', 0, 1, 1, 1000000, 2000000), \
         (unhex('00000000000000000000000000000002'), 'acme', 'c', 'l2', 'oauth2', 'needs_consent', 0, 1, 1, \
          1000000, 2000000); \
         INSERT INTO trunkline_events (connection, sequence, kind, at) \
         SELECT id, 1, 'connected', 0 FROM trunkline_connections",
    )
    .await;
    check_brought_up_to_date(&SqliteStore::open(&path).await.unwrap()).await;
}

#[tokio::test]
async fn when_a_grant_was_given_is_read_from_the_events_of_an_older_file() {
    let (_folder, path) = folder();
    closed_store(&path, 2).await;
    tamper(&path, OLDER).await;
    tamper(&path, "UPDATE trunkline_connections SET created_at = 3000000").await;
    for (sequence, kind, second) in [(2, "reconnected", 5), (3, "degraded", 7), (4, "account_changed", 9)] {
        let event = format!(
            "INSERT INTO trunkline_events (connection, sequence, kind, at) \
             SELECT id, {sequence}, '{kind}', {second}000000 FROM trunkline_connections WHERE label = 'label 1'"
        );
        tamper(&path, &event).await;
    }
    tamper(&path, "DELETE FROM trunkline_events WHERE sequence = 1").await;

    let (_store, vault) = open(&path).await.unwrap();

    for (number, granted) in [(1, at(9)), (2, at(3))] {
        let opened = vault.load(&record(number, 1).key).await.unwrap().unwrap();
        assert_eq!(opened.record.granted_at, Some(granted));
    }
}

/// Takes the last migrations back.
const OLDER: &str = "DROP INDEX trunkline_connections_company; \
     ALTER TABLE trunkline_connections DROP COLUMN granted_at; \
     ALTER TABLE trunkline_connections DROP COLUMN scopes; \
     DELETE FROM trunkline_migrations WHERE version > 3";

#[tokio::test]
async fn a_file_that_cannot_be_made_is_a_typed_error() {
    let (folder, _) = folder();
    for path in [folder.path().join("no such folder/store.db"), folder.path().to_owned()] {
        let error = SqliteStore::open(&path).await.err();
        assert!(matches!(error, Some(StoreError::Unavailable { .. })), "{error:?}");
    }
    for path in ["", ":memory:"] {
        let error = SqliteStore::open(path).await.err();
        assert!(matches!(error, Some(StoreError::Invalid { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn a_closed_store_answers_with_an_error() {
    let (_folder, path) = folder();
    let (store, vault) = open(&path).await.unwrap();
    store.close().await;
    let error = vault.load(&key("x")).await.err();
    assert!(matches!(error, Some(StoreError::Unavailable { .. })), "{error:?}");
}

#[tokio::test]
async fn reading_and_opening_write_nothing() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    insert(&vault, 1, "token").await;
    let content = || ["", "-wal"].map(|suffix| fs::read(companion(&path, suffix)).unwrap());
    let before = content();

    let (_second, other) = open(&path).await.unwrap();
    for vault in [&vault, &other] {
        vault.load(&record(1, 1).key).await.unwrap().unwrap();
        vault.load_by_id(record(1, 1).id).await.unwrap().unwrap();
        vault.list("acme", None, 10).await.unwrap();
        vault.events(record(1, 1).id, 0, 10).await.unwrap();
        vault.pending_revocations(10).await.unwrap();
    }

    assert!(content() == before, "the file or its log was changed");
}

#[tokio::test]
async fn a_commit_that_is_dropped_happened_wholly_or_not_at_all() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    insert(&vault, 1, "token").await;
    for polls in 0..40 {
        let before = vault.load(&record(1, 1).key).await.unwrap().unwrap().record;
        let (generation, secrets) = (before.generation, held("dropped"));
        let next = record(1, generation + 1);
        let events = vec![NewEvent::new(EventKind::Renewed, at(1))];
        {
            let body = NewBody::Replace(&secrets);
            let mut commit = Box::pin(vault.commit(Expected::Generation(generation), &next, body, events));
            for _ in 0..polls {
                if futures_util::future::poll_immediate(&mut commit).await.is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        // What was dropped in its last step may still be on its way; this write queues behind it.
        let same = record(1, generation);
        let expected = Expected::Generation(generation);
        let _done_or_lost = vault.commit(expected, &same, NewBody::Keep, Vec::new()).await.unwrap();
        let after = vault.load(&record(1, 1).key).await.unwrap().unwrap();
        let events = vault.events(after.record.id, 0, 1_000).await.unwrap();
        assert_eq!(events.len() as u64, after.record.sequence);
        assert_eq!(after.record.sequence, after.record.generation, "one event for each credential");
        assert!(after.held.is_some());
    }
}

const FILE_OF_A_CHILD: &str = "TRUNKLINE_TEST_STORE_OF_A_CHILD";
const ROUNDS: u64 = 25;

/// Does nothing unless [`several_processes_share_one_file_from_its_first_moment`] started it.
#[tokio::test]
async fn the_work_of_one_process() {
    let Some(path) = std::env::var_os(FILE_OF_A_CHILD) else { return };
    let (_store, vault) = open(path.as_ref()).await.unwrap();
    let absent = record(1, 1);
    let first = held("first");
    let connected = vec![NewEvent::new(EventKind::Connected, at(0))];
    let _done_or_lost =
        vault.commit(Expected::Absent, &absent, NewBody::Replace(&first), connected).await.unwrap();
    let mut won = 0;
    while won < ROUNDS {
        let opened = vault.load(&absent.key).await.unwrap().unwrap();
        let generation = opened.record.generation;
        let (next, secrets) = (record(1, generation + 1), held(&format!("{generation}")));
        let events = vec![NewEvent::new(EventKind::Renewed, at(1))];
        let body = NewBody::Replace(&secrets);
        match vault.commit(Expected::Generation(generation), &next, body, events).await.unwrap() {
            Commit::Done { .. } => won += 1,
            Commit::Conflict { .. } => {}
        }
    }
}

#[tokio::test]
async fn several_processes_share_one_file_from_its_first_moment() {
    const PROCESSES: u64 = 4;
    let (_folder, path) = folder();
    let children: Vec<_> = (0..PROCESSES)
        .map(|_| {
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "the_work_of_one_process"])
                .env(FILE_OF_A_CHILD, &path)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    let (_store, vault) = open(&path).await.unwrap();
    let found = vault.load(&record(1, 1).key).await.unwrap().unwrap().record;
    assert_eq!(found.generation, 1 + PROCESSES * ROUNDS, "no swap was lost or done twice");
    let events = vault.events(found.id, 0, 1_000).await.unwrap();
    let numbers: Vec<_> = events.iter().map(|event| event.sequence).collect();
    assert_eq!(numbers, (1..=found.generation).collect::<Vec<_>>());
}
