//! A secret that is asked for is not echoed, and the terminal is given back as it was. No linked connector
//! asks for one, so the question itself is asked, by this test binary at a terminal of its own.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, tcgetattr};
use trunkline::InputSpec;

use super::{Secret, at_terminal};

#[test]
#[ignore = "runs at a terminal that the other tests make"]
fn child() {
    let input = InputSpec::new("api_key", "API key", "").secret();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let answered = runtime.block_on(at_terminal(vec![input]));
    runtime.shutdown_background();
    match answered {
        Ok(answers) => {
            let (name, value) = &answers[0];
            println!("{name} is right: {}.", *value == Secret::new("canary-key"));
        }
        Err(failure) => println!("{} with {:?}.", failure.message, failure.exit),
    }
}

struct Terminal {
    child: Child,
    master: OwnedFd,
    slave: OwnedFd,
    seen: String,
}

impl Terminal {
    /// At the question, its echo off.
    fn asked() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        assert!(echoes(&slave));
        let end = || slave.try_clone().unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "connect::inputs::tests::child", "--ignored", "--nocapture"])
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let mut terminal = Self { child, master, slave, seen: String::new() };
        terminal.reads_to("API key: ");
        while echoes(&terminal.slave) {
            std::thread::yield_now();
        }
        terminal
    }

    fn reads_to(&mut self, text: &str) {
        let mut buffer = [0; 4096];
        while !self.seen.contains(text) {
            let length = File::from(self.master.try_clone().unwrap()).read(&mut buffer).unwrap();
            self.seen.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _gone = self.child.kill().is_err();
        let _ended = self.child.wait().is_ok();
    }
}

fn echoes(terminal: impl AsFd) -> bool {
    tcgetattr(terminal).unwrap().local_modes.contains(LocalModes::ECHO)
}

#[test]
fn a_secret_is_asked_for_without_an_echo() {
    let mut terminal = Terminal::asked();
    File::from(terminal.master.try_clone().unwrap()).write_all(b"canary-key\n").unwrap();
    terminal.reads_to("api_key is right: true.");
    assert!(!terminal.seen.contains("canary"), "{}", terminal.seen);
    assert!(echoes(&terminal.slave));
}

#[test]
fn ctrl_c_at_the_question_gives_the_echo_back() {
    let mut terminal = Terminal::asked();
    let id = Pid::from_raw(i32::try_from(terminal.child.id()).unwrap()).unwrap();
    kill_process(id, Signal::INT).unwrap();
    terminal.reads_to("stopped with Interrupted.");
    assert!(echoes(&terminal.slave));
}
