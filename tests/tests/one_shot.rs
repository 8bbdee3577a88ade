//! What is given once is used once: an input that is not to be stored is in nothing that is.

use std::sync::Arc;
use std::time::Duration;

use trunkline::{
    BrowserSession, Callback, Cause, Config, Connect, ConsentStep, Inputs, KeyRing, MemoryStore, Secret,
    Trunkline,
};
use trunkline_core::ConnectionKey;
use trunkline_manifest::{Manifest, ManifestConfig};
use trunkline_store::Vault;
use trunkline_testkit::{CrashPoints, ScriptedTransport, VirtualClock, Watched, json};

/// A login whose password is not kept.
const MANIFEST: &str = r#"
    manifest = 1
    name = "acme"
    title = "Acme"
    docs = "https://docs.acme.example/"
    allowed_hosts = ["api.acme.example"]

    [source]
    urls = ["https://docs.acme.example/"]
    checked = "2026-11-25"

    [inputs.user]
    title = "User"
    example = "ada"

    [inputs.password]
    title = "Password"
    example = "made-up"
    secret = true
    given_by = "once"

    [session_login]
    login_endpoint = "https://api.acme.example/login"
    params = { user = "user", password = "password" }

    [api]
    base_url = "https://api.acme.example/v1"
"#;

#[tokio::test(start_paused = true)]
async fn an_input_that_is_given_once_is_not_stored_and_a_renewal_asks_for_it_again() {
    let clock = VirtualClock::new();
    let store = Arc::new(MemoryStore::with_clock(Arc::new(clock.clone())));
    let tokens = ScriptedTransport::default();
    let config = ManifestConfig::new(Manifest::parse("acme.toml", MANIFEST).unwrap());
    let trunkline = Trunkline::builder()
        .config(Config::new().connector("acme", config).unwrap())
        .store(Watched::new(store.clone(), Arc::new(CrashPoints::new())))
        .keys(KeyRing::new([7; 32]))
        .clock(clock.clone())
        .transport(ScriptedTransport::default())
        .token_transport(tokens.clone())
        .upkeep(None)
        .probes(None)
        .build()
        .await
        .unwrap();
    tokens.will(json(200, r#"{"access_token":"canary-a1","expires_in":3600}"#));
    let given = || trunkline.tenant("globex").connect("acme").input("user", "ada");
    let Connect::NeedsConsent(request) = given().await.unwrap() else {
        panic!("a person gives the password")
    };
    let browser = BrowserSession::random().unwrap();
    let ConsentStep::Form { state, .. } = request.begin(&browser).await.unwrap() else { panic!("a form") };
    let mut form = Inputs::default();
    form.insert("password", Secret::new("canary-once"));
    trunkline.complete(Callback::from_form(&state, &form), &browser).await.unwrap();
    assert!(tokens.sent()[0].body.contains("password=canary-once"));

    let key = ConnectionKey::new("globex", "acme", "default").unwrap();
    let vault = Vault::open(store, KeyRing::new([7; 32])).await.unwrap();
    let held = vault.load(&key).await.unwrap().unwrap().held.unwrap();
    assert_eq!(held.inputs.get("user"), Some(&Secret::new("ada")));
    assert_eq!(held.inputs.get("password"), None);

    clock.advance(Duration::from_secs(2 * 3600));
    let Connect::NeedsConsent(request) = given().await.unwrap() else { panic!("it cannot be renewed") };
    assert_eq!(request.diagnosis().unwrap().cause(), Cause::RefreshTokenMissing);
    let missing: Vec<_> = request.missing_inputs().iter().map(|input| input.name).collect();
    assert_eq!((missing, tokens.sent().len()), (vec!["password"], 1));
}
