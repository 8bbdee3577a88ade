//! Looking at connections that nobody uses, so that a revocation is noticed within a bound.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use std::vec::IntoIter;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use trunkline_core::{ConnectionId, Error, ErrorKind, Ticks};
use trunkline_store::{Proof, Record, State};

use super::look::{Ask, Looked, look};
use crate::hub::{Hub, random};
use crate::live::Mounted;

/// So many probes in a row that the service did not answer end a round: it is down, and a few are enough to
/// learn when it is back.
const UNANSWERED: u32 = 5;
/// How many proofs are written in one step.
const BATCH: usize = 100;
/// The longest pause between two looks at a suspended connection.
const LONGEST_PAUSE: Duration = Duration::from_secs(60 * 60);

/// How connections that nobody uses are looked at, so that a grant that was revoked at the service is found.
///
/// A connection is probed when nothing has proved its grant alive for almost `within`: neither a renewal, nor
/// a call that succeeded, nor another probe. Each process claims a page at a time, so that no two look at the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Probes {
    /// The bound: how long a revocation goes unnoticed at most, while the service answers and the budget
    /// suffices. Default 15 min.
    pub within: Duration,
    /// How many connections of one connector this process looks at in a second, at most: `within` times the sum
    /// over all processes must exceed their number. Default 20, enough for 15,000 connections.
    pub per_second: u32,
    /// How many of a connector's are looked at at the same time. Default 8.
    pub concurrency: usize,
}

impl Default for Probes {
    fn default() -> Self {
        Self { within: Duration::from_secs(15 * 60), per_second: 20, concurrency: 8 }
    }
}

impl Probes {
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.within >= Duration::from_secs(10) && self.per_second > 0 && self.concurrency > 0 {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ConfigInvalid,
            "probes need a bound of 10 s at least, and a budget and a concurrency of 1 at least",
        ))
    }

    /// The time from one claim to the next.
    fn period(&self) -> Duration {
        (self.within / 60).clamp(Duration::from_secs(1), Duration::from_secs(30))
    }

    /// How many a round claims.
    fn page(&self) -> u32 {
        let seconds = u32::try_from(self.period().as_secs()).unwrap_or(u32::MAX);
        self.per_second.saturating_mul(seconds)
    }

    /// The longest time from a proof to the next look: what then passes until the claim and until the end of the
    /// round is still within the bound.
    fn longest(&self) -> Duration {
        self.within.saturating_sub(self.period() * 2)
    }

    /// When to look again after a proof. Up to a fifth earlier than it must be, so that connections that were
    /// proved together are not all looked at together.
    pub(crate) fn next(&self, proved: Timestamp) -> Timestamp {
        let byte = random::<1>().map_or(0, |[byte]| u32::from(byte));
        later(proved, self.longest() - self.longest() / 5 / 255 * byte)
    }

    /// When to look again at one that has been suspended for so long: ever more slowly.
    fn again(&self, since: Timestamp, now: Timestamp) -> Timestamp {
        let suspended = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        later(now, (suspended / 2).clamp((self.within / 3).min(LONGEST_PAUSE), LONGEST_PAUSE))
    }
}

/// When a connection that stands so, and was looked at now, is looked at next.
pub(crate) fn next_look(hub: &Hub, record: &Record, now: Timestamp) -> Option<Timestamp> {
    match record.status().state() {
        State::Active | State::Degraded => Some(hub.probes.next(now)),
        State::Suspended => Some(hub.probes.again(record.status().since(), now)),
        State::NeedsConsent | State::Disconnected => None,
    }
}

/// Sets the times of a record that was looked at now and no longer serves: nothing is due, but a look where the
/// service may say something else later.
pub(crate) fn set_times(hub: &Hub, record: &mut Record, now: Timestamp) {
    (record.due_at, record.probe_at) = (None, next_look(hub, record, now));
}

fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Looks at one connector's connections until the hub stops or is gone. It does not keep the hub alive.
pub(crate) async fn run(hub: Weak<Hub>, mounted: Arc<Mounted>, stopping: CancellationToken, probes: Probes) {
    let period = probes.period();
    // Processes that were started together do not stay together.
    let byte = random::<1>().map_or(0, |[byte]| u32::from(byte));
    if stopping.run_until_cancelled(tokio::time::sleep(period / 255 * byte)).await.is_none() {
        return;
    }
    let mut rounds = interval(period);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pace = interval(Duration::from_secs(1) / probes.per_second.max(1));
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let pace = Pace::new(pace);
    let mut warned = None;
    loop {
        if stopping.run_until_cancelled(rounds.tick()).await.is_none() {
            return;
        }
        let Some(hub) = hub.upgrade() else { return };
        let round = Round::new(hub, mounted.clone(), probes);
        // A probe changes nothing at the service, and what it leads to runs in the hub's own tasks: nothing is
        // lost when it is dropped.
        let ended = stopping.run_until_cancelled(round.run(&pace)).await;
        round.write().await;
        match ended {
            None => return,
            Some(Err(error)) => {
                tracing::warn!(target: "trunkline", connector = %mounted.name, error = %error, "connections to be probed could not be claimed");
            }
            Some(Ok(claimed)) => round.compare(claimed, &mut warned),
        }
    }
}

/// Lets one through after the other, at the budget's pace.
type Pace = sync::Mutex<Interval>;

/// One page of connections.
struct Round {
    hub: Arc<Hub>,
    mounted: Arc<Mounted>,
    probes: Probes,
    proofs: Mutex<Vec<Proof>>,
    unanswered: AtomicU32,
    /// The longest time since a proof that was met, in seconds.
    oldest: AtomicI64,
}

