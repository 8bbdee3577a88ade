//! Any standard service from end to end, by settings alone: hub, provider `oauth2`, SQLite and real HTTP.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use trunkline::{
    BrowserSession, Callback, Cause, Config, Connect, Connection, ConsentStep, Error, ErrorKind, Family,
    KeyRing, Revocation, SqliteStore, State, Trunkline,
};
use trunkline_sim::standard::Standard;

struct World {
    service: Standard,
    trunkline: Trunkline,
    folder: tempfile::TempDir,
}

const DISCOVERY: &str = "GET /.well-known/oauth-authorization-server/tenant1";
const RENEWAL: &str = "POST /token refresh_token";

impl World {
    async fn new() -> Self {
        let service = Standard::start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let trunkline = open(&service, folder.path()).await;
        Self { service, trunkline, folder }
    }

    /// The same store in a new process, which knows nothing of the service yet.
    async fn restarted(&mut self) {
        self.trunkline = open(&self.service, self.folder.path()).await;
    }

    async fn connect(&self, name: &str) -> Connection {
        match self.trunkline.tenant("acme").connect(name).await.unwrap() {
            Connect::Ready(connection) => connection,
            Connect::NeedsConsent(request) => {
                let browser = BrowserSession::random().unwrap();
                let step = request.begin(&browser).await.unwrap();
                let ConsentStep::Redirect { url } = step else { panic!("{step:?}") };
                let back = self.service.approve(&url).unwrap();
                let callback = Callback::from_url(&back).unwrap();
                self.trunkline.complete(callback, &browser).await.unwrap().connection
            }
            other => panic!("{other:?}"),
        }
    }

    fn count(&self, line: &str) -> usize {
        self.service.log().iter().filter(|entry| *entry == line).count()
    }
}

async fn open(service: &Standard, folder: &std::path::Path) -> Trunkline {
    let common = format!(
        r#"
        provider = "oauth2"
        client_id = "{}"
        client_secret = "{}"
        base_url = "{}"
        issuer = "{}"
        "#,
        service.client_id(),
        service.client_secret(),
        service.api_url(),
        service.issuer(),
    );
    let settings = format!(
        r#"
        [connectors.acme]
        {common}
        redirect_uri = "https://app.example.com/connect/acme"
        scopes = ["openid", "hello"]

        [connectors.narrow]
        {common}
        redirect_uri = "https://app.example.com/connect/narrow"
        scopes = ["openid"]

        [connectors.unattended]
        {common}
        grant_type = "client_credentials"
        account = "introspection"
        scopes = ["hello"]
        "#
    );
    Trunkline::builder()
        .config(Config::from_toml(&settings, "test").unwrap())
        .store(SqliteStore::open(folder.join("trunkline.db")).await.unwrap())
        .keys(KeyRing::new([7; 32]))
        .build()
        .await
        .unwrap()
}

async fn hello(connection: &Connection) -> Result<String, Error> {
    connection.get("/hello").send().await?.error_for_status()?.text().await
}

#[tokio::test]
async fn a_standard_service_is_connected_renewed_and_revoked_by_settings_alone() {
    let world = World::new().await;
    let acme = world.connect("acme").await;
    assert_eq!(acme.account().await.unwrap().unwrap().to_string(), "ada");
    assert_eq!(hello(&acme).await.unwrap(), r#"{"hello":"ada"}"#);

    world.service.expire_access_tokens();
    assert_eq!(hello(&acme).await.unwrap(), r#"{"hello":"ada"}"#, "renewed, and sent once more");
    assert_eq!(world.count(RENEWAL), 1);
    assert_eq!(world.count(DISCOVERY), 1, "what is known is kept");

    assert!(matches!(acme.disconnect().await.unwrap(), Revocation::Revoked));
    assert_eq!(world.service.log().last().unwrap(), "POST /revoke");
    assert_eq!(acme.status().await.unwrap().state(), State::Disconnected);
}

#[tokio::test]
async fn a_grant_that_was_revoked_there_is_told_by_the_standards_and_a_missing_scope_is_not_taken_for_it() {
    let world = World::new().await;
    let narrow = world.connect("narrow").await;
    let refused = narrow.get("/hello").send().await.unwrap();
    let diagnosis = refused.diagnosis().unwrap();
    assert_eq!(
        (diagnosis.cause(), diagnosis.family()),
        (Cause::ScopeMissing, Family::InsufficientPermissions)
    );
    assert!(diagnosis.remedy().to_string().contains("`hello`"), "{}", diagnosis.remedy());
    assert_eq!(world.count(RENEWAL), 0, "no renewal helps");

    world.service.revoke_grants();
    let error = hello(&narrow).await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unauthenticated, Some(Cause::GrantRevoked)));
    assert_eq!(narrow.status().await.unwrap().state(), State::NeedsConsent);
    assert_eq!(world.connect("narrow").await.id(), narrow.id(), "a new consent repairs it in place");
}

