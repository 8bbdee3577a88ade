//! `docs/guides/ten-minutes.md`: each of its commands, from a new connector to a connection that is ended.
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::path::Path;
use std::process::Stdio;

use common::{KEY_HEX, Ran, program, run};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const PAGE: &str = include_str!("../../../docs/guides/ten-minutes.md");
const SIMULATOR: &str = "127.0.0.1:4030";

/// A command of the page, word by word.
fn of_page(line: &str) -> Vec<&str> {
    assert!(PAGE.lines().any(|of_page| of_page == line), "`{line}` is not on the page");
    line.split(' ').skip(1).collect()
}

/// The service, on a free port.
async fn simulator() -> (Child, Value) {
    let line = format!("trunkline sim standard --listen {SIMULATOR}");
    let free = of_page(&line).into_iter().map(|word| if word == SIMULATOR { "127.0.0.1:0" } else { word });
    let mut command = program(&free.chain(["--json"]).collect::<Vec<_>>());
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.next_line().await.unwrap().unwrap();
    (child, serde_json::from_str(&told).unwrap())
}

async fn ran(folder: &Path, line: &str) -> Ran {
    let ran = run(program(&of_page(line)).current_dir(folder)).await;
    assert_eq!(ran.code, 0, "{line}: {ran:?}");
    ran
}

#[tokio::test]
async fn a_new_connector_connects_and_ends_as_the_page_says() {
    let (_runs_until_the_end, service) = simulator().await;
    let folder = tempfile::tempdir().unwrap();
    ran(folder.path(), "trunkline new-connector acme --kind manifest").await;
    let folder = folder.path().join("acme-connector");
    let settings = std::fs::read_to_string(folder.join("trunkline.toml")).unwrap();
    assert!(PAGE.contains(&settings), "{settings}");

    let address = service["url"].as_str().unwrap().trim_start_matches("http://");
    let line = PAGE.lines().find(|line| line.starts_with("sed ")).unwrap().replace(SIMULATOR, address);
    let sed = Command::new("sh").args(["-c", &line]).current_dir(&folder).status().await.unwrap();
    assert!(sed.success());
    ran(&folder, "trunkline manifest check acme.toml").await;

    let with_keys = |line: &str, more: &[&str]| {
        let mut command = program(&of_page(line));
        command.args(more).current_dir(&folder).env("TRUNKLINE_KEY", KEY_HEX);
        command.env("ACME_CLIENT_SECRET", service["client_secret"].as_str().unwrap());
        command
    };
    // The browser is a client here, and listens on a port that is surely free.
    let more = ["--no-browser", "--port", "0", "--json"];
    let mut command = with_keys("trunkline connect acme --tenant globex", &more);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let step: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    let page = reqwest::get(step["url"].as_str().unwrap()).await.unwrap();
    assert_eq!(page.status(), 200);
    let step: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!((&step["step"], &step["account"]["user"]), (&"connected".into(), &"ada".into()));
    assert!(child.wait().await.unwrap().success());

    let status = run(&mut with_keys("trunkline status globex acme", &[])).await;
    assert!(status.code == 0 && status.out.contains("active"), "{status:?}");
    let ended = run(&mut with_keys("trunkline disconnect globex acme --yes", &["--json"])).await;
    assert_eq!((ended.code, &ended.json()["revocation"]), (0, &"revoked".into()), "{ended:?}");
}
