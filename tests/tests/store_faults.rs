//! A grant in hand while the store fails, waits, or is changed by someone else.

mod scripted;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use scripted::{Answer, PlayedClock, Stage, json, token};
use tokio::sync::Semaphore;
use trunkline::{BrowserSession, Cause, MemoryStore, State, Store, Timings};
use trunkline_core::async_trait;
use trunkline_store::{EventKind, StoreError};
use trunkline_tests::{Call, Watch, Watched};

const HOUR: Duration = Duration::from_secs(3600);

/// Makes the next commits fail, or wait until they are let through, and counts all calls.
#[derive(Debug)]
struct Faults {
    failing: AtomicUsize,
    gate: Semaphore,
    calls: AtomicUsize,
}

#[async_trait]
impl Watch for Faults {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if call != Call::Commit {
            return Ok(());
        }
        drop(self.gate.acquire().await);
        let take = |left: usize| left.checked_sub(1);
        match self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take) {
            Ok(_) => Err(StoreError::Unavailable { reason: "disk full".into() }),
            Err(_) => Ok(()),
        }
    }
}

/// A memory store with faults.
#[derive(Clone)]
struct Faulty {
    faults: Arc<Faults>,
    store: Watched,
}

impl Faulty {
    fn new() -> Self {
        let gate = Semaphore::new(Semaphore::MAX_PERMITS);
        let faults = Arc::new(Faults { failing: AtomicUsize::new(0), gate, calls: AtomicUsize::new(0) });
        let store = Watched::new(Arc::new(MemoryStore::new()), faults.clone());
        Self { faults, store }
    }
}

#[tokio::test]
async fn a_renewed_credential_is_not_served_before_it_is_stored() {
    let store = Faulty::new();
    let stage = Stage::on(store.store.clone()).await;
    let connection = stage.connected().await;
    store.faults.gate.forget_permits(Semaphore::MAX_PERMITS);
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    stage.clock.advance(HOUR - Duration::from_secs(20));
    assert_eq!(connection.token_now().unwrap().generation(), 1);
    while stage.tokens.count() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        tokio::task::yield_now().await;
        assert_eq!(connection.token_now().unwrap().expose(), Some("canary-a1"), "the write is under way");
    }
    store.faults.gate.add_permits(1_000);
    stage.trunkline.shutdown(Duration::from_secs(10)).await.unwrap();

    assert_eq!(connection.token_now().unwrap().expose(), Some("canary-a2"));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_tried_again_and_the_rotated_token_is_not_lost() {
    let store = Faulty::new();
    let stage = Stage::on(store.store.clone()).await;
    let connection = stage.connected().await;
    stage.clock.advance(HOUR);
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    store.faults.failing.store(7, Ordering::SeqCst);

    assert_eq!(connection.access_token().await.unwrap().generation(), 2);

    // The stored refresh token is the rotated one: the next renewal spends it.
    stage.clock.advance(HOUR);
    stage.tokens.will(token("canary-a3", "canary-r3", 3600));
    connection.access_token().await.unwrap();
    assert!(stage.tokens.sent()[2].body.contains("canary-r2"));
    assert_eq!(stage.tokens.count(), 3, "a failed write is no reason to ask the service again");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_credential_that_was_replaced_meanwhile_is_no_verdict() {
    let (store, clock) = (Faulty::new(), PlayedClock::new());
    // This one waits far longer for its answer than the others believe it may.
    let mut timings = Timings::default();
    timings.request_deadline = Duration::from_secs(300);
    let stage = Stage::with(store.store.clone(), clock.clone(), timings).await;
    let connection = stage.connected().await;
    let other = Stage::with(store.store.clone(), clock.clone(), Timings::default()).await;
    clock.advance(HOUR);
    let gate = Arc::new(Semaphore::new(0));
    stage.tokens.will(Answer::Hold(gate.clone(), Box::new(json(400, r#"{"error":"invalid_grant"}"#))));
    let waiting = connection.clone();
    let mut renewal = tokio::task::JoinSet::new();
    renewal.spawn(async move { waiting.access_token().await.map(|token| token.generation()) });
    while stage.tokens.count() < 2 {
        tokio::task::yield_now().await;
    }
    other.tokens.will(token("canary-a2", "canary-r2", 3600));
    let connect = other.trunkline.tenant("acme").connect("played").await.unwrap();
    assert!(matches!(connect, trunkline::Connect::Ready(_)));
    gate.add_permits(1);

    assert_eq!(renewal.join_next().await.unwrap().unwrap().unwrap(), 2, "the newer credential is adopted");
    assert_eq!(connection.status().await.unwrap().state(), State::Active);
}

#[tokio::test(start_paused = true)]
async fn a_consent_begun_in_one_process_is_completed_once_by_two_others() {
    let store = Faulty::new();
    let began = Stage::on(store.store.clone()).await;
    let [one, two] = [Stage::on(store.store.clone()).await, Stage::on(store.store.clone()).await];
    let browser = BrowserSession::random().unwrap();
    let query = began.begin(&began.request().await, &browser).await;
    one.tokens.will(token("canary-a1", "canary-r1", 3600));
    one.api.will(Answer::Http(200, vec![], "ada".to_owned()));

    // The second asks for the first one's result until it is there.
    let (first, second) = tokio::join!(one.complete(&query, &browser), two.complete(&query, &browser));

    let (first, second) = (first.unwrap().connection, second.unwrap().connection);
    assert_eq!(first.id(), second.id());
    assert_eq!(second.token_now().unwrap().expose(), Some("canary-a1"));
    assert_eq!((one.tokens.count(), two.tokens.count()), (1, 0));
}

#[tokio::test]
async fn a_valid_token_costs_no_call_of_store_or_service() {
    let store = Faulty::new();
    let stage = Stage::on(store.store.clone()).await;
    let connection = stage.connected().await;
    stage.trunkline.shutdown(Duration::from_secs(10)).await.unwrap();
    let (calls, asked) = (store.faults.calls.load(Ordering::SeqCst), stage.tokens.count());

    for _ in 0..10 {
        assert!(connection.token_now().is_some());
        connection.access_token().await.unwrap();
        let connect = stage.trunkline.tenant("acme").connect("played").await.unwrap();
        assert!(matches!(connect, trunkline::Connect::Ready(_)));
    }

    assert_eq!((store.faults.calls.load(Ordering::SeqCst), stage.tokens.count()), (calls, asked));
}

#[tokio::test]
async fn every_change_of_state_is_an_event_in_order() {
    let store = Faulty::new();
    let stage = Stage::on(store.store.clone()).await;
    let connection = stage.connected().await;
    stage.clock.advance(HOUR);
    stage.tokens.will(json(503, "{}"));
    assert_eq!(connection.access_token().await.unwrap_err().cause(), Some(Cause::ServiceUnavailable));
    stage.tokens.will(token("canary-a2", "canary-r2", 3600));
    connection.access_token().await.unwrap();
    stage.clock.advance(HOUR);
    stage.tokens.will(json(400, r#"{"error":"invalid_grant"}"#));
    drop(connection.access_token().await);

    let events = store.store.events(connection.id(), 0, 10).await.unwrap();

    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    let expected = [EventKind::Connected, EventKind::Degraded, EventKind::Recovered, EventKind::NeedsConsent];
    assert_eq!(kinds, expected);
    assert!(events.iter().enumerate().all(|(place, event)| event.sequence == place as u64 + 1));
}
