//! 100,000 connections in memory.

use std::hint::black_box;
use std::time::Duration;

use trunkline::Connection;

use crate::Row;
use crate::common::{self, TOKEN_BYTES, TokenEndpoint, store::NoStore};
use crate::measure::{live_bytes, thread_cpu, time, turns};

const CONNECTIONS: u32 = 100_000;
const READS: u32 = 200_000;
const TURNS: usize = 31;
const SETTLE: Duration = Duration::from_millis(50);

pub(crate) fn figure() -> Vec<Row> {
    let runtime = common::runtime();
    let (few, alone) = runtime.block_on(common::filled(1));
    let alone = runtime.block_on(common::connect(&few, &alone[0]));

    // It keeps nothing, so what is counted is what the hub keeps.
    let hub = runtime.block_on(common::hub(NoStore, TokenEndpoint::default(), false));
    runtime.block_on(async { tokio::time::sleep(SETTLE).await });
    // A name of the length of a UUID.
    let tenant = |number| format!("6f9619ff-8b86-d011-b42d-{number:012}");
    let live = live_bytes(|| {
        runtime.block_on(async {
            for number in 0..CONNECTIONS {
                drop(common::connect(&hub, &tenant(number)).await);
            }
            tokio::time::sleep(SETTLE).await;
        });
    });
    let among = runtime.block_on(common::connect(&hub, &tenant(CONNECTIONS / 2)));

    let read = |held: &Connection| {
        runtime.block_on(async {
            for _ in 0..READS {
                black_box(held.access_token().await).expect("a token");
            }
        });
    };
    let per_read = |total: f64| total / f64::from(READS);
    let pair = turns(
        TURNS,
        || per_read(time(thread_cpu, || read(&alone))),
        || per_read(time(thread_cpu, || read(&among))),
    );
    vec![
        Row::new("heap per connection, 100,000 warm")
            .reference(format!("the token alone, {TOKEN_BYTES} B"))
            .ours(format!("{:.0} B", live / f64::from(CONNECTIONS)))
            .at_most(live / f64::from(CONNECTIONS), 1_280.0, "B"),
        Row::new("a fresh token of one of 100,000")
            .reference(format!("of the only one, {:.1} ns", pair.reference))
            .ours(format!("{:.1} ns", pair.ours))
            .ratio(&pair, 1.1),
    ]
}
