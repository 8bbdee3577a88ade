//! `trunkline connect`, with a scripted browser.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{CLIENT_SECRET, KEY_HEX, Ran, World, fields, run, run_with};
use reqwest::StatusCode;
use url::Url;

const CONNECT: [&str; 4] = ["connect", "sage_intacct", "--tenant", "acme"];
const WITHOUT_BROWSER: [&str; 7] =
    ["connect", "sage_intacct", "--tenant", "acme", "--no-browser", "--port", "0"];

#[tokio::test]
async fn a_consent_on_this_machine_connects_and_the_next_connect_asks_nobody() {
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    let callback = world.service.approve(&consent.url).await.unwrap();
    assert_eq!(callback.path(), "/connect/callback");

    let page = reqwest::get(callback.clone()).await.unwrap();
    let header = |name: &str| page.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(page.status(), StatusCode::OK);
    assert_eq!(
        (header("referrer-policy"), header("cache-control")),
        ("no-referrer".into(), "no-store".into())
    );
    assert!(header("content-security-policy").starts_with("default-src 'none'"));
    let html = page.text().await.unwrap();
    assert!(html.contains("Connected.") && !html.contains("http"), "{html}");

    let ran = consent.end().await;
    let connected = ran.json();
    let names = ["account", "connector", "consented", "id", "label", "state", "step", "tenant"];
    assert_eq!((ran.code, fields(&connected)), (0, names.to_vec()), "{ran:?}");
    assert_eq!(connected["account"]["user"], world.service.user_id());
    assert_eq!(connected["consented"], true);
    assert!(reqwest::get(callback).await.is_err(), "the listener is gone");

    let again = world.run(&WITHOUT_BROWSER).await;
    assert_eq!((again.code, again.err.as_str()), (0, ""), "{again:?}");
    assert!(again.out.starts_with("already connected: sage_intacct of acme"), "{again:?}");
}

#[tokio::test]
async fn only_the_answer_to_this_consent_at_its_path_is_taken() {
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    let callback = world.service.approve(&consent.url).await.unwrap();
    let with = |change: &dyn Fn(&mut Url)| {
        let mut url = callback.clone();
        change(&mut url);
        url
    };
    let twice = format!("{}&state=twice", callback.query().unwrap());
    let strangers = [
        (with(&|url| url.set_path("/favicon.ico")), StatusCode::NOT_FOUND),
        (with(&|url| url.set_path("/other/callback")), StatusCode::NOT_FOUND),
        (with(&|url| url.set_query(Some("code=stolen&state=guessed"))), StatusCode::BAD_REQUEST),
        (with(&|url| url.set_query(Some("code=stolen"))), StatusCode::BAD_REQUEST),
        (with(&|url| url.set_query(None)), StatusCode::BAD_REQUEST),
        (with(&|url| url.set_query(Some(&twice))), StatusCode::BAD_REQUEST),
    ];
    for (url, status) in strangers {
        assert_eq!(reqwest::get(url.clone()).await.unwrap().status(), status, "{url}");
    }
    let posted = reqwest::Client::new().post(callback.clone()).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);

    assert_eq!(reqwest::get(callback).await.unwrap().status(), StatusCode::OK);
    assert_eq!(consent.end().await.code, 0);
}

#[tokio::test]
async fn it_listens_on_the_loopback_address_alone() {
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    assert_eq!(consent.redirect_uri.host_str(), Some("127.0.0.1"));
    // Every address of 127/8 is this machine, but only one of them is listened on.
    let mut other = consent.redirect_uri.clone();
    other.set_host(Some("127.0.0.2")).unwrap();
    assert!(reqwest::get(other).await.is_err());
}

