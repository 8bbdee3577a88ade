//! `trunkline connectors`, `connections`, `status`, `disconnect`, `completions`.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use common::{World, fields, program, run};
use serde_json::Value;
use trunkline_sim::sage_intacct::{Fixture, Matcher};
use trunkline_store::conformance::postgres::TestSchema;

const CONNECTION: [&str; 16] = [
    "access_expires_at",
    "account",
    "connector",
    "created_at",
    "credential_at",
    "diagnosis",
    "due_at",
    "grant_expires_at",
    "id",
    "label",
    "method",
    "probe_at",
    "proved_at",
    "since",
    "state",
    "tenant",
];
const ADVICE: [&str; 7] = ["actor", "cause", "evidence", "family", "link", "remedy", "retry"];

#[tokio::test]
async fn connectors_need_no_settings_and_show_those_that_are_there() {
    let empty = tempfile::tempdir().unwrap();
    let ran = run(program(&["connectors", "--json"]).current_dir(empty.path())).await;
    let listed = ran.json();
    assert_eq!((ran.code, fields(&listed)), (0, vec!["configured", "providers"]), "{ran:?}");
    assert_eq!(listed["configured"], Value::Array(vec![]));
    let providers = listed["providers"].as_array().unwrap();
    let sage = providers.iter().find(|it| it["name"] == "sage_intacct").unwrap();
    assert_eq!(fields(sage), ["docs", "methods", "name", "title"]);
    assert_eq!(sage["title"], "Sage Intacct");
    assert!(sage["docs"].as_str().unwrap().starts_with("https://"));

    let world = World::with_redirect("http://127.0.0.1/cb", "grant = \"client_credentials\"").await;
    let listed = world.run(&["connectors", "--json"]).await.json();
    let configured = &listed["configured"][0];
    assert_eq!((&configured["name"], &configured["title"]), (&"sage_intacct".into(), &"Sage Intacct".into()));
    assert_eq!(configured["methods"][0], "client_credentials", "the default first");
    let human = world.run(&["connectors"]).await;
    assert!(human.out.contains("configured") && human.out.starts_with("NAME"), "{human:?}");
    assert!(!human.out.contains('\u{1b}'), "plain where nobody looks");
}

#[tokio::test]
async fn connections_are_listed_page_after_page() {
    let world = World::with_redirect("http://127.0.0.1/cb", "grant = \"client_credentials\"").await;
    let hub = world.hub().await;
    let count = 201;
    for number in 0..count {
        let label = format!("label-{number:03}");
        let tenant = hub.tenant("acme");
        let asked = tenant.connect("sage_intacct").label(&label).input("username", world.service.username());
        asked.await.unwrap();
    }
    let ran = world.run(&["connections", "--tenant", "acme", "--json"]).await;
    let lines = ran.lines();
    assert_eq!((ran.code, lines.len()), (0, count));
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["label"], format!("label-{number:03}"));
    }
    assert_eq!(fields(&lines[0]), CONNECTION);
    assert_eq!((&lines[0]["state"], &lines[0]["diagnosis"]), (&"active".into(), &Value::Null));
    assert_eq!(lines[0]["account"]["company"], world.service.company_id());
    let human = world.run(&["connections", "--tenant", "acme"]).await;
    assert_eq!(human.out.lines().count(), count + 1, "one head");

    let everybody = world.run(&["connections"]).await;
    assert_eq!(everybody.out, human.out, "of all tenants");

    let other = world.run(&["connections", "--tenant", "globex"]).await;
    assert_eq!((other.code, other.out.as_str()), (0, ""));
    assert!(other.err.contains("tenant globex has no connections"), "{other:?}");
}

