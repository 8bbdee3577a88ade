//! What a connection may do, known before the call, through the hub and against the simulated service.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use std::future::IntoFuture as _;
use std::sync::Arc;
use std::time::Duration;

use common::{Ahead, World};
use futures_util::StreamExt as _;
use serde_json::json;
use trunkline::permission::{Difference, Kind, Operation, Verdict};
use trunkline::{
    Cause, Config, Connect, Connection, Cursor, Diagnosis, ErrorKind, EventKind, KeyRing, MemoryStore,
    Signal, SignalKind, SignalOrigin, SignalSubject, SystemClock, Trunkline,
};
use trunkline_core::Clock as _;
use trunkline_sim::sage_intacct::Control;
use trunkline_sim::standard::Standard;
use trunkline_testkit::{Call, CrashPoints};

const BILL: &str = "accounts-payable/bill";
const BILLS: &str = "/objects/accounts-payable/bill";
const PERMISSION: (&str, &str) = ("accountsPayable", "bills");
const COMPANY: &str = "acme-corp";
/// A user who may see users and roles, and no bills.
const USER: &str = "useradmin";
const ROLE: &str = "Auditor";

async fn connected(world: &World, user: &str) -> Connection {
    let connect = world.trunkline.tenant("acme").connect("sage_intacct").await.unwrap();
    let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
    world.consent_as(&request, user).await.unwrap()
}

fn widen(control: &Control) {
    control.set_permissions(COMPANY, ROLE, PERMISSION, &["list", "readonly", "add"]).unwrap();
}

fn narrow(control: &Control) {
    control.set_permissions(COMPANY, ROLE, PERMISSION, &[]).unwrap();
}

fn post() -> [Operation; 1] {
    [Operation::create(BILL)]
}

/// How many calls the service answers while this is done.
async fn calls<T>(world: &World, done: impl Future<Output = T>) -> (usize, T) {
    world.service.control().clear_requests();
    let outcome = done.await;
    (world.service.control().requests().len(), outcome)
}

#[tokio::test]
async fn an_operation_is_denied_before_the_call_and_allowed_once_the_role_is_widened() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;

    let error = sage.require(post()).await.unwrap_err();

    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let source = std::error::Error::source(&error).unwrap();
    let difference = source.downcast_ref::<Difference>().unwrap();
    let missing: Vec<_> =
        difference.missing[0].missing.iter().map(|it| (it.kind, it.name.as_ref())).collect();
    assert_eq!(
        missing,
        [(Kind::Object, "accountsPayable.bills: list"), (Kind::Object, "accountsPayable.bills: add")]
    );
    let refused = sage.post(BILLS).json(&json!({})).send().await.unwrap();
    assert_eq!(refused.status(), 403, "the service says the same");

    widen(&world.service.control());
    sage.forget_permissions();
    sage.require(post()).await.unwrap();
    let taken = sage.post(BILLS).json(&json!({})).send().await.unwrap();
    assert_ne!(taken.status(), 403);
}

#[tokio::test]
async fn what_is_known_costs_no_call_and_covers_other_objects_too() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    widen(&world.service.control());
    let (first, report) = calls(&world, sage.check(post())).await;
    assert!(first > 0 && report.unwrap().is_allowed());

    let (again, ()) = calls(&world, async { sage.require(post()).await.unwrap() }).await;
    let others = [Operation::list(BILL), Operation::read(BILL), Operation::list("accounts-payable/vendor")];
    let (more, report) = calls(&world, sage.check(others)).await;

    assert_eq!((again, more), (0, 0));
    assert!(report.unwrap().is_allowed());
}

#[tokio::test]
async fn callers_at_the_same_moment_read_once() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    widen(&world.service.control());
    let (alone, _) = calls(&world, sage.check(post())).await;
    sage.forget_permissions();

    let all = futures_util::future::join_all((0..50).map(|_| sage.require(post())));
    let (together, outcomes) = calls(&world, all).await;

    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(together, alone);
}

#[tokio::test]
async fn a_caller_who_goes_away_while_rights_are_read_leaves_the_turn_to_the_next() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    {
        let mut reading = Box::pin(sage.check(post()));
        let first = futures_util::poll!(reading.as_mut());
        assert!(first.is_pending());
    }
    assert!(sage.check(post()).await.unwrap().rows[0].effective.is_denied());
}

