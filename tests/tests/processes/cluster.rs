//! A PostgreSQL server of a test's own, which may be restarted without disturbing anybody.

use std::io::Write as _;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};

/// A running server in a temporary folder; stopped and removed with this value.
pub(crate) struct Cluster {
    programs: PathBuf,
    /// The server refuses to run as root.
    runs_as: Option<u32>,
    port: u16,
    folder: tempfile::TempDir,
}

impl Cluster {
    /// A new server; `None` where PostgreSQL is not installed, which is said on the terminal.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
            assert!(!is_ci, "initdb of PostgreSQL is not installed");
            let test = std::thread::current().name().unwrap_or("a test").to_owned();
            let line = format!("SKIPPED {test}: initdb of PostgreSQL is not installed\n");
            drop(std::io::stderr().write_all(line.as_bytes()));
            return None;
        };
        let runs_as = rustix::process::geteuid().is_root().then(|| user_id("postgres"));
        let folder = tempfile::tempdir().unwrap();
        if runs_as.is_some() {
            chown(folder.path(), runs_as, None).unwrap();
        }
        // Somebody else may take it before the server does: then the server does not start, and the test fails.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { programs, runs_as, port, folder };
        let data = cluster.data();
        cluster.run("initdb", &["-D", &data, "-U", "trunkline", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        cluster.up();
        Some(cluster)
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://trunkline@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn up(&self) {
        // Its processes die, not its machine: what the operating system has is as good as on the disk.
        let options = format!("-p {} -h 127.0.0.1 -k '' -F -c max_connections=60", self.port);
        let log = self.folder.path().join("log").display().to_string();
        self.run("pg_ctl", &["start", "-w", "-D", &self.data(), "-l", &log, "-o", &options]);
    }

    /// Stops it as a crash does.
    pub(crate) fn down(&self) {
        self.run("pg_ctl", &["stop", "-w", "-D", &self.data(), "-m", "immediate"]);
    }

    /// Lets nobody write, or lets them: sessions that are open hear of it, too.
    pub(crate) async fn read_only(&self, on: bool) {
        let change = format!("ALTER SYSTEM SET default_transaction_read_only = {on}");
        let mut session = PgConnection::connect(&self.url()).await.unwrap();
        // Each by itself: this may not stand in a transaction.
        for statement in [change.as_str(), "SELECT pg_reload_conf()"] {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut session).await.unwrap();
        }
        session.close().await.unwrap();
        // The server's own processes are told one after the other.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.args(arguments).current_dir(self.folder.path()).env("LC_ALL", "C");
        if let Some(user) = self.runs_as {
            command.uid(user);
        }
        // The server inherits what it writes to: a pipe would not end before the server.
        let output = self.folder.path().join(format!("{program}.out"));
        let file = std::fs::File::create(&output).unwrap();
        command.stdout(file.try_clone().unwrap()).stderr(file);
        let status = command.status().unwrap();
        assert!(status.success(), "{program}: {}", std::fs::read_to_string(&output).unwrap_or_default());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if Path::new(&self.data()).join("postmaster.pid").exists() {
            self.down();
        }
    }
}

/// Where the programs of the newest installed version are.
fn programs() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = installed.map(|version| version.path().join("bin")).collect();
    folders.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.splice(0..0, std::env::split_paths(&path));
    folders
        .into_iter()
        .rev()
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

fn user_id(name: &str) -> u32 {
    let told = Command::new("id").args(["-u", name]).output().unwrap();
    let id = String::from_utf8_lossy(&told.stdout).trim().parse();
    id.unwrap_or_else(|_| panic!("root cannot run PostgreSQL, and there is no user {name}"))
}