#[tokio::test]
async fn a_store_or_connection_that_is_not_there_is_not_found_and_nothing_is_made() {
    let world = World::new().await;
    for arguments in [
        &["connections", "--tenant", "acme"][..],
        &["status", "acme", "sage_intacct"],
        &["disconnect", "acme", "sage_intacct", "--yes"],
    ] {
        world.run(arguments).await.assert_error(5, "there is no store at `trunkline.db`", "TRUNKLINE_STORE");
    }
    assert!(!world.folder.path().join("trunkline.db").exists());
    world.connect(&[]).await;
    for command in ["status", "disconnect"] {
        let more = if command == "status" { &[][..] } else { &["--yes"] };
        let ran = run(world.command(&[command, "acme", "sage_intacct", "--label", "eu"]).args(more)).await;
        ran.assert_error(5, "no connection through sage_intacct with the label eu", "--tenant acme");
    }
    for arguments in [&["status", "a\nb", "sage_intacct"][..], &["connections", "--tenant", ""]] {
        world.run(arguments).await.assert_error(2, "a tenant name has 1 to 200 bytes", "trunkline help");
    }
}

#[tokio::test]
async fn status_tells_the_state_the_reason_and_what_happened() {
    let world = World::new().await;
    world.connect(&[]).await;
    let ran = world.run(&["status", "acme", "sage_intacct", "--json"]).await;
    let status = ran.json();
    let mut names = CONNECTION.to_vec();
    names.insert(7, "events");
    assert_eq!((ran.code, fields(&status)), (0, names), "{ran:?}");
    assert_eq!(status["events"][0]["kind"], "connected");
    assert_eq!(fields(&status["events"][0]), ["at", "diagnosis", "kind", "sequence"]);

    world.lose_the_grant().await;
    let ran = world.run(&["status", "acme", "sage_intacct", "--json"]).await;
    let status = ran.json();
    assert_eq!((ran.code, &status["state"]), (3, &"needs_consent".into()), "{ran:?}");
    assert_eq!(fields(&status["diagnosis"]), ADVICE);
    assert_eq!(status["diagnosis"]["cause"], "grant_revoked");
    let last = status["events"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["kind"], &last["diagnosis"]["cause"]),
        (&"needs_consent".into(), &"grant_revoked".into())
    );

    let human = world.run(&["status", "acme", "sage_intacct"]).await;
    for text in [
        "state     needs_consent since",
        "cause     grant_revoked",
        "actor     the customer's user",
        "remedy    ",
    ] {
        assert!(human.out.contains(text), "{text} in {human:?}");
    }
    // The read commands open nothing that is sealed.
    let mut command = world.command(&["status", "acme", "sage_intacct"]);
    assert_eq!(run(command.env_remove("TRUNKLINE_KEY")).await.out, human.out);
}

#[tokio::test]
async fn who_has_to_act_at_the_customer_is_told_and_the_code_says_so() {
    let world = World::new().await;
    world.connect(&[]).await;
    // The access token has to be renewed, and the renewal says why it cannot be.
    for (name, path) in [("E1", "/objects/"), ("E9", "/oauth2/token")] {
        world.service.control().inject(Fixture::named(name, Matcher::path(path)).unwrap());
    }
    world.notice().await;

    let status = world.run(&["status", "acme", "sage_intacct", "--json"]).await;
    assert_eq!((status.code, &status.json()["state"]), (4, &"suspended".into()), "{status:?}");
    assert_eq!(status.json()["diagnosis"]["actor"], "customer_administrator");
    let connect = ["connect", "sage_intacct", "--tenant", "acme"];
    let ran = world.run(&connect).await;
    ran.assert_error(4, "client_not_authorized", "client");
}

#[tokio::test]
async fn a_store_is_named_by_option_or_variable() {
    let world = World::new().await;
    world.connect(&["--store", "other.db"]).await;
    assert!(!world.folder.path().join("trunkline.db").exists());
    let mut command = world.command(&["connections", "--tenant", "acme", "--json"]);
    assert_eq!(run(command.env("TRUNKLINE_STORE", "other.db")).await.lines().len(), 1);
    world.write("text.db", b"this is a text, and no database at all");
    let ran = world.run(&["connections", "--tenant", "acme", "--store", "text.db"]).await;
    ran.assert_error(1, "not a database", "Check the path");
}