#[tokio::test]
async fn a_call_that_is_refused_names_the_operation_and_the_permission_and_what_was_known_is_forgotten() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let control = world.service.control();
    widen(&control);
    sage.require(post()).await.unwrap();
    narrow(&control);
    sage.require(post()).await.expect("nobody has told yet");

    let refused = sage.post(BILLS).json(&json!({})).send().await.unwrap();

    let diagnosis = refused.diagnosis().unwrap();
    assert_eq!(diagnosis.cause(), Cause::PermissionMissing);
    let [lack] = &diagnosis.evidence().lacks[..] else { panic!("{diagnosis:?}") };
    assert_eq!(lack.operation, post()[0]);
    assert!(lack.missing.iter().any(|it| it.name == "accountsPayable.bills: add"), "{lack:?}");
    let remedy = diagnosis.remedy().to_string();
    assert!(remedy.contains("accountsPayable.bills: add") && remedy.contains("Company > "), "{remedy}");
    assert_eq!(sage.require(post()).await.unwrap_err().kind(), ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn rights_that_are_read_after_a_refusal_tell_which_layer_it_was() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let control = world.service.control();
    control.set_permissions(COMPANY, ROLE, PERMISSION, &["list", "readonly"]).unwrap();
    let lacks = |diagnosis: &Diagnosis| {
        let [lack] = &diagnosis.evidence().lacks[..] else { panic!("{diagnosis:?}") };
        lack.missing.iter().map(|it| it.name.to_string()).collect::<Vec<_>>()
    };
    let refused = sage.post(BILLS).json(&json!({})).send().await.unwrap();
    assert_eq!(lacks(refused.diagnosis().unwrap()).len(), 2, "which of them, only the rights tell");
    let told = sage.explain(&refused).await.unwrap().unwrap();
    assert_eq!(lacks(&told), ["accountsPayable.bills: add"]);

    control.unsubscribe(COMPANY, "accountsPayable");
    let refused = sage.post(BILLS).json(&json!({})).send().await.unwrap();
    let told = sage.explain(&refused).await.unwrap().unwrap();
    assert_eq!(told.evidence().lacks[0].missing[0].kind, Kind::Company, "{told:?}");

    let taken = sage.get("/objects/accounts-payable/vendor").send().await.unwrap();
    assert!(sage.explain(&taken).await.unwrap().is_none_or(|why| why.cause() != Cause::PermissionMissing));
}

#[tokio::test]
async fn an_application_that_is_no_longer_admitted_is_not_explained_as_a_missing_permission() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    world.service.control().deauthorise_client(COMPANY, world.service.client_id());
    let refused = sage.post(BILLS).json(&json!({})).send().await.unwrap();
    let told = sage.explain(&refused).await.unwrap().unwrap();
    let [lack] = &told.evidence().lacks[..] else { panic!("{told:?}") };
    let names: Vec<_> = lack.missing.iter().map(|it| (it.kind, it.name.as_ref())).collect();
    assert_eq!(names, [(Kind::Company, "the client ID of the application, with status Active")]);
}

#[tokio::test]
async fn a_refusal_of_a_query_names_the_object_in_its_body() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let query = json!({ "object": BILL, "fields": ["key"] });
    let refused = sage.post("/services/core/query").json(&query).send().await.unwrap();
    let lacks = &refused.diagnosis().unwrap().evidence().lacks;
    assert_eq!(lacks[0].operation, Operation::list(BILL), "{lacks:?}");
}

#[tokio::test]
async fn a_denial_is_believed_for_half_a_minute_and_a_right_for_a_quarter_of_an_hour() {
    let world = World::new().await;
    connected(&world, USER).await;
    let clock = Ahead::default();
    let process = world.timed(clock.clone()).await;
    let Connect::Ready(sage) = process.tenant("acme").connect("sage_intacct").await.unwrap() else {
        panic!("connected")
    };
    let control = world.service.control();
    let is_allowed = async || sage.check(post()).await.unwrap().is_allowed();
    assert!(!is_allowed().await);

    widen(&control);
    clock.advance(Duration::from_secs(29));
    assert!(!is_allowed().await);
    clock.advance(Duration::from_secs(2));
    assert!(is_allowed().await);

    narrow(&control);
    clock.advance(Duration::from_secs(14 * 60 + 50));
    assert!(is_allowed().await);
    clock.advance(Duration::from_secs(20));
    assert!(!is_allowed().await);
}

#[tokio::test]
async fn a_verdict_that_turned_is_an_event_that_says_what_is_lacking_now() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let control = world.service.control();
    drop(sage.check(post()).await.unwrap());
    for change in [widen, widen, narrow] {
        change(&control);
        sage.forget_permissions();
        drop(sage.check(post()).await.unwrap());
    }
    sage.disconnect().await.unwrap();

    let events = world.trunkline.events(Cursor::OLDEST).map(Result::unwrap);
    let events: Vec<_> =
        events.take_while(|event| std::future::ready(event.kind != EventKind::Disconnected)).collect().await;

    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Connected, EventKind::PermissionsChanged, EventKind::PermissionsChanged]);
    assert_eq!(events[1].diagnosis, None, "nothing is lacking any more");
    let lacks = &events[2].diagnosis.as_ref().unwrap().evidence().lacks;
    assert_eq!(lacks[0].operation, post()[0]);
}

#[tokio::test]
async fn an_operation_that_the_service_does_not_have_offers_the_nearest() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let (asked, error) = calls(&world, sage.require([Operation::create("accounts-payable/bil")])).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind(), asked), (ErrorKind::InvalidInput, 0));
    assert!(error.hint_text().unwrap().contains("create:accounts-payable/bill"), "{error:?}");
}

