//! The breaker of a broken client: the application's own fault is no connection's.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::sync::Arc;
use std::time::Duration;

use scripted::{Fate, HOUR, PlayedConfig, Process, World, settled};
use trunkline::{
    BrowserSession, Callback, Cause, Config, Connect, Connection, ConsentStep, Error, ErrorKind, Retry,
    SqliteStore, State, Store,
};
use trunkline_core::{Reuse, async_trait};
use trunkline_store::conformance::postgres::TestSchema;
use trunkline_tests::Watch;

/// How often a broken client is tried, and a little more.
const INTERVAL: Duration = Duration::from_secs(61);

struct Unwatched;

#[async_trait]
impl Watch for Unwatched {}

fn refused_client() -> Option<Fate> {
    Some(Fate::Refused(401, vec![], r#"{"error":"invalid_client","error_description":"of tenant-0"}"#))
}

/// What `connect` of a tenant fails with.
async fn fails(process: &Process, tenant: &str) -> Error {
    process.trunkline.tenant(tenant).connect("played").await.unwrap_err()
}

async fn serves(process: &Process, tenant: &str) -> bool {
    matches!(process.trunkline.tenant(tenant).connect("played").await, Ok(Connect::Ready(_)))
}

fn assert_held_back(error: &Error) {
    assert_eq!(
        (error.kind(), error.cause()),
        (ErrorKind::ClientBroken, Some(Cause::ClientCredentialsInvalid))
    );
    let retry = error.diagnosis().unwrap().retry();
    assert!(matches!(retry, Retry::After { after_s: 1..=60 }), "{retry:?}");
}

async fn assert_all_active(connections: &[Connection]) {
    for connection in connections {
        assert_eq!(connection.status().await.unwrap().state(), State::Active);
    }
}

/// Two processes, and four tenants whose tokens are over; the client was refused for two of them.
async fn broken(world: &World) -> (Process, Process, Vec<Connection>) {
    let (one, two) = (world.process().await, world.process().await);
    let connections = one.tenants(4).await;
    world.clock.advance(HOUR);
    world.service.outage(refused_client());
    for connection in &connections[..2] {
        let error = connection.access_token().await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ClientCredentialsInvalid));
    }
    (one, two, connections)
}

#[tokio::test(start_paused = true)]
async fn two_tenants_of_a_refused_client_open_the_breaker_for_all_processes() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    world.clock.advance(HOUR / 2);
    let (one_again, two, connections) = broken(&world).await;
    drop(one);

    assert_held_back(&fails(&two, "tenant-2").await);
    assert_held_back(&connections[3].access_token().await.unwrap_err());

    assert_eq!((one_again.line.asked(), two.line.asked()), (2, 0), "no request is sent");
    assert_all_active(&connections).await;
    for process in [&one_again, &two] {
        let broken = process.trunkline.broken_clients().await.unwrap();
        assert_eq!((broken.len(), broken[0].connector.as_str()), (1, "played"));
        let evidence = broken[0].diagnosis.evidence();
        assert_eq!((evidence.status, evidence.codes[0].as_str()), (Some(401), "invalid_client"));
        assert_eq!(evidence.message, None, "what was written to one tenant is not told to others");
    }
}

