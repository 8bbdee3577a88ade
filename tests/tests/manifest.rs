//! A provider as data through the hub: consent, call, renewal and disconnect, without a line of code for it.

use trunkline::{BrowserSession, Callback, Config, Connect, ConsentStep, KeyRing, MemoryStore, Trunkline};
use trunkline_sim::standard::Standard;

/// The standard service, as a manifest.
fn manifest(service: &Standard) -> String {
    let origin = service.api_url().trim_end_matches("/api").to_owned();
    let host = origin.trim_start_matches("http://");
    format!(
        r#"
        manifest = 1
        name = "standard"
        title = "Standard"
        docs = "https://docs.acme.example/"
        allowed_hosts = ["{host}"]

        [source]
        urls = ["https://docs.acme.example/"]
        checked = "2026-11-25"

        [oauth2]
        grant_types = ["authorization_code"]
        authorization_endpoint = "{origin}/authorize"
        token_endpoint = "{origin}/token"
        revocation_endpoint = "{origin}/revoke"
        scopes = ["hello"]

        [api]
        base_url = "{origin}/api"

        [identity]
        url = "{origin}/userinfo"
        user = "{{response.sub}}"
        "#
    )
}

#[tokio::test]
async fn a_manifest_connects_calls_renews_and_ends_through_the_hub() {
    let service = Standard::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("standard.toml");
    std::io::Write::write_all(&mut std::fs::File::create(&file).unwrap(), manifest(&service).as_bytes())
        .unwrap();
    let settings = format!(
        r#"
        [connectors.acme]
        provider = "manifest"
        file = "{}"
        client_id = "{}"
        client_secret = "{}"
        redirect_uri = "https://app.example.com/connect/acme"
        "#,
        file.display(),
        service.client_id(),
        service.client_secret(),
    );
    let trunkline = Trunkline::builder()
        .config(Config::from_toml(&settings, "test").unwrap())
        .store(MemoryStore::new())
        .keys(KeyRing::insecure_development())
        .build()
        .await
        .unwrap();
    let Connect::NeedsConsent(request) = trunkline.tenant("globex").connect("acme").await.unwrap() else {
        panic!("nobody has consented yet");
    };
    let browser = BrowserSession::random().unwrap();
    let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else {
        panic!("a code is asked for by redirect");
    };
    let back = service.approve(&url).unwrap();
    let callback = Callback::from_url(&back).unwrap();
    let connection = trunkline.complete(callback, &browser).await.unwrap().connection;
    assert_eq!(connection.account().await.unwrap().unwrap().user, "ada");
    assert_eq!(connection.get("/hello").send().await.unwrap().status(), 200);

    service.expire_access_tokens();
    assert_eq!(connection.get("/hello").send().await.unwrap().status(), 200);
    assert_eq!(connection.access_token().await.unwrap().generation(), 2);

    connection.disconnect().await.unwrap();
    assert!(service.log().iter().any(|line| line.starts_with("POST /revoke")), "{:?}", service.log());
    trunkline.shutdown(std::time::Duration::from_secs(5)).await.unwrap();
}
