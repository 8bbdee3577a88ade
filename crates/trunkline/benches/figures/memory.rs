//! What a connection in memory weighs.

use std::time::Duration;

use crate::Row;
use crate::common::{self, TOKEN_BYTES, TokenEndpoint, store::NoStore};
use crate::measure::live_bytes;

const CONNECTIONS: u32 = 10_000;
const SETTLE: Duration = Duration::from_millis(20);

pub(crate) fn figure() -> Vec<Row> {
    let runtime = common::runtime();
    let hub = runtime.block_on(common::hub(NoStore, TokenEndpoint::default(), false));
    // Lets the task that the hub starts with end.
    runtime.block_on(async { tokio::time::sleep(SETTLE).await });
    let tasks_before = runtime.metrics().num_alive_tasks();
    let live = live_bytes(|| {
        runtime.block_on(async {
            for number in 0..CONNECTIONS {
                // A name of the length of a UUID.
                let tenant = format!("6f9619ff-8b86-d011-b42d-{number:012}");
                drop(common::connect(&hub, &tenant).await);
            }
            // Lets the tasks that stored the grants end.
            tokio::time::sleep(SETTLE).await;
        });
    });
    let tasks = runtime.metrics().num_alive_tasks().saturating_sub(tasks_before);
    #[expect(clippy::cast_precision_loss, reason = "a count")]
    let tasks = tasks as f64;
    vec![
        Row::new("heap per connection in memory, 10,000 of them")
            .reference(format!("the token alone, {TOKEN_BYTES} B"))
            .ours(format!("{:.0} B", live / f64::from(CONNECTIONS)))
            .at_most(live / f64::from(CONNECTIONS), 1_280.0, "B"),
        Row::new("tasks that 10,000 idle connections keep").at_most(tasks, 0.0, "in all"),
    ]
}
