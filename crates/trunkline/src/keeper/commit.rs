//! From the service's answer to a stored and published credential.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::{AuthProvider, Cause, Error, Held};
use trunkline_store::{
    Change, Commit, EventKind, Expected, Fence, Intent, Lease, NewBody, NewEvent, Record, State, Turn,
};

use super::lease::Hold;
use super::recent::restoring;
use super::write::{beat, reload, write};
use super::{adopt, captures, due, lost, publish, trouble};
use crate::hub::Hub;
use crate::live::{Entry, Live};

/// How often a holder looks whether the intent is its own again.
const LOOK: Duration = Duration::from_millis(250);

/// Stores a renewed credential and publishes it. Once the service has answered, this is the only copy of a
/// refresh token that may be the only live one: it is kept until it is stored or a newer one is. `None` where it is
/// stored and lacks captures.
pub(super) async fn renewed(
    hub: &Arc<Hub>,
    entry: &Entry,
    before: Record,
    held: &Held,
    narrowed: Option<NewEvent>,
    auth: Arc<dyn AuthProvider>,
    hold: &Hold,
) -> Result<Option<Arc<Live>>, Error> {
    let mut change = sealed(hub, before, held, &*auth, narrowed, hold)?;
    let _holding = hub.unwritten.hold(change.clone());
    loop {
        if let Commit::Done { .. } = write(hub, &change, Some(hold)).await {
            return stored(hub, entry, &change, held, auth);
        }
        let Some(opened) = reload(hub, &change.record.key).await else {
            return Err(Error::of(Cause::ConsentMissing));
        };
        match stand(&opened.record, &opened.lease, &change) {
            Stand::Ours => rebase(hub, &mut change, opened.record),
            Stand::WentBack => {
                let expected = Expected::Generation(opened.record.generation);
                change = restoring(&change, expected).unwrap_or(change);
            }
            // A successor spends what we have spent. If the service refuses it, ours is the live one.
            Stand::Successor => {
                beat(hub, hold).await;
                tokio::time::sleep(LOOK).await;
            }
            // Theirs counts, and ours is not revoked, since it may be of the same grant.
            Stand::Newer => {
                tracing::warn!(target: "trunkline", connector = %change.record.key.connector(), connection = %entry.id, "renewal overtaken");
                return adopt(hub, entry, &opened)?.map(Some).ok_or_else(|| {
                    entry.live.store(None);
                    lost(opened.record.status())
                });
            }
        }
    }
}

/// How the row stands to a credential that could not be written.
pub(super) enum Stand {
    /// It may be written: only the record was changed.
    Ours,
    /// Another intent is open on the same credential.
    Successor,
    /// A newer credential is stored.
    Newer,
    /// The store went back to an older state.
    WentBack,
}

pub(super) fn stand(stored: &Record, lease: &Lease, change: &Change) -> Stand {
    let Some(replaced) = change.record.generation.checked_sub(1) else { return Stand::Newer };
    let open = lease.intent.as_ref().map(|intent| intent.epoch);
    match stored.generation {
        generation if generation > replaced || stored.id != change.record.id => Stand::Newer,
        generation if generation < replaced => Stand::WentBack,
        _ if change.under.is_none_or(|fence| [Some(fence.epoch), Some(Intent::REFUSED)].contains(&open)) => {
            Stand::Ours
        }
        _ => Stand::Successor,
    }
}

fn sealed(
    hub: &Hub,
    mut record: Record,
    held: &Held,
    auth: &dyn AuthProvider,
    narrowed: Option<NewEvent>,
    hold: &Hold,
) -> Result<Change, Error> {
    let before = record.clone();
    record.generation += 1;
    let now = hub.clock.wall();
    record.scopes.granted.clone_from(&held.credential.scopes);
    record.credential_at = Some(now);
    record.access_expires_at = held.credential.access_expires_at;
    record.grant_expires_at = held.credential.grant_expires_at;
    // Nothing proves a grant alive as a renewal does.
    record.proved_at = Some(now);
    record.probe_at = Some(hub.probes.next(now));
    record.due_at = due::at(hub, &record, &auth.policy(), &held.credential);
    let expected = Expected::Generation(before.generation);
    let body = NewBody::Replace(held);
    let mut change = hub.vault.seal(
        expected,
        Some(Fence::close(hold.epoch)),
        &record,
        body,
        narrowed.into_iter().collect(),
    )?;
    rebase(hub, &mut change, before);
    Ok(change)
}

/// Puts the credential on top of what the record has become: a state that somebody else set is not overwritten
/// without a word.
pub(super) fn rebase(hub: &Hub, change: &mut Change, now: Record) {
    change.expected = Expected::unchanged(&now);
    let renewed = std::mem::replace(&mut change.record, now);
    let record = &mut change.record;
    // What was disconnected stays so; the newest credential is what there is to revoke.
    let turned = record.turn(Turn::Recovered, hub.clock.wall());
    // What is said of the credential itself is true on top of any state.
    let said = change.events.drain(..).filter(|event| event.kind == EventKind::ScopesNarrowed);
    change.events = turned.into_iter().chain(said).collect();
    record.method = renewed.method;
    record.scopes.granted = renewed.scopes.granted;
    record.generation = renewed.generation;
    record.credential_at = renewed.credential_at;
    record.access_expires_at = renewed.access_expires_at;
    record.grant_expires_at = renewed.grant_expires_at;
    record.proved_at = renewed.proved_at;
    if record.status().state() != State::Disconnected {
        (record.due_at, record.probe_at) = (renewed.due_at, renewed.probe_at);
    }
}

fn stored(
    hub: &Hub,
    entry: &Entry,
    change: &Change,
    held: &Held,
    auth: Arc<dyn AuthProvider>,
) -> Result<Option<Arc<Live>>, Error> {
    let record = &change.record;
    tracing::info!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, generation = record.generation, "token renewed");
    hub.recent.keep(hub.clock.coarse(), change.clone());
    trouble::over(hub, record.id);
    hub.witnesses.note(record);
    if record.status().state() != State::Active {
        entry.live.store(None);
        return Err(lost(record.status()));
    }
    entry.renewed(hub.clock.coarse());
    if captures::missing(&entry.mounted, held)?.is_some() {
        return Ok(None);
    }
    let live = Live::new(held, record.generation, entry.id, &entry.mounted, auth, &*hub.clock)?;
    live.look(&*hub.clock);
    Ok(Some(publish(entry, live)))
}
