//! `docs/guides/test-a-connector.md`: its connector keeps every rule, and its snippets do what they say.

#[expect(unreachable_pub, reason = "it is the root of a crate where `trunkline new-connector` writes it")]
#[rustfmt::skip]
#[path = "../../trunkline-cli/templates/code/src/lib.rs"]
mod acme_connector;

use acme_connector::AcmeConfig;
use trunkline_testkit::{Ability, Profile};

fn profile() -> Profile {
    Profile::of::<AcmeConfig>(
        "acme",
        r#"
        base_url = "https://api.acme.test"
        client_id = "client-1"
        client_secret = "{canary}"
        redirect_uri = "https://app.example.com/connect/acme"
    "#,
    )
    .answers("GET", "/me", r#"{"company":"{company}","user":"{user}"}"#)
    .lacks(Ability::Permissions, "Acme documents none")
    .fixtures("tests/fixtures")
}

trunkline_testkit::conformance_tests!(profile());

#[test]
fn a_rule_can_be_played_by_its_name() {
    use trunkline_testkit::{Outcome, Rule};

    let rule = Rule::named("bodies_are_bounded").expect("there is one");
    assert_eq!(rule.about, "A body without an end is not read for ever.");
    let nobody = trunkline_testkit::Profile::named("nobody", "");
    assert!(matches!(rule.play(&nobody), Outcome::Broken(why) if why.contains("nobody")));
    drop(nobody);
}

#[tokio::test(start_paused = true)]
async fn the_adversary_serves_an_application_too() {
    use trunkline_core::{Request, Transport as _, http::Method};
    use trunkline_testkit::{Fault, HostileService, LeakDetector, Line, Profile, VirtualClock};

    let profile = Profile::named("acme", "").answers("GET", "/me", r#"{"user":"{user}"}"#);
    let service = HostileService::new(&profile, VirtualClock::new(), LeakDetector::new());
    service.accepts("key-1");
    service.will(Line::Api, Fault::json(503, "").header("retry-after", "7"));

    let api = service.line(Line::Api);
    let ask = || {
        let mut request = Request::new(Method::GET, "https://api.acme.test/me".parse().unwrap());
        request.headers.insert("x-api-key", "key-1".parse().unwrap());
        api.send(request)
    };
    assert_eq!(ask().await.unwrap().status(), 503);
    assert_eq!(ask().await.unwrap().into_body().collect(100).await.unwrap(), r#"{"user":"ada"}"#);
    assert_eq!(service.count(Line::Api), 2);
    drop(profile);
}

#[tokio::test]
async fn an_application_is_tested_through_the_hub() {
    an_invoice_is_read_with_a_renewed_token().await.unwrap();
}

async fn an_invoice_is_read_with_a_renewed_token() -> Result<(), trunkline::Error> {
    use std::{sync::Arc, time::Duration};
    use trunkline::{
        BrowserSession, Callback, Config, Connect, ConsentStep, KeyRing, MemoryStore, Trunkline,
    };
    use trunkline_testkit::{HostileService, LeakDetector, Line, VirtualClock};

    let settings = r#"
        [connectors.acme]
        provider = "acme"
        base_url = "https://api.acme.test"
        client_id = "client-1"
        client_secret = "a secret of the test"
        redirect_uri = "https://app.example.com/connect/acme"
    "#;
    let clock = VirtualClock::new();
    let service = HostileService::new(&profile(), clock.clone(), LeakDetector::new());
    service.lives(Some(Duration::from_secs(600)));
    let trunkline = Trunkline::builder()
        .config(Config::from_toml(settings, "the test")?)
        .store(MemoryStore::with_clock(Arc::new(clock.clone())))
        .keys(KeyRing::new([7; 32]))
        .clock(clock.clone())
        .token_transport(service.line(Line::Token))
        .transport(service.line(Line::Api))
        .upkeep(None)
        .probes(None)
        .build()
        .await?;

    let Connect::NeedsConsent(request) = trunkline.tenant("acme-inc").connect("acme").await? else {
        panic!("nobody has connected yet");
    };
    let browser = BrowserSession::random()?;
    let ConsentStep::Redirect { url } = request.begin(&browser).await? else { panic!("a person is asked") };
    let query = service.approves(&url);
    let connection = trunkline.complete(Callback::from_query(&query)?, &browser).await?.connection;
    assert_eq!(connection.get("/me").send().await?.status(), 200);

    // The token is over, then it is rejected before its time: the application notices neither.
    clock.advance(Duration::from_secs(601));
    assert_eq!(connection.get("/me").send().await?.status(), 200);
    clock.advance(Duration::from_secs(120));
    service.rejects_access_tokens();
    assert_eq!(connection.get("/me").send().await?.status(), 200);
    assert_eq!(service.count(Line::Token), 3);

    // The user takes the grant back at the service: only a person can give another.
    clock.advance(Duration::from_secs(120));
    service.revokes_all();
    assert!(connection.get("/me").send().await.is_err());
    assert!(matches!(trunkline.tenant("acme-inc").connect("acme").await?, Connect::NeedsConsent(_)));
    Ok(())
}

#[test]
fn the_clock_moves_when_it_is_told() {
    use std::time::Duration;
    use trunkline_core::Clock as _;

    let clock = trunkline_testkit::VirtualClock::new();
    let before = clock.wall();
    clock.advance(Duration::from_secs(3_600));
    assert!(clock.wall().duration_since(before).as_secs() >= 3_600);
    drop(clock);
}

#[tokio::test(start_paused = true)]
async fn the_network_answers_as_it_was_told() {
    use trunkline_core::{Request, Transport as _, http::Method};
    use trunkline_testkit::{ScriptedTransport, json};

    let network = ScriptedTransport::default();
    network.will(json(200, r#"{"id":"INV-1"}"#));
    let request = Request::new(Method::GET, "https://api.acme.test/invoices/1?draft=no".parse().unwrap());
    let answer = network.send(request).await.unwrap();
    assert_eq!(answer.into_body().collect(100).await.unwrap(), r#"{"id":"INV-1"}"#);
    assert_eq!(network.sent()[0].url.path(), "/invoices/1");
    drop(network);
}

#[test]
fn a_leak_is_found() {
    use trunkline_testkit::{LeakDetector, Logs};

    let leaks = LeakDetector::new();
    let secret = leaks.canary("client secret");
    let logs = Logs::catch();
    // … run the application …
    assert!(leaks.find(&logs.text()).is_empty());
    assert_eq!(leaks.find(&format!("Basic {secret}"))[0].to_string(), "the client secret is in it");
    drop(logs);
}

#[tokio::test(start_paused = true)]
async fn a_store_fails_where_it_was_told() {
    use std::sync::Arc;
    use trunkline::{MemoryStore, Store as _};
    use trunkline_testkit::{Call, Crash, CrashPoints, Watched};

    let points = Arc::new(CrashPoints::new());
    points.at(Call::Read, 2, Crash::FailsBefore);
    let store = Watched::new(Arc::new(MemoryStore::new()), points.clone());
    // `store` goes to the hub's builder.
    assert!(store.count_tenants("acme", 10).await.is_ok());
    assert!(store.count_tenants("acme", 10).await.is_err());
    assert_eq!(points.count(Call::Read), 2);
    drop(store);
}
