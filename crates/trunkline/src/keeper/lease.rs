//! Who may change a connection's credential: one holder at a time, among all processes.

use std::time::Duration;

use trunkline_core::{ConnectionId, Error, Secret, Ticks};
use trunkline_store::{Fence, Intent, Lease, LeaseAsk, LeaseOwner, Opened, Seen, Settle, Vault};

use crate::hub::{Hub, random};

/// The first and the longest pause between two looks at a lease that somebody else holds.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// Somebody who wants the lease: remembers what was seen of it, since a lease is taken over only after it
/// was seen unchanged for long enough.
#[derive(Debug)]
pub(crate) struct Taker {
    owner: LeaseOwner,
    began: Ticks,
    seen: Option<(Seen, Ticks)>,
    /// The intent that was open when the lease was last asked for: what is given back if it was granted
    /// and the answer got lost.
    asked_over: Option<Intent>,
}

/// What came of a try.
#[derive(Debug)]
pub(crate) enum Try {
    /// The lease is ours.
    Held(Hold),
    /// Somebody else holds it: look again after this pause.
    Wait(Duration),
    /// What is spent may have been spent before, and must not be spent again yet.
    Spent,
    /// Something was not as it was read: read again.
    Changed,
}

/// A lease that is held, with an intent of its own.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    pub(crate) id: ConnectionId,
    pub(crate) owner: LeaseOwner,
    pub(crate) epoch: u64,
    /// The intent that was open before, which has an unknown outcome.
    pub(crate) found: Option<Intent>,
    /// Whether what is spent now may have been spent under the intent that was found.
    pub(crate) is_replay: bool,
    /// The epoch of a holder before that fell silent: it may have an answer, and still write it.
    pub(crate) silent: Option<u64>,
    /// When the lease was asked for.
    pub(crate) since: Ticks,
}

impl Hold {
    /// How often, with this one, the same credential has been spent.
    pub(crate) fn attempt(&self) -> u32 {
        self.found.as_ref().filter(|_| self.is_replay).map_or(1, |found| found.attempt.saturating_add(1))
    }

    /// What ends this hold if nothing came of it: the row is again as it was found.
    pub(crate) fn undone(&self) -> Fence {
        match self.found {
            None => Fence::close(self.epoch),
            Some(_) => self.unknown(),
        }
    }

    /// What ends this hold if the outcome is unknown: a holder before that may still write, still may.
    pub(crate) fn unknown(&self) -> Fence {
        let epoch = self.silent.unwrap_or(self.epoch);
        Fence { epoch: self.epoch, then: Settle::LeaveOpen { epoch } }
    }

    /// Ends it in one of these ways. A store that fails here leaves a lease that is taken over later.
    pub(crate) async fn settle(&self, hub: &Hub, fence: Fence) {
        if let Err(error) = hub.vault.store().settle(self.id, &fence).await {
            tracing::warn!(target: "trunkline", connection = %self.id, error = %error, "lease could not be released");
        }
    }
}

impl Taker {
    pub(crate) fn new(hub: &Hub) -> Result<Self, Error> {
        Ok(Self {
            owner: LeaseOwner::from_bytes(random()?),
            began: hub.clock.coarse(),
            seen: None,
            asked_over: None,
        })
    }

