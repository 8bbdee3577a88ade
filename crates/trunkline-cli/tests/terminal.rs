//! What is different where a person sits: colours, and questions.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

mod common;

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::time::Duration;

use common::World;
use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use tokio::process::{Child, Command};

/// The program at a terminal of its own.
struct Terminal {
    child: Child,
    master: OwnedFd,
    seen: String,
}

impl Terminal {
    fn start(mut command: Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let end = || slave.try_clone().unwrap();
        command.stdin(end()).stdout(end()).stderr(end()).env("TERM", "xterm-256color");
        let child = command.spawn().unwrap();
        Self { child, master, seen: String::new() }
    }

    /// Reads until `text` was shown.
    async fn shows(&mut self, text: &str) {
        let mut from = File::from(self.master.try_clone().unwrap());
        let (text, mut seen) = (text.to_owned(), std::mem::take(&mut self.seen));
        let reading = tokio::task::spawn_blocking(move || {
            let mut buffer = [0; 4096];
            while !seen.contains(&text) {
                let length = from.read(&mut buffer).unwrap_or(0);
                assert!(length > 0, "{text} in {seen}");
                seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            }
            seen
        });
        self.seen = tokio::time::timeout(Duration::from_secs(60), reading).await.unwrap().unwrap();
    }

    fn types(&mut self, text: &str) {
        File::from(self.master.try_clone().unwrap()).write_all(text.as_bytes()).unwrap();
    }

    async fn ends(&mut self) -> i32 {
        self.child.wait().await.unwrap().code().unwrap()
    }
}

#[tokio::test]
async fn colours_are_shown_where_people_look_unless_they_do_not_want_them() {
    let world = World::new().await;
    world.connect(&[]).await;
    let status = ["status", "acme", "sage_intacct"];
    let mut terminal = Terminal::start(world.command(&status));
    terminal.shows("connected").await;
    assert!(terminal.seen.contains("\u{1b}[32mactive"), "{:?}", terminal.seen);
    assert_eq!(terminal.ends().await, 0);

    let mut command = world.command(&status);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(command);
    terminal.shows("connected").await;
    assert!(!terminal.seen.contains('\u{1b}'), "{:?}", terminal.seen);

    let piped = world.run(&status).await;
    assert!(!piped.out.contains('\u{1b}') && piped.out.contains("active"), "{piped:?}");
}

#[tokio::test]
async fn disconnect_asks_and_a_no_changes_nothing() {
    let world = World::new().await;
    world.connect(&[]).await;
    for (answer, code, state) in [("n\n", 1, "active"), ("\n", 1, "active"), ("y\n", 0, "disconnected")] {
        let mut terminal = Terminal::start(world.command(&["disconnect", "acme", "sage_intacct"]));
        terminal.shows("and revoke its grant? [y/N]").await;
        terminal.types(answer);
        terminal.shows(if code == 0 { "the service revoked the grant" } else { "nothing was changed" }).await;
        assert_eq!(terminal.ends().await, code);
        let status = world.run(&["status", "acme", "sage_intacct", "--json"]).await;
        assert_eq!(status.json()["state"], state);
    }
}

#[tokio::test]
async fn what_is_missing_is_asked_for() {
    let world = World::with_redirect("http://127.0.0.1/cb", "grant = \"client_credentials\"").await;
    let mut terminal = Terminal::start(world.command(&["connect", "sage_intacct", "--tenant", "acme"]));
    terminal.shows("(such as ").await;
    terminal.types(&format!("{}\n", world.service.username()));
    terminal.shows("connected").await;
    assert_eq!(terminal.ends().await, 0);
}