#[tokio::test(start_paused = true)]
async fn calls_with_a_token_that_serves_go_on() {
    let world = World::new(Reuse::KillsFamily);
    let (_one, _two, connections) = broken(&world).await;
    world.service.outage(None);
    world.clock.advance(INTERVAL);
    connections[2].access_token().await.unwrap();
    settled().await;
    world.clock.advance(INTERVAL);
    world.service.outage(refused_client());
    for connection in &connections[..2] {
        connection.access_token().await.unwrap_err();
    }

    assert!(connections[2].get("/x").send().await.unwrap().status().is_success());
    assert_held_back(&connections[3].access_token().await.unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn one_process_gets_one_trial_per_interval_and_its_success_closes_it_for_all() {
    let world = World::new(Reuse::KillsFamily);
    let (one, two, connections) = broken(&world).await;

    world.clock.advance(INTERVAL);
    assert_held_back(&connections[0].access_token().await.unwrap_err());
    assert_eq!(one.line.asked(), 2, "who was refused itself proves nothing");
    assert_held_back(&fails(&two, "tenant-2").await);
    assert_eq!(two.line.asked(), 1, "the trial");
    assert_held_back(&connections[3].access_token().await.unwrap_err());
    assert_held_back(&fails(&two, "tenant-3").await);
    assert_eq!((one.line.asked(), two.line.asked()), (2, 1), "no other");

    world.service.outage(None);
    world.clock.advance(INTERVAL);
    assert!(serves(&two, "tenant-3").await);
    settled().await;
    world.clock.advance(INTERVAL);
    for connection in &connections {
        connection.access_token().await.unwrap();
    }
    assert!(one.trunkline.broken_clients().await.unwrap().is_empty());
    assert_eq!(world.store_events(&connections[2]).await.len(), 1, "nothing happened but the connection");
}

#[tokio::test(start_paused = true)]
async fn where_all_were_refused_one_of_them_is_the_trial_after_another_interval() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    let connections = one.tenants(2).await;
    world.clock.advance(HOUR);
    world.service.outage(refused_client());
    for connection in &connections {
        connection.access_token().await.unwrap_err();
    }
    world.service.outage(None);
    world.clock.advance(INTERVAL);
    assert_held_back(&connections[0].access_token().await.unwrap_err());
    world.clock.advance(INTERVAL);
    connections[0].access_token().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_with_its_trial_leaves_the_next_to_others() {
    let world = World::new(Reuse::KillsFamily);
    let (one, two, connections) = broken(&world).await;
    world.clock.advance(INTERVAL);
    two.line.will(Fate::Unseen);
    let third = two.trunkline.clone();
    let mut trial = Box::pin(async move { third.tenant("tenant-2").connect("played").await });
    assert!(futures_util::poll!(trial.as_mut()).is_pending());
    settled().await;
    assert_eq!(two.line.asked(), 1);

    world.service.outage(None);
    assert_held_back(&connections[3].access_token().await.unwrap_err());
    world.clock.advance(INTERVAL);
    connections[3].access_token().await.unwrap();
    assert_eq!(one.line.asked(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_success_between_withdraws_the_votes() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    let connections = one.tenants(4).await;
    world.clock.advance(HOUR);
    world.service.refuses(0, Some("invalid_client"));
    world.service.refuses(2, Some("invalid_client"));
    connections[0].access_token().await.unwrap_err();
    connections[1].access_token().await.unwrap();
    settled().await;
    connections[2].access_token().await.unwrap_err();

    connections[3].access_token().await.unwrap();

    assert!(one.trunkline.broken_clients().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_connections_of_one_tenant_are_one_vote() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    let first = one.connected().await;
    let connect = one.trunkline.tenant("acme").connect("played").label("second").await.unwrap();
    let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
    let second = one.consents_to(&request).await.unwrap();
    world.clock.advance(HOUR);
    world.service.outage(refused_client());

    for connection in [&first, &second] {
        connection.access_token().await.unwrap_err();
    }

    assert!(one.trunkline.broken_clients().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_with_other_settings_has_no_breaker() {
    let world = World::new(Reuse::KillsFamily);
    let (_one, _two, _) = broken(&world).await;
    let mended = PlayedConfig::of(world.policy).secret("canary-new-secret");
    let config = Config::new().connector("played", mended).unwrap();
    let third = world.process_with(Arc::new(Unwatched), |builder| builder.config(config)).await.unwrap();
    world.service.outage(None);

    assert!(serves(&third, "tenant-2").await);

    assert!(third.trunkline.broken_clients().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nobody_is_sent_to_a_consent_that_could_not_be_completed_and_none_is_exchanged() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    let connections = one.tenants(2).await;
    world.clock.advance(HOUR);
    let browser = BrowserSession::random().unwrap();
    let connect = one.trunkline.tenant("new").connect("played").await.unwrap();
    let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
    let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else { panic!("a redirect") };
    let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    world.service.outage(refused_client());
    for connection in &connections {
        connection.access_token().await.unwrap_err();
    }
    // It would be granted now, if it were sent.
    world.service.outage(None);

    assert_held_back(&request.begin(&browser).await.unwrap_err());
    let callback = Callback::from_query(&format!("code=canary-code&state={state}")).unwrap();
    assert_held_back(&one.trunkline.complete(callback, &browser).await.unwrap_err());
    assert_eq!(world.service.families(), 2, "nothing was exchanged");

    world.clock.advance(INTERVAL);
    one.consents("new").await.unwrap();
    settled().await;
    assert!(one.trunkline.broken_clients().await.unwrap().is_empty(), "a person's exchange was the trial");
}

#[tokio::test(start_paused = true)]
async fn a_lost_grant_in_disguise_is_found_while_others_are_served_with_the_same_client() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    let connections = one.tenants(3).await;
    world.service.refuses(0, Some("invalid_client"));
    for round in 1..=3 {
        world.clock.advance(HOUR);
        let error = connections[0].access_token().await.unwrap_err();
        let state = connections[0].status().await.unwrap().state();
        if round < 3 {
            let seen = (error.cause(), state);
            assert_eq!(seen, (Some(Cause::ClientCredentialsInvalid), State::Active), "{round}");
            // Asked again at once, it is left alone.
            connections[0].access_token().await.unwrap_err();
        } else {
            assert_eq!((error.cause(), state), (Some(Cause::GrantRevoked), State::NeedsConsent));
            assert_eq!(error.diagnosis().unwrap().evidence().codes[0].as_str(), "invalid_client");
        }
        world.clock.advance(Duration::from_secs(1));
        for connection in &connections[1..] {
            connection.access_token().await.unwrap();
        }
        settled().await;
        assert!(one.trunkline.broken_clients().await.unwrap().is_empty());
    }
    assert_eq!(one.line.asked(), 3 + 6);
}

#[tokio::test(start_paused = true)]
async fn a_refused_client_ends_no_grant_while_nobody_else_is_served() {
    let world = World::new(Reuse::KillsFamily);
    let one = world.process().await;
    let connections = one.tenants(3).await;
    world.service.refuses(0, Some("invalid_client"));
    for _ in 0..30 {
        world.clock.advance(HOUR);
        connections[0].access_token().await.unwrap_err();
    }
    assert_all_active(&connections).await;
}

/// Two processes on one real store.
async fn obeyed(store: [Arc<dyn Store>; 2]) {
    let world = World::new(Reuse::KillsFamily);
    let [first, second] = store;
    let one = world.process_on(first, Arc::new(Unwatched), |builder| builder).await.unwrap();
    let two = world.process_on(second, Arc::new(Unwatched), |builder| builder).await.unwrap();
    let connections = one.tenants(4).await;
    world.clock.advance(HOUR);
    world.service.outage(refused_client());
    for connection in &connections[..2] {
        connection.access_token().await.unwrap_err();
    }
    assert_held_back(&fails(&two, "tenant-2").await);
    assert_eq!(two.line.asked(), 0);

    world.clock.advance(INTERVAL);
    let trials = futures_util::future::join(connections[3].access_token(), fails(&two, "tenant-2")).await;
    assert!(trials.0.is_err());
    assert_eq!(one.line.asked() + two.line.asked(), 3, "one trial for both");

    world.service.outage(None);
    world.clock.advance(INTERVAL * 2);
    let mut served = false;
    for tenant in ["tenant-2", "tenant-3"] {
        served |= serves(&two, tenant).await;
    }
    assert!(served);
    // What follows from the success runs behind it.
    two.trunkline.shutdown(Duration::from_secs(30)).await.unwrap();
    assert!(one.trunkline.broken_clients().await.unwrap().is_empty());
    world.clock.advance(INTERVAL);
    connections[0].access_token().await.unwrap();
}

#[tokio::test]
async fn two_processes_on_one_sqlite_file_obey_one_breaker() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("trunkline.db"));
    obeyed([Arc::new(open().await.unwrap()), Arc::new(open().await.unwrap())]).await;
}

#[tokio::test]
async fn two_processes_on_one_postgres_database_obey_one_breaker() {
    let Some(schema) = TestSchema::find().await else { return };
    obeyed([Arc::new(schema.store().await.unwrap()), Arc::new(schema.store().await.unwrap())]).await;
}
