//! The other end of a process's pipes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ChildStdin, Command as Program, Stdio};
use std::time::Duration;

use rustix::process::{self, Pid, WaitId, WaitIdOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use trunkline_tests::processes::{Answer, Command, Failure, Point, Report, Served, Setup, Signal};

use super::soon;

const LOOK: Duration = Duration::from_millis(10);

/// A process that ends with this value.
pub(crate) struct Child {
    process: std::process::Child,
    stdin: ChildStdin,
    reports: UnboundedReceiver<Report>,
}

impl Child {
    /// A process whose hub is open.
    pub(crate) async fn open(setup: &Setup) -> Self {
        let mut child = Self::start(setup);
        match child.report().await {
            Report::Open => child,
            other => panic!("{other:?}"),
        }
    }

    /// Starts a process whose hub cannot be opened, and answers why.
    pub(crate) async fn not_opened(setup: &Setup) -> Failure {
        match Self::start(setup).report().await {
            Report::NotOpened(failure) => failure,
            other => panic!("{other:?}"),
        }
    }

    fn start(setup: &Setup) -> Self {
        // A write beyond the limit on the size of files is then an error and not the end.
        let script = r#"trap "" XFSZ; exec "$0" "$1""#;
        let mut process = Program::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_keeper_child")])
            .arg(serde_json::to_string(setup).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, reports) = unbounded_channel();
        // Ends with the process.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                // Half a line is what a process had to say when it was killed.
                let Ok(report) = serde_json::from_str(&line) else { return };
                if sender.send(report).is_err() {
                    return;
                }
            }
        });
        Self { process, stdin, reports }
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub(crate) fn tell(&mut self, command: &Command) {
        let mut line = serde_json::to_vec(command).unwrap();
        line.push(b'\n');
        self.stdin.write_all(&line).unwrap();
    }

    /// The next report.
    pub(crate) async fn report(&mut self) -> Report {
        soon("a report", self.reports.recv()).await.expect("the process lives")
    }

    pub(crate) async fn ask(&mut self) -> Answer {
        self.tell(&Command::Ask);
        self.asked().await
    }

    /// The answer to an `Ask` that was told before.
    pub(crate) async fn asked(&mut self) -> Answer {
        match self.report().await {
            Report::Asked(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn call(&mut self) -> Result<u16, Failure> {
        self.tell(&Command::Call);
        match self.report().await {
            Report::Called(answer) => answer,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn served(&mut self) -> Served {
        match self.report().await {
            Report::Served(served) => served,
            other => panic!("{other:?}"),
        }
    }

    /// Lets it ask for the token, and die or stop at the point on the way.
    pub(crate) async fn ask_up_to(&mut self, point: Point, signal: Signal) {
        self.tell(&Command::Arm(point, signal));
        self.tell(&Command::Ask);
        self.at(point).await;
        match signal {
            Signal::Kill => self.killed().await,
            Signal::Stop => self.stopped().await,
            Signal::None => {}
        }
    }

    /// Waits until it says that it came to this point.
    pub(crate) async fn at(&mut self, point: Point) {
        match self.report().await {
            Report::At(at) => assert_eq!(at, point),
            other => panic!("{point:?}: {other:?}"),
        }
    }

    /// Waits until a commit was tried and failed: it is tried again.
    pub(crate) async fn failed_to_commit(&mut self) {
        for _ in 0..2 {
            self.tell(&Command::Arm(Point::BeforeCommit, Signal::None));
            self.at(Point::BeforeCommit).await;
        }
    }

    pub(crate) fn has_reported(&mut self) -> bool {
        !self.reports.is_empty()
    }

    /// Lets no file of it grow, or lets it: as a disk that is full.
    #[cfg(target_os = "linux")]
    pub(crate) fn limit_files(&self, bytes: Option<u64>) {
        let limit = process::getrlimit(process::Resource::Fsize);
        let limit = process::Rlimit { current: bytes.or(limit.maximum), maximum: limit.maximum };
        process::prlimit(Some(self.pid()), process::Resource::Fsize, limit).unwrap();
    }

    pub(crate) async fn shut_down(&mut self, within: Duration) -> Option<(usize, bool)> {
        self.tell(&Command::Shutdown(u64::try_from(within.as_millis()).unwrap()));
        match self.report().await {
            Report::ShutDown(left) => left,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until it was killed, by itself or by us.
    pub(crate) async fn killed(&mut self) {
        let status = loop {
            if let Some(status) = soon("its end", async { self.process.try_wait() }).await.unwrap() {
                break status;
            }
            tokio::time::sleep(LOOK).await;
        };
        assert_eq!(status.signal(), Some(9), "{status}");
    }

    /// Ends it as `kill -9` does.
    pub(crate) async fn kill(&mut self) {
        self.process.kill().unwrap();
        self.killed().await;
    }

    async fn stopped(&self) {
        let options = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let is_stopped = || process::waitid(WaitId::Pid(self.pid()), options).unwrap().is_some();
        soon("its stop", async {
            while !is_stopped() {
                tokio::time::sleep(LOOK).await;
            }
        })
        .await;
    }

    /// Stops it, wherever it is.
    pub(crate) async fn stop(&self) {
        process::kill_process(self.pid(), process::Signal::STOP).unwrap();
        self.stopped().await;
    }

    /// Wakes it.
    pub(crate) fn go_on(&mut self) {
        self.tell(&Command::Go);
        process::kill_process(self.pid(), process::Signal::CONT).unwrap();
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // A stopped process is killed as well.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
