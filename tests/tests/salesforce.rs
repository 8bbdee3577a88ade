//! Salesforce from end to end: hub, provider, SQLite and real HTTP, each of the service's hosts at an address of its
//! own.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use std::time::Duration;

use serde_json::Value;
use trunkline::{
    BrowserSession, Callback, Cause, Config, Connect, Connection, ConsentRequest, ConsentStep, Cursor, Error,
    ErrorKind, EventKind, KeyRing, Operation, Revocation, SqliteStore, State, Trunkline,
};
use trunkline_sim::salesforce::{Hosts, Salesforce};
use url::Url;

const ACCOUNTS: &str = "/query?q=SELECT+Id+FROM+Account";

struct World {
    service: Salesforce,
    trunkline: Trunkline,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with("").await
    }

    /// `more` is appended to the connector's settings.
    async fn with(more: &str) -> Self {
        let service = Salesforce::builder().hosts(Hosts::Separate).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let trunkline = open(&service, &folder, more).await;
        Self { service, trunkline, folder }
    }

    /// Another hub on the same file, as another process would have.
    async fn another(&self) -> Trunkline {
        open(&self.service, &self.folder, "").await
    }

    async fn connect(&self) -> Connect {
        self.trunkline.tenant("acme").connect("salesforce").await.unwrap()
    }

    async fn connected(&self) -> Connection {
        match self.connect().await {
            Connect::Ready(connection) => connection,
            Connect::NeedsConsent(request) => {
                self.consent_as(&request, self.service.username()).await.unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    async fn consent_as(&self, request: &ConsentRequest, user: &str) -> Result<Connection, Error> {
        let browser = BrowserSession::random()?;
        let ConsentStep::Redirect { url } = request.begin(&browser).await? else { panic!("a redirect") };
        let back = self.service.approve_as(&url, user).await.unwrap();
        Ok(self.trunkline.complete(Callback::from_url(&back)?, &browser).await?.connection)
    }

    fn end_sessions(&self) {
        self.service.control().end_sessions(self.service.username()).unwrap();
    }
}

async fn open(service: &Salesforce, folder: &tempfile::TempDir, more: &str) -> Trunkline {
    let settings = format!(
        r#"
        [connectors.salesforce]
        provider = "salesforce"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "https://app.example.com/connect/callback"
        login_url = "{}"
        {more}
        "#,
        service.client_id(),
        service.client_secret(),
        service.url(),
    );
    let store = SqliteStore::open(folder.path().join("trunkline.db")).await.unwrap();
    let builder = Trunkline::builder().config(Config::from_toml(&settings, "test").unwrap());
    builder.store(store).keys(KeyRing::new([7; 32])).probes(None).build().await.unwrap()
}

async fn json(connection: &Connection, target: impl trunkline::IntoTarget) -> Value {
    let response = connection.get(target).send().await.unwrap();
    response.error_for_status().unwrap().json().await.unwrap()
}

#[tokio::test]
async fn the_account_is_the_org_and_the_user_and_data_is_read_at_the_orgs_own_host() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    let account = salesforce.account().await.unwrap().unwrap();
    assert_eq!(
        (account.company.as_str(), account.user.as_str()),
        (world.service.org_id(), world.service.user_id())
    );

    let first = json(&salesforce, ACCOUNTS).await;
    let next: &str = first["nextRecordsUrl"].as_str().unwrap();
    let host: Url = world.service.my_domain_url(world.service.org_id()).unwrap();
    let second = json(&salesforce, host.join(next).unwrap()).await;

    let count = |page: &Value| page["records"].as_array().unwrap().len();
    assert_eq!(count(&first) + count(&second), 2300);
    assert!(world.service.control().violations().is_empty());
}

#[tokio::test]
async fn an_ended_session_is_renewed_and_the_rotated_refresh_token_outlives_the_process() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    for generation in 2..4 {
        world.end_sessions();
        let process = world.another().await;
        let Connect::Ready(here) = process.tenant("acme").connect("salesforce").await.unwrap() else {
            panic!("the grant was stored")
        };
        assert_eq!(here.get(ACCOUNTS).send().await.unwrap().status(), 200);
        assert_eq!(here.access_token().await.unwrap().generation(), generation);
    }
    assert_eq!(
        salesforce.get(ACCOUNTS).send().await.unwrap().status(),
        200,
        "the first adopts what the others stored"
    );
    let family = &world.service.control().families()[0];
    assert_eq!((family.refreshed, family.reused, family.ended.is_none()), (2, 0, true));
    assert!(world.service.control().violations().is_empty());
}

#[tokio::test]
async fn many_callers_of_an_ended_session_make_one_renewal() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    world.end_sessions();
    let calls = (0..40).map(|_| salesforce.get("/limits").send());
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.unwrap().status(), 200);
    }
    let family = &world.service.control().families()[0];
    assert_eq!((family.refreshed, family.reused, family.raced), (1, 0, 0));
}

#[tokio::test]
async fn an_org_that_moved_is_followed() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    let org = world.service.org_id();
    let before = world.service.my_domain_url(org).unwrap();
    world.service.control().rename_my_domain(org).unwrap();
    assert_ne!(world.service.my_domain_url(org).unwrap(), before);
    world.end_sessions();

    assert_eq!(salesforce.get("/limits").send().await.unwrap().status(), 200);
    assert_eq!(salesforce.access_token().await.unwrap().generation(), 2);
    let refused =
        salesforce.get(before.join("/services/data/v65.0/limits").unwrap()).send().await.unwrap_err();
    assert_eq!(
        refused.kind(),
        ErrorKind::InvalidInput,
        "no token goes to a host that is no longer the org's"
    );
}

