//! The real program in a folder of its own, against a simulator on loopback.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use trunkline::{Config, Connect, KeyRing, SqliteStore, Trunkline};
use trunkline_sim::sage_intacct::SageIntacct;
use url::Url;

/// Canaries: none of them may ever be printed.
pub(crate) const KEY: [u8; 32] = *b"canary-key-canary-key-canary-key";
pub(crate) const KEY_HEX: &str = "63616e6172792d6b65792d63616e6172792d6b65792d63616e6172792d6b6579";
pub(crate) const CLIENT_SECRET: &str = "canary-client-secret";

/// Longer than anything here takes, shorter than a consent is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) service: SageIntacct,
    pub(crate) folder: tempfile::TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The only line of JSON.
    pub(crate) fn json(&self) -> Value {
        let lines = self.lines();
        assert_eq!(lines.len(), 1, "{self:?}");
        lines[0].clone()
    }

    /// Standard output, a value a line.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// An error as every command gives it: one line, and one with a hint.
    pub(crate) fn assert_error(&self, code: i32, error: &str, hint: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        let lines: Vec<_> = self.err.lines().collect();
        assert_eq!(lines.len(), 2, "{self:?}");
        assert!(lines[0].starts_with("error: ") && lines[0].contains(error), "{self:?}");
        assert!(lines[1].starts_with("hint: ") && lines[1].contains(hint), "{self:?}");
    }
}

/// The names of an object's members.
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The program, with nothing of this process's environment that could change what it does.
pub(crate) fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trunkline"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    for name in ["TRUNKLINE_KEY", "TRUNKLINE_STORE", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "CI"] {
        command.env_remove(name);
    }
    command
}

pub(crate) async fn run(command: &mut Command) -> Ran {
    run_with(command, b"").await
}

/// Runs to the end, with `input` as standard input.
pub(crate) async fn run_with(command: &mut Command, input: &[u8]) -> Ran {
    if !input.is_empty() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if let Some(mut stdin) = child.stdin.take() {
        // A program that refuses to read on says so itself.
        let _unread = stdin.write_all(input).await.is_err();
    }
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_redirect("http://127.0.0.1/connect/callback", "").await
    }

    /// `more` is appended to the connector's settings.
    pub(crate) async fn with_redirect(redirect_uri: &str, more: &str) -> Self {
        let service = SageIntacct::builder().client_secret(CLIENT_SECRET).start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[connectors.sage_intacct]\nprovider = \"sage_intacct\"\nclient_id = \"{}\"\n\
             client_secret = \"{CLIENT_SECRET}\"\nredirect_uri = \"{redirect_uri}\"\nbase_url = \"{}\"\n{more}\n",
            service.client_id(),
            service.url(),
        );
        let world = Self { service, folder };
        world.write("trunkline.toml", settings.as_bytes());
        world
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let mut file = std::fs::File::create(self.folder.path().join(name)).unwrap();
        std::io::Write::write_all(&mut file, content).unwrap();
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(arguments);
        command.current_dir(self.folder.path()).env("TRUNKLINE_KEY", KEY_HEX);
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments)).await
    }

    /// Starts `connect` for programs, up to the URL of the service's page.
    pub(crate) async fn begin(&self, more: &[&str]) -> Consent {
        let arguments =
            ["--json", "connect", "sage_intacct", "--tenant", "acme", "--no-browser", "--port", "0"];
        let mut command = self.command(&arguments);
        command.args(more).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        let Some(line) = line else {
            let ran = run(&mut self.command(&arguments)).await;
            panic!("{ran:?}")
        };
        let step: Value = serde_json::from_str(&line).unwrap();
        assert_eq!((fields(&step), &step["step"]), (vec!["redirect_uri", "step", "url"], &"consent".into()));
        let url = step["url"].as_str().unwrap().parse().unwrap();
        let redirect_uri = step["redirect_uri"].as_str().unwrap().parse().unwrap();
        Consent { child, lines, url, redirect_uri }
    }

    /// Connects, and answers what the last line said.
    pub(crate) async fn connect(&self, more: &[&str]) -> Value {
        let consent = self.begin(more).await;
        let callback = self.service.approve(&consent.url).await.unwrap();
        let page = reqwest::get(callback).await.unwrap();
        assert_eq!(page.status(), 200);
        let ran = consent.end().await;
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{ran:?}");
        ran.json()
    }

    /// What another process of the application sees.
    pub(crate) async fn hub(&self) -> Trunkline {
        let config = Config::from_file(self.folder.path().join("trunkline.toml")).unwrap();
        let store = SqliteStore::open(self.folder.path().join("trunkline.db")).await.unwrap();
        let builder = Trunkline::builder().config(config).store(store).keys(KeyRing::new(KEY));
        builder.upkeep(None).probes(None).build().await.unwrap()
    }

    /// The token that the connection holds now.
    pub(crate) async fn access_token(&self) -> String {
        let hub = self.hub().await;
        let Connect::Ready(connection) = hub.tenant("acme").connect("sage_intacct").await.unwrap() else {
            panic!("not connected")
        };
        connection.access_token().await.unwrap().expose().unwrap().to_owned()
    }

    /// The service ends the grant, and the application notices.
    pub(crate) async fn lose_the_grant(&self) {
        self.service.control().revoke_grants(self.service.user_id(), self.service.company_id());
        self.notice().await;
    }

    /// The application calls the service, which refuses.
    pub(crate) async fn notice(&self) {
        let hub = self.hub().await;
        let connection = hub.tenant("acme").find("sage_intacct", "default").await.unwrap().unwrap();
        assert!(connection.get("/objects/accounts-payable/vendor").send().await.is_err());
    }
}

/// A `connect` that waits for its answer.
pub(crate) struct Consent {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    pub(crate) url: Url,
    pub(crate) redirect_uri: Url,
}

impl Consent {
    pub(crate) async fn end(mut self) -> Ran {
        let mut out = String::new();
        let mut err = String::new();
        let ended = async {
            while let Some(line) = self.lines.next_line().await.unwrap() {
                out.push_str(&line);
                out.push('\n');
            }
            self.child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
            self.child.wait().await.unwrap()
        };
        let status: ExitStatus = tokio::time::timeout(PATIENCE, ended).await.unwrap();
        Ran { code: status.code().unwrap(), out, err }
    }
}