impl Round {
    fn new(hub: Arc<Hub>, mounted: Arc<Mounted>, probes: Probes) -> Self {
        let (unanswered, oldest) = (AtomicU32::new(0), AtomicI64::new(0));
        Self { hub, mounted, probes, proofs: Mutex::default(), unanswered, oldest }
    }

    /// Claims a page and looks at it at the budget's pace. Answers how many were claimed.
    async fn run(&self, pace: &Pace) -> Result<u32, Error> {
        let now = self.hub.clock.wall();
        // What is not proved until then, whatever the reason, is due again: no faster than what is alive.
        let until = later(now, self.probes.longest());
        let claimed =
            self.hub.vault.store().claim_probes(&self.mounted.name, now, until, self.probes.page()).await?;
        let count = u32::try_from(claimed.len()).unwrap_or(u32::MAX);
        let claimed = Mutex::new(claimed.into_iter());
        join_all((0..self.probes.concurrency).map(|_| self.work(&claimed, pace, until))).await;
        Ok(count)
    }

    /// Looks at one after the other, for as long as the service answers.
    async fn work(&self, claimed: &Mutex<IntoIter<ConnectionId>>, pace: &Pace, until: Timestamp) {
        while self.unanswered.load(Ordering::Relaxed) < UNANSWERED {
            let next = claimed.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(id) = next else { return };
            pace.lock().await.tick().await;
            self.look(id, until).await;
        }
    }

    async fn look(&self, id: ConnectionId, until: Timestamp) {
        let looked = look(&self.hub, &self.mounted, id, Ask::Claimed { until }).await;
        match looked {
            Ok(Looked::Alive { proof, before }) => {
                self.unanswered.store(0, Ordering::Relaxed);
                let age = before.map_or(0, |before| proof.at.duration_since(before).as_secs());
                self.oldest.fetch_max(age, Ordering::Relaxed);
                let full = {
                    let mut proofs = self.proofs.lock().unwrap_or_else(PoisonError::into_inner);
                    proofs.push(proof);
                    proofs.len() >= BATCH
                };
                if full {
                    self.write().await;
                }
            }
            Ok(Looked::Settled) => self.unanswered.store(0, Ordering::Relaxed),
            Ok(Looked::Unanswered) => drop(self.unanswered.fetch_add(1, Ordering::Relaxed)),
            Err(error) => {
                tracing::warn!(target: "trunkline", connector = %self.mounted.name, connection = %id, error = %error, "probe failed; tried again later");
            }
        }
    }

    /// Writes the proofs down. Those that cannot be written are found again when their claim is over.
    async fn write(&self) {
        let proofs = std::mem::take(&mut *self.proofs.lock().unwrap_or_else(PoisonError::into_inner));
        if proofs.is_empty() {
            return;
        }
        match self.hub.vault.store().prove(&proofs).await {
            Ok(written) => {
                tracing::debug!(target: "trunkline", connector = %self.mounted.name, proofs = proofs.len(), written, "proved alive");
            }
            Err(error) => {
                tracing::warn!(target: "trunkline", connector = %self.mounted.name, proofs = proofs.len(), error = %error, "proofs could not be written");
            }
        }
    }

    /// Says it, once in each `within`, when more is due than the budget allows.
    fn compare(&self, claimed: u32, warned: &mut Option<Ticks>) {
        let (now, oldest) = (self.hub.clock.coarse(), self.oldest.load(Ordering::Relaxed));
        let within = self.probes.within;
        let late = u64::try_from(oldest).unwrap_or(0) > within.as_secs();
        let recently = warned.is_some_and(|at| now.since(at) < within);
        if claimed >= self.probes.page() && late && !recently {
            *warned = Some(now);
            tracing::warn!(
                target: "trunkline",
                connector = %self.mounted.name, per_second = self.probes.per_second, claimed,
                within_s = within.as_secs(), oldest_s = oldest,
                "more connections are to be probed than the budget allows"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_way_from_a_proof_to_the_next_is_within_the_bound() {
        for seconds in [10, 60, 900, 86_400] {
            let probes = Probes { within: Duration::from_secs(seconds), ..Probes::default() };
            probes.check().unwrap();
            let now = Timestamp::UNIX_EPOCH;
            for _ in 0..1_000 {
                let wait = Duration::try_from(probes.next(now).duration_since(now)).unwrap();
                assert!(wait + probes.period() * 2 <= probes.within, "{seconds}: {wait:?}");
                assert!(wait >= probes.longest() * 79 / 100, "{seconds}: {wait:?}");
            }
        }
    }

    #[test]
    fn a_suspended_connection_is_looked_at_ever_more_slowly_and_hourly_at_last() {
        let (probes, since) = (Probes::default(), Timestamp::UNIX_EPOCH);
        let mut now = since;
        let mut pauses = Vec::new();
        for _ in 0..12 {
            let next = probes.again(since, now);
            pauses.push(next.duration_since(now).as_secs() / 60);
            now = next;
        }
        assert_eq!(pauses, [5, 5, 5, 7, 11, 16, 25, 37, 56, 60, 60, 60]);
    }

    #[test]
    fn a_budget_of_nothing_is_refused() {
        assert!(Probes { per_second: 0, ..Probes::default() }.check().is_err());
        assert!(Probes { within: Duration::from_secs(1), ..Probes::default() }.check().is_err());
    }
}
