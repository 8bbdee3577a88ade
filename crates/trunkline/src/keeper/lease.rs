//! Who may change a connection's credential: one holder at a time, among all processes.

use std::time::Duration;

use trunkline_core::{ConnectionId, Error, Secret, Ticks};
use trunkline_store::{Fence, Intent, Lease, LeaseAsk, LeaseOwner, Opened, Settle, Vault};

use super::watch::{Verdict, Watch};
use crate::hub::{Hub, random};

/// Somebody who wants the lease of one connection.
#[derive(Debug)]
pub(crate) struct Taker {
    owner: LeaseOwner,
    watch: Watch,
    /// While it is unknown whether the lease that was asked for last was granted: the intent that was open
    /// then, which is what is given back.
    asked_over: Option<Option<Intent>>,
    /// Whether a refused replay that has stood for long enough is sent once more.
    again: bool,
}

/// What came of a try.
#[derive(Debug)]
pub(crate) enum Try {
    /// The lease is ours.
    Held(Hold),
    /// Look again after this pause.
    Wait(Duration),
    /// What is spent may have been spent before, and must not be spent again yet.
    Spent,
    /// What is spent was refused when it was spent again, and nobody has written an answer for long enough.
    Refused,
    /// Something was not as it was read: read again.
    Changed,
}

/// Whether what may have been spent may be spent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Replay {
    AtOnce,
    /// Once nobody can be waiting for an answer any more.
    AfterGrace,
    NotYet,
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
    /// When the lease was asked for.
    pub(crate) since: Ticks,
}

impl Hold {
    /// How often, with this one, the same credential has been spent.
    pub(crate) fn attempt(&self) -> u32 {
        self.found.as_ref().filter(|_| self.is_replay).map_or(1, |found| found.attempt.saturating_add(1))
    }

    /// What ends this hold if nothing came of it: the intent that was found is given back.
    pub(crate) fn undone(&self) -> Fence {
        Fence { epoch: self.epoch, then: given_back(self.found.as_ref()) }
    }

    /// What ends this hold if the outcome is unknown.
    pub(crate) fn unknown(&self) -> Fence {
        Fence { epoch: self.epoch, then: Settle::LeaveOpen { epoch: self.epoch } }
    }

    /// What ends this hold if a replay was refused.
    pub(crate) fn refused(&self) -> Fence {
        Fence { epoch: self.epoch, then: Settle::LeaveOpen { epoch: Intent::REFUSED } }
    }

    /// Ends it in one of these ways. A store that fails here leaves a lease that is taken over later.
    pub(crate) async fn settle(&self, hub: &Hub, fence: Fence) {
        if let Err(error) = hub.vault.store().settle(self.id, &fence).await {
            tracing::warn!(target: "trunkline", connection = %self.id, error = %error, "lease could not be released");
        }
    }
}

fn given_back(found: Option<&Intent>) -> Settle {
    found.map_or(Settle::Close, |found| Settle::LeaveOpen { epoch: found.epoch })
}

impl Taker {
    pub(crate) fn new(hub: &Hub) -> Result<Self, Error> {
        let owner = LeaseOwner::from_bytes(random()?);
        Ok(Self { owner, watch: Watch::new(hub.clock.coarse()), asked_over: None, again: false })
    }

