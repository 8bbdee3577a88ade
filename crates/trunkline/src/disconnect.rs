//! Ending a connection, with an honest report of what was revoked.

use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;
use trunkline_core::{Cause, Diagnosis, Error, Held, Retry, RevokeScope, Revoked, Secret};
use trunkline_store::{Commit, Expected, NewBody, Opened, Record, State, Turn};

use crate::connection::Connection;
use crate::hub::{Hub, Trunkline};
use crate::keeper::{self, lease, supersede};
use crate::live::Mounted;

/// How often a disconnect may lose the race against renewals.
const RACES: usize = 5;
/// How many revocations are taken up at once.
const BATCH: u32 = 100;
/// How long a disconnect waits for a renewal under way; then the revocation goes on behind it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long others leave a revocation to whoever disconnects.
const HEAD_START: Duration = Duration::from_secs(60);

/// What became of the grant at the service. The connection itself is disconnected in every case.
#[derive(Debug)]
#[non_exhaustive]
pub enum Revocation {
    /// The service confirmed that the grant is revoked.
    Revoked,
    /// The service has no way to revoke it: it ends by itself or in the service's own settings.
    NotSupported,
    /// Not revoked, since revoking would end other connections of the same account too.
    Shared {
        /// How many others there are.
        others: usize,
    },
    /// The service could not be asked. The credential is kept, sealed, for this one purpose, and
    /// [`Trunkline::retry_revocations`] tries again.
    Pending(Diagnosis),
    /// The service refused. The credential was deleted here and may still live there.
    Refused(Diagnosis),
    /// There was nothing to revoke.
    Nothing,
}

impl Connection {
    /// Disconnects: from now on the grant is not used, here or in any process that reads the store.
    /// Then the grant is revoked at the service, where that harms no other connection, and the
    /// credential is deleted.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the state could not be stored: then nothing
    /// has changed.
    ///
    /// # Cancel safety
    ///
    /// Once the state is stored, a dropped call leaves a revocation that is taken up at the next start.
    pub async fn disconnect(&self) -> Result<Revocation, Error> {
        let (connector, connection) = (self.connector(), self.id());
        let span = tracing::info_span!(target: "trunkline", "disconnect", connector, %connection);
        self.end().instrument(span).await
    }

    async fn end(&self) -> Result<Revocation, Error> {
        for _ in 0..RACES {
            let opened = self.hub.vault.load_by_id(self.id()).await?;
            let Some(Opened { mut record, held, .. }) = opened else { return Ok(Revocation::Nothing) };
            if record.status().state() == State::Disconnected {
                self.entry.live.store(None);
                return self.revoke_soon().await;
            }
            let now = self.hub.clock.wall();
            let expected = Expected::unchanged(&record);
            let diagnosis = Diagnosis::new(Cause::Disconnected).during("disconnect", now);
            let events = Vec::from_iter(record.turn(Turn::Disconnected(diagnosis), now));
            record.access_expires_at = None;
            record.probe_at = None;
            // A process that dies before the revocation leaves it to whoever looks for what is due. Not at once: whoever
            // disconnects is the one to be told what became of the grant.
            record.due_at = held.is_some().then_some(now + HEAD_START);
            // The secrets stay for the revocation, under the same generation: a renewal under way may
            // still bring the newest, which is the one to revoke.
            let change = self.hub.vault.seal(expected, None, &record, NewBody::Keep, events)?;
            if let Commit::Done { .. } = self.hub.commit(&change).await? {
                self.entry.live.store(None);
                tracing::info!(target: "trunkline", connector = %self.connector(), tenant = %self.tenant(), connection = %self.id(), "disconnected");
                return self.revoke_soon().await;
            }
        }
        Err(Error::new(
            trunkline_core::ErrorKind::Conflict,
            "the connection was changed by others all the time",
        ))
    }
}

impl Connection {
    async fn revoke_soon(&self) -> Result<Revocation, Error> {
        let (hub, mounted, id) = (&self.hub, &self.entry.mounted, self.id());
        if let Some(outcome) = revoke(hub, mounted, id, PATIENCE).await? {
            return Ok(outcome);
        }
        let (task_hub, mounted) = (hub.clone(), mounted.clone());
        hub.spawn(async move {
            let outcome = revoke(&task_hub, &mounted, id, task_hub.timings.takeover() * 2).await;
            tracing::info!(target: "trunkline", connection = %id, ?outcome, "revocation behind a renewal ended");
        });
        let diagnosis = Diagnosis::new(Cause::Conflict).message("a renewal is under way");
        Ok(Revocation::Pending(diagnosis.during("revoke", hub.clock.wall())))
    }
}

impl Trunkline {
    /// Takes up the revocations that could not be finished, but for those whose service asked for a
    /// pause that is not over, and those that were begun less than a minute ago: at the start this happens by itself. Answers how many are done now, and
    /// how many still wait.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store cannot be read.
    pub async fn retry_revocations(&self) -> Result<(usize, usize), Error> {
        let hub = &self.0;
        let (mut done, mut waiting) = (0, 0);
        for id in hub.vault.pending_revocations(BATCH).await? {
            let Some(opened) = hub.vault.load_by_id(id).await? else { continue };
            if opened.record.due_at.is_some_and(|due| due > hub.clock.wall()) {
                waiting += 1;
                continue;
            }
            // A connector that is no longer configured cannot revoke: its jobs wait for it.
            let outcome = match hub.mounted(opened.record.key.connector()).cloned() {
                Ok(mounted) => revoke(hub, &mounted, id, PATIENCE).await?,
                Err(_) => None,
            };
            match outcome {
                Some(Revocation::Pending(_)) | None => waiting += 1,
                Some(_) => done += 1,
            }
        }
        Ok((done, waiting))
    }

