//! Renewals per second against a token endpoint that answers at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;
use trunkline::{Connection, Store, Trunkline};
use trunkline_core::{ConnectionKey, DEFAULT_LABEL};
use trunkline_store::{Commit, Stored};

use crate::Row;
use crate::common::{self, TokenEndpoint};
use crate::measure::{turns, wall};
use crate::place::{Place, ask, at_once, renewed, skipped, two_workers};

const CONNECTIONS: usize = 1_000;
const AT_ONCE: usize = 64;
const TURNS: usize = 5;

pub(crate) fn figure() -> Vec<Row> {
    let runtime = two_workers();
    let mut rows = vec![measure(&runtime, &Place::file())];
    rows.push(match runtime.block_on(Place::schema()) {
        Some(place) => measure(&runtime, &place),
        None => skipped("renewals per second, PostgreSQL"),
    });
    rows
}

fn measure(runtime: &Runtime, place: &Place) -> Row {
    let endpoint = TokenEndpoint::after(Duration::ZERO);
    let config = common::config(common::base(), true);
    let hub = runtime.block_on(place.hub(endpoint.clone(), config));
    let store = runtime.block_on(place.open());
    let mut bare = 0;
    let mut ours = 0;
    let pair = turns(
        TURNS,
        || {
            bare += 1;
            runtime.block_on(commits_alone(&hub, &store, &format!("bare-{bare}")))
        },
        || {
            ours += 1;
            runtime.block_on(renewals(&hub, &format!("ours-{ours}")))
        },
    );
    let requests = endpoint.requests() as usize;
    assert_eq!(requests, CONNECTIONS * (TURNS + 1), "each is renewed once");
    let share = 1.0 / pair.ratio;
    Row::new(format!("renewals per second, {AT_ONCE} at once, {}", place.name()))
        .reference(format!("the store's lease and commit alone, {:.0}", 1e9 / pair.reference))
        .ours(format!("{:.0}", 1e9 / pair.ours))
        .result(format!("{share:.2} of it"), ">= 0.5 of it", share >= 0.5)
}

/// Nanoseconds for each renewal.
#[expect(clippy::cast_precision_loss, reason = "a thousand")]
async fn timed(work: impl Future<Output = ()>) -> f64 {
    let start = wall();
    work.await;
    (wall() - start) / CONNECTIONS as f64
}

/// Connections whose first token is expired.
async fn connections(hub: &Trunkline, turn: &str) -> Vec<(String, Connection)> {
    let made = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tenants = (0..CONNECTIONS).map(|number| format!("{turn}-{number:04}")).collect();
    let (hub, all) = (hub.clone(), made.clone());
    at_once(AT_ONCE, tenants, move |tenant: String| {
        let (hub, all) = (hub.clone(), all.clone());
        async move {
            let connection = common::connect(&hub, &tenant).await;
            all.lock().expect("no panic").push((tenant, connection));
        }
    })
    .await;
    std::mem::take(&mut *made.lock().expect("no panic"))
}

async fn renewals(hub: &Trunkline, turn: &str) -> f64 {
    let made = connections(hub, turn).await;
    timed(at_once(AT_ONCE, made, |(_, connection)| async move {
        assert_eq!(connection.access_token().await.expect("a token").generation(), 2);
    }))
    .await
}

async fn commits_alone(hub: &Trunkline, store: &Arc<dyn Store>, turn: &str) -> f64 {
    let mut rows: Vec<Stored> = Vec::new();
    for (tenant, _) in connections(hub, turn).await {
        let key = ConnectionKey::new(&tenant, common::CONNECTOR, DEFAULT_LABEL).expect("names");
        rows.extend(store.get(&key).await.expect("an answer"));
    }
    assert_eq!(rows.len(), CONNECTIONS);
    let store = store.clone();
    timed(at_once(AT_ONCE, rows, move |stored| {
        let store = store.clone();
        async move {
            let epoch = store.lease(&ask(&stored)).await.expect("an answer").expect("the lease");
            let done = store.commit(&renewed(&stored, epoch)).await.expect("an answer");
            assert!(matches!(done, Commit::Done { .. }));
        }
    }))
    .await
}
