//! The PostgreSQL store while its database goes away, comes back, falls silent, or loses an answer.
#![cfg(feature = "postgres")]

mod common;
#[path = "common/proxy.rs"]
mod proxy;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use proxy::{Mode, Proxy};
use trunkline_store::conformance::postgres::TestSchema;
use trunkline_store::{
    Expected, LeaseAsk, LeaseOwner, NewBody, PostgresOptions, PostgresStore, Seen, Store, StoreError, Vault,
};

/// A store behind a proxy, with one connection in it.
#[expect(clippy::unwrap_used, reason = "only tests use it")]
async fn behind(proxy: &Proxy, schema: &TestSchema, connections: u32) -> (Arc<PostgresStore>, Vault) {
    let options = PostgresOptions::parse(&proxy.url(schema.url()))
        .unwrap()
        .schema(schema.name())
        .max_connections(connections)
        // Long enough for a new connection on a busy machine.
        .acquire_timeout(Duration::from_secs(2))
        .statement_timeout(Duration::from_millis(100));
    let store = Arc::new(PostgresStore::connect_with(options).await.unwrap());
    let vault = Vault::open(store.clone(), keys()).await.unwrap();
    insert(&vault, 1, "token").await;
    (store, vault)
}

/// As many reads at once as there are connections.
async fn read(store: &PostgresStore) -> Vec<bool> {
    let key = record(1, 1).key;
    let reads = (0..3).map(|_| store.get(&key));
    let found = futures_util::future::join_all(reads).await;
    for error in found.iter().filter_map(|found| found.as_ref().err()) {
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    }
    found.into_iter().map(|found| found.is_ok_and(|row| row.is_some())).collect()
}

fn ask() -> LeaseAsk {
    LeaseAsk {
        id: record(1, 1).id,
        generation: 1,
        seen: Seen::Free,
        intent: None,
        owner: LeaseOwner::from_bytes([5; 16]),
        fingerprint: [0; 32],
    }
}

#[tokio::test]
async fn connections_that_the_server_ended_are_replaced() {
    let Some(schema) = TestSchema::find().await else { return };
    let named = format!("{}&application_name={}", schema.url(), schema.name());
    let options = PostgresOptions::parse(&named).unwrap().schema(schema.name()).max_connections(3);
    let store = Arc::new(PostgresStore::connect_with(options).await.unwrap());
    insert(&Vault::open(store.clone(), keys()).await.unwrap(), 1, "token").await;
    let end = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{}'",
        schema.name()
    );
    for round in 0..3 {
        assert_eq!(read(&store).await, [true; 3], "three connections are open");
        schema.run(&end).await;
        assert_eq!(read(&store).await, [true; 3], "round {round}");
    }
    assert_eq!(read(&store).await, [true; 3]);
    schema.run(&end).await;
    // A write may be told that its connection broke; the next one finds that out before it is sent.
    let first = store.lease(&ask()).await;
    assert!(matches!(first, Err(StoreError::Unavailable { .. })), "{first:?}");
    for _ in 0..3 {
        assert!(!store.beat(ask().id, ask().owner, 1).await.unwrap());
    }
    assert_eq!(store.lease(&ask()).await, Ok(Some(1)), "the one that broke was not done");
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back() {
    let Some(schema) = TestSchema::find().await else { return };
    let Some(proxy) = Proxy::start(schema.url()).await else { return };
    let (store, vault) = behind(&proxy, &schema, 3).await;
    assert_eq!(read(&store).await, [true; 3]);

    proxy.set(Mode::Away);
    assert_eq!(read(&store).await, [false; 3]);
    let unwritten = vault.commit(Expected::Generation(1), &record(1, 1), NewBody::Keep, Vec::new()).await;
    assert!(matches!(unwritten, Err(StoreError::Unavailable { .. })), "{unwritten:?}");

    proxy.set(Mode::Pass);
    assert_eq!(read(&store).await, [true; 3], "the pool recovers by itself");
    assert_eq!(store.lease(&ask()).await, Ok(Some(1)));
}

#[tokio::test]
async fn a_database_that_falls_silent_is_given_up() {
    let Some(schema) = TestSchema::find().await else { return };
    let Some(proxy) = Proxy::start(schema.url()).await else { return };
    let (store, _) = behind(&proxy, &schema, 3).await;
    assert_eq!(read(&store).await, [true; 3]);

    proxy.set(Mode::Silent);
    // The bound on the statement, and the second try of the read waits for a connection in vain.
    let answer = tokio::time::timeout(Duration::from_secs(8), read(&store)).await;
    assert_eq!(answer.expect("every wait is bounded"), [false; 3]);

    proxy.set(Mode::Pass);
    assert_eq!(read(&store).await, [true; 3], "no connection is stuck");
}

#[tokio::test]
async fn a_write_whose_answer_is_lost_is_not_sent_again() {
    let Some(schema) = TestSchema::find().await else { return };
    let Some(proxy) = Proxy::start(schema.url()).await else { return };
    let (store, _) = behind(&proxy, &schema, 1).await;
    assert_eq!(store.lease(&ask()).await, Ok(Some(1)));
    // The statement then needs no round trip before it is run, and the connection is at rest.
    assert_eq!(store.beat(ask().id, ask().owner, 1).await, Ok(true));
    while store.pool().num_idle() == 0 {
        tokio::task::yield_now().await;
    }
    proxy.set(Mode::LoseAnswers);
    let lost = store.beat(ask().id, ask().owner, 1).await;
    assert!(matches!(lost, Err(StoreError::Unavailable { .. })), "{lost:?}");
    proxy.set(Mode::Pass);
    let lease = async || store.get(&record(1, 1).key).await.unwrap().unwrap().lease;
    // The server may still be at it when we hear that its answer is lost.
    for _ in 0..10_000 {
        if lease().await.beat > 1 {
            break;
        }
    }
    let lease = lease().await;
    assert_eq!(lease.beat, 2, "it was done once");
    assert_eq!(lease.owner, Some(ask().owner));
}

#[tokio::test]
async fn tls_is_spoken_and_certificates_are_checked() {
    let Some(schema) = TestSchema::find().await else { return };
    let pool = schema.pool(&[]);
    let on: String = sqlx::query_scalar("SHOW ssl").fetch_one(&pool).await.unwrap();
    if on != "on" {
        return;
    }
    let options = |mode| {
        let url = schema.url().replace("sslmode=disable", mode);
        PostgresOptions::parse(&url).unwrap().schema(schema.name())
    };
    let store = PostgresStore::connect_with(options("sslmode=require")).await.unwrap();
    let version: String =
        sqlx::query_scalar("SELECT coalesce(version, '') FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .fetch_one(store.pool())
            .await
            .unwrap();
    assert!(version.starts_with("TLSv1."), "{version}");
    // No well-known authority vouches for a server on this machine.
    let error = PostgresStore::connect_with(options("sslmode=verify-full")).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Unavailable { reason } if reason.contains("certificate")),
        "{error:?}"
    );
}
