//! Captures that only a request with the stored grant brings: no crash, failure or foreign host costs the grant.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use trunkline::{
    BrowserSession, Callback, Cause, Config, Connect, Connection, ConsentRequest, ConsentStep, Error,
    KeyRing, MemoryStore, Secret, Store, Trunkline,
};
use trunkline_manifest::{Manifest, ManifestConfig};
use trunkline_store::{Record, State};
use trunkline_testkit::{
    Answer, Call, Crash, CrashPoints, ScriptedTransport, VirtualClock, Watched, json, token,
};

const HOUR: Duration = Duration::from_secs(3600);
const LISTED: &str = r#"{ "accounts": [
    { "id": "a-1", "name": "Acme", "base": "https://eu.api.acme.example" },
    { "id": "a-2", "name": "Globex", "base": "https://us.api.acme.example" } ] }"#;
const ONE: &str =
    r#"{ "accounts": [{ "id": "a-1", "name": "Acme", "base": "https://eu.api.acme.example" }] }"#;
const ADA: &str = r#"{ "id": "ada" }"#;

/// A service that tells the host of its API only when it is asked with a token.
const MANIFEST: &str = r#"
    manifest = 1
    name = "acme"
    title = "Acme"
    docs = "https://docs.acme.example/"
    allowed_hosts = ["login.acme.example", "*.api.acme.example"]

    [source]
    urls = ["https://docs.acme.example/"]
    checked = "2026-11-25"

    [inputs.account]
    title = "Account"
    example = "Acme"
    optional = true

    [captures.base]
    from = "request"
    hosts = ["*.api.acme.example"]

    [captures.id]
    from = "request"
    pattern = "[a-z0-9-]+"

    [oauth2]
    grant_types = ["authorization_code"]
    authorization_endpoint = "https://login.acme.example/authorize"
    token_endpoint = "https://login.acme.example/token"

    [after_consent]
    url = "https://login.acme.example/accounts"

    [after_consent.choice]
    list = "accounts"
    input = "account"
    members = ["name", "id"]

    [api]
    base_url = "{capture.base}/v1"

    [identity]
    url = "{capture.base}/v1/me"
    company = "{capture.id}"
    user = "{response.id}"
"#;

/// One process on a store.
struct Process {
    trunkline: Trunkline,
    api: ScriptedTransport,
    tokens: ScriptedTransport,
}

struct World {
    clock: VirtualClock,
    store: Arc<MemoryStore>,
}

impl World {
    fn new() -> Self {
        let clock = VirtualClock::new();
        let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
        Self { clock, store }
    }

    async fn process(&self) -> Process {
        self.process_with(Arc::new(CrashPoints::new())).await
    }

    async fn process_with(&self, points: Arc<CrashPoints>) -> Process {
        let mut settings = ManifestConfig::new(Manifest::parse("acme.toml", MANIFEST).unwrap());
        settings.client_id = Some("client-1".to_owned());
        settings.client_secret = Some(Secret::new("canary-secret"));
        settings.redirect_uri = Some("https://app.example.com/connect".to_owned());
        let (api, tokens) = (ScriptedTransport::default(), ScriptedTransport::default());
        let trunkline = Trunkline::builder()
            .config(Config::new().connector("acme", settings).unwrap())
            .store(Watched::new(self.store.clone(), points))
            .keys(KeyRing::new([7; 32]))
            .clock(self.clock.clone())
            .transport(api.clone())
            .token_transport(tokens.clone())
            .upkeep(None)
            .probes(None)
            .build()
            .await
            .unwrap();
        Process { trunkline, api, tokens }
    }

    async fn record(&self, id: trunkline::ConnectionId) -> Record {
        self.store.get_by_id(id).await.unwrap().unwrap().record
    }

    /// The one connection there is.
    async fn only(&self) -> Record {
        let all = self.store.list_all(None, 10).await.unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.into_iter().next().unwrap()
    }
}

impl Process {
    async fn asks(&self, account: Option<&str>) -> ConsentRequest {
        let mut connect = self.trunkline.tenant("globex").connect("acme");
        if let Some(account) = account {
            connect = connect.input("account", account);
        }
        match connect.await.unwrap() {
            Connect::NeedsConsent(request) => request,
            other => panic!("{other:?}"),
        }
    }

    async fn consents_to(&self, request: &ConsentRequest) -> Result<Connection, Error> {
        let browser = BrowserSession::random().unwrap();
        let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else {
            panic!("a redirect")
        };
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let callback = Callback::from_query(&format!("code=canary-code&state={state}")).unwrap();
        Ok(self.trunkline.complete(callback, &browser).await?.connection)
    }

