//! `trunkline connect` by a code that a person enters on another device (RFC 8628).
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod common;

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use common::{KEY_HEX, program};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::Notify;

/// A service that shows codes, and a folder with settings for it.
struct World {
    folder: tempfile::TempDir,
    url: String,
    approved: Arc<AtomicBool>,
    polled: Arc<Notify>,
}

impl World {
    async fn new() -> Self {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        let codes = json!({
            "device_code": "canary-device-code", "user_code": "WDJB-MJHT", "expires_in": 600, "interval": 1,
            "verification_uri": format!("{url}/enter"),
            "verification_uri_complete": format!("{url}/enter?code=WDJB-MJHT"),
        });
        let (approved, polled) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
        let (is_approved, was_polled) = (approved.clone(), polled.clone());
        let token = move || async move {
            was_polled.notify_one();
            match is_approved.load(Ordering::SeqCst) {
                true => (
                    StatusCode::OK,
                    Json(json!({ "access_token": "canary-a1", "token_type": "Bearer", "expires_in": 3600 })),
                ),
                false => (StatusCode::BAD_REQUEST, Json(json!({ "error": "authorization_pending" }))),
            }
        };
        let router =
            Router::new().route("/device", post(|| async move { Json(codes) })).route("/token", post(token));
        #[expect(clippy::disallowed_methods, reason = "the service of a test")]
        tokio::spawn(async move { axum::serve(socket, router).await });
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "[connectors.acme]\nprovider = \"oauth2\"\nclient_id = \"client-1\"\ngrant_type = \"device_code\"\n\
             base_url = \"{url}/api\"\ntoken_endpoint = \"{url}/token\"\n\
             device_authorization_endpoint = \"{url}/device\"\naccount = \"none\"\n"
        );
        let mut file = std::fs::File::create(folder.path().join("trunkline.toml")).unwrap();
        std::io::Write::write_all(&mut file, settings.as_bytes()).unwrap();
        Self { folder, url, approved, polled }
    }

    /// Starts the command; answers its first line too.
    async fn begin(&self) -> (Child, Value) {
        let mut command = program(&["--json", "connect", "acme", "--tenant", "acme", "--no-browser"]);
        command.current_dir(self.folder.path()).env("TRUNKLINE_KEY", KEY_HEX);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.as_mut().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).await.unwrap();
        let shown = serde_json::from_str(&line).unwrap();
        (child, shown)
    }
}

/// Code, and the rest of what was printed.
async fn ended(mut child: Child) -> (Option<i32>, String, String) {
    let (mut out, mut err) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).await.unwrap();
    child.stderr.take().unwrap().read_to_string(&mut err).await.unwrap();
    (child.wait().await.unwrap().code(), out, err)
}

#[tokio::test]
async fn a_code_is_shown_and_the_answer_is_waited_for() {
    let world = World::new().await;
    let (child, shown) = world.begin().await;
    let expected = json!({
        "step": "device_code", "user_code": "WDJB-MJHT", "verification_uri": format!("{}/enter", world.url),
        "verification_uri_complete": format!("{}/enter?code=WDJB-MJHT", world.url),
    });
    assert_eq!(shown, expected);
    world.polled.notified().await;
    world.approved.store(true, Ordering::SeqCst);
    let (code, out, err) = ended(child).await;
    let connected: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, &connected["step"], &connected["state"]),
        (Some(0), &"connected".into(), &"active".into())
    );
    assert!(!out.contains("canary") && !err.contains("canary"), "{out}{err}");
}

#[tokio::test]
async fn ctrl_c_ends_the_wait_for_a_code() {
    let world = World::new().await;
    let (child, _) = world.begin().await;
    world.polled.notified().await;
    let id = i32::try_from(child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let (code, out, _) = ended(child).await;
    assert_eq!((code, out.as_str()), (Some(130), ""));
}
