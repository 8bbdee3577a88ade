//! An authorised GET, to a server in a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use trunkline::{Connection, KeyRing, Trunkline};
use trunkline_core::http::HeaderValue;
use trunkline_core::http::header::AUTHORIZATION;
use trunkline_core::url::Url;

use crate::Row;
use crate::common::{self, TOKEN_BYTES, store::NoStore};
use crate::measure::{Pair, allocations, pair, thread_cpu, time};

const REQUESTS: u32 = 100;
const TURNS: usize = 401;

pub(crate) fn figure() -> Vec<Row> {
    let server = Server::start();
    let url: Url = format!("{}/json", server.base).parse().expect("a URL");
    let runtime = common::runtime();
    let held = runtime.block_on(connection(server.base.parse().expect("a URL")));
    let bare = client();
    let header = HeaderValue::from_str(&format!("Bearer {}", "t".repeat(TOKEN_BYTES))).expect("a value");

    let ours = || get_held(&runtime, &held, &url);
    let reference = || get_bare(&runtime, &bare, &url, None);
    let with_header = || get_bare(&runtime, &bare, &url, Some(&header));
    let mut taken = Vec::new();
    for turn in 0..=TURNS {
        // Each takes each place in turn, and follows each of the others as often.
        let mut spent = [0.0; 3];
        for place in 0..3 {
            let which = (if turn % 2 == 0 { turn + place } else { turn + 3 - place }) % 3;
            spent[which] = match which {
                0 => time(thread_cpu, reference),
                1 => time(thread_cpu, with_header),
                _ => time(thread_cpu, ours),
            };
        }
        if turn > 0 {
            taken.push(spent);
        }
    }
    let against =
        |reference: usize| pair(&taken.iter().map(|spent| (spent[reference], spent[2])).collect::<Vec<_>>());
    let count = |work: &dyn Fn()| allocations(work) / f64::from(REQUESTS);
    let (counted, bare_counted, header_counted) = (count(&ours), count(&reference), count(&with_header));
    vec![
        Row::new("allocations of an authorised GET")
            .reference(format!("reqwest `get(Url)`, {bare_counted:.2} ({header_counted:.2} with the header)"))
            .ours(format!("{counted:.2}"))
            .at_most(counted - bare_counted, 3.0, "more"),
        row("CPU time of an authorised GET", "reqwest `get(Url)`", &against(0)).ratio(&against(0), 1.03),
        row("the same, beside one that carries the same header", "reqwest with header", &against(1)).result(
            format!("{:.3} x", against(1).ratio),
            "none",
            true,
        ),
    ]
}

fn row(figure: &str, reference: &str, pair: &Pair) -> Row {
    let per_request = 1e3 * f64::from(REQUESTS);
    Row::new(figure)
        .reference(format!("{reference}, {:.1} us", pair.reference / per_request))
        .ours(format!("{:.1} us", pair.ours / per_request))
}

fn get_held(runtime: &Runtime, held: &Connection, url: &Url) {
    runtime.block_on(async {
        for _ in 0..REQUESTS {
            let response = held.get(url.clone()).send().await.expect("an answer");
            assert_eq!(response.bytes().await.expect("a body").len(), BODY_BYTES);
        }
    });
}

fn get_bare(runtime: &Runtime, bare: &Client, url: &Url, header: Option<&HeaderValue>) {
    runtime.block_on(async {
        for _ in 0..REQUESTS {
            let mut request = bare.get(url.clone());
            if let Some(header) = header {
                request = request.header(AUTHORIZATION, header.clone());
            }
            let response = request.send().await.expect("an answer");
            assert_eq!(response.bytes().await.expect("a body").len(), BODY_BYTES);
        }
    });
}

async fn connection(base: Url) -> Connection {
    let hub = Trunkline::builder()
        .config(common::config(base, false))
        .store(NoStore)
        .keys(KeyRing::new([7; 32]))
        .build()
        .await
        .expect("a hub");
    common::connect(&hub, "acme").await
}

/// A client with the settings of `ReqwestTransport::api`.
fn client() -> Client {
    Client::builder()
        .read_timeout(std::time::Duration::from_secs(60))
        .connect_timeout(std::time::Duration::from_secs(10))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .user_agent("trunkline/0.1.0")
        .build()
        .expect("a client")
}

const BODY_BYTES: usize = 1_024;

struct Server {
    child: Child,
    base: String,
}

impl Server {
    fn start() -> Self {
        let program = std::env::current_exe().expect("a path");
        let mut child = Command::new(program)
            .arg("child-server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a child");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("an address");
        Self { child, base: format!("http://{}", line.trim()) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let ended = self.child.kill().and_then(|()| self.child.wait());
        assert!(ended.is_ok(), "the server does not end");
    }
}

/// Answers every request with the same kilobyte, until its standard input is closed. On one thread, so
/// that no client's server is nearer to its client than another's.
pub(crate) fn serve() {
    std::thread::spawn(|| {
        common::runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            println!("{}", listener.local_addr().expect("an address"));
            let mut answering = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                answering.spawn(answer(stream));
            }
        });
    });
    std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input");
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1024\r\n\r\n";
    let response = [head.as_bytes(), &[b'1'; BODY_BYTES]].concat();
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            read.drain(..end + 4);
            // A kilobyte always fits into the buffer of a client that waits for it.
            stream.writable().await?;
            stream.try_write(&response)?;
        }
    }
}
