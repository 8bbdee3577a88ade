//! What the service's API says of a stored access token. Nothing is spent by asking.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Error, Held, Probe};
use trunkline_store::Record;

use super::{captures, told};
use crate::hub::Hub;
use crate::live::{Live, Look, Mounted};

/// The stored access token, to be asked about; `None` if its time is over, if it lacks captures, or if the service
/// said that it is not to be used any more: that it is rejected would tell nothing new.
pub(super) fn usable(
    hub: &Hub,
    mounted: &Arc<Mounted>,
    record: &Record,
    held: &Held,
) -> Result<Option<Live>, Error> {
    if told::is_dropped(record, held, hub.clock.wall()) || captures::missing(mounted, held)?.is_some() {
        return Ok(None);
    }
    let auth = mounted.auth(Some(&record.method))?;
    let live = Live::new(held, record.generation, record.id, mounted, auth, &*hub.clock)?;
    Ok((live.look(&*hub.clock) != Look::Over).then_some(live))
}

/// Asks; `None` if no answer came within this time, or the connector could not learn what it must know to ask.
pub(super) async fn ask(
    hub: &Hub,
    mounted: &Mounted,
    live: &Live,
    held: &Held,
    time: Duration,
) -> Option<Result<Probe, Error>> {
    let (session, cx) = (hub.session(live, held), hub.api_cx(mounted));
    let asked = async {
        if let Err(error) = hub.ready(mounted).await {
            tracing::debug!(target: "trunkline", connector = %mounted.name, error = %error, "probe left for later");
            return None;
        }
        Some(mounted.connector.probe(&cx, &session).await)
    };
    tokio::time::timeout(time, asked).await.ok().flatten()
}
