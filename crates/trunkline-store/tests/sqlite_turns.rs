//! Writers of the SQLite store that come at the same time share commits, and nothing else.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use std::path::Path;
use std::pin::Pin;

use common::*;
use futures_util::future::{join_all, poll_immediate};
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, StoreError, Vault};

const ROWS: u8 = 100;

type Committing<'v> = Pin<Box<dyn Future<Output = Result<Commit, StoreError>> + Send + 'v>>;

/// The second generation of a row, with an event.
fn renewal(vault: &Vault, number: u8) -> Committing<'_> {
    Box::pin(async move {
        let (next, secrets) = (record(number, 2), held("second"));
        let events = vec![NewEvent::new(EventKind::Renewed, at(1))];
        vault.commit(Expected::Generation(1), &next, NewBody::Replace(&secrets), events).await
    })
}

/// Counts the transactions in the log: their last frame says how large the file is after them. A log that
/// never grew to a thousand pages has all of them.
fn transactions(path: &Path) -> usize {
    const HEADER: usize = 32;
    let log = std::fs::read(companion(path, "-wal")).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let of_this_log = |frame: &&[u8]| frame[8..16] == log[16..24];
    log[HEADER..].chunks_exact(24 + page).filter(of_this_log).filter(|frame| frame[4..8] != [0; 4]).count()
}

async fn generation(vault: &Vault, number: u8) -> u64 {
    let read = async || vault.load(&record(number, 1).key).await.unwrap().unwrap();
    loop {
        let (before, events) = (read().await, vault.events(record(number, 1).id, 0, 10).await.unwrap());
        let stored = read().await;
        if stored.record != before.record {
            // A dropped write was done in between.
            continue;
        }
        let last = events.last().map_or(0, |event| event.sequence);
        assert_eq!(last, stored.record.sequence, "the events are those of the row");
        assert!(stored.held.is_some());
        return stored.record.generation;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_at_the_same_time_share_transactions() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    for number in 1..=ROWS {
        insert(&vault, number, "first").await;
    }
    let before = transactions(&path);

    let done = join_all((1..=ROWS).map(|number| renewal(&vault, number))).await;

    let shared = transactions(&path) - before;
    assert!((1..=10).contains(&shared), "{shared} transactions for {ROWS} commits");
    for (number, done) in (1..=ROWS).zip(done) {
        assert_eq!(done, Ok(Commit::Done { sequence: 2 }));
        assert_eq!(generation(&vault, number).await, 2);
    }
}

#[tokio::test]
async fn one_after_another_each_has_a_transaction_of_its_own() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    for number in 1..=3 {
        insert(&vault, number, "first").await;
    }
    let before = transactions(&path);
    for number in 1..=3 {
        assert_eq!(renewal(&vault, number).await, Ok(Commit::Done { sequence: 2 }));
    }
    assert_eq!(transactions(&path) - before, 3);
}

#[tokio::test]
async fn of_several_that_expect_the_same_in_one_transaction_one_is_done() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    insert(&vault, 1, "first").await;

    let done = join_all((0..20).map(|_| renewal(&vault, 1))).await;

    let won = done.iter().filter(|done| **done == Ok(Commit::Done { sequence: 2 })).count();
    let lost = done.iter().filter(|done| **done == Ok(Commit::Conflict { generation: Some(2) })).count();
    assert_eq!((won, lost), (1, 19));
}

#[tokio::test]
async fn a_commit_that_fails_fails_alone() {
    let (_folder, path) = folder();
    let (_store, vault) = open(&path).await.unwrap();
    for number in 1..=20 {
        insert(&vault, number, "first").await;
    }
    // The events that these would write are there already, so their second statement fails.
    let refused = [1, 2, 9, 20];
    for number in refused {
        let id = format!("x'{}'", format!("{number:02x}").repeat(16));
        tamper(&path, &format!("INSERT INTO trunkline_events VALUES (NULL, {id}, 2, 'renewed', 0, NULL)"))
            .await;
    }

    let done = join_all((1..=20).map(|number| renewal(&vault, number))).await;

    for (number, done) in (1..=20).zip(done) {
        let stored = vault.load(&record(number, 1).key).await.unwrap().unwrap().record.generation;
        if refused.contains(&number) {
            assert!(matches!(done, Err(StoreError::Unavailable { .. })), "{number}: {done:?}");
            assert_eq!(stored, 1, "{number}: its first statement is undone");
        } else {
            assert_eq!(done, Ok(Commit::Done { sequence: 2 }), "{number}");
            assert_eq!(stored, 2, "{number}");
        }
    }
}

/// Whoever is dropped in the middle of a shared transaction harms nobody: the others are done, or, if it was in
/// its COMMIT, are told that nobody knows. What is reported as done is stored.
#[tokio::test]
async fn a_writer_that_is_dropped_loses_nobodys_result() {
    const WRITERS: u8 = 6;
    let mut unknown = 0;
    for (victim, polls) in (0..2).flat_map(|victim| (1..40).map(move |polls| (victim, polls))) {
        let (_folder, path) = folder();
        let (_store, vault) = open(&path).await.unwrap();
        for number in 1..=WRITERS {
            insert(&vault, number, "first").await;
        }
        // The first one writes alone; the second then leads all others.
        let mut writers: Vec<_> =
            (1..=WRITERS).map(|number| (number, Some(renewal(&vault, number)))).collect();
        let mut done = Vec::new();
        let mut round = 0;
        while writers.iter().any(|(_, writer)| writer.is_some()) {
            round += 1;
            for (at, (number, writer)) in writers.iter_mut().enumerate() {
                let Some(running) = writer else { continue };
                if let Some(result) = poll_immediate(running).await {
                    done.push((*number, result));
                    *writer = None;
                } else if at == victim && round == polls {
                    *writer = None;
                }
            }
            tokio::time::sleep(std::time::Duration::from_micros(50)).await;
        }
        assert!(done.len() >= usize::from(WRITERS) - 1, "nobody waits for ever");
        for (number, result) in done {
            match result {
                Ok(commit) => {
                    assert_eq!(commit, Commit::Done { sequence: 2 }, "{victim} {polls}: {number}");
                    assert_eq!(generation(&vault, number).await, 2);
                }
                Err(StoreError::Unavailable { .. }) => unknown += 1,
                Err(error) => panic!("{victim} {polls}: {number}: {error}"),
            }
        }
        // All go on, and nothing is half done.
        for number in 1..=WRITERS {
            if generation(&vault, number).await == 1 {
                // What was dropped may still be done a moment later: then this one loses to it.
                let again = renewal(&vault, number).await.unwrap();
                let lost = Commit::Conflict { generation: Some(2) };
                assert!([Commit::Done { sequence: 2 }, lost].contains(&again), "{again:?}");
            }
            assert_eq!(generation(&vault, number).await, 2);
        }
    }
    assert!(unknown <= 40, "{unknown} of some 400: only a COMMIT that is under way is not known");
}
