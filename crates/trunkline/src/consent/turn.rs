//! Whose turn it is to ask about a device code: one poller at a time, among all processes on a store.
//!
//! Turns are numbered. Each begins with a mark that only one process can be the first to make, and lives by
//! its owner's sign: another mark, made again before each poll, which says for how long there may be no other.
//! Who waits goes by what it has itself seen unchanged for that long, so that no two clocks are compared.

use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Clock, Error, Secret, Ticks};
use trunkline_store::{Mark, PendingConsent};

use super::TOMBSTONE_TIME;
use crate::hub::Hub;

/// Holders of the marks of a turn: who has it, its sign of life, and that it was given up.
const TAKEN: &str = "";
const SIGN: &str = "sign";
const LEFT: &str = "left";

/// A turn that this process has.
#[derive(Debug)]
pub(super) struct Turn {
    marks: Marks,
    number: u64,
    /// What the owner before waited between two polls last.
    pub(super) pause: Option<Duration>,
}

/// What was seen of the turns while waiting for one.
#[derive(Debug)]
pub(super) struct Queue {
    marks: Marks,
    number: u64,
    sign: u64,
    since: Ticks,
}

/// Where the marks of one consent stand.
#[derive(Debug, Clone)]
struct Marks {
    connector: String,
    consent: [u8; 32],
    until: Timestamp,
}

impl Marks {
    fn subject(&self, number: u64) -> Vec<u8> {
        [&self.consent[..], &number.to_be_bytes()].concat()
    }

    /// Answers how often this mark was made.
    async fn make(&self, hub: &Hub, number: u64, holder: &str, until: Timestamp) -> Result<u64, Error> {
        let (marks, now) = (hub.vault.marks(), hub.clock.wall());
        Ok(marks.see(&self.connector, &self.subject(number), holder, now, until).await?)
    }

    async fn of(&self, hub: &Hub, number: u64) -> Result<Vec<Mark>, Error> {
        let marks = hub.vault.marks();
        Ok(marks.seen(&self.connector, &self.subject(number), Timestamp::MIN, 3).await?)
    }
}

impl Queue {
    pub(super) fn new(state: &Secret, consent: &PendingConsent, clock: &dyn Clock) -> Self {
        let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        context.update(b"trunkline device turn v1");
        context.update(state.expose().as_bytes());
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        let marks = Marks {
            connector: consent.key.connector().to_owned(),
            consent: digest,
            until: consent.expires_at + TOMBSTONE_TIME,
        };
        Self { marks, number: 0, sign: 0, since: clock.coarse() }
    }

    /// The turn, if nobody has it or its owner is silent.
    pub(super) async fn look(&mut self, hub: &Hub, interval: Duration) -> Result<Option<Turn>, Error> {
        let found = self.marks.of(hub, self.number).await?;
        if found.is_empty() {
            return self.take(hub, self.number, None).await;
        }
        let now = hub.clock.coarse();
        let sign = found.iter().find(|mark| mark.holder == SIGN);
        let silence = sign.and_then(|mark| Duration::try_from(mark.until.duration_since(mark.at)).ok());
        let silence = silence.unwrap_or(interval).max(interval) + hub.timings.takeover();
        let times = sign.map_or(0, |mark| mark.times);
        if times != self.sign {
            (self.sign, self.since) = (times, now);
        }
        let is_left = found.iter().any(|mark| mark.holder == LEFT);
        if !is_left && now.since(self.since) < silence {
            return Ok(None);
        }
        // Another one may have followed already: then it is that one which is looked at.
        (self.number, self.sign, self.since) = (self.number + 1, 0, now);
        if self.marks.of(hub, self.number).await?.is_empty() {
            return self.take(hub, self.number, Some(silence - hub.timings.takeover())).await;
        }
        Ok(None)
    }

    async fn take(&self, hub: &Hub, number: u64, pause: Option<Duration>) -> Result<Option<Turn>, Error> {
        let is_first = self.marks.make(hub, number, TAKEN, self.marks.until).await? == 1;
        Ok(is_first.then(|| Turn { marks: self.marks.clone(), number, pause }))
    }
}

impl Turn {
    /// Shows that its owner lives, and that there may be no other sign for this pause and one request.
    pub(super) async fn sign(&self, hub: &Hub, pause: Duration) -> Result<(), Error> {
        let until = hub.clock.wall() + pause;
        self.marks.make(hub, self.number, SIGN, until).await.map(drop)
    }

    /// Whether nobody has followed.
    pub(super) async fn is_ours(&self, hub: &Hub) -> Result<bool, Error> {
        Ok(self.marks.of(hub, self.number + 1).await?.is_empty())
    }

    /// Gives it up, so that another may follow at once. Where the store fails, they wait a little longer.
    pub(super) async fn leave(&self, hub: &Hub) {
        if let Err(error) = self.marks.make(hub, self.number, LEFT, self.marks.until).await {
            tracing::warn!(target: "trunkline", error = %error, "a device consent could not be handed on");
        }
    }
}