#[tokio::test]
async fn rights_differ_between_entities() {
    let world = World::new().await;
    let sage = connected(&world, "e100only").await;
    let [inside, outside] = ["E100", "E200"].map(|entity| sage.entity(entity).unwrap());
    assert!(inside.check(post()).await.unwrap().is_allowed());
    let report = outside.check(post()).await.unwrap();
    let Verdict::Denied { missing } = &report.rows[0].effective else { panic!("{report}") };
    assert!(missing[0].name.contains("E200"), "{missing:?}");
    assert!(inside.check(post()).await.unwrap().is_allowed());
}

#[tokio::test]
async fn a_connect_that_requires_more_than_there_is_says_so_and_leaves_the_connection() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let connect = || world.trunkline.tenant("acme").connect("sage_intacct");
    let error = connect().require(post()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let Connect::Ready(same) = connect().await.unwrap() else { panic!("connected") };
    assert_eq!(same.id(), sage.id());

    widen(&world.service.control());
    same.forget_permissions();
    assert!(matches!(connect().require(post()).await.unwrap(), Connect::Ready(_)));
}

#[tokio::test]
async fn a_connect_whose_requirement_is_known_asks_neither_store_nor_service() {
    let world = World::new().await;
    connected(&world, USER).await;
    widen(&world.service.control());
    let points = Arc::new(CrashPoints::new());
    let trunkline = world.counted(points.clone()).await;
    let connect = || trunkline.tenant("acme").connect("sage_intacct").require(post());
    let (asked, first) = calls(&world, connect().into_future()).await;
    assert!(matches!(first.unwrap(), Connect::Ready(_)));
    let read = points.count(Call::Read);
    assert!(asked > 0 && read > 0, "what is not known has to be asked for");

    let (asked, again) = calls(&world, connect().into_future()).await;

    assert!(matches!(again.unwrap(), Connect::Ready(_)));
    assert_eq!((asked, points.count(Call::Read)), (0, read));
}

#[tokio::test]
async fn a_token_that_is_rejected_while_rights_are_read_is_renewed_once() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    world.service.control().reject_access_tokens(USER, COMPANY);
    assert!(sage.check(post()).await.unwrap().rows[0].effective.is_denied());
    assert_eq!(sage.access_token().await.unwrap().generation(), 2);
}

#[tokio::test]
async fn a_service_that_cannot_be_asked_is_an_error_and_no_verdict() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    let control = world.service.control();
    control.maintenance(true);
    let error = sage.require(post()).await.unwrap_err();
    assert_eq!(error.cause(), Some(Cause::ServiceUnavailable));
    control.maintenance(false);
    control.revoke_grants(USER, COMPANY);
    assert_eq!(sage.require(post()).await.unwrap_err().cause(), Some(Cause::GrantRevoked));
}

#[tokio::test]
async fn a_company_that_is_closed_denies_everything_for_that_reason() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    world.service.control().set_company_active(COMPANY, false);
    let report = sage.check(post()).await.unwrap();
    let Verdict::Denied { missing } = &report.rows[0].effective else { panic!("{report}") };
    assert_eq!(missing[0].kind, Kind::Company);
    assert!(missing[0].name.starts_with("an active company"), "{missing:?}");
}

#[tokio::test]
async fn a_service_that_says_that_permissions_changed_is_asked_again() {
    let world = World::new().await;
    let sage = connected(&world, USER).await;
    assert!(!sage.check(post()).await.unwrap().is_allowed());
    widen(&world.service.control());
    let at = SystemClock.wall() + Duration::from_secs(1);
    let told = Signal {
        connector: "sage_intacct".to_owned(),
        subjects: vec![SignalSubject::user(USER)],
        kind: SignalKind::ClaimsChanged,
        at,
        origin: SignalOrigin { issuer: "issuer".into(), id: "1".into(), event: "urn:claims".into() },
        forget_at: at + Duration::from_secs(600),
    };
    world.trunkline.signal(&told).await.unwrap();
    assert!(sage.check(post()).await.unwrap().is_allowed());
}

#[tokio::test]
async fn a_connector_without_a_map_of_permissions_says_so() {
    let service = Standard::start().await.unwrap();
    let settings = format!(
        r#"
        [connectors.any]
        provider = "oauth2"
        client_id = "{}"
        client_secret = "{}"
        base_url = "{}"
        issuer = "{}"
        redirect_uri = "https://app.example.com/connect/callback"
        "#,
        service.client_id(),
        service.client_secret(),
        service.api_url(),
        service.issuer(),
    );
    let builder = Trunkline::builder().config(Config::from_toml(&settings, "test").unwrap());
    let trunkline = builder.store(MemoryStore::default()).keys(KeyRing::new([7; 32])).build().await.unwrap();
    let error = trunkline.tenant("acme").connect("any").require(post()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(trunkline.operations("any").unwrap_err().kind(), ErrorKind::Unsupported);
}