#[tokio::test]
async fn who_denies_access_is_not_connected_and_the_code_says_so() {
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    let callback = world.service.deny(&consent.url).await.unwrap();
    let page = reqwest::get(callback).await.unwrap();
    assert!(page.text().await.unwrap().contains("Not connected."));
    let ran = consent.end().await;
    let error: serde_json::Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    assert_eq!(fields(&error["error"]), ["diagnosis", "hint", "message"]);
    assert_eq!(error["error"]["diagnosis"]["cause"], "consent_denied");
}

#[tokio::test]
async fn the_wait_is_bounded() {
    let world = World::new().await;
    let mut arguments = WITHOUT_BROWSER.to_vec();
    arguments.extend(["--wait", "1"]);
    let ran = world.run(&arguments).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(ran.err.contains("error: no answer came within 1 s\nhint: "), "{ran:?}");
    assert_eq!(world.run(&["--json", "connections", "--tenant", "acme"]).await.out, "");
}

#[cfg(unix)]
#[tokio::test]
async fn ctrl_c_ends_the_wait() {
    use rustix::process::{Pid, Signal, kill_process};
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    // The page that the listener answers shows that the wait has begun.
    let elsewhere = consent.redirect_uri.join("/elsewhere").unwrap();
    assert_eq!(reqwest::get(elsewhere).await.unwrap().status(), StatusCode::NOT_FOUND);
    let id = i32::try_from(consent.child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let ran = consent.end().await;
    assert_eq!((ran.code, ran.out.as_str()), (130, ""), "{ran:?}");
}

#[tokio::test]
async fn a_port_that_is_taken_and_a_redirect_uri_elsewhere_are_explained() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let world = World::with_redirect(&format!("http://127.0.0.1:{port}/connect/callback"), "").await;
    let ran = world.run(&CONNECT).await;
    ran.assert_error(1, &format!("cannot listen on 127.0.0.1:{port}"), "--port 0");

    let world = World::with_redirect("https://app.example.com/connect/callback", "").await;
    world.run(&CONNECT).await.assert_error(2, "not of a loopback address", "http://127.0.0.1:8400");
    world.run(&WITHOUT_BROWSER).await.assert_error(
        2,
        "not on a loopback address",
        "http://127.0.0.1/callback",
    );
}

#[tokio::test]
async fn inputs_come_from_a_file_the_environment_or_the_command_line() {
    let world =
        World::with_redirect("http://127.0.0.1/connect/callback", "grant = \"client_credentials\"").await;
    let username = world.service.username();
    world.write("username", format!("{username}\n").as_bytes());
    let missing = world.run(&CONNECT).await;
    missing.assert_error(2, "needs to know more: username", "TRUNKLINE_INPUT_USERNAME");

    let label = |ran: &Ran| ran.json()["label"].as_str().unwrap().to_owned();
    let by = async |label: &str, option: &str, value: &str| {
        let mut command = world.command(&["--json"]);
        run(command.args(CONNECT).args(["--label", label, option, value])).await
    };
    let given = by("line", "--input", &format!("username={username}")).await;
    assert_eq!((given.code, label(&given)), (0, "line".to_owned()), "{given:?}");
    assert_eq!(given.json()["consented"], false);
    let given = by("file", "--input-file", "username=username").await;
    assert_eq!((given.code, label(&given)), (0, "file".to_owned()), "{given:?}");
    let mut command = world.command(&["--json"]);
    command.args(CONNECT).args(["--label", "stdin", "--input-file", "username=-"]);
    let given = run_with(&mut command, username.as_bytes()).await;
    assert_eq!((given.code, label(&given)), (0, "stdin".to_owned()), "{given:?}");
    let mut command = world.command(&["--json"]);
    command.args(CONNECT).env("TRUNKLINE_INPUT_USERNAME", &username);
    let given = run(&mut command).await;
    assert_eq!((given.code, label(&given)), (0, "default".to_owned()), "{given:?}");
}

