//! A newer consent for the same account: said before, looked for after, and named as the cause.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod scripted;

use std::time::Duration;

use scripted::{Process, World, settled};
use trunkline::{Cause, Connect, Connection, ConsentRequest, Revocation, State, Successor};
use trunkline_core::{NewConsent, Reuse};
use trunkline_store::EventKind;

/// A service that keeps one grant per account, and a connector that knows it.
fn world() -> World {
    let mut world = World::new(Reuse::KillsFamily);
    world.policy.new_consent = NewConsent::EndsEarlier;
    world.service.supersedes();
    world
}

async fn asked(process: &Process, tenant: &str, label: &str) -> ConsentRequest {
    match process.trunkline.tenant(tenant).connect("played").label(label).await.unwrap() {
        Connect::NeedsConsent(request) => request,
        other => panic!("{other:?}"),
    }
}

/// A consent a minute after the last one.
async fn connected(process: &Process, tenant: &str, label: &str) -> Connection {
    tokio::time::sleep(Duration::from_secs(60)).await;
    process.consents_to(&asked(process, tenant, label).await).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_older_grant_is_looked_at_at_once_and_names_its_successor() {
    let world = world();
    let process = world.process().await;
    let first = connected(&process, "acme", "first").await;
    let second = connected(&process, "acme", "second").await;
    settled().await;

    let status = first.status().await.unwrap();
    let why = status.diagnosis().unwrap();
    assert_eq!((status.state(), why.cause()), (State::NeedsConsent, Cause::GrantSuperseded));
    let successor = Successor::new(second.id(), Some("second".to_owned()));
    assert_eq!(why.evidence().successor.as_deref(), Some(&successor));
    assert_eq!(why.evidence().codes[0].as_str(), "invalid_grant", "what the service said stays");
    assert_eq!(world.store_events(&first).await, [EventKind::Connected, EventKind::Superseded]);
    assert_eq!(second.status().await.unwrap().state(), State::Active);
    assert_eq!(first.access_token().await.unwrap_err().cause(), Some(Cause::GrantSuperseded));
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_lives_on_is_not_dead_by_assumption() {
    let mut world = World::new(Reuse::KillsFamily);
    world.policy.new_consent = NewConsent::EndsEarlier;
    let process = world.process().await;
    let first = connected(&process, "acme", "first").await;
    let proved = world.row(&first).await.record.proved_at;
    connected(&process, "acme", "second").await;
    settled().await;

    assert_eq!(first.status().await.unwrap().state(), State::Active);
    assert!(world.row(&first).await.record.proved_at > proved, "it was looked at");
    assert_eq!(process.line.asked(), 0, "and no token was spent for that");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_no_newer_consent_explains_is_a_revocation() {
    let world = world();
    let process = world.process().await;
    connected(&process, "acme", "first").await;
    let second = connected(&process, "acme", "second").await;
    settled().await;
    world.service.revokes(1);
    world.clock.advance(scripted::HOUR);

    let error = second.access_token().await.unwrap_err();

    assert_eq!(error.cause(), Some(Cause::GrantRevoked), "the newest has no successor");
}

#[tokio::test(start_paused = true)]
async fn another_tenants_names_are_not_told() {
    let world = world();
    let process = world.process().await;
    let first = connected(&process, "acme", "first").await;
    let second = connected(&process, "globex", "theirs").await;
    settled().await;

    let status = first.status().await.unwrap();
    let evidence = status.diagnosis().unwrap().evidence();
    assert_eq!(evidence.successor.as_deref(), Some(&Successor::new(second.id(), None)));
    let text = serde_json::to_string(&status.diagnosis().unwrap().report()).unwrap();
    assert!(!text.contains("globex") && !text.contains("theirs"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_a_consent_may_end_is_known_before_it_is_begun() {
    let world = world();
    let process = world.process().await;
    let first = connected(&process, "acme", "first").await;
    connected(&process, "globex", "theirs").await;
    settled().await;

    // Nobody knows yet who will approve; what is dead is not at risk.
    assert_eq!(asked(&process, "acme", "second").await.at_risk().await.unwrap(), []);
    let repair = asked(&process, "acme", "first").await;
    let at_risk = repair.at_risk().await.unwrap();
    assert_eq!(at_risk.len(), 1, "another tenant's, by the account that is pinned: {at_risk:?}");
    assert!(at_risk[0].is_certain && at_risk[0].label.is_none());
    assert_eq!(at_risk[0].advice().key(), "consent.ends_elsewhere");

    process.consents_to(&repair).await.unwrap();
    settled().await;
    let at_risk = asked(&process, "acme", "second").await.at_risk().await.unwrap();
    assert_eq!((at_risk[0].connection, at_risk[0].is_certain), (first.id(), false));
    assert!(at_risk[0].advice().to_string().contains("first"), "{}", at_risk[0].advice());
    assert!(asked(&process, "globex", "second").await.at_risk().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn where_grants_live_side_by_side_nothing_is_at_risk() {
    let world = World::new(Reuse::KillsFamily);
    let process = world.process().await;
    connected(&process, "acme", "first").await;

    assert_eq!(asked(&process, "acme", "second").await.at_risk().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_repaired_connection_supersedes_in_its_turn() {
    let world = world();
    let process = world.process().await;
    let first = connected(&process, "acme", "first").await;
    let second = connected(&process, "acme", "second").await;
    settled().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    process.consents_to(&asked(&process, "acme", "first").await).await.unwrap();
    settled().await;

    assert_eq!(first.status().await.unwrap().state(), State::Active);
    let status = second.status().await.unwrap();
    let successor = status.diagnosis().unwrap().evidence().successor.clone().unwrap();
    assert_eq!(successor.connection, first.id());
    assert!(matches!(second.disconnect().await.unwrap(), Revocation::Revoked | Revocation::Refused(_)));
    assert_eq!(first.status().await.unwrap().state(), State::Active);
}