    async fn consents(&self, account: Option<&str>) -> Result<Connection, Error> {
        self.consents_to(&self.asks(account).await).await
    }

    async fn finds(&self) -> Result<Connection, Error> {
        match self.trunkline.tenant("globex").connect("acme").await? {
            Connect::Ready(connection) => Ok(connection),
            other => panic!("{other:?}"),
        }
    }

    fn hosts(&self) -> Vec<String> {
        self.api.sent().iter().map(|sent| sent.url.host_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn captures_of_a_request_lead_to_the_api_and_a_renewal_keeps_them() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    process.api.will(json(200, ONE));
    process.api.will(json(200, ADA));
    let connection = process.consents(None).await.unwrap();
    assert_eq!(process.hosts(), ["login.acme.example", "eu.api.acme.example"]);
    let account = connection.account().await.unwrap().unwrap();
    assert_eq!((account.company.as_str(), account.user.as_str()), ("a-1", "ada"));

    world.clock.advance(2 * HOUR);
    process.tokens.will(token("canary-a2", "canary-r2", 3600));
    process.api.will(json(200, "{}"));
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 200);
    assert_eq!(process.hosts()[2..], ["eu.api.acme.example"], "nothing is asked for again");
    assert!(process.tokens.sent()[1].body.contains("refresh_token=canary-r1"));
}

#[tokio::test(start_paused = true)]
async fn a_service_that_cannot_tell_now_is_asked_again_at_the_next_use() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    process.api.will(json(503, "{}"));
    let connection = process.consents(None).await.unwrap();
    assert_eq!(world.record(connection.id()).await.status().state(), State::Degraded);

    process.api.will(json(200, ONE));
    process.api.will(json(200, "{}"));
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 200);
    assert_eq!(process.hosts(), ["login.acme.example", "login.acme.example", "eu.api.acme.example"]);
    assert_eq!(world.record(connection.id()).await.status().state(), State::Active);
    assert_eq!(process.tokens.count(), 1, "nothing was renewed for it");
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_before_the_captures_are_stored_leaves_them_to_the_next_one() {
    // Before and after each write of the consent that follows the grant's own: the lease, and the commit under it.
    for (call, nth, crash) in [
        (Call::Commit, 1, Crash::DiesAfter),
        (Call::Lease, 1, Crash::DiesBefore),
        (Call::Lease, 1, Crash::DiesAfter),
        (Call::Commit, 2, Crash::DiesBefore),
        (Call::Commit, 2, Crash::DiesAfter),
    ] {
        let world = World::new();
        let points = Arc::new(CrashPoints::new());
        points.at(call, nth, crash);
        let process = world.process_with(points.clone()).await;
        process.tokens.will(token("canary-a1", "canary-r1", 3600));
        process.api.will(json(200, ONE));
        process.api.will(json(200, ADA));
        let given_up = tokio::time::timeout(Duration::from_secs(80), process.consents(None)).await;
        assert!(points.is_dead(), "{call:?} {nth} {crash:?}: {given_up:?}");
        assert_eq!(world.only().await.status().state(), State::Active);

        let next = world.process().await;
        for answer in [ONE, "{}"] {
            next.api.will(json(200, answer));
        }
        if call == Call::Commit && (nth, crash) == (2, Crash::DiesAfter) {
            // It was stored: nothing has to be asked again.
            let answer = next.finds().await.unwrap().get("/x").send().await.unwrap();
            assert_eq!(answer.status(), 200);
            assert_eq!(next.hosts(), ["eu.api.acme.example"]);
            continue;
        }
        let connection = next.finds().await.unwrap();
        assert_eq!(connection.get("/x").send().await.unwrap().status(), 200, "{call:?} {nth} {crash:?}");
        assert_eq!(next.hosts(), ["login.acme.example", "eu.api.acme.example"]);
        assert_eq!(next.tokens.count(), 0, "nothing was renewed for it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_over_before_the_captures_came_is_renewed_first() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    process.api.will(json(503, "{}"));
    let connection = process.consents(None).await.unwrap();
    world.clock.advance(2 * HOUR);
    process.tokens.will(token("canary-a2", "canary-r2", 3600));
    process.api.will(json(200, ONE));
    process.api.will(json(200, "{}"));
    assert_eq!(connection.get("/x").send().await.unwrap().status(), 200);
    assert_eq!(process.tokens.count(), 2);
    let sent = process.api.sent();
    assert_eq!(sent[1].authorization.as_deref(), Some("Bearer canary-a2"));

    // The refresh token that was stored with the captures is the newest.
    world.clock.advance(2 * HOUR);
    process.tokens.will(token("canary-a3", "canary-r3", 3600));
    connection.access_token().await.unwrap();
    assert!(process.tokens.sent()[2].body.contains("refresh_token=canary-r2"));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_token_is_renewed_once_and_asked_with_once_more() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    process.api.will(json(401, "{}"));
    process.tokens.will(token("canary-a2", "canary-r2", 3600));
    process.api.will(json(401, "{}"));
    let refused = process.consents(None).await.unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::AccessTokenRejected));
    assert_eq!((process.api.count(), process.tokens.count()), (2, 2));
    assert!(world.only().await.status().state().serves(), "the grant lives");
}

