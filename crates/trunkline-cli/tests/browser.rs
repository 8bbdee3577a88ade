//! `trunkline connect` beside a browser that is opened, goes away, or hangs, and a person in a hurry.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use common::{Consent, World, run};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use url::Url;

const PATIENCE: Duration = Duration::from_secs(60);

/// Sends the answer, and does not wait for the page.
async fn answer(world: &World, consent: &Consent) -> TcpStream {
    let callback: Url = world.service.approve(&consent.url).await.unwrap();
    let address = (callback.host_str().unwrap(), callback.port().unwrap());
    let mut browser = TcpStream::connect(address).await.unwrap();
    let target = &callback[url::Position::BeforePath..];
    browser.write_all(format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    browser
}

/// Answers while the service holds its own answer to the exchange.
async fn in_the_exchange(world: &World) -> (Consent, TcpStream) {
    let consent = world.begin(&[]).await;
    world.service.control().pause_token_answers();
    let browser = answer(world, &consent).await;
    let control = world.service.control();
    tokio::time::timeout(PATIENCE, control.token_exchanges_reached(1)).await.unwrap();
    (consent, browser)
}

#[tokio::test]
async fn a_browser_that_goes_away_loses_no_grant() {
    let world = World::new().await;
    let (consent, browser) = in_the_exchange(&world).await;
    drop(browser);
    world.service.control().resume_token_endpoint();
    let ran = consent.end().await;
    assert_eq!((ran.code, &ran.json()["step"]), (0, &"connected".into()), "{ran:?}");
}

#[tokio::test]
async fn ctrl_c_during_the_exchange_loses_no_grant() {
    let world = World::new().await;
    let (consent, _browser) = in_the_exchange(&world).await;
    let id = i32::try_from(consent.child.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    world.service.control().resume_token_endpoint();
    let ran = consent.end().await;
    assert_eq!((ran.code, &ran.json()["step"]), (0, &"connected".into()), "{ran:?}");
    assert!(!world.access_token().await.is_empty());
}

#[tokio::test]
async fn connections_that_say_nothing_hold_nothing_up() {
    let world = World::new().await;
    let consent = world.begin(&[]).await;
    let address = (consent.redirect_uri.host_str().unwrap(), consent.redirect_uri.port().unwrap());
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    silent[0].write_all(b"GET /connect/callback?code=").await.unwrap();
    let _browser = answer(&world, &consent).await;
    assert_eq!(consent.end().await.code, 0);
}

#[tokio::test]
async fn the_page_is_opened_in_the_browser_of_the_machine() {
    let world = World::new().await;
    let folder = world.folder.path();
    mknodat(CWD, folder.join("opened"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    world.write("xdg-open", b"#!/bin/sh\nprintf %s \"$1\" > opened\n");
    std::fs::set_permissions(folder.join("xdg-open"), std::fs::Permissions::from_mode(0o700)).unwrap();

    let mut command = world.command(&["connect", "sage_intacct", "--tenant", "acme", "--port", "0"]);
    command.env("PATH", folder);
    let opened = folder.join("opened");
    let person = async {
        let url =
            tokio::task::spawn_blocking(move || std::fs::read_to_string(opened).unwrap()).await.unwrap();
        let callback = world.service.approve(&url.parse().unwrap()).await.unwrap();
        assert_eq!(reqwest::get(callback).await.unwrap().status(), 200);
        url
    };
    let (ran, url) =
        tokio::time::timeout(PATIENCE, async { tokio::join!(run(&mut command), person) }).await.unwrap();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains(&url), "who has no browser there reads it: {ran:?}");
    assert!(
        ran.out.starts_with("connected: sage_intacct of acme, label default, as integration@acme-corp"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn a_machine_without_a_browser_shows_the_url() {
    let world = World::new().await;
    let nowhere = tempfile::tempdir().unwrap();
    let mut command =
        world.command(&["connect", "sage_intacct", "--tenant", "acme", "--port", "0", "--wait", "1"]);
    let ran = run(command.env("PATH", nowhere.path())).await;
    assert_eq!(ran.code, 3, "{ran:?}");
    assert!(
        ran.err.contains("no browser could be opened") && ran.err.contains("/oauth2/authorize?"),
        "{ran:?}"
    );
}
