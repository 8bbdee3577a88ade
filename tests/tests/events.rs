//! The events of all connections, as a stream: in order, at least once, and by a cursor over restarts.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use scripted::{Answer, Fate, Faults, HOUR, Process, Stage, When, World, json, settled};
use trunkline::{BrowserSession, Connect, Cursor, Error, ErrorKind, Event, EventKind, Events, Upkeep};
use trunkline_core::Reuse;
use trunkline_tests::Call;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn world() -> World {
    World::new(Reuse::KillsFamily)
}

/// A process that looks for others' events every five seconds.
async fn looking(world: &World, watch: std::sync::Arc<Faults>) -> Process {
    world.process_with(watch, |builder| builder.poll_events(Duration::from_secs(5))).await.unwrap()
}

/// What is there without waiting.
fn ready(events: &mut Events) -> Vec<Event> {
    std::iter::from_fn(|| events.next().now_or_never().flatten()).map(Result::unwrap).collect()
}

fn kinds(events: &[Event]) -> Vec<EventKind> {
    events.iter().map(|event| event.kind).collect()
}

async fn fails(events: &mut Events) -> Error {
    events.next().await.unwrap().unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_every_change_with_its_names_and_its_reason() {
    let world = world();
    let process = world.process().await;
    let connection = process.connected().await;
    world.clock.advance(HOUR);
    process.line.will(Fate::Refused(503, vec![], "{}"));
    connection.access_token().await.unwrap_err();
    connection.access_token().await.unwrap();
    connection.disconnect().await.unwrap();

    let found = ready(&mut process.trunkline.events(Cursor::OLDEST));

    let expected = [EventKind::Connected, EventKind::Degraded, EventKind::Recovered, EventKind::Disconnected];
    assert_eq!(kinds(&found), expected);
    for (number, event) in (1..).zip(&found) {
        assert_eq!(event.id, format!("{}-{number}", connection.id()));
        let names = (event.tenant.as_str(), event.connector.as_str(), event.label.as_str());
        assert_eq!((event.connection, names), (connection.id(), ("acme", "played", "default")));
    }
    let reasons: Vec<_> =
        found.iter().map(|event| event.diagnosis.as_ref().map(|why| why.cause().code())).collect();
    assert_eq!(reasons, [None, Some("service_unavailable"), None, Some("disconnected")]);
    let written = serde_json::to_value(&found[1]).unwrap();
    assert_eq!((&written["kind"], &written["cursor"]), (&"degraded".into(), &"2".into()), "{written}");
}

#[tokio::test(start_paused = true)]
async fn what_this_process_commits_is_told_at_once_and_what_others_do_at_the_next_look() {
    let world = world();
    let (here, there) = (looking(&world, Faults::new()).await, world.process().await);
    let mut events = here.trunkline.events(Cursor::NEWEST);
    assert!(ready(&mut events).is_empty());

    here.consents("acme").await.unwrap();
    let began = world.clock.elapsed();
    assert_eq!(events.next().await.unwrap().unwrap().tenant, "acme");
    assert_eq!(world.clock.elapsed(), began, "nothing was waited for");

    assert!(ready(&mut events).is_empty(), "it waits");
    there.consents("globex").await.unwrap();
    assert!(ready(&mut events).is_empty());
    assert_eq!(events.next().await.unwrap().unwrap().tenant, "globex");
    let waited = world.clock.elapsed() - began;
    assert!(waited > Duration::ZERO && waited <= Duration::from_secs(5), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_cursor_goes_on_where_it_was() {
    let world = world();
    let first = world.process().await;
    for tenant in ["a", "b", "c"] {
        first.consents(tenant).await.unwrap();
    }
    let mut events = first.trunkline.events(Cursor::OLDEST);
    let seen = [events.next().await.unwrap().unwrap(), events.next().await.unwrap().unwrap()];
    let kept = serde_json::to_string(&seen[1].cursor).unwrap();
    first.trunkline.shutdown(HOUR).await.unwrap();
    drop((first, events));

    let second = world.process().await;
    second.consents("d").await.unwrap();
    let rest = ready(&mut second.trunkline.events(serde_json::from_str(&kept).unwrap()));

    let tenants: Vec<_> = seen.iter().chain(&rest).map(|event| event.tenant.as_str()).collect();
    assert_eq!(tenants, ["a", "b", "c", "d"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_is_waited_for_a_page_at_a_time() {
    let world = world();
    let watch = Faults::new();
    let process = looking(&world, watch.clone()).await;
    for number in 0..250 {
        process.consents(&format!("tenant {number:03}")).await.unwrap();
    }
    let mut events = process.trunkline.events(Cursor::OLDEST);
    for number in 0..250 {
        let event = events.next().await.unwrap().unwrap();
        assert_eq!(event.tenant, format!("tenant {number:03}"));
        assert_eq!(watch.count(Call::Feed), number / 100 + 1, "no page is read before it is needed");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_when_the_hub_is_shut_down() {
    let world = world();
    let process = world.process().await;
    let mut events = process.trunkline.events(Cursor::OLDEST);
    process.connected().await;
    let mut waiting = process.trunkline.events(Cursor::NEWEST);
    assert!(waiting.next().now_or_never().is_none(), "nothing but the shutdown wakes it");

    process.trunkline.shutdown(HOUR).await.unwrap();

    let began = world.clock.elapsed();
    assert!(waiting.next().await.is_none() && events.next().await.is_none());
    assert!(events.next().await.is_none(), "and it stays so");
    assert_eq!(world.clock.elapsed(), began);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_dropped_loses_nothing() {
    let world = world();
    let watch = Faults::new();
    let process = looking(&world, watch.clone()).await;
    let mut events = process.trunkline.events(Cursor::OLDEST);
    let gate = watch.hold(Call::Feed);
    assert!(events.next().now_or_never().is_none(), "dropped while the store is read");
    process.consents("a").await.unwrap();
    gate.add_permits(1);
    settled().await;
    assert_eq!(events.next().await.unwrap().unwrap().tenant, "a");
    for tenant in ["b", "c"] {
        assert!(events.next().now_or_never().is_none(), "dropped while nothing happens");
        process.consents(tenant).await.unwrap();
        assert_eq!(events.next().await.unwrap().unwrap().tenant, tenant);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told_and_the_stream_goes_on_after_a_pause() {
    let world = world();
    let watch = Faults::new();
    let process = looking(&world, watch.clone()).await;
    process.connected().await;
    watch.fail(Call::Feed, When::Before, 2);
    let mut events = process.trunkline.events(Cursor::OLDEST);

    let began = world.clock.elapsed();
    for _ in 0..2 {
        assert_eq!(fails(&mut events).await.kind(), ErrorKind::StoreFailed);
    }
    assert_eq!(events.next().await.unwrap().unwrap().kind, EventKind::Connected);
    assert_eq!(world.clock.elapsed() - began, Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn old_events_are_purged_by_the_upkeep_and_a_cursor_before_them_is_told_so() {
    let world = world();
    let keeps = |builder: trunkline::Builder| builder.keep_events(2 * DAY).upkeep(Upkeep::default());
    let process = world.process_with(Faults::new(), keeps).await.unwrap();
    for tenant in ["a", "b"] {
        process.consents(tenant).await.unwrap();
    }
    let mut events = process.trunkline.events(Cursor::OLDEST);
    let [a, b] = [events.next().await.unwrap().unwrap(), events.next().await.unwrap().unwrap()];
    tokio::time::sleep(DAY).await;
    process.consents("c").await.unwrap();
    assert_eq!(ready(&mut process.trunkline.events(Cursor::OLDEST)).len(), 3, "a day old");

    tokio::time::sleep(DAY + HOUR).await;

    let tenants = |from| -> Vec<_> {
        ready(&mut process.trunkline.events(from)).into_iter().map(|event| event.tenant).collect()
    };
    assert_eq!(tenants(Cursor::OLDEST), ["c"]);
    assert_eq!(tenants(b.cursor), ["c"], "nothing after it is missing");
    for lost in [a.cursor, "0".parse().unwrap()] {
        let mut events = process.trunkline.events(lost);
        let error = fails(&mut events).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains("purged"), "{error}");
        assert!(events.next().await.is_none(), "it cannot go on");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cursor_ahead_of_the_store_is_told_so() {
    let world = world();
    let process = world.process().await;
    process.connected().await;
    let mut events = process.trunkline.events("2".parse().unwrap());
    let error = fails(&mut events).await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("went back"), "{error}");
    assert!(events.next().await.is_none());
    assert!(ready(&mut process.trunkline.events("1".parse().unwrap())).is_empty());
}

/// In the commit of the consent that was narrower than asked for, and of the renewal that was narrower than before.
#[tokio::test]
async fn narrowed_scopes_are_an_event_of_the_consent_and_of_the_renewal() {
    let granted = |access: &str, scope: &str| {
        let token = r#"{"access_token":"A","refresh_token":"r","expires_in":3600,"scope":"S"}"#;
        json(200, &token.replace('A', access).replace('S', scope))
    };
    let stage = Stage::new().await;
    let browser = BrowserSession::random().unwrap();
    let connect = stage.trunkline.tenant("acme").connect("played").scopes(["bills", "taxes", "vendors"]);
    let Connect::NeedsConsent(request) = connect.await.unwrap() else { panic!("nothing is connected") };
    let query = stage.begin(&request, &browser).await;
    stage.tokens.will(granted("canary-a1", "bills vendors"));
    stage.api.will(Answer::Http(200, vec![], "ada".to_owned()));
    let connection = stage.complete(&query, &browser).await.unwrap().connection;
    for (access, scope) in [("canary-a2", "vendors bills"), ("canary-a3", "bills"), ("canary-a4", "bills")] {
        stage.clock.advance(HOUR);
        stage.tokens.will(granted(access, scope));
        connection.access_token().await.unwrap();
    }

    let found = ready(&mut stage.trunkline.events(Cursor::OLDEST));

    assert_eq!(kinds(&found), [EventKind::Connected, EventKind::ScopesNarrowed, EventKind::ScopesNarrowed]);
    let missing = |event: &Event| {
        event.diagnosis.as_ref().and_then(|why| why.evidence().message.as_ref()).unwrap().as_str().to_owned()
    };
    assert_eq!([missing(&found[1]), missing(&found[2])], ["not granted: taxes", "not granted: vendors"]);
}
