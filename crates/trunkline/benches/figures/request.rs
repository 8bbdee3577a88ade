//! An authorised GET, to a server in a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use reqwest::Client;
use tokio::runtime::Runtime;
use trunkline::{Connection, KeyRing, Trunkline};
use trunkline_core::http::HeaderValue;
use trunkline_core::http::header::AUTHORIZATION;
use trunkline_core::url::Url;

use crate::Row;
use crate::common::{self, TOKEN_BYTES, store::NoStore};
use crate::measure::{Pair, allocations, pair, thread_cpu, time};

const REQUESTS: u32 = 100;
const TURNS: usize = 151;

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
        // Each takes each place in turn.
        let mut spent = [0.0; 3];
        for place in 0..3 {
            let which = (turn + place) % 3;
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
    // DEBUG
    {
        use trunkline_core::Transport;
        let tr = runtime.block_on(async { trunkline::ReqwestTransport::api().unwrap() });
        let direct = || runtime.block_on(async { for _ in 0..REQUESTS {
            let r = tr.send(trunkline_core::Request::new(trunkline_core::http::Method::GET, url.clone())).await.unwrap();
            assert_eq!(r.into_body().collect(100000).await.unwrap().len(), BODY_BYTES); }});
        direct();
        println!("direct transport {} cpu {}", count(&direct), time(thread_cpu, direct)/1e5);
        let stream = || runtime.block_on(async { use futures_util::TryStreamExt; for _ in 0..REQUESTS {
            let r = bare.get(url.clone()).send().await.unwrap();
            let v: Vec<_> = r.bytes_stream().try_collect().await.unwrap(); assert_eq!(v.len(),1); }});
        println!("bare stream {} cpu {}", count(&stream), time(thread_cpu, stream)/1e5);
        let default = Client::new();
        let d = || get_bare(&runtime, &default, &url, None); d();
        println!("bare default {} cpu {}", count(&d), time(thread_cpu, d)/1e5);
        let b2 = runtime.block_on(async {client()});
        let d = || get_bare(&runtime, &b2, &url, None); d();
        println!("bare second {} cpu {}", count(&d), time(thread_cpu, d)/1e5);
        println!("ours {} cpu {}", count(&ours), time(thread_cpu, ours)/1e5);
    }
    // DEBUG END
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

/// Answers every request with the same kilobyte, until its standard input is closed.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            eprintln!("accepted");
            std::thread::spawn(move || answer(stream));
        }
    });
    std::io::stdin().read_to_end(&mut Vec::new()).expect("standard input");
}

fn answer(mut stream: TcpStream) {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1024\r\n\r\n";
    let response = [head.as_bytes(), &[b'1'; BODY_BYTES]].concat();
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        read.extend_from_slice(&buffer[..count]);
        while let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            read.drain(..end + 4);
            if stream.write_all(&response).is_err() {
                return;
            }
        }
    }
}
