//! One look at a connection: does its grant still serve?

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Cause, ConnectionId, Error, Family, Held, Probe as Answer, Verdict};
use trunkline_store::{Commit, Expected, NewBody, Opened, Proof, Record, State, Turn};

use super::probe::next_look;
use super::{Why, api, due, renew, trouble, verdict};
use crate::hub::Hub;
use crate::live::{Entry, Mounted};

/// How long a probe may take, with what the connector has to learn before.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// Why a connection is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// Its time had come, and it was claimed until then.
    Claimed { until: Timestamp },
    /// Something happened that may have ended it.
    Suspected,
}

/// What a look showed.
#[derive(Debug)]
pub(super) enum Looked {
    /// The grant serves, which is still to be written down.
    Alive {
        proof: Proof,
        /// The proof that was stored before.
        before: Option<Timestamp>,
    },
    /// What there is to say is stored.
    Settled,
    /// The service did not say anything about it.
    Unanswered,
}

/// Looks at one connection. It is not brought into memory if it is not there: nobody uses it.
pub(super) async fn look(
    hub: &Arc<Hub>,
    mounted: &Arc<Mounted>,
    id: ConnectionId,
    ask: Ask,
) -> Result<Looked, Error> {
    let Some(opened) = hub.vault.load_by_id(id).await? else { return Ok(Looked::Settled) };
    let record = &opened.record;
    if matches!(record.status().state(), State::NeedsConsent | State::Disconnected) {
        return Ok(Looked::Settled);
    }
    let entry = Entry::of(hub, record, mounted);
    if let Ask::Claimed { until } = ask {
        // Whoever proved it or renewed it since the claim has set another time.
        if record.probe_at.map(Timestamp::as_microsecond) != Some(until.as_microsecond()) {
            return Ok(Looked::Settled);
        }
        if let Some(at) = used(hub, &entry, record) {
            return alive(hub, &entry, opened, at).await;
        }
    }
    let Some(held) = opened.held.clone() else { return Ok(Looked::Settled) };
    let Some(live) = api::usable(hub, mounted, record, &held)? else {
        return renewal(hub, &entry, opened, Why::Expired).await;
    };
    if record.status().state().serves() && is_over_soon(hub, &held) {
        let generation = opened.record.generation;
        return renewal(hub, &entry, opened, Why::Ahead { generation }).await;
    }
    match api::ask(hub, mounted, &live, &held, PROBE_TIME).await {
        Some(Ok(Answer::Alive)) => alive(hub, &entry, opened, hub.clock.wall()).await,
        // Only a renewal proves it, which is made when the token is over and not before.
        Some(Ok(_)) => look_again(hub, opened.record, held.credential.access_expires_at).await,
        Some(Err(error)) => refused(hub, &entry, opened, error).await,
        None => Ok(Looked::Unanswered),
    }
}

/// Whether the access token may be over at the next look.
fn is_over_soon(hub: &Hub, held: &Held) -> bool {
    let next = hub.clock.wall().checked_add(hub.probes.within).ok();
    held.credential.refresh_token.is_some()
        && held.credential.access_expires_at.is_some_and(|end| Some(end) <= next)
}

/// When the application's own use proved the grant alive, if that was lately enough to need no probe.
fn used(hub: &Hub, entry: &Entry, record: &Record) -> Option<Timestamp> {
    let ago = hub.clock.coarse().since(entry.used_at()?);
    let now = hub.clock.wall();
    let at = now.checked_sub(ago).ok()?;
    let proves = record.status().state().serves() && record.proved_at < Some(at);
    (proves && hub.probes.next(at) > now).then_some(at)
}

/// The service took the credential.
async fn alive(hub: &Hub, entry: &Entry, opened: Opened, at: Timestamp) -> Result<Looked, Error> {
    let Opened { record, held, lease } = opened;
    // An open intent says that the refresh token may be spent: that the access token serves does not end that
    // trouble.
    hub.witnesses.note(&record);
    let in_trouble = record.status().state() == State::Degraded && lease.intent.is_some();
    if record.status().state() == State::Active || in_trouble {
        let proof = Proof { id: record.id, at, probe_at: Some(hub.probes.next(at)) };
        return Ok(Looked::Alive { proof, before: record.proved_at });
    }
    recovered(hub, entry, record, held.as_ref(), at).await
}

