//! Sage Intacct from end to end: hub, provider, SQLite and real HTTP.

mod common;

use std::time::Duration;

use common::{Ahead, VENDORS, World};
use serde_json::{Value, json};
use trunkline::{Cause, Connect, ErrorKind, KeyRing, Revocation, SqliteStore, State, Status, Trunkline};
use trunkline_sim::sage_intacct::{Knobs, TokenFault};

#[tokio::test]
async fn an_expired_token_is_renewed_without_the_application_noticing_whatever_the_status() {
    let world = World::new().await;
    let sage = world.connect().await;
    world.half_a_day_later();

    let response = sage.get(VENDORS).send().await.unwrap();

    assert_eq!(response.status(), 200);
    assert_eq!(sage.access_token().await.unwrap().generation(), 2);
}

#[tokio::test]
async fn a_rejected_post_is_replayed_once_and_creates_one_record() {
    let world = World::new().await;
    let sage = world.connect().await;
    world.half_a_day_later();

    let vendor = json!({"id": "V-NEW", "name": "New"});
    let created = sage.post(VENDORS).json(&vendor).send().await.unwrap();

    assert_eq!(created.status(), 201);
    let query =
        json!({"object": "accounts-payable/vendor", "fields": ["id"], "filters": [{"$eq": {"id": "V-NEW"}}]});
    let found: Value =
        sage.post("/services/core/query").json(&query).send().await.unwrap().json().await.unwrap();
    assert_eq!(found["ia::meta"]["totalCount"], 1, "{found}");
}

#[tokio::test]
async fn a_revoked_grant_is_told_in_one_typed_value_and_not_asked_for_again() {
    let world = World::new().await;
    let sage = world.connect().await;
    let control = world.service.control();
    control.revoke_grants(world.service.user_id(), world.service.company_id());

    let error = sage.get(VENDORS).send().await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unauthenticated, Some(Cause::GrantRevoked)));
    assert_eq!(sage.status().await.unwrap().state(), State::NeedsConsent);

    let asked = control.token_requests();
    let again = sage.get(VENDORS).send().await.unwrap_err();
    assert_eq!(again.cause(), Some(Cause::GrantRevoked));
    assert_eq!(control.token_requests(), asked, "a service that said no is not asked again");
}

#[tokio::test]
async fn reconnecting_repairs_in_place_and_another_account_needs_approval() {
    let world = World::new().await;
    let sage = world.connect().await;
    world.service.control().revoke_grants(world.service.user_id(), world.service.company_id());
    drop(sage.get(VENDORS).send().await);
    let connect = || async { world.trunkline.tenant("acme").connect("sage_intacct").await.unwrap() };
    let Connect::NeedsConsent(request) = connect().await else { panic!("the grant is dead") };

    let other = world.consent_as(&request, "clerk").await.unwrap_err();
    assert_eq!(other.cause(), Some(Cause::AccountMismatch), "{other:?}");
    let repaired = world.consent(&request).await.unwrap();

    assert_eq!(repaired.id(), sage.id());
    assert_eq!(sage.get(VENDORS).send().await.unwrap().status(), 200, "the old handle works again");
}

#[tokio::test]
async fn no_fault_of_the_token_endpoint_kills_a_grant_or_is_tried_twice() {
    for fault in [
        TokenFault::Reset,
        TokenFault::LoseAnswer,
        TokenFault::HalfAnswer,
        TokenFault::Status(500),
        TokenFault::Status(503),
        TokenFault::Html(200),
        TokenFault::Html(502),
        TokenFault::Redirect("https://elsewhere.example/token".to_owned()),
    ] {
        let world = World::new().await;
        let sage = world.connect().await;
        world.half_a_day_later();
        let control = world.service.control();
        let asked = control.token_requests();
        control.fail_token_endpoint(&fault, 1);

        let error = sage.get(VENDORS).send().await.unwrap_err();

        assert_eq!(control.token_requests(), asked + 1, "{fault:?}: exactly one attempt");
        assert!(
            error.kind().is_retryable() || error.kind() == ErrorKind::ResponseInvalid,
            "{fault:?}: {error:?}"
        );
        let status = sage.status().await.unwrap();
        assert_eq!(status.state(), State::Degraded, "{fault:?}: {status:?}");
        // A later start of the process, with the service well again.
        let reopened = world.another().await;
        let Connect::Ready(again) = reopened.tenant("acme").connect("sage_intacct").await.unwrap() else {
            panic!("{fault:?}: the grant lives")
        };
        assert_eq!(again.get(VENDORS).send().await.unwrap().status(), 200, "{fault:?}");
        assert_eq!(again.status().await.unwrap().state(), State::Active, "{fault:?}");
    }
}