#[tokio::test]
async fn while_nothing_can_be_discovered_tokens_serve_grants_live_and_revocations_wait() {
    let mut world = World::new().await;
    world.connect("acme").await;
    world.service.hide_metadata(true);
    world.restarted().await;
    let acme = world.connect("acme").await;
    let asked = world.count(DISCOVERY);
    assert_eq!(hello(&acme).await.unwrap(), r#"{"hello":"ada"}"#);
    assert_eq!(world.count(DISCOVERY), asked, "a call needs no discovery");

    world.service.expire_access_tokens();
    let response = acme.get("/hello").send().await;
    assert_eq!(world.count(RENEWAL), 0, "nothing was spent: {response:?}");
    assert_eq!(world.count(DISCOVERY), asked + 1);
    let status = acme.status().await.unwrap();
    assert_eq!(status.state(), State::Degraded, "{status:?}");
    assert_eq!(status.diagnosis().unwrap().cause(), Cause::ServiceUnavailable);

    let outcome = acme.disconnect().await.unwrap();
    assert!(matches!(outcome, Revocation::Pending(_)), "{outcome:?}");
    assert_eq!(world.count("POST /revoke"), 0);

    world.service.hide_metadata(false);
    world.restarted().await;
    assert_eq!(world.trunkline.retry_revocations().await.unwrap().1, 0, "nothing waits any longer");
    assert_eq!(world.count("POST /revoke"), 1);
}

#[tokio::test]
async fn a_consent_at_a_service_that_cannot_be_discovered_fails_before_anything_is_stored() {
    let world = World::new().await;
    world.service.hide_metadata(true);
    let connect = world.trunkline.tenant("acme").connect("acme").await.unwrap();
    let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
    let error = request.begin(&BrowserSession::random().unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.cause()), (ErrorKind::Unavailable, Some(Cause::ServiceUnavailable)));
    assert_eq!(error.diagnosis().unwrap().evidence().call.as_deref(), Some("discovery"));
}

#[tokio::test]
async fn an_answer_from_another_issuer_is_refused_and_the_code_is_not_spent() {
    let world = World::new().await;
    let connect = world.trunkline.tenant("acme").connect("acme").await.unwrap();
    let Connect::NeedsConsent(request) = connect else { panic!("{connect:?}") };
    for replaced in [Some("https://evil.example.com"), None] {
        let browser = BrowserSession::random().unwrap();
        let step = request.begin(&browser).await.unwrap();
        let ConsentStep::Redirect { url } = step else { panic!("{step:?}") };
        let mut back = world.service.approve(&url).unwrap();
        let kept: Vec<_> = back.query_pairs().into_owned().filter(|(name, _)| name != "iss").collect();
        back.query_pairs_mut().clear().extend_pairs(kept).extend_pairs(replaced.map(|iss| ("iss", iss)));
        let callback = Callback::from_url(&back).unwrap();
        let error = world.trunkline.complete(callback, &browser).await.unwrap_err();
        assert_eq!(error.cause(), Some(Cause::ConsentInvalid), "{replaced:?}");
    }
    assert!(world.service.log().iter().all(|line| !line.starts_with("POST /token")));
}

#[tokio::test]
async fn client_credentials_need_nobody_and_their_account_is_introspected() {
    let world = World::new().await;
    let own = world.connect("unattended").await;
    assert_eq!(own.account().await.unwrap().unwrap().to_string(), "client-1");
    assert_eq!(hello(&own).await.unwrap(), r#"{"hello":"client-1"}"#);
    world.service.expire_access_tokens();
    assert_eq!(hello(&own).await.unwrap(), r#"{"hello":"client-1"}"#);
    assert_eq!(world.count("POST /token client_credentials"), 2);
}
