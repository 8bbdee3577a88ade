//! A connection that is found rather than asked for: whatever its state, and without a word to the service.

mod common;

use common::World;
use trunkline::{ErrorKind, Revocation, State};

#[tokio::test]
async fn a_lost_connection_is_found_and_can_be_disconnected_without_a_call() {
    let world = World::new().await;
    let first = world.connect().await;
    world.service.control().revoke_grants(world.service.user_id(), world.service.company_id());
    assert!(first.get("/objects/accounts-payable/vendor").send().await.is_err());
    let asked = world.service.control().requests().len();

    let found = world.another().await.tenant("acme").find("sage_intacct", "default").await.unwrap().unwrap();

    assert_eq!((found.id(), found.label()), (first.id(), "default"));
    assert_eq!(found.status().await.unwrap().state(), State::NeedsConsent);
    assert_eq!(world.service.control().requests().len(), asked, "finding asks nobody");
    let outcome = found.disconnect().await.unwrap();
    assert!(!matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
    assert_eq!(found.status().await.unwrap().state(), State::Disconnected);
}

#[tokio::test]
async fn a_found_connection_serves() {
    let world = World::new().await;
    world.connect().await;
    let other = world.another().await;
    let found = other.tenant("acme").find("sage_intacct", "default").await.unwrap().unwrap();
    let response = found.get("/objects/accounts-payable/vendor").send().await.unwrap();
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_is_not_configured_is_an_error() {
    let world = World::new().await;
    let tenant = world.trunkline.tenant("acme");
    assert!(tenant.find("sage_intacct", "default").await.unwrap().is_none());
    let error = tenant.find("sage_intact", "default").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotConfigured);
    assert_eq!(tenant.find("sage_intacct", "").await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