#[tokio::test]
async fn a_revoked_grant_is_told_and_repaired_in_place_and_another_user_needs_approval() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    world.service.control().revoke_grants(world.service.username()).unwrap();
    let error = salesforce.get("/limits").send().await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unauthenticated, Some(Cause::GrantRevoked)));
    assert_eq!(salesforce.status().await.unwrap().state(), State::NeedsConsent);

    let Connect::NeedsConsent(request) = world.connect().await else { panic!("the grant is dead") };
    let other = world.service.control().add_user("acme", "other@acme.example", "Integration").unwrap();
    let refused = world.consent_as(&request, "other@acme.example").await.unwrap_err();
    assert_eq!(refused.cause(), Some(Cause::AccountMismatch), "{other}");
    let Connect::NeedsConsent(request) = world.connect().await else { panic!("the grant is dead") };
    let repaired = world.consent_as(&request, world.service.username()).await.unwrap();

    assert_eq!(repaired.id(), salesforce.id());
    assert_eq!(salesforce.get("/limits").send().await.unwrap().status(), 200);
    assert!(matches!(repaired.disconnect().await.unwrap(), Revocation::Revoked));
}

#[tokio::test]
async fn a_narrowed_grant_serves_on_and_is_an_event_that_names_the_scope() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    let family = world.service.control().families()[0].id;
    world.service.control().narrow_family(family, &["api", "refresh_token"]).unwrap();
    world.end_sessions();

    assert_eq!(salesforce.get("/limits").send().await.unwrap().status(), 200);
    salesforce.disconnect().await.unwrap();

    use futures_util::StreamExt as _;
    let mut events = world.trunkline.events(Cursor::OLDEST).map(Result::unwrap);
    let narrowed = loop {
        let event = events.next().await.unwrap();
        if event.kind == EventKind::ScopesNarrowed {
            break event;
        }
    };
    let why = narrowed.diagnosis.unwrap();
    assert_eq!(why.cause(), Cause::ScopeMissing);
    assert!(why.evidence().message.as_ref().unwrap().as_str().contains("id"), "{why:?}");
    let record = &world.trunkline.tenant("acme").connections(None, 10).await.unwrap()[0];
    assert_eq!(record.scopes.granted.as_ref().unwrap().join(' '), "api refresh_token");
    assert_eq!(record.scopes.requested.as_ref().unwrap().join(' '), "api id refresh_token");
}

#[tokio::test]
async fn a_session_that_ends_at_its_time_teaches_how_long_a_token_lives() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    world.service.control().advance_clock(Duration::from_secs(3 * 60 * 60));
    assert_eq!(salesforce.get("/limits").send().await.unwrap().status(), 200);
    assert_eq!(salesforce.access_token().await.unwrap().generation(), 2);
}

fn list() -> [Operation; 1] {
    [Operation::list("Account")]
}

#[tokio::test]
async fn a_scope_that_is_no_longer_granted_is_asked_for_by_a_new_consent() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    salesforce.require(list()).await.unwrap();
    let family = world.service.control().families()[0].id;
    world.service.control().narrow_family(family, &["id", "refresh_token"]).unwrap();
    world.end_sessions();
    let refused = salesforce.get(ACCOUNTS).send().await.unwrap();
    assert_eq!(refused.diagnosis().unwrap().cause(), Cause::ScopeMissing);

    let error = salesforce.require(list()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let connect = || world.trunkline.tenant("acme").connect("salesforce");
    assert!(matches!(connect().await.unwrap(), Connect::Ready(_)), "for who asks for less, it serves");
    let Connect::NeedsConsent(request) = connect().require(list()).await.unwrap() else { panic!("no scope") };
    let why = request.diagnosis().unwrap();
    assert_eq!((why.cause(), &why.evidence().lacks[0].operation), (Cause::ScopeMissing, &list()[0]));

    let again = world.consent_as(&request, world.service.username()).await.unwrap();
    assert_eq!(again.id(), salesforce.id());
    assert!(matches!(connect().require(list()).await.unwrap(), Connect::Ready(_)));
}

#[tokio::test]
async fn a_consent_asks_for_the_scopes_that_the_requirement_needs() {
    let world = World::with("scopes = [\"id\", \"refresh_token\"]").await;
    let scopes = async |connect: trunkline::ConnectBuilder<'_>| {
        let Connect::NeedsConsent(request) = connect.await.unwrap() else { panic!("nobody has consented") };
        let step = request.begin(&BrowserSession::random().unwrap()).await.unwrap();
        let ConsentStep::Redirect { url } = step else { panic!("a redirect") };
        url.query_pairs().find(|(name, _)| name == "scope").unwrap().1.into_owned()
    };
    let tenant = world.trunkline.tenant("acme");
    assert_eq!(scopes(tenant.connect("salesforce")).await, "id refresh_token");
    assert_eq!(scopes(tenant.connect("salesforce").require(list())).await, "api id refresh_token");
}

#[tokio::test]
async fn a_check_asks_once_for_each_object_and_never_again_while_it_is_believed() {
    let world = World::new().await;
    let salesforce = world.connected().await;
    let control = world.service.control();
    let calls = async |operations: &[Operation]| {
        control.clear_requests();
        assert!(salesforce.check(operations).await.unwrap().is_allowed());
        control.requests().len()
    };
    let accounts = [Operation::list("Account"), Operation::create("Account"), Operation::update("Account")];
    assert_eq!(calls(&accounts).await, 1);
    assert_eq!(calls(&accounts).await, 0);
    assert_eq!(calls(&[Operation::delete("Account"), Operation::read("Contact")]).await, 1);
}