/// Any success ends a trouble.
async fn recovered(
    hub: &Hub,
    entry: &Entry,
    record: Record,
    held: Option<&Held>,
    at: Timestamp,
) -> Result<Looked, Error> {
    let expected = Expected::unchanged(&record);
    let mut changed = record;
    let events = Vec::from_iter(changed.turn(Turn::Recovered, hub.clock.wall()));
    changed.proved_at = Some(at);
    changed.probe_at = Some(hub.probes.next(at));
    if let Some(held) = held {
        let policy = entry.mounted.auth(Some(&changed.method))?.policy();
        changed.due_at = due::at(hub, &changed, &policy, &held.credential);
    }
    let stored = hub.vault.commit(expected, &changed, NewBody::Keep, events).await?;
    if let Commit::Done { .. } = stored {
        trouble::over(hub, changed.id);
        tracing::info!(target: "trunkline", connector = %changed.key.connector(), connection = %changed.id, "recovered");
    }
    Ok(Looked::Settled)
}

/// What the service's refusal of a probe means.
async fn refused(hub: &Arc<Hub>, entry: &Arc<Entry>, opened: Opened, error: Error) -> Result<Looked, Error> {
    let now = hub.clock.wall();
    let error = error.map_diagnosis(|diagnosis| diagnosis.during("probe", now));
    let Some(cause) = error.cause() else { return Err(error) };
    tracing::debug!(target: "trunkline", connector = %entry.mounted.name, connection = %entry.id, cause = cause.code(), "probe refused");
    match cause.verdict() {
        Verdict::RenewAccessToken => {
            let generation = opened.record.generation;
            renewal(hub, entry, opened, Why::Rejected { generation }).await
        }
        Verdict::GrantDead | Verdict::Suspended => {
            let record = opened.record.clone();
            verdict::said(hub, entry, opened, error).await;
            still_suspended(hub, record).await
        }
        // Whoever may not do this was known to the service.
        Verdict::CallOnly if cause.family() == Family::InsufficientPermissions => {
            alive(hub, entry, opened, now).await
        }
        // One tenant's limit says nothing about the service.
        Verdict::Transient if cause == Cause::RateLimited => Ok(Looked::Settled),
        Verdict::Transient => Ok(Looked::Unanswered),
        _ => Err(error),
    }
}

/// A renewal decides; what it shows is stored with it.
async fn renewal(hub: &Arc<Hub>, entry: &Arc<Entry>, opened: Opened, why: Why) -> Result<Looked, Error> {
    let why = match opened.record.status().state() {
        State::Suspended => Why::Told { generation: opened.record.generation },
        _ => why,
    };
    match renew(hub, entry, why).await {
        Ok(_) => Ok(Looked::Settled),
        Err(error) => match error.cause().map(Cause::verdict) {
            Some(Verdict::Transient) => Ok(Looked::Unanswered),
            Some(Verdict::GrantDead | Verdict::Suspended) => still_suspended(hub, opened.record).await,
            _ => Ok(Looked::Settled),
        },
    }
}

/// A suspension that goes on is looked at again; whatever else the look led to has set its own time.
async fn still_suspended(hub: &Hub, record: Record) -> Result<Looked, Error> {
    if record.status().state() != State::Suspended {
        return Ok(Looked::Settled);
    }
    let next = next_look(hub, &record, hub.clock.wall());
    look_again(hub, record, next).await
}

/// Stores when to look again. Where something else changed meanwhile, that has set its own time.
async fn look_again(hub: &Hub, record: Record, at: Option<Timestamp>) -> Result<Looked, Error> {
    let expected = Expected::unchanged(&record);
    let mut changed = record;
    changed.probe_at = at;
    let stored = hub.vault.commit(expected, &changed, NewBody::Keep, Vec::new()).await?;
    tracing::debug!(target: "trunkline", connection = %changed.id, ?at, ?stored, "looked at again later");
    Ok(Looked::Settled)
}

/// Looks in the background at connections that something may have ended.
pub(super) fn look_behind(hub: &Arc<Hub>, mounted: &Arc<Mounted>, suspected: Vec<ConnectionId>) {
    let (task_hub, mounted) = (hub.clone(), mounted.clone());
    hub.spawn(async move {
        for id in suspected {
            let proved = match look(&task_hub, &mounted, id, Ask::Suspected).await {
                Ok(Looked::Alive { proof, .. }) => task_hub.vault.store().prove(&[proof]).await.map(drop),
                Ok(Looked::Settled | Looked::Unanswered) => Ok(()),
                Err(error) => {
                    tracing::warn!(target: "trunkline", connector = %mounted.name, connection = %id, error = %error, "probe failed; tried again later");
                    continue;
                }
            };
            if let Err(error) = proved {
                tracing::warn!(target: "trunkline", connector = %mounted.name, proofs = 1, error = %error, "proofs could not be written");
            }
        }
    });
}