#[tokio::test]
async fn postgresql_is_a_store_too_and_its_password_is_not_told() {
    let Some(schema) = TestSchema::find().await else { return };
    let sign = if schema.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{sign}options[search_path]={}", schema.url(), schema.name());
    let world = World::with_redirect("http://127.0.0.1/cb", "grant = \"client_credentials\"").await;
    let input = format!("username={}", world.service.username());
    let connect = ["connect", "sage_intacct", "--tenant", "acme", "--input", &input];
    let at = async |arguments: &[&str]| run(world.command(arguments).env("TRUNKLINE_STORE", &url)).await;
    assert_eq!(at(&connect).await.code, 0);
    assert_eq!(at(&["connections", "--tenant", "acme", "--json"]).await.json()["state"], "active");
    assert_eq!(at(&["disconnect", "acme", "sage_intacct", "--yes"]).await.code, 0);
    assert_eq!(at(&["status", "acme", "sage_intacct"]).await.code, 3);
    assert!(!world.folder.path().join("trunkline.db").exists());

    let away = "postgres://app:canary@127.0.0.1:1/app?sslmode=disable";
    let ran = run(world.command(&["status", "acme", "sage_intacct"]).env("TRUNKLINE_STORE", away)).await;
    assert!(ran.code == 1 && !ran.err.contains("canary"), "{ran:?}");
    let help = run(world.command(&["status", "--help"]).env("TRUNKLINE_STORE", away)).await;
    assert!(help.code == 0 && !help.out.contains("canary"), "{help:?}");
}

#[tokio::test]
async fn disconnect_revokes_and_says_so_once_somebody_agreed() {
    let world = World::new().await;
    world.connect(&[]).await;
    let asked = world.run(&["disconnect", "acme", "sage_intacct"]).await;
    asked.assert_error(2, "this is no terminal", "--yes");
    assert_eq!(world.run(&["status", "acme", "sage_intacct"]).await.code, 0, "nothing was changed");

    let ran = world.run(&["disconnect", "acme", "sage_intacct", "--yes", "--json"]).await;
    let ended = ran.json();
    let names = ["connector", "diagnosis", "label", "others", "revocation", "tenant"];
    assert_eq!((ran.code, fields(&ended)), (0, names.to_vec()), "{ran:?}");
    assert_eq!(ended["revocation"], "revoked");
    let status = world.run(&["status", "acme", "sage_intacct", "--json"]).await;
    assert_eq!((status.code, &status.json()["state"]), (3, &"disconnected".into()));

    let again = world.run(&["disconnect", "acme", "sage_intacct", "--yes"]).await;
    assert!(again.out.contains("there was nothing to revoke"), "{again:?}");
}

#[tokio::test]
async fn every_command_has_help_and_the_long_one_lists_the_codes() {
    let help = run(&mut program(&["--help"])).await;
    assert!(help.code == 0 && help.out.contains("Exit codes:\n  0 "), "{help:?}");
    let own =
        ["connectors", "connections", "status", "events", "permissions", "manifest", "connect", "disconnect"];
    for command in own.into_iter().chain(["diagnose", "new-connector", "sim", "completions"]) {
        let help = run(&mut program(&[command, "--help"])).await;
        assert!(help.code == 0 && help.out.contains("Usage: trunkline"), "{help:?}");
    }
    assert_eq!(run(&mut program(&["statsu"])).await.code, 2);
    let mut command = program(&["completions", "bash"]);
    assert!(run(&mut command).await.out.contains("_trunkline()"));
}

#[cfg(unix)]
#[tokio::test]
async fn the_simulator_runs_until_it_is_stopped() {
    use rustix::process::{Pid, Signal, kill_process};
    use tokio::io::{AsyncBufReadExt, BufReader};
    let mut command = program(&["sim", "sage-intacct", "--json"]);
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().unwrap();
    let described: Value = serde_json::from_str(&line).unwrap();
    let url = format!("{}ia/api/v1/services/core/session/id", described["url"].as_str().unwrap());
    assert_eq!(reqwest::get(url).await.unwrap().status(), 401);
    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    assert_eq!(child.wait().await.unwrap().code(), Some(0));
}
