//! Events of transactions that commit late, and of readers that wait for each other.
#![cfg(feature = "postgres")]
#![expect(clippy::unwrap_used, reason = "only tests use it")]

mod common;

use std::sync::Arc;

use common::{at, insert, keys, record};
use sqlx::Row as _;
use sqlx::postgres::PgPool;
use trunkline_store::conformance::postgres::TestSchema;
use trunkline_store::{Commit, EventKind, Expected, Feed, NewBody, NewEvent, Vault};

async fn vault(schema: &TestSchema) -> Vault {
    Vault::open(Arc::new(schema.store().await.unwrap()), keys()).await.unwrap()
}

async fn happen(vault: &Vault, number: u8) {
    let event = vec![NewEvent::new(EventKind::Renewed, at(1))];
    let done = vault.commit(Expected::Generation(1), &record(number, 1), NewBody::Keep, event).await.unwrap();
    assert!(matches!(done, Commit::Done { .. }));
}

fn numbers(feed: &Feed) -> Vec<(u8, u64)> {
    let number =
        |placed: &trunkline_store::Placed| (placed.event.connection.as_bytes()[0], placed.event.sequence);
    feed.events.iter().map(number).collect()
}

/// How many sessions are blocked by the one with this process id, or behind one that is.
async fn waiting(pool: &PgPool, blocker: i32) -> i64 {
    let statement = "WITH RECURSIVE blocked (pid) AS (SELECT $1 UNION SELECT a.pid FROM pg_stat_activity a, \
         blocked WHERE blocked.pid = ANY (pg_blocking_pids(a.pid))) SELECT count(*) - 1 FROM blocked";
    sqlx::query(statement).bind(blocker).fetch_one(pool).await.unwrap().try_get(0).unwrap()
}

#[tokio::test]
async fn an_event_that_is_committed_late_comes_after_the_cursor() {
    let Some(schema) = TestSchema::find().await else { return };
    let vault = vault(&schema).await;
    for number in [1, 2] {
        insert(&vault, number, "token").await;
    }
    let pool = schema.pool(&[]);
    let mut late = pool.begin().await.unwrap();
    let statement = "WITH changed AS (UPDATE trunkline_connections SET sequence = sequence + 1 \
         WHERE id = '\\x01010101010101010101010101010101' RETURNING id, sequence) \
         INSERT INTO trunkline_events (connection, sequence, kind, at) \
         SELECT id, sequence, 'renewed', 0 FROM changed";
    assert_eq!(sqlx::query(statement).execute(&mut *late).await.unwrap().rows_affected(), 1);
    happen(&vault, 2).await;
    let read = vault.store().feed(0, 100).await.unwrap();
    assert_eq!(numbers(&read), [(1, 1), (2, 1), (2, 2)], "nobody waits for the one that is not committed");

    late.commit().await.unwrap();

    let cursor = read.events.last().unwrap().position;
    assert_eq!(numbers(&vault.store().feed(cursor, 100).await.unwrap()), [(1, 2)]);
    happen(&vault, 1).await;
    assert_eq!(numbers(&vault.store().feed(cursor, 100).await.unwrap()), [(1, 2), (1, 3)]);
}

/// Two readers begin to place the same events while the counter is locked: who comes second sees them as they
/// were before, and must not place them again.
#[tokio::test]
async fn readers_that_wait_for_each_other_place_each_event_once() {
    let Some(schema) = TestSchema::find().await else { return };
    let (first, second) = (vault(&schema).await, vault(&schema).await);
    for number in [2, 1, 3] {
        insert(&first, number, "token").await;
        happen(&first, number).await;
    }
    let pool = schema.pool(&[]);
    let mut lock = pool.begin().await.unwrap();
    let blocker = sqlx::query("SELECT pg_backend_pid()").fetch_one(&mut *lock).await.unwrap().get(0);
    sqlx::query("UPDATE trunkline_feed SET last = last").execute(&mut *lock).await.unwrap();
    let release = async {
        while waiting(&pool, blocker).await < 2 {
            tokio::task::yield_now().await;
        }
        lock.commit().await.unwrap();
    };
    let (one, two, ()) = tokio::join!(first.store().feed(0, 100), second.store().feed(0, 100), release);
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(numbers(&one), [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)]);
    assert_eq!(one.events, two.events);

    happen(&first, 1).await;
    let cursor = one.events.last().unwrap().position;
    assert_eq!(numbers(&second.store().feed(cursor, 100).await.unwrap()), [(1, 3)]);
}