    pub(crate) fn resume_revocations(&self) {
        let trunkline = self.clone();
        self.0.spawn(async move {
            if let Err(error) = trunkline.retry_revocations().await {
                tracing::warn!(target: "trunkline", error = %error, "pending revocations could not be taken up");
            }
        });
    }
}

/// Takes up one revocation that is due.
pub(crate) async fn revoke_due(
    hub: &Arc<Hub>,
    mounted: &Mounted,
    id: trunkline_core::ConnectionId,
) -> Result<(), Error> {
    let outcome = revoke(hub, mounted, id, hub.timings.takeover() * 2).await?;
    tracing::info!(target: "trunkline", connection = %id, ?outcome, "revocation taken up again");
    Ok(())
}

/// Revokes what a disconnected record still holds, and deletes it. A renewal under way ends first; `None`
/// when it does not within `patience`.
async fn revoke(
    hub: &Arc<Hub>,
    mounted: &Mounted,
    id: trunkline_core::ConnectionId,
    patience: Duration,
) -> Result<Option<Revocation>, Error> {
    let waits =
        |opened: &Opened| opened.record.status().state() == State::Disconnected && opened.held.is_some();
    let Some(opened) = hub.vault.load_by_id(id).await?.filter(waits) else {
        return Ok(Some(Revocation::Nothing));
    };
    if let Err(error) = hub.ready(mounted).await {
        let why = diagnosis(&error, hub);
        postpone(hub, opened.record, &why).await;
        return Ok(Some(Revocation::Pending(why)));
    }
    let Some((hold, opened)) = lease::take(hub, id, &Secret::new("revoke"), patience).await? else {
        return Ok(None);
    };
    let outcome = match (waits(&opened), opened.held) {
        (true, Some(held)) => revoke_held(hub, mounted, opened.record, &held).await,
        _ => Ok(Revocation::Nothing),
    };
    // Where the secrets were deleted, this finds nothing to settle.
    hold.settle(hub, hold.undone()).await;
    outcome.map(Some)
}

async fn revoke_held(
    hub: &Arc<Hub>,
    mounted: &Mounted,
    record: Record,
    held: &Held,
) -> Result<Revocation, Error> {
    let id = record.id;
    let auth = mounted.auth(Some(&record.method))?;
    let outcome = match &record.account {
        Some(account) if auth.policy().revoke_scope == RevokeScope::AccountPool => {
            // A grant that is gone is not harmed.
            match supersede::others(hub, record.key.connector(), account, id).await?.len() {
                0 => None,
                others => Some(Revocation::Shared { others }),
            }
        }
        _ => None,
    };
    let outcome = match outcome {
        Some(shared) => shared,
        None => match auth.revoke(&hub.token_cx(mounted), held).await {
            Ok(Revoked::NotSupported) => Revocation::NotSupported,
            Ok(_) => Revocation::Revoked,
            Err(error) => failed(&error, hub),
        },
    };
    if let Revocation::Pending(diagnosis) = &outcome {
        postpone(hub, record, diagnosis).await;
        return Ok(outcome);
    }
    let expected = Expected::Generation(record.generation);
    let mut cleared = record;
    cleared.generation += 1;
    cleared.due_at = None;
    // A conflict means that the tenant connected again meanwhile: then there is nothing to delete.
    if let Commit::Conflict { .. } = keeper::persist(hub, expected, &cleared, NewBody::Clear, &[]).await? {
        tracing::debug!(target: "trunkline", connection = %id, "connected again during a revocation");
    }
    Ok(outcome)
}

/// Stores until when the service asked to be left alone (RFC 7009, 2.2.1), so that another process
/// keeps to it too. Where it named no time, the next attempt may come at once.
async fn postpone(hub: &Hub, mut record: Record, diagnosis: &Diagnosis) {
    let asked = diagnosis.retry() != diagnosis.cause().retry();
    let after_s = match diagnosis.retry() {
        Retry::After { after_s } if asked => after_s,
        _ => 0,
    };
    record.due_at = hub.clock.wall().checked_add(Duration::from_secs(after_s)).ok();
    let expected = Expected::unchanged(&record);
    let stored = hub.vault.commit(expected, &record, NewBody::Keep, Vec::new()).await;
    tracing::debug!(target: "trunkline", connection = %record.id, after_s, ?stored, "revocation postponed");
}

fn failed(error: &Error, hub: &Hub) -> Revocation {
    match error.kind().is_retryable() {
        true => Revocation::Pending(diagnosis(error, hub)),
        false => Revocation::Refused(diagnosis(error, hub)),
    }
}

fn diagnosis(error: &Error, hub: &Hub) -> Diagnosis {
    let diagnosis = error.diagnosis().cloned().unwrap_or_else(|| Diagnosis::new(Cause::OutcomeUnknown));
    diagnosis.during("revoke", hub.clock.wall())
}