#[tokio::test(start_paused = true)]
async fn a_foreign_host_in_the_answer_is_refused_and_gets_nothing() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    let foreign = ONE.replace("eu.api.acme.example", "api.acme.example.evil.test");
    process.api.will(json(200, &foreign));
    let refused = process.consents(None).await.unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::ResponseInvalid), "{refused}");
    assert_eq!(process.hosts(), ["login.acme.example"]);

    // A service that has mended it is believed at the next use.
    process.api.will(json(200, ONE));
    process.finds().await.unwrap().access_token().await.unwrap();
    assert_eq!(process.hosts(), ["login.acme.example", "login.acme.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_choice_that_nobody_made_asks_for_the_input_and_a_new_consent_repairs_it() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    process.api.will(json(200, LISTED));
    let refused = process.consents(None).await.unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::InputMissing));
    let steps: Vec<_> = refused.diagnosis().unwrap().remedy().steps().map(str::to_owned).collect();
    assert_eq!(steps, ["Give the input `account`: one of Acme, Globex."]);
    assert_eq!(world.only().await.status().state(), State::NeedsConsent);

    // Nobody asks the service again before somebody chooses.
    let request = process.asks(None).await;
    assert_eq!(request.diagnosis().unwrap().cause(), Cause::InputMissing);
    assert_eq!(request.missing_inputs()[0].name, "account");
    assert_eq!(process.api.count(), 1);

    process.tokens.will(token("canary-a2", "canary-r2", 3600));
    process.api.will(json(200, LISTED));
    process.api.will(json(200, ADA));
    let connection = process.consents(Some("globex")).await.unwrap();
    assert_eq!(process.hosts()[2], "us.api.acme.example");
    assert_eq!(world.only().await.id, connection.id());
    assert_eq!(connection.account().await.unwrap().unwrap().company, "a-2");
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_asks_before_it_replaces_and_takes_no_host_of_the_old_grant() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    process.api.will(json(200, ONE));
    process.api.will(json(200, ADA));
    let connection = process.consents(None).await.unwrap();
    // The grant ends; while the new one is asked for its captures, the service fails.
    world.clock.advance(2 * HOUR);
    process.tokens.will(json(400, r#"{ "error": "invalid_grant" }"#));
    let request = process.asks(None).await;
    process.tokens.will(token("canary-b1", "canary-s1", 3600));
    process.api.will(json(503, "{}"));
    let before = world.record(connection.id()).await;
    assert_eq!(process.consents_to(&request).await.unwrap_err().cause(), Some(Cause::ServiceUnavailable));
    assert_eq!(world.record(connection.id()).await, before, "nothing of the old record was touched");

    let moved = ONE.replace("eu.api", "us.api");
    process.tokens.will(token("canary-b2", "canary-s2", 3600));
    process.api.will(json(200, &moved));
    process.api.will(json(200, ADA));
    let repaired = process.consents(None).await.unwrap();
    assert_eq!(repaired.id(), connection.id());
    assert_eq!(process.hosts()[3..], ["login.acme.example", "us.api.acme.example"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_away_while_captures_are_asked_for_costs_nothing() {
    let world = World::new();
    let process = world.process().await;
    process.tokens.will(token("canary-a1", "canary-r1", 3600));
    let permit = Arc::new(Semaphore::new(0));
    process.api.will(Answer::Hold(permit.clone(), Box::new(json(200, ONE))));
    process.api.will(json(200, ADA));
    let request = process.asks(None).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), process.consents_to(&request)).await.is_err());
    // Whoever wants the connection meanwhile waits for the same answer.
    let (connection, ()) = tokio::join!(process.finds(), async { permit.add_permits(1) });
    connection.unwrap().access_token().await.unwrap();
    let asked = process.hosts().iter().filter(|host| *host == "login.acme.example").count();
    assert_eq!(asked, 1);
}