    /// Tries to get the lease of what was just read, to spend `spent`; `may_replay` says whether that may
    /// be done although it may have been spent before.
    pub(crate) async fn attempt(
        &mut self,
        hub: &Hub,
        opened: &Opened,
        spent: &Secret,
        may_replay: impl FnOnce(&Intent) -> bool,
    ) -> Result<Try, Error> {
        let (id, lease) = (opened.record.id, &opened.lease);
        if lease.owner == Some(self.owner) {
            self.undo(hub, id, lease).await?;
            return Ok(Try::Changed);
        }
        let now = hub.clock.coarse();
        if let Some(pause) = self.watch(hub, lease.seen(), now) {
            return Ok(Try::Wait(pause));
        }
        let fingerprint = Vault::fingerprint(id, spent);
        let is_replay = lease.intent.as_ref().is_some_and(|intent| intent.fingerprint == fingerprint);
        if let Some(intent) = lease.intent.as_ref().filter(|_| is_replay)
            && !may_replay(intent)
        {
            return Ok(Try::Spent);
        }
        self.asked_over.clone_from(&lease.intent);
        let ask = LeaseAsk {
            id,
            generation: opened.record.generation,
            seen: lease.seen(),
            intent: lease.intent.as_ref().map(|intent| intent.epoch),
            owner: self.owner,
            fingerprint,
        };
        let Some(epoch) = hub.vault.store().lease(&ask).await? else { return Ok(Try::Changed) };
        let found = self.asked_over.take();
        if lease.owner.is_some() {
            tracing::warn!(target: "trunkline", connection = %id, epoch, "lease of a silent holder taken over");
        }
        let silent = silent(lease);
        Ok(Try::Held(Hold { id, owner: self.owner, epoch, found, is_replay, silent, since: now }))
    }

    /// How long to wait before the next look; `None` when the lease is free, or was seen unchanged for long
    /// enough.
    fn watch(&mut self, hub: &Hub, seen: Seen, now: Ticks) -> Option<Duration> {
        if seen == Seen::Free {
            self.seen = None;
            return None;
        }
        let first = match self.seen {
            Some((before, first)) if before == seen => first,
            _ => self.seen.insert((seen, now)).1,
        };
        let left = hub.timings.takeover().checked_sub(now.since(first)).filter(|left| !left.is_zero())?;
        // Short at first, since a renewal takes as long as a request; an eighth of what was waited then.
        let pause = (now.since(self.began) / 8).clamp(FIRST_LOOK, LONGEST_LOOK);
        Some(pause.min(left))
    }

    /// The lease was granted, but the answer got lost, and with it the time since.
    async fn undo(&mut self, hub: &Hub, id: ConnectionId, lease: &Lease) -> Result<(), Error> {
        let then = match self.asked_over.take() {
            None => Settle::Close,
            // To be careful: whoever it belonged to may still write.
            Some(found) => Settle::LeaveOpen { epoch: found.epoch },
        };
        hub.vault.store().settle(id, &Fence { epoch: lease.epoch, then }).await?;
        Ok(())
    }
}

/// The epoch under which a silent holder may still write. A lease that is free was let go, and whoever let it
/// go under its own epoch has nothing to write.
fn silent(lease: &Lease) -> Option<u64> {
    let intent = lease.intent.as_ref()?;
    (lease.owner.is_some() || intent.epoch != lease.epoch).then_some(intent.epoch)
}

/// Gets the lease to change the credential in another way than by renewing it, waiting at most `patience`, and
/// answers with it and what it was taken over. `None` when somebody else holds on to it, or there is no row.
///
/// `spent` names what is used up: the code of a consent, for instance.
pub(crate) async fn take(
    hub: &Hub,
    id: ConnectionId,
    spent: &Secret,
    patience: Duration,
) -> Result<Option<(Hold, Opened)>, Error> {
    let mut taker = Taker::new(hub)?;
    let mut waited = Duration::ZERO;
    loop {
        let Some(opened) = hub.vault.load_by_id(id).await? else { return Ok(None) };
        // An open intent on the refresh token must not be forgotten over another one.
        let stored = opened.held.as_ref().and_then(|held| held.credential.refresh_token.as_ref());
        let is_open = |stored: &&Secret| {
            let open = opened.lease.intent.as_ref().map(|intent| intent.fingerprint);
            open == Some(Vault::fingerprint(id, stored))
        };
        let spent = stored.filter(is_open).unwrap_or(spent);
        match taker.attempt(hub, &opened, spent, |_| true).await? {
            Try::Held(hold) => return Ok(Some((hold, opened))),
            Try::Wait(_) if waited >= patience => return Ok(None),
            Try::Wait(pause) => {
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            Try::Changed | Try::Spent => {}
        }
    }
}
