//! A look whether the grant lives, since the service told that something happened to it, or may have ended what
//! suspended it.

use std::sync::Arc;

use jiff::Timestamp;
use trunkline_core::{Error, Held, Verdict};
use trunkline_store::{Expected, NewBody, Record, State};

use super::probe::set_times;
use super::{Why, renew};
use crate::hub::Hub;
use crate::live::Entry;

/// Looks in the background.
pub(crate) fn behind(hub: &Arc<Hub>, entry: Arc<Entry>, generation: u64) {
    let task_hub = hub.clone();
    hub.spawn(async move {
        if let Err(error) = at(&task_hub, &entry, generation).await {
            tracing::warn!(target: "trunkline", connection = %entry.id, error = %error, "a look failed; tried again later");
        }
    });
}

/// One renewal of this generation, unless it was renewed meanwhile, whatever the state. The service's word is
/// stored; an error says that there was none.
pub(crate) async fn at(hub: &Arc<Hub>, entry: &Arc<Entry>, generation: u64) -> Result<(), Error> {
    match renew(hub, entry, Why::Told { generation }).await {
        Ok(_) => Ok(()),
        Err(error) => match error.cause().map(trunkline_core::Cause::verdict) {
            Some(Verdict::GrantDead | Verdict::Suspended) => next(hub, entry).await,
            _ => Err(error),
        },
    }
}

/// Whether the service said that the access token is not to be used any more. Then its time is over in the row, and
/// in the credential it is not: so every process knows that reads the row, until a renewal brings another.
pub(super) fn is_dropped(record: &Record, held: &Held, now: Timestamp) -> bool {
    let end = record.access_expires_at.map(Timestamp::as_microsecond);
    let stated = held.credential.access_expires_at.map(Timestamp::as_microsecond);
    end != stated && end.is_some_and(|end| end <= now.as_microsecond())
}

/// After the service said no: a lost grant is not looked at again, a suspended one is.
async fn next(hub: &Hub, entry: &Entry) -> Result<(), Error> {
    let Some(mut record) = hub.vault.load_by_id(entry.id).await?.map(|opened| opened.record) else {
        return Ok(());
    };
    if record.status().state().serves() || record.status().state() == State::Disconnected {
        return Ok(());
    }
    let expected = Expected::unchanged(&record);
    set_times(hub, &mut record, hub.clock.wall());
    let stored = hub.vault.commit(expected, &record, NewBody::Keep, Vec::new()).await?;
    tracing::debug!(target: "trunkline", connection = %record.id, ?stored, "looked at");
    Ok(())
}
