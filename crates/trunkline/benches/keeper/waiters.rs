//! One of the processes whose tasks wait for a token.

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use trunkline::{Connect, Connection, ReqwestTransport, Trunkline};
use trunkline_core::http::Response;
use trunkline_core::url::Url;
use trunkline_core::{Body, Request, Transport, TransportError};
use trunkline_store::{PostgresOptions, PostgresStore};

use crate::common;
use crate::measure::wall;

/// Sends token requests to the parent's endpoint, over the client that is made for token endpoints.
#[derive(Debug, Clone)]
struct ToParent {
    client: ReqwestTransport,
    url: Url,
}

#[async_trait]
impl Transport for ToParent {
    async fn send(&self, mut request: Request) -> Result<Response<Body>, TransportError> {
        request.url = self.url.clone();
        self.client.send(request).await
    }
}

/// Does what the parent says on standard input, until that is closed.
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub(crate) fn run() {
    let mut lines = std::io::stdin().lock().lines().map_while(Result::ok);
    let mut next = || lines.next();
    let (Some(url), Some(schema), Some(endpoint)) = (next(), next(), next()) else { return };
    let runtime = crate::place::two_workers();
    let hub = runtime.block_on(hub(&url, &schema, &endpoint));
    let mut connection = None;
    while let Some(line) = next() {
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["connect", label] => {
                connection = Some(runtime.block_on(connect(&hub, label)));
                println!("ready");
            }
            ["go", start, waiters] => {
                let connection = connection.take().expect("it is connected");
                let (start, waiters) = (start.parse().expect("a time"), waiters.parse().expect("a count"));
                println!("{}", wait(&runtime, connection, start, waiters));
            }
            _ => return,
        }
        std::io::stdout().flush().expect("the parent listens");
    }
}

async fn hub(url: &str, schema: &str, endpoint: &str) -> Trunkline {
    let options = PostgresOptions::parse(url).expect("a URL").schema(schema);
    let store = PostgresStore::connect_with(options).await.expect("a store");
    let client = ReqwestTransport::token_endpoint().expect("a client");
    let url = format!("http://{endpoint}/token").parse().expect("a URL");
    common::hub_of(store, ToParent { client, url }, common::config(common::base(), false)).await
}

async fn connect(hub: &Trunkline, label: &str) -> Connection {
    match hub.tenant("acme").connect(common::CONNECTOR).label(label).await {
        Ok(Connect::Ready(connection)) => connection,
        other => panic!("not connected: {other:?}"),
    }
}

/// Answers when the last of them was served.
fn wait(runtime: &Runtime, connection: Connection, start: f64, waiters: usize) -> f64 {
    let connection = Arc::new(connection);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a second or two")]
    let left = (start - wall()).max(0.0) as u64;
    std::thread::sleep(Duration::from_nanos(left));
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..waiters {
            let connection = connection.clone();
            tasks.spawn(async move { connection.access_token().await.is_ok() });
        }
        assert!(tasks.join_all().await.into_iter().all(|served| served), "a waiter got no token");
    });
    wall()
}