#[tokio::test]
async fn many_callers_of_an_expired_token_make_one_token_request() {
    let world = World::with(Knobs::default(), "").await;
    let sage = world.connect().await;
    world.half_a_day_later();
    let asked = world.service.control().token_requests();

    // Below the service's limit of six requests at once.
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let sage = sage.clone();
        calls.spawn(async move { sage.get(VENDORS).send().await.unwrap().status() });
    }
    for status in calls.join_all().await {
        assert_eq!(status, 200);
    }

    assert_eq!(world.service.control().token_requests(), asked + 1);
}

#[tokio::test]
async fn the_entity_header_scopes_one_request_or_a_whole_handle() {
    let world = World::new().await;
    let sage = world.connect().await;
    let count = async |connection: &trunkline::Connection, entity: Option<&str>| {
        let request = connection.get(VENDORS);
        let request = match entity {
            Some(entity) => request.entity(entity),
            None => request,
        };
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        answer["ia::meta"]["totalCount"].as_u64().unwrap()
    };
    let scoped = sage.entity("E100").unwrap();

    assert_eq!(count(&sage, None).await, 250);
    assert_eq!(count(&scoped, None).await, 253);
    assert_eq!(count(&sage, Some("E100")).await, 253);
}

#[tokio::test]
async fn a_connection_made_for_an_entity_is_scoped_to_it() {
    let world = World::with(Knobs::default(), r#"entity = "E100""#).await;
    let sage = world.connect().await;

    let answer: Value = sage.get(VENDORS).send().await.unwrap().json().await.unwrap();

    assert_eq!(answer["ia::meta"]["totalCount"], 253, "{answer}");
    assert_eq!(sage.account().await.unwrap().unwrap().entity.as_deref(), Some("E100"));
}

#[tokio::test]
async fn client_credentials_connect_by_themselves_once_the_user_is_named() {
    let world = World::with(Knobs::default(), r#"grant = "client_credentials""#).await;
    world.service.control().authorise_client(
        world.service.company_id(),
        world.service.client_id(),
        Some(world.service.user_id()),
    );
    let tenant = world.trunkline.tenant("acme");
    let Connect::NeedsConsent(request) = tenant.connect("sage_intacct").await.unwrap() else {
        panic!("no user named")
    };
    assert_eq!(request.missing_inputs()[0].name, "username");

    let ready = tenant.connect("sage_intacct").input("username", world.service.username()).await.unwrap();
    let Connect::Ready(sage) = ready else { panic!("{ready:?}") };
    assert_eq!(sage.get(VENDORS).send().await.unwrap().status(), 200);
    assert_eq!(sage.account().await.unwrap().unwrap().user, world.service.user_id());
}

#[tokio::test]
async fn disconnect_revokes_unless_another_connection_holds_the_account() {
    let world = World::new().await;
    let first = world.connect().await;
    let tenant = world.trunkline.tenant("acme");
    let Connect::NeedsConsent(request) = tenant.connect("sage_intacct").label("second").await.unwrap() else {
        panic!()
    };
    let second = world.consent(&request).await.unwrap();

    assert!(matches!(first.disconnect().await.unwrap(), Revocation::Shared { others: 1 }));
    assert_eq!(second.get(VENDORS).send().await.unwrap().status(), 200, "the other connection lives");
    assert!(matches!(second.disconnect().await.unwrap(), Revocation::Revoked));
    let gone = second.get(VENDORS).send().await.unwrap_err();
    assert_eq!(gone.cause(), Some(Cause::Disconnected));
}

#[tokio::test]
async fn a_second_consent_for_one_user_ends_the_first_which_names_it() {
    let world = World::new().await;
    let first = world.connect().await;
    let tenant = world.trunkline.tenant("acme");
    let Connect::NeedsConsent(request) = tenant.connect("sage_intacct").label("second").await.unwrap() else {
        panic!()
    };
    let at_risk = request.at_risk().await.unwrap();
    assert_eq!((at_risk.len(), at_risk[0].connection, at_risk[0].is_certain), (1, first.id(), false));

    let second = world.consent(&request).await.unwrap();

    // Nobody uses it: it was looked at because of the consent.
    let status = until(&first, State::NeedsConsent).await;
    let why = status.diagnosis().unwrap();
    assert_eq!(why.cause(), Cause::GrantSuperseded);
    let successor = why.evidence().successor.clone().unwrap();
    assert_eq!((successor.connection, successor.label.as_deref()), (second.id(), Some("second")));
    assert_eq!(second.get(VENDORS).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_user_who_is_named_beforehand_makes_the_warning_certain() {
    let world = World::new().await;
    let first = world.connect().await;
    let at_risk = async |tenant: &str, username: &str| {
        let connect = world.trunkline.tenant(tenant).connect("sage_intacct").label("x");
        connect.method("client_credentials").input("username", username).at_risk().await.unwrap()
    };

    let of_acme = at_risk("acme", &world.service.username()).await;
    let of_globex = at_risk("globex", &world.service.username()).await;

    assert_eq!((of_acme.len(), of_acme[0].connection, of_acme[0].is_certain), (1, first.id(), true));
    assert_eq!((of_acme[0].label.as_deref(), of_globex[0].label.as_deref()), (Some("default"), None));
    assert!(at_risk("acme", "clerk@acme-corp").await.is_empty(), "another user's grant is not ended");
}

#[tokio::test]
async fn a_revoked_grant_is_found_by_the_probe_alone() {
    let world = World::new().await;
    let sage = world.connect().await;
    let asked = world.service.control().token_requests();
    let ahead = Ahead::default();
    let prober = world.probing(ahead.clone()).await;
    world.service.control().revoke_grants(world.service.user_id(), world.service.company_id());

    ahead.advance(Duration::from_secs(16 * 60));

    let status = until(&sage, State::NeedsConsent).await;
    assert_eq!(status.diagnosis().unwrap().cause(), Cause::GrantRevoked);
    assert_eq!(world.service.control().token_requests(), asked + 1, "the renewal that decides");
    prober.shutdown(Duration::from_secs(5)).await.unwrap();
}

#[tokio::test]
async fn a_living_grant_is_proved_alive_by_the_probe_alone() {
    let world = World::new().await;
    let sage = world.connect().await;
    let proved = async || world.trunkline.tenant("acme").connections(None, 1).await.unwrap()[0].proved_at;
    let before = proved().await;
    let ahead = Ahead::default();
    let prober = world.probing(ahead.clone()).await;

    ahead.advance(Duration::from_secs(16 * 60));

    eventually(async || proved().await > before).await;
    assert_eq!(sage.status().await.unwrap().state(), State::Active);
    prober.shutdown(Duration::from_secs(5)).await.unwrap();
}

/// Waits for what happens in the background.
async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waits = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waits).await.expect("it happens");
}

async fn until(connection: &trunkline::Connection, state: State) -> Status {
    let status = async || connection.status().await.expect("the store answers");
    eventually(async || status().await.state() == state).await;
    status().await
}

#[tokio::test]
async fn two_hubs_on_one_file_see_each_others_connections() {
    let world = World::new().await;
    let sage = world.connect().await;
    let other = world.another().await;

    let Connect::Ready(same) = other.tenant("acme").connect("sage_intacct").await.unwrap() else { panic!() };

    assert_eq!(same.id(), sage.id());
    assert_eq!(other.tenant("acme").connections(None, 10).await.unwrap().len(), 1);
    assert!(other.tenant("globex").connections(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_hub_with_the_wrong_key_does_not_start_and_changes_nothing() {
    let world = World::new().await;
    world.connect().await;

    let store = SqliteStore::open(world.file()).await.unwrap();
    let wrong = Trunkline::builder().store(store).keys(KeyRing::new([8; 32])).build().await.unwrap_err();

    assert_eq!(wrong.kind(), ErrorKind::ConfigInvalid, "{wrong:?}");
    assert_eq!(world.connect().await.get(VENDORS).send().await.unwrap().status(), 200);
}
