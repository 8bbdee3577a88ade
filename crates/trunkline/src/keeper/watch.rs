//! What a process has itself seen of a lease that it wants, on its own monotonic clock: the one ground on which
//! a silent holder is succeeded, or a refused replay becomes a verdict.

use std::time::Duration;

use trunkline_core::{ConnectionId, Ticks};
use trunkline_store::{Lease, Seen};

use crate::hub::Hub;

/// The first and the longest pause between two looks at a lease that somebody else holds.
const FIRST_LOOK: Duration = Duration::from_millis(5);
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// What was seen last, and since when.
#[derive(Debug)]
pub(super) struct Watch {
    began: Ticks,
    sight: Sight,
}

#[derive(Debug)]
enum Sight {
    Nothing,
    /// A held lease stands still.
    Still {
        seen: Seen,
        since: Ticks,
    },
    /// A free lease with an open intent.
    Open {
        epoch: u64,
        since: Ticks,
    },
    /// The store took our knocks: the beat in `seen` is ours.
    Knocked {
        seen: Seen,
        intent: Option<u64>,
        still_since: Ticks,
        since: Ticks,
        last: Ticks,
    },
}

/// Whether what was seen is enough.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Enough,
    /// Look again after this pause.
    Wait(Duration),
    /// Something moved: read again.
    Moved,
}

impl Watch {
    pub(super) fn new(now: Ticks) -> Self {
        Self { began: now, sight: Sight::Nothing }
    }

    /// Whether the holder of this lease may be succeeded: it stood still for `lease_ttl`, and then for
    /// `commit_grace` while the store took writes. Without the knocks, a store that was down or full would make
    /// the holder look dead to whoever is first when it comes back.
    pub(super) async fn held(&mut self, hub: &Hub, id: ConnectionId, lease: &Lease) -> Verdict {
        let (now, seen, intent) = (hub.clock.coarse(), lease.seen(), open(lease));
        match self.sight {
            Sight::Knocked { seen: ours, intent: before, .. } if (ours, before) == (seen, intent) => {
                self.knocking(hub, id, now).await
            }
            Sight::Still { seen: before, since } if before == seen => {
                match hub.timings.lease_ttl().checked_sub(now.since(since)) {
                    Some(left) if !left.is_zero() => Verdict::Wait(self.pause(now).min(left)),
                    _ => self.knock(hub, id, seen, intent, since, None).await,
                }
            }
            _ => {
                self.sight = Sight::Still { seen, since: now };
                Verdict::Wait(self.pause(now))
            }
        }
    }

    /// Whether an open intent under a free lease has been seen long enough: a service that is slow may still
    /// take the request that was given up.
    pub(super) fn open(&mut self, hub: &Hub, epoch: u64) -> Verdict {
        let now = hub.clock.coarse();
        let since = match self.sight {
            Sight::Open { epoch: before, since } if before == epoch => since,
            _ => now,
        };
        self.sight = Sight::Open { epoch, since };
        match hub.timings.commit_grace.checked_sub(now.since(since)) {
            Some(left) if !left.is_zero() => Verdict::Wait(self.pause(now).min(left)),
            _ => Verdict::Enough,
        }
    }

    /// Whether the mark of a refused replay has stood for `commit_grace` while the store took writes.
    pub(super) async fn refused(&mut self, hub: &Hub, id: ConnectionId, lease: &Lease) -> Verdict {
        let (now, intent) = (hub.clock.coarse(), open(lease));
        match self.sight {
            Sight::Knocked { seen: Seen::Free, intent: before, .. } if before == intent => {
                self.knocking(hub, id, now).await
            }
            _ => self.knock(hub, id, Seen::Free, intent, now, None).await,
        }
    }

    async fn knocking(&mut self, hub: &Hub, id: ConnectionId, now: Ticks) -> Verdict {
        let Sight::Knocked { seen, intent, still_since, since, last } = self.sight else {
            return Verdict::Moved;
        };
        let grace = hub.timings.commit_grace;
        let (quiet, rhythm) = (now.since(last), grace / 8);
        if quiet > grace / 4 {
            // Too late: what the store took in between is not known.
            return self.knock(hub, id, seen, intent, still_since, None).await;
        }
        if now.since(since) >= grace {
            return Verdict::Enough;
        }
        match rhythm.checked_sub(quiet) {
            Some(left) if !left.is_zero() => Verdict::Wait(left),
            _ => self.knock(hub, id, seen, intent, still_since, Some(since)).await,
        }
    }

    /// Knocks; without `since`, the wait begins with it.
    async fn knock(
        &mut self,
        hub: &Hub,
        id: ConnectionId,
        seen: Seen,
        intent: Option<u64>,
        still_since: Ticks,
        since: Option<Ticks>,
    ) -> Verdict {
        match hub.vault.store().knock(id, seen, intent).await {
            Ok(Some(beat)) => {
                let now = hub.clock.coarse();
                let seen = match seen {
                    Seen::Free => Seen::Free,
                    Seen::Held { epoch, .. } => Seen::Held { epoch, beat },
                };
                let since = since.unwrap_or(now);
                self.sight = Sight::Knocked { seen, intent, still_since, since, last: now };
                Verdict::Wait(hub.timings.commit_grace / 8)
            }
            Ok(None) => Verdict::Moved,
            Err(error) => {
                tracing::warn!(target: "trunkline", connection = %id, error = %error, "the store takes no writes; the wait begins again");
                self.sight = Sight::Still { seen, since: still_since };
                Verdict::Wait(self.pause(hub.clock.coarse()))
            }
        }
    }

    /// Short at first, since a renewal takes as long as a request; an eighth of what was waited then.
    fn pause(&self, now: Ticks) -> Duration {
        (now.since(self.began) / 8).clamp(FIRST_LOOK, LONGEST_LOOK)
    }
}

fn open(lease: &Lease) -> Option<u64> {
    lease.intent.as_ref().map(|intent| intent.epoch)
}
