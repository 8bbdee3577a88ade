//! A service in trouble refuses grants that live: nobody is declared dead by mistake, and who is dead is found.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::time::Duration;

use futures_util::future::join_all;
use scripted::{Fate, Faults, HOUR, Process, World, settled};
use trunkline::{Builder, Cause, Connection, Incidents, Retry, State, Upkeep};
use trunkline_core::Reuse;
use trunkline_store::EventKind;

const MINUTE: Duration = Duration::from_secs(60);

fn refused_grant() -> Fate {
    Fate::Refused(400, vec![], r#"{"error":"invalid_grant"}"#)
}

/// A process that looks for what is due every minute.
async fn keeper(world: &World) -> Process {
    world.process_with(Faults::new(), |builder: Builder| builder.upkeep(Upkeep::default())).await.unwrap()
}

/// As many tenants, whose tokens of an hour do not end at the same time.
async fn spread(world: &World, process: &Process, count: u32) -> Vec<Connection> {
    let mut connections = Vec::new();
    for number in 0..count {
        connections.push(process.consents(&format!("tenant-{number}")).await.unwrap());
        tokio::time::sleep(HOUR / count).await;
    }
    assert_eq!(world.service.families(), usize::try_from(count).unwrap());
    connections
}

/// Everybody asks for a token every minute, for so long.
async fn everyone_asks(connections: &[Connection], minutes: u32) {
    for _ in 0..minutes {
        // Whoever gets none is looked at afterwards, by state.
        drop(join_all(connections.iter().map(|connection| connection.access_token())).await);
        tokio::time::sleep(MINUTE).await;
    }
}

/// Who was ever declared dead, by number.
async fn declared_dead(world: &World, connections: &[Connection]) -> Vec<usize> {
    let mut dead = Vec::new();
    for (number, connection) in connections.iter().enumerate() {
        if world.store_events(connection).await.contains(&EventKind::NeedsConsent) {
            dead.push(number);
        }
    }
    dead
}

async fn assert_all_recovered(world: &World, connections: &[Connection], what: &str) {
    assert_eq!(declared_dead(world, connections).await, [0; 0], "{what}");
    for connection in connections {
        connection.access_token().await.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(connection.status().await.unwrap().state(), State::Active, "{what}");
    }
    assert!((0..connections.len()).all(|family| world.service.is_alive(family)), "{what}");
}

/// Plays outages one after the other, each for so many minutes, and then the calm after them.
async fn outage(what: &str, reuse: Reuse, fates: &[Fate], minutes: u32) {
    let world = World::new(reuse);
    let process = keeper(&world).await;
    let connections = spread(&world, &process, 20).await;
    everyone_asks(&connections, 60).await;
    for fate in fates {
        world.service.outage(Some(fate.clone()));
        everyone_asks(&connections, minutes).await;
    }
    world.service.outage(None);
    everyone_asks(&connections, 40).await;
    assert_all_recovered(&world, &connections, &format!("{what} for {minutes} minutes")).await;
}

fn outages() -> [(&'static str, Fate); 4] {
    let html = vec![("content-type", "text/html".to_owned())];
    [
        ("unavailable", Fate::Refused(503, vec![], "{}")),
        ("silent", Fate::Unseen),
        ("a page", Fate::Refused(502, html, "<html><title>Bad gateway</title></html>")),
        ("refused grants", refused_grant()),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_ten_minutes_declares_nobody_dead() {
    for (what, fate) in outages() {
        outage(what, Reuse::KillsFamily, &[fate], 10).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_six_hours_declares_nobody_dead() {
    for (what, fate) in outages() {
        outage(what, Reuse::KillsFamily, &[fate], 360).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_replay_is_not_believed_either() {
    for reuse in [Reuse::KillsFamily, Reuse::RejectSoft, Reuse::Grace { window: 2 * MINUTE }] {
        outage("silence, then refused grants", reuse, &[Fate::Unseen, refused_grant()], 70).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_of_the_tenants_that_is_refused_is_not_dead_either() {
    let world = World::new(Reuse::KillsFamily);
    // Short lives, so that the others are renewed all the time.
    world.service.states_life(Some(120));
    let process = keeper(&world).await;
    let connections = process.tenants(60).await;
    (0..20).for_each(|family| world.service.refuses(family * 3, Some("invalid_grant")));
    for minute in 0..60 {
        everyone_asks(&connections, 1).await;
        let served = connections[1].access_token().await;
        assert!(served.is_ok(), "the others are not held back: {minute}, {served:?}");
    }
    let incidents = process.trunkline.incidents().await.unwrap();
    assert!(incidents[0].refused == 20 && incidents[0].served > 0, "{incidents:?}");

    (0..20).for_each(|family| world.service.refuses(family * 3, None));
    everyone_asks(&connections, 10).await;
    assert_all_recovered(&world, &connections, "a third of the tenants").await;
}

#[tokio::test(start_paused = true)]
async fn a_real_revocation_of_a_large_part_is_found_after_the_longest_time() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_life(Some(600));
    let process = keeper(&world).await;
    let connections = process.tenants(10).await;
    (0..5).for_each(|family| world.service.ends(family));
    everyone_asks(&connections, 12 * 60).await;
    assert_eq!(declared_dead(&world, &connections).await, [0; 0]);

    everyone_asks(&connections, 15).await;

    assert_eq!(declared_dead(&world, &connections).await, [0, 1, 2, 3, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_single_revocation_is_found_while_others_are_served() {
    let world = World::new(Reuse::KillsFamily);
    let process = keeper(&world).await;
    let connections = spread(&world, &process, 20).await;
    everyone_asks(&connections, 60).await;
    world.service.ends(7);

    let mut until_found = 0;
    let mut degraded = false;
    while connections[7].status().await.unwrap().state() != State::NeedsConsent {
        let status = connections[7].status().await.unwrap();
        if status.state() == State::Degraded {
            degraded = true;
            let why = status.diagnosis().unwrap();
            assert_eq!(
                (why.cause(), why.evidence().codes[0].as_str()),
                (Cause::ServiceUnavailable, "invalid_grant")
            );
            assert!(matches!(why.retry(), Retry::After { after_s: 60 }));
        }
        everyone_asks(&connections, 1).await;
        until_found += 1;
        assert!(until_found < 60 + 20, "its token lives an hour, and others are renewed every three minutes");
    }

    assert!(degraded, "it is not believed at once");
    assert_eq!(connections[7].status().await.unwrap().diagnosis().unwrap().cause(), Cause::GrantRevoked);
    assert_eq!(declared_dead(&world, &connections).await, [7]);
}

#[tokio::test(start_paused = true)]
async fn a_revoked_grant_that_nobody_uses_is_found_by_the_upkeep() {
    let world = World::new(Reuse::KillsFamily);
    let process = keeper(&world).await;
    let connections = spread(&world, &process, 20).await;
    everyone_asks(&connections, 60).await;
    world.service.ends(7);
    let others = [&connections[..7], &connections[8..]].concat();
    everyone_asks(&others, 60).await;
    connections[7].access_token().await.unwrap_err();

    everyone_asks(&others, 15).await;

    assert_eq!(connections[7].status().await.unwrap().state(), State::NeedsConsent);
}

#[tokio::test(start_paused = true)]
async fn a_mass_revocation_is_found_after_the_longest_time_and_not_before() {
    let world = World::new(Reuse::KillsFamily);
    let process = keeper(&world).await;
    let connections = spread(&world, &process, 20).await;
    (0..20).for_each(|family| world.service.ends(family));
    everyone_asks(&connections, 12 * 60).await;
    assert_eq!(declared_dead(&world, &connections).await, [0; 0]);
    assert_eq!(process.trunkline.incidents().await.unwrap().len(), 1);

    everyone_asks(&connections, 90).await;

    assert_eq!(declared_dead(&world, &connections).await.len(), 20);
}

#[tokio::test(start_paused = true)]
async fn two_long_outages_with_silence_between_are_not_one() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let connections = process.tenants(6).await;
    for _ in 0..2 {
        world.clock.advance(24 * HOUR);
        world.service.outage(Some(refused_grant()));
        everyone_asks(&connections, 120).await;
    }
    world.service.outage(None);
    world.clock.advance(HOUR);
    assert_all_recovered(&world, &connections, "asked by nobody in between").await;
}

#[tokio::test(start_paused = true)]
async fn a_few_revocations_in_a_quiet_fleet_do_not_hold_each_other_up() {
    let world = World::new(Reuse::KillsFamily);
    let process = keeper(&world).await;
    let connections = spread(&world, &process, 100).await;
    everyone_asks(&connections, 60).await;
    (40..46).for_each(|family| world.service.ends(family));

    let mut incidents = 0;
    for _ in 0..60 + 30 {
        everyone_asks(&connections, 1).await;
        incidents += process.trunkline.incidents().await.unwrap().len();
    }

    assert!((1..30).contains(&incidents), "it begins as one, and ends: {incidents} minutes");
    assert_eq!(declared_dead(&world, &connections).await, [40, 41, 42, 43, 44, 45]);
}

#[tokio::test(start_paused = true)]
async fn who_was_revoked_during_an_outage_is_found_when_the_others_have_recovered() {
    let world = World::new(Reuse::KillsFamily);
    let process = keeper(&world).await;
    let connections = spread(&world, &process, 60).await;
    everyone_asks(&connections, 60).await;
    world.service.outage(Some(refused_grant()));
    everyone_asks(&connections, 35).await;
    (10..16).for_each(|family| world.service.ends(family));
    everyone_asks(&connections, 35).await;
    world.service.outage(None);
    world.service.states_life(Some(600));

    // Some renewals of the others are needed, which all come at the same time.
    everyone_asks(&connections, 40).await;

    assert_eq!(declared_dead(&world, &connections).await, [10, 11, 12, 13, 14, 15]);
    assert_eq!(process.trunkline.incidents().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_part_is_one_however_seldom_its_tenants_ask() {
    let world = World::new(Reuse::KillsFamily);
    world.service.states_life(Some(120));
    // Nobody asks on behalf of those who do not.
    let process = world.process().await;
    let connections = process.tenants(60).await;
    (0..20).for_each(|family| world.service.refuses(family * 3, Some("invalid_grant")));
    for _ in 0..12 {
        everyone_asks(&connections, 1).await;
        tokio::time::sleep(9 * MINUTE).await;
    }
    assert_eq!(declared_dead(&world, &connections).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn during_an_incident_only_a_few_are_asked_for() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    let other = world.process().await;
    let connections = process.tenants(60).await;
    world.clock.advance(HOUR);
    world.service.outage(Some(refused_grant()));

    for connection in &connections {
        let error = connection.access_token().await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
        assert!(matches!(error.diagnosis().unwrap().retry(), Retry::After { .. }), "{error:?}");
    }
    assert_eq!(process.line.asked(), 10, "the budget of a minute");
    let told = other.trunkline.tenant("tenant-50").connect("played").await.unwrap_err();
    assert_eq!((told.cause(), other.line.asked()), (Some(Cause::ServiceUnavailable), 0));
    let incidents = process.trunkline.incidents().await.unwrap();
    assert_eq!((incidents[0].refused, incidents[0].served), (10, 0));

    for _ in 0..9 {
        world.clock.advance(MINUTE + Duration::from_secs(1));
        for connection in &connections {
            connection.access_token().await.unwrap_err();
        }
    }
    assert!(process.line.asked() <= 100, "{}", process.line.asked());

    // A service that accepts again is asked for all at once.
    world.service.outage(None);
    world.clock.advance(2 * MINUTE);
    for connection in &connections {
        connection.access_token().await.unwrap();
        settled().await;
    }
    assert_all_recovered(&world, &connections, "an hour's tokens at once").await;
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_refused_a_success_costs_no_mark_and_few_reads() {
    let world = World::new(Reuse::KillsFamily);
    let watch = Faults::new();
    let process = world.watched(watch.clone()).await;
    let connections = process.tenants(100).await;
    world.clock.advance(HOUR);
    let before = watch.count(trunkline_tests::Call::Mark);
    for connection in &connections {
        connection.access_token().await.unwrap();
    }
    settled().await;
    assert!(watch.count(trunkline_tests::Call::Mark) - before <= 3, "one look for all of them");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let world = World::new(Reuse::KillsFamily);
    let spoilt: [fn(&mut Incidents); 5] = [
        |incidents| incidents.tenants = 1,
        |incidents| incidents.share = 101,
        |incidents| incidents.probes = 0,
        |incidents| incidents.longest = MINUTE,
        |incidents| incidents.look_every = Duration::ZERO,
    ];
    for spoil in spoilt {
        let mut incidents = Incidents::default();
        spoil(&mut incidents);
        let built = world.process_with(Faults::new(), |builder| builder.incidents(incidents)).await;
        assert_eq!(built.err().map(|error| error.kind()), Some(trunkline::ErrorKind::ConfigInvalid));
    }
}
