//! A provider as data through the hub: consent, call, renewal and disconnect, without a line of code for it.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use trunkline::{
    BrowserSession, Callback, Config, Connect, Connection, ConsentStep, KeyRing, MemoryStore, Secret,
    Trunkline,
};
use trunkline_manifest::{Folder, ManifestConfig, Reload};
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

async fn connected(service: &Standard, config: Config) -> (Trunkline, Connection) {
    let trunkline = Trunkline::builder()
        .config(config)
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
    (trunkline, connection)
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
    let config = Config::from_toml(&settings, "test").unwrap();
    let (trunkline, connection) = connected(&service, config).await;
    assert_eq!(connection.account().await.unwrap().unwrap().user, "ada");
    assert_eq!(connection.get("/hello").send().await.unwrap().status(), 200);

    service.expire_access_tokens();
    assert_eq!(connection.get("/hello").send().await.unwrap().status(), 200);
    assert_eq!(connection.access_token().await.unwrap().generation(), 2);

    connection.disconnect().await.unwrap();
    assert!(service.log().iter().any(|line| line.starts_with("POST /revoke")), "{:?}", service.log());
    trunkline.shutdown(std::time::Duration::from_secs(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "the application's own callers")]
async fn a_reload_under_load_drops_no_request() {
    let service = Standard::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |title: &str| {
        let text = manifest(&service).replace("title = \"Standard\"", &format!("title = \"{title}\""));
        let new = folder.path().join("new");
        std::io::Write::write_all(&mut std::fs::File::create(&new).unwrap(), text.as_bytes()).unwrap();
        std::fs::rename(new, folder.path().join("standard.toml")).unwrap();
    };
    write("First");
    let reload = Reload::new();
    let mut settings = ManifestConfig::new(Folder::load(folder.path()).unwrap().find("standard").unwrap());
    settings.client_id = Some(service.client_id().to_owned());
    settings.client_secret = Some(Secret::new(service.client_secret()));
    settings.redirect_uri = Some("https://app.example.com/connect/acme".to_owned());
    settings.reload = Some(reload.clone());
    let config = Config::new().connector("acme", settings).unwrap();
    let (trunkline, connection) = connected(&service, config).await;

    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (connection, over) = (connection.clone(), over.clone());
            tokio::spawn(async move {
                let mut served = 0;
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    assert_eq!(connection.get("/hello").send().await.unwrap().status(), 200);
                    served += 1;
                }
                served
            })
        })
        .collect();
    for turn in 0..50 {
        write(if turn % 2 == 0 { "Second" } else { "First" });
        assert_eq!(reload.replace(&Folder::load(folder.path()).unwrap()).unwrap(), 1);
        if turn == 25 {
            // A renewal meets the swap, too.
            service.expire_access_tokens();
        }
        tokio::task::yield_now().await;
    }
    over.store(true, std::sync::atomic::Ordering::Relaxed);
    for caller in callers {
        assert!(caller.await.unwrap() > 0);
    }
    trunkline.shutdown(std::time::Duration::from_secs(5)).await.unwrap();
}
