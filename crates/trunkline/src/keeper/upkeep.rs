//! Keeping alive what nobody uses.

use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use trunkline_core::{ConnectionId, Error};
use trunkline_store::State;

use super::{Why, deadline, flight, incident, told};
use crate::disconnect;
use crate::hub::{Hub, random};
use crate::live::{Entry, Mounted};

/// How long a claimed connection is left to its claimer: longer than any renewal takes.
pub(super) const CLAIM: Duration = Duration::from_secs(10 * 60);

/// How grants are kept alive that end if nobody uses them, how ends that nothing moves are announced, and how
/// unfinished revocations are taken up.
///
/// Each process looks for what is due and claims a few of them, so that no two renew the same. After a
/// downtime the rest waits for the next rounds: no service is stampeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upkeep {
    /// The pause between two rounds. Default 60 s, each time up to a tenth longer.
    pub every: Duration,
    /// How many connections of one connector a round claims: with `every`, the budget of requests that this
    /// process spends on upkeep. Default 100.
    pub batch: u32,
    /// How many of a connector's are renewed at the same time. Default 4.
    pub concurrency: usize,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self { every: Duration::from_secs(60), batch: 100, concurrency: 4 }
    }
}

/// Runs until the hub stops or is gone. It does not keep the hub alive.
pub(crate) async fn run(hub: Weak<Hub>, stopping: CancellationToken, upkeep: Upkeep) {
    loop {
        let pause = upkeep.every + jitter(upkeep.every);
        if stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        let Some(hub) = hub.upgrade() else { return };
        if stopping.run_until_cancelled(round(&hub, upkeep)).await.is_none() {
            return;
        }
    }
}

/// One round over all connectors.
async fn round(hub: &Arc<Hub>, upkeep: Upkeep) {
    for mounted in hub.all_mounted() {
        if let Err(error) = renew_due(hub, mounted, upkeep).await {
            tracing::warn!(target: "trunkline", connector = %mounted.name, error = %error, "due connections could not be claimed");
        }
    }
    if let Err(error) = hub.purge().await {
        tracing::warn!(target: "trunkline", error = %error, "old events could not be purged");
    }
}

async fn renew_due(hub: &Arc<Hub>, mounted: &Arc<Mounted>, upkeep: Upkeep) -> Result<(), Error> {
    let now = hub.clock.wall();
    let until = now.checked_add(CLAIM).unwrap_or(Timestamp::MAX);
    let due = hub.vault.store().claim_due(&mounted.name, now, until, upkeep.batch).await?;
    stream::iter(due)
        .for_each_concurrent(upkeep.concurrency.max(1), |id| async move {
            if let Err(error) = keep(hub, mounted, id, until).await {
                tracing::warn!(target: "trunkline", connector = %mounted.name, connection = %id, error = %error, "upkeep failed; tried again later");
            }
        })
        .await;
    Ok(())
}

async fn keep(
    hub: &Arc<Hub>,
    mounted: &Arc<Mounted>,
    id: ConnectionId,
    until: Timestamp,
) -> Result<(), Error> {
    let Some(opened) = hub.vault.load_by_id(id).await? else { return Ok(()) };
    let (record, now) = (&opened.record, hub.clock.wall());
    let dropped = opened.held.as_ref().is_some_and(|held| told::is_dropped(record, held, now));
    match record.status().state() {
        State::Disconnected => return disconnect::revoke_due(hub, mounted, id).await,
        State::Active | State::Degraded if !dropped => {}
        // The service told that it is worth a look.
        _ => return told::at(hub, &Entry::of(hub, record, mounted), record.generation).await,
    }
    // A refusal that was not believed yet is asked about again, whatever else is due when.
    let doubted =
        record.status().state() == State::Degraded && incident::is_unbelieved(hub, mounted, record).await?;
    if !doubted && !deadline::tend(hub, mounted, &opened).await? {
        return Ok(());
    }
    let entry = Entry::of(hub, record, mounted);
    flight::join_or_start(hub, &entry, Why::Due { until }).wait().await.map(drop)
}

/// Processes that were started together do not stay together.
fn jitter(every: Duration) -> Duration {
    let byte = random::<1>().map_or(0, |[byte]| byte);
    every / 10 * u32::from(byte) / 255
}