#[tokio::test]
async fn bad_inputs_are_refused_before_anything_is_sent_and_never_quoted() {
    let world = World::new().await;
    for (option, value, error, hint) in [
        ("--input", "canary-secret", "an input has no name", "--input name=value"),
        ("--input", "=canary-secret", "an input has no name", "--input name=value"),
        ("--input-file", "api_key=gone", "`api_key` cannot be read from `gone`", "Name a file"),
    ] {
        let ran = run(world.command(&CONNECT).args([option, value])).await;
        ran.assert_error(2, error, hint);
        assert!(!ran.err.contains("canary"), "{ran:?}");
    }
    let twice = ["--input", "a=1", "--input", "a=2"];
    run(world.command(&CONNECT).args(twice)).await.assert_error(2, "`a` is given twice", "once");
    world.write("long", &[b'x'; 64 * 1024 + 1]);
    let ran = run(world.command(&CONNECT).args(["--input-file", "a=long"])).await;
    ran.assert_error(2, "longer than 65536 bytes", "Name a file");
    assert!(world.service.control().requests().is_empty());
}

#[tokio::test]
async fn settings_and_keys_are_checked_before_a_store_is_made() {
    let world = World::new().await;
    let mut command = world.command(&CONNECT);
    run(command.env_remove("TRUNKLINE_KEY")).await.assert_error(
        2,
        "TRUNKLINE_KEY is not set",
        "openssl rand",
    );
    let mut command = world.command(&CONNECT);
    let ran = run(command.env("TRUNKLINE_KEY", "canary")).await;
    ran.assert_error(2, "there is no usable sealing key", "openssl rand");
    assert!(!ran.err.contains("canary"));
    let ran = run(world.command(&CONNECT).args(["--config", "gone.toml"])).await;
    assert_eq!((ran.code, ran.err.contains("gone.toml: cannot be read")), (2, true), "{ran:?}");
    world.run(&["connect", "sage_intact", "--tenant", "acme"]).await.assert_error(
        2,
        "no connector `sage_intact` is configured",
        "Did you mean `sage_intacct`?",
    );
    let ran = run(world.command(&CONNECT).args(["--store", "mysql://u:canary@h/d"])).await;
    ran.assert_error(2, "neither a path nor a URL of PostgreSQL", "--store trunkline.db");
    assert!(!ran.err.contains("canary"));

    let misfit = World::with_redirect("http://app.example.com/connect/callback", "").await;
    let ran = misfit.run(&CONNECT).await;
    assert_eq!((ran.code, ran.err.contains("redirect_uri must be an https URL")), (2, true), "{ran:?}");
    assert!(!misfit.folder.path().join("trunkline.db").exists());

    let empty = tempfile::tempdir().unwrap();
    let mut command = world.command(&CONNECT);
    let ran = run(command.current_dir(empty.path())).await;
    ran.assert_error(2, "there are no settings", "--config");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn no_output_of_any_command_holds_a_secret() {
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    let callback = world.service.approve(&consent.url).await.unwrap();
    let code = callback.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let page = reqwest::get(callback).await.unwrap().text().await.unwrap();
    let connected = consent.end().await;
    let mut said = vec![page, connected.out, connected.err];
    let token = world.access_token().await;
    for arguments in [
        &["connectors"][..],
        &["connections", "--tenant", "acme"],
        &["status", "acme", "sage_intacct"],
        &WITHOUT_BROWSER,
        &["disconnect", "acme", "sage_intacct", "--yes"],
    ] {
        for form in [&[][..], &["--json"]] {
            let ran = run(world.command(form).args(arguments)).await;
            said.extend([ran.out, ran.err]);
        }
        if arguments[0] == "status" {
            world.lose_the_grant().await;
            world.connect(&[]).await;
        }
    }
    let said = said.join("\n");
    assert!(said.contains("integration") && said.len() > 2_000, "{said}");
    let signature = token.rsplit('.').next().unwrap();
    for secret in [CLIENT_SECRET, KEY_HEX, "canary-key", &code, &token, signature] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}
