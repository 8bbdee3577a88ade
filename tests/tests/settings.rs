//! Settings of an application: every mistake names its place, and no value is quoted.

use trunkline::{Config, Error, ErrorKind, MemoryStore, Trunkline};

const GOOD: &str = r#"
[connectors.sage_intacct]
provider = "sage_intacct"
client_id = "id.app.sage.com"
client_secret = "canary-secret"
redirect_uri = "https://app.example.com/callback"
"#;

fn refused(text: &str) -> Error {
    let error = Config::from_toml(text, "app.toml").expect_err("a mistake");
    let printed = format!("{error} {error:?} {:?}", error.hint_text());
    assert!(!printed.contains("canary"), "{printed}");
    error
}

#[test]
fn an_unknown_key_is_named_with_its_table_and_the_nearest_one() {
    let error = refused(&GOOD.replace("client_id", "clinet_id")).to_string();
    for part in ["app.toml", "[connectors.sage_intacct]", "`clinet_id`", "did you mean `client_id`?"] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn what_is_no_toml_is_told_by_its_line_alone() {
    let error = refused("[connectors.x]\nprovider = \"x\"\nsecret = \"canary").to_string();
    assert!(error.contains("line 3"), "{error}");
    let twice = refused(&format!("{GOOD}{GOOD}")).to_string();
    assert!(twice.contains("stands twice"), "{twice}");
}

#[test]
fn a_secret_of_the_wrong_type_is_not_echoed_and_one_with_a_stray_blank_is_refused() {
    let error = refused(&GOOD.replace("\"canary-secret\"", "[\"canary\"]")).to_string();
    assert!(error.contains("`client_secret` must be"), "{error}");
    let config =
        Config::from_toml(&GOOD.replace("canary-secret", "canary-secret "), "app.toml").expect("it parses");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let build =
        Trunkline::builder().config(config).store(MemoryStore::new()).keys(trunkline::KeyRing::new([7; 32]));
    let error = runtime.block_on(build.build()).expect_err("a stray blank");
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(!format!("{error:?}").contains("canary"));
}

#[test]
fn secrets_come_from_files_and_the_environment_and_what_is_missing_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::io::Write::write_all(&mut std::fs::File::create(&path).expect("a file"), b"canary-secret\n")
        .expect("written");
    let from_file = format!("{{ file = {:?} }}", path.display().to_string());
    assert!(Config::from_toml(&GOOD.replace("\"canary-secret\"", &from_file), "app.toml").is_ok());

    let error =
        refused(&GOOD.replace("\"canary-secret\"", "{ env = \"TRUNKLINE_TEST_NOT_SET\" }")).to_string();
    assert!(error.contains("`client_secret`") && error.contains("TRUNKLINE_TEST_NOT_SET"), "{error}");
    let error = refused(&GOOD.replace("\"canary-secret\"", "{ file = \"/nowhere/at/all\" }")).to_string();
    assert!(error.contains("`client_secret`") && error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn a_provider_that_is_not_linked_is_answered_with_the_nearest_one() {
    let error = refused(&GOOD.replace("provider = \"sage_intacct\"", "provider = \"sage_intact\""));
    assert_eq!(error.kind(), ErrorKind::UnknownProvider);
    assert!(error.to_string().contains("[connectors.sage_intacct]"), "{error}");
    assert!(error.hint_text().expect("a hint").contains("Did you mean `sage_intacct`?"));
    assert!(
        refused(&GOOD.replace("provider = \"sage_intacct\"", ""))
            .to_string()
            .contains("`provider` is missing")
    );
}

#[test]
fn plain_http_is_for_loopback_only() {
    let with =
        |url: &str| Config::from_toml(&format!("{GOOD}base_url = \"{url}\""), "app.toml").expect("it parses");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let build = |config| {
        let hub = Trunkline::builder()
            .config(config)
            .store(MemoryStore::new())
            .keys(trunkline::KeyRing::new([7; 32]));
        runtime.block_on(hub.build()).map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(build(with("http://127.0.0.1:4010")), Ok(()));
    assert_eq!(build(with("https://api.intacct.com")), Ok(()));
    assert_eq!(build(with("http://api.intacct.com")), Err(ErrorKind::ConfigInvalid));
}

#[test]
fn where_users_may_return_to_is_https_and_an_unknown_setting_beside_it_is_named() {
    for (consent, part) in [
        (r#"return_to = ["http://app.example.com"]"#, "must be https"),
        (r#"return_to = ["no url"]"#, "must hold URLs"),
        (r#"return_to = "https://app.example.com""#, "must be a list"),
        ("retrun_to = []", "`retrun_to` is not a setting"),
        ("retrun_to = true", "`retrun_to` is not a setting"),
    ] {
        let error = refused(&format!("{GOOD}[consent]\n{consent}")).to_string();
        assert!(error.contains(part), "{error}");
    }
    for good in ["https://app.example.com", "http://127.0.0.1:3000"] {
        let text = format!("{GOOD}[consent]\nreturn_to = [\"{good}\"]");
        Config::from_toml(&text, "app.toml").expect(good);
    }
}

#[tokio::test]
async fn a_connector_that_is_not_there_is_answered_with_what_to_do() {
    let hub = |text: &str| {
        Trunkline::builder()
            .config(Config::from_toml(text, "app.toml").expect("it parses"))
            .store(MemoryStore::new())
            .keys(trunkline::KeyRing::new([7; 32]))
            .build()
    };
    let renamed = GOOD.replace("[connectors.sage_intacct]", "[connectors.books]");
    for (settings, name, kind, hint) in [
        (GOOD, "sage_intact", ErrorKind::NotConfigured, "Did you mean `sage_intacct`?"),
        (&renamed, "sage_intacct", ErrorKind::NotConfigured, "[connectors.sage_intacct]"),
        (&renamed, "quickbooks", ErrorKind::UnknownProvider, "use the_crate as _;"),
    ] {
        let error = hub(settings).await.expect("a hub").tenant("acme").connect(name).await.expect_err(name);
        assert_eq!(error.kind(), kind, "{name}");
        assert!(error.hint_text().expect("a hint").contains(hint), "{name}: {:?}", error.hint_text());
    }
    let hub = hub(GOOD).await.expect("a hub");
    let long = "x".repeat(10_000);
    for tenant in ["", "a\nb", &long] {
        let error = hub.tenant(tenant).connect("sage_intacct").await.expect_err("no name of a tenant");
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    }
}

#[tokio::test]
async fn one_provider_serves_two_connectors_and_nothing_starts_without_store_and_keys() {
    let two = format!("{GOOD}{}", GOOD.replace("connectors.sage_intacct", "connectors.sage_sandbox"));
    let config = || Config::from_toml(&two, "app.toml").expect("it parses");
    let hub = Trunkline::builder()
        .config(config())
        .store(MemoryStore::new())
        .keys(trunkline::KeyRing::new([7; 32]));
    let hub = hub.build().await.expect("a hub");
    assert_eq!(hub.connectors().collect::<Vec<_>>(), ["sage_intacct", "sage_sandbox"]);

    let without_keys = Trunkline::builder().config(config()).store(MemoryStore::new()).build().await;
    assert_eq!(without_keys.expect_err("no keys").kind(), ErrorKind::ConfigInvalid);
    let without_store =
        Trunkline::builder().config(config()).keys(trunkline::KeyRing::new([7; 32])).build().await;
    assert_eq!(without_store.expect_err("no store").kind(), ErrorKind::ConfigInvalid);
}
