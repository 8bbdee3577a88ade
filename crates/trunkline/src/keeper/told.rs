//! A look whether the grant lives, since the service told that something happened to it, or may have ended what
//! suspended it.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{Error, Verdict};
use trunkline_store::{Expected, NewBody, State};

use super::{Why, flight};
use crate::hub::Hub;
use crate::live::Entry;

/// How long after a suspension it is looked whether it is over.
pub(crate) const SUSPENDED_PAUSE: Duration = Duration::from_secs(60 * 60);

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
    let why = Why::Told { generation };
    let outcome = match flight::join_or_start(hub, entry, why).wait().await {
        // The flight was under way for another reason.
        Ok(live) if live.generation <= generation => flight::join_or_start(hub, entry, why).wait().await,
        outcome => outcome,
    };
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => match error.cause().map(trunkline_core::Cause::verdict) {
            Some(Verdict::GrantDead | Verdict::Suspended) => next(hub, entry).await,
            _ => Err(error),
        },
    }
}

/// After the service said no: a lost grant is not looked at again, a suspended one is.
async fn next(hub: &Hub, entry: &Entry) -> Result<(), Error> {
    let Some(mut record) = hub.vault.load_by_id(entry.id).await?.map(|opened| opened.record) else {
        return Ok(());
    };
    let expected = Expected::unchanged(&record);
    record.due_at = match record.status().state() {
        State::NeedsConsent => None,
        State::Suspended => hub.clock.wall().checked_add(SUSPENDED_PAUSE).ok(),
        State::Active | State::Degraded | State::Disconnected => return Ok(()),
    };
    let stored = hub.vault.commit(expected, &record, NewBody::Keep, Vec::new()).await?;
    tracing::debug!(target: "trunkline", connection = %record.id, ?stored, "looked at");
    Ok(())
}
