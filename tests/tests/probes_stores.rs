//! Two processes look at connections in a database, without looking twice.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::collections::BTreeMap;
use std::time::Duration;

use scripted::{PlayedClock, PlayedConfig, PlayedService};
use trunkline::{
    BrowserSession, Callback, Config, Connect, Connection, ConsentStep, KeyRing, Probes, SqliteStore, State,
    Store, Trunkline,
};
use trunkline_core::{RefreshPolicy, Reuse};
use trunkline_store::conformance::postgres::TestSchema;

const CONNECTIONS: usize = 12;

/// One process on `store`.
async fn hub(
    store: impl Store + 'static,
    clock: &PlayedClock,
    line: &PlayedService,
    probes: Option<Probes>,
) -> Trunkline {
    let config = Config::new().connector("played", PlayedConfig::of(RefreshPolicy::default())).unwrap();
    let builder = Trunkline::builder().config(config).store(store).keys(KeyRing::new([7; 32]));
    let builder = builder.clock(clock.clone()).transport(line.clone()).token_transport(line.clone());
    builder.upkeep(None).probes(probes).build().await.unwrap()
}

async fn connected(hub: &Trunkline, tenant: &str) -> Connection {
    let Connect::NeedsConsent(request) = hub.tenant(tenant).connect("played").await.unwrap() else {
        panic!("nobody has consented yet")
    };
    let browser = BrowserSession::random().unwrap();
    let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else { panic!("a redirect") };
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    let callback = Callback::from_query(&format!("code=canary-code&state={state}")).unwrap();
    hub.complete(callback, &browser).await.unwrap().connection
}

/// Waits for what happens in the background.
async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waits = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(90), waits).await.unwrap();
}

async fn shared_by_two<S: Store + 'static>(open: impl AsyncFn() -> S) {
    let clock = PlayedClock::new();
    let service = PlayedService::new(clock.clone(), Reuse::KillsFamily);
    service.states_life(Some(365 * 24 * 3600));
    let first = hub(open().await, &clock, &service.line(), None).await;
    let mut made = Vec::new();
    for number in 0..CONNECTIONS {
        made.push(connected(&first, &format!("tenant-{number:02}")).await);
    }
    // A round each second.
    let mut probes = Probes::default();
    probes.within = Duration::from_secs(60);
    let lines = [service.line(), service.line()];
    let one = hub(open().await, &clock, &lines[0], Some(probes)).await;
    let two = hub(open().await, &clock, &lines[1], Some(probes)).await;
    let record = async |number: usize| {
        let page = first.tenant(&format!("tenant-{number:02}")).connections(None, 1).await.unwrap();
        page.into_iter().next().unwrap()
    };
    let before = record(0).await.proved_at.unwrap();

    clock.advance(Duration::from_secs(15 * 60));

    let later = before.checked_add(Duration::from_secs(14 * 60)).unwrap();
    eventually(async || {
        let mut proved = true;
        for number in 0..CONNECTIONS {
            proved &= record(number).await.proved_at.unwrap() > later;
        }
        proved
    })
    .await;
    let mut probed = BTreeMap::new();
    for (_, token) in lines.iter().flat_map(PlayedService::called) {
        *probed.entry(token).or_insert(0) += 1;
    }
    assert_eq!(probed.len(), CONNECTIONS);
    assert!(probed.values().all(|times| *times == 1), "{probed:?}");

    service.revokes(3);
    clock.advance(Duration::from_secs(60));

    eventually(async || made[3].status().await.unwrap().state() == State::NeedsConsent).await;
    for number in (0..CONNECTIONS).filter(|number| *number != 3) {
        assert_eq!(record(number).await.status().state(), State::Active, "{number}");
    }
    for hub in [one, two] {
        hub.shutdown(Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test]
async fn two_processes_share_the_probes_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trunkline.db");
    shared_by_two(async || SqliteStore::open(&file).await.unwrap()).await;
}

#[tokio::test]
async fn two_processes_share_the_probes_of_a_postgres_database() {
    let Some(schema) = TestSchema::find().await else { return };
    shared_by_two(async || schema.store().await.unwrap()).await;
}