    /// Tries to get the lease of what was just read, to spend `spent`; `replay` says whether that may
    /// be done although it may have been spent before.
    pub(crate) async fn attempt(
        &mut self,
        hub: &Hub,
        opened: &Opened,
        spent: &Secret,
        replay: impl FnOnce(&Intent) -> Replay,
    ) -> Result<Try, Error> {
        let (id, lease) = (opened.record.id, &opened.lease);
        if lease.owner == Some(self.owner) {
            self.undo(hub, id, lease).await?;
            return Ok(Try::Changed);
        }
        let fingerprint = Vault::fingerprint(id, spent);
        let spent_before = lease.intent.as_ref().filter(|intent| intent.fingerprint == fingerprint);
        let enough = match (&lease.owner, spent_before.map(|intent| (intent, replay(intent)))) {
            (_, Some((_, Replay::NotYet))) => return Ok(Try::Spent),
            (Some(_), _) => self.watch.held(hub, id, lease).await,
            (None, Some((intent, Replay::AfterGrace))) if intent.is_refused() => {
                match self.watch.refused(hub, id, lease).await {
                    Verdict::Enough if !self.again => return Ok(Try::Refused),
                    other => other,
                }
            }
            (None, Some((intent, Replay::AfterGrace))) => self.watch.open(hub, intent.epoch),
            (None, Some((_, Replay::AtOnce)) | None) => Verdict::Enough,
        };
        match enough {
            Verdict::Enough => self.ask(hub, opened, fingerprint, spent_before.is_some()).await,
            Verdict::Wait(pause) => Ok(Try::Wait(pause)),
            Verdict::Moved => Ok(Try::Changed),
        }
    }

    /// The refusal that was found is not believed: the next attempt asks once more.
    pub(crate) fn ask_again(&mut self) {
        self.again = true;
    }

    async fn ask(
        &mut self,
        hub: &Hub,
        opened: &Opened,
        fingerprint: [u8; 32],
        is_replay: bool,
    ) -> Result<Try, Error> {
        let (id, lease, since) = (opened.record.id, &opened.lease, hub.clock.coarse());
        self.again = false;
        self.asked_over = Some(lease.intent.clone());
        let ask = LeaseAsk {
            id,
            generation: opened.record.generation,
            seen: lease.seen(),
            intent: lease.intent.as_ref().map(|intent| intent.epoch),
            owner: self.owner,
            fingerprint,
        };
        let granted = hub.vault.store().lease(&ask).await?;
        let found = self.asked_over.take().flatten();
        let Some(epoch) = granted else { return Ok(Try::Changed) };
        if lease.owner.is_some() {
            tracing::warn!(target: "trunkline", connection = %id, epoch, "lease of a silent holder taken over");
        }
        Ok(Try::Held(Hold { id, owner: self.owner, epoch, found, is_replay, since }))
    }

    /// For one who wants the lease no longer: what may have been granted unheard is not left behind, if the
    /// store can be reached. A lease that is held, or was refused, is not looked at.
    pub(crate) async fn give_up(&mut self, hub: &Hub, id: ConnectionId) {
        if self.asked_over.is_none() {
            return;
        }
        let undone = match hub.vault.store().get_by_id(id).await {
            Ok(Some(stored)) if stored.lease.owner == Some(self.owner) => {
                self.undo(hub, id, &stored.lease).await
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        };
        if let Err(error) = undone {
            tracing::warn!(target: "trunkline", connection = %id, error = %error, "a lease may be left behind");
        }
    }

    /// The lease was granted, but the answer got lost, and with it the time since.
    async fn undo(&mut self, hub: &Hub, id: ConnectionId, lease: &Lease) -> Result<(), Error> {
        let then = given_back(self.asked_over.take().flatten().as_ref());
        hub.vault.store().settle(id, &Fence { epoch: lease.epoch, then }).await?;
        Ok(())
    }
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
    let taken = take_with(&mut taker, hub, id, spent, patience).await;
    taker.give_up(hub, id).await;
    taken
}

async fn take_with(
    taker: &mut Taker,
    hub: &Hub,
    id: ConnectionId,
    spent: &Secret,
    patience: Duration,
) -> Result<Option<(Hold, Opened)>, Error> {
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
        match taker.attempt(hub, &opened, spent, |_| Replay::AtOnce).await? {
            Try::Held(hold) => return Ok(Some((hold, opened))),
            Try::Wait(_) if waited >= patience => return Ok(None),
            Try::Wait(pause) => {
                tokio::time::sleep(pause).await;
                waited += pause;
            }
            Try::Changed | Try::Spent | Try::Refused => {}
        }
    }
}
