//! 10,000 tasks that ask for one expired token.

use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use trunkline::{Connect, Connection, MemoryStore};
use trunkline_core::http::Method;
use trunkline_core::{Request, Transport, TransportError};

use crate::Row;
use crate::common::{self, TokenEndpoint};
use crate::measure::{time, turns, wall};

const TASKS: usize = 10_000;
const TURNS: usize = 15;

pub(crate) fn figure() -> Vec<Row> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let endpoint = TokenEndpoint::default();
    let hub = runtime.block_on(common::hub(MemoryStore::new(), endpoint.clone(), true));
    // Each turn needs a connection of its own, whose first token is expired.
    let mut connections = (0..=TURNS)
        .map(|turn| {
            let label = format!("turn-{turn}");
            let connecting =
                runtime.block_on(async { hub.tenant("acme").connect(common::CONNECTOR).label(&label).await });
            match connecting {
                Ok(Connect::Ready(connection)) => connection,
                other => panic!("not connected: {other:?}"),
            }
        })
        .collect::<Vec<_>>();
    let ideal = TokenEndpoint::default();
    let pair = turns(
        TURNS,
        || time(wall, || share_a_cell(&runtime, &ideal)),
        || {
            let connection = connections.pop().expect("one for each turn");
            time(wall, || ask_all(&runtime, connection))
        },
    );
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let requests = endpoint.requests() as f64 / (TURNS + 1) as f64;
    vec![
        Row::new("token requests of 10,000 tasks with one expired token").result(
            format!("{requests}"),
            "exactly 1",
            endpoint.requests() == TURNS as u64 + 1,
        ),
        Row::new("10,000 tasks, one expired token, 50 ms endpoint, wall")
            .reference(format!("shared `OnceCell`, {:.1} ms", pair.reference / 1e6))
            .ours(format!("{:.1} ms", pair.ours / 1e6))
            .ratio(&pair, 1.05),
    ]
}

fn ask_all(runtime: &Runtime, connection: Connection) {
    let connection = Arc::new(connection);
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let connection = connection.clone();
            tasks.spawn(async move { connection.access_token().await.is_ok() });
        }
        assert!(tasks.join_all().await.into_iter().all(|served| served), "a task got no token");
    });
}

fn share_a_cell(runtime: &Runtime, endpoint: &TokenEndpoint) {
    let cell = Arc::new(OnceCell::new());
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for _ in 0..TASKS {
            let (cell, endpoint) = (cell.clone(), endpoint.clone());
            tasks.spawn(async move {
                let ask = async || {
                    let answer = endpoint.send(Request::new(Method::POST, common::base())).await?;
                    Ok::<_, TransportError>(answer.status())
                };
                cell.get_or_try_init(ask).await.is_ok()
            });
        }
        assert!(tasks.join_all().await.into_iter().all(|served| served), "a task got no token");
    });
}
