//! 10,000 waiters on one expired token in four processes that share a PostgreSQL database.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use trunkline_core::jiff::SignedDuration;

use crate::Row;
use crate::common::{self, TOKEN_DELAY, TokenEndpoint};
use crate::measure::{quantile, wall};
use crate::place::{Place, skipped};

const PROCESSES: usize = 4;
const WAITERS: usize = 2_500;
const TURNS: usize = 9;
/// Long enough for all processes to take the connection into memory while its token serves.
const LIFE: Duration = Duration::from_millis(1_500);
const AFTER_LIFE: Duration = Duration::from_millis(200);

pub(crate) fn figure() -> Vec<Row> {
    let names = [
        "token requests of 10,000 waiters in 4 processes, PostgreSQL",
        "the same, time added to the endpoint's 50 ms",
    ];
    let runtime = crate::place::two_workers();
    let Some(place) = runtime.block_on(Place::schema()) else { return names.map(skipped).into() };
    let requests = Arc::new(AtomicU64::new(0));
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    drop(runtime.spawn(serve(listener, requests.clone())));
    let life = SignedDuration::try_from(LIFE).expect("seconds");
    let config = common::first_token(common::base(), life, SignedDuration::ZERO);
    let hub = runtime.block_on(place.hub(TokenEndpoint::default(), config));
    let Place::Schema(schema) = &place else { return Vec::new() };
    let mut processes: Vec<_> =
        (0..PROCESSES).map(|_| Waiters::start(schema.url(), schema.name(), &address)).collect();
    let mut added = Vec::new();
    for turn in 0..=TURNS {
        let label = format!("turn-{turn}");
        let born = wall();
        runtime.block_on(async {
            drop(hub.tenant("acme").connect(common::CONNECTOR).label(&label).await.expect("a connection"));
        });
        processes.iter_mut().for_each(|process| process.tell(&format!("connect {label}")));
        processes.iter_mut().for_each(|process| assert_eq!(process.hear(), "ready"));
        let start = born + nanoseconds(LIFE + AFTER_LIFE);
        assert!(wall() < start, "the processes took too long to connect");
        processes.iter_mut().for_each(|process| process.tell(&format!("go {start} {WAITERS}")));
        let last = processes.iter_mut().map(|process| process.hear().parse().expect("a time"));
        let took = last.fold(0.0, f64::max) - start;
        // The first turn opens pools and prepares statements.
        if turn > 0 {
            added.push((took - nanoseconds(TOKEN_DELAY)) / 1e6);
        }
    }
    drop(processes);
    let asked = requests.load(Ordering::SeqCst);
    let turns = TURNS as u64 + 1;
    let [of_requests, of_time] = names;
    let spread = [0.0, 1.0].map(|part| quantile(&added, part));
    vec![
        Row::new(of_requests).result(
            format!("{asked} in {turns} expiries"),
            "exactly 1 each",
            asked == turns,
        ),
        Row::new(of_time)
            .reference("the endpoint's 50 ms")
            .ours(format!("{:.1} to {:.1} ms", spread[0], spread[1]))
            .at_most(quantile(&added, 0.5), 25.0, "ms"),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "seconds")]
fn nanoseconds(span: Duration) -> f64 {
    span.as_nanos() as f64
}

/// Another process with its waiters.
struct Waiters {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Waiters {
    fn start(url: &str, schema: &str, endpoint: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("a path"))
            .arg("child-waiters")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut waiters = Self { child, input, output };
        // Not as arguments: a URL may hold a password.
        [url, schema, endpoint].into_iter().for_each(|line| waiters.tell(line));
        waiters
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the child listens");
    }

    fn hear(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("the child answers");
        line.trim().to_owned()
    }
}

impl Drop for Waiters {
    fn drop(&mut self) {
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(ended.is_ok(), "the child does not end");
    }
}

/// Answers every request after 50 ms, over HTTP, and counts.
async fn serve(listener: TcpListener, requests: Arc<AtomicU64>) {
    let mut answering = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        answering.spawn(answer(stream, requests.clone()));
    }
}

async fn answer(mut stream: TcpStream, requests: Arc<AtomicU64>) -> std::io::Result<()> {
    let mut read = Vec::new();
    while !read.windows(4).any(|window| window == b"\r\n\r\n") {
        stream.readable().await?;
        let mut buffer = [0; 4096];
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    tokio::time::sleep(TOKEN_DELAY).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await
}
