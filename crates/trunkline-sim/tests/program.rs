//! The program, as a stranger starts it.
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

/// Ends with the test, passed or failed.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ended_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

impl Program {
    fn start(service: &str, arguments: &[&str]) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_trunkline-sim"))
            .arg(service)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self(program)
    }

    fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

#[tokio::test]
async fn one_line_of_json_is_enough_to_use_it() {
    let mut program =
        Program::start("sage-intacct", &["--json", "--redirect-uri", "https://127.0.0.1:8443/callback"]);

    let line: Value = serde_json::from_str(&program.first_line()).unwrap();

    let told = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}"));
    assert_eq!(told("username"), format!("{}@{}", told("user_id"), told("company_id")));
    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let mint = json!({
        "grant_type": "client_credentials", "username": told("username"),
        "client_id": told("client_id"), "client_secret": told("client_secret"),
    });
    let token = http.post(format!("{}ia/api/v1/oauth2/token", told("url"))).json(&mint).send().await.unwrap();
    assert_eq!(token.status(), 200);
    let knobs = http.get(format!("{}knobs", told("control_url"))).send().await.unwrap();
    assert_eq!(knobs.status(), 200);
    let consent = [
        ("response_type", "code"),
        ("client_id", told("client_id")),
        ("redirect_uri", "https://127.0.0.1:8443/callback"),
    ];
    let authorize =
        url::Url::parse_with_params(&format!("{}ia/api/v1/oauth2/authorize", told("url")), consent).unwrap();
    assert_eq!(http.get(authorize).send().await.unwrap().status(), 200);
    assert_eq!(program.0.try_wait().unwrap(), None, "it runs until it is stopped");
}

#[tokio::test]
async fn salesforce_tells_what_its_clients_need() {
    let mut program = Program::start("salesforce", &["--json", "--separate-hosts"]);

    let line: Value = serde_json::from_str(&program.first_line()).unwrap();

    let told = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}"));
    let names = ["username", "password", "security_token", "client_id", "client_secret", "org_id"];
    assert!(names.iter().all(|name| !told(name).is_empty()));
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let (id, secret) = (told("client_id"), told("client_secret"));
    let mint = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    let at_login =
        http.post(format!("{}services/oauth2/token", told("url"))).form(&mint).send().await.unwrap();
    assert_eq!(at_login.status(), 400, "client credentials want the org's own host");
    let at_org = http.post(format!("{}services/oauth2/token", told("instance_url"))).form(&mint);
    assert_eq!(at_org.send().await.unwrap().status(), 200);
    let app = http.get(format!("{}apps/{id}", told("control_url"))).send().await.unwrap();
    assert_eq!(app.status(), 200);
}

#[tokio::test]
async fn the_standard_service_approves_at_once_and_sends_nobody_back_whom_it_does_not_know() {
    let mut program = Program::start("standard", &["--json"]);

    let line: Value = serde_json::from_str(&program.first_line()).unwrap();

    let told = |name: &str| line[name].as_str().unwrap_or_else(|| panic!("no {name} in {line}"));
    let http =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let asked = async |client_id: &str| {
        let consent = [
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", "https://app.example.com/callback"),
            ("state", "state-1"),
            ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
            ("code_challenge_method", "S256"),
        ];
        let url = url::Url::parse_with_params(&format!("{}/authorize", told("url")), consent).unwrap();
        http.get(url).send().await.unwrap()
    };
    let approved = asked(told("client_id")).await;
    let back = approved.headers()["location"].to_str().unwrap();
    assert!(back.starts_with("https://app.example.com/callback?code=") && back.contains("state=state-1"));
    assert_eq!(asked("somebody else").await.status(), 400);
    let hello = http.get(format!("{}/hello", told("api_url"))).send().await.unwrap();
    assert_eq!(hello.status(), 401);
}

#[cfg(unix)]
#[tokio::test]
async fn a_termination_signal_ends_it_without_an_error() {
    let mut program = Program::start("sage-intacct", &["--json"]);
    program.first_line();

    let asked = Command::new("kill").arg(program.0.id().to_string()).status().unwrap();

    assert!(asked.success());
    assert!(program.0.wait().unwrap().success());
}
