//! A device consent: the service is asked until the person has answered (RFC 8628, 3.4 and 3.5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{Instrument, Span};
use trunkline_core::{Callback, Cause, ConsentStep, Diagnosis, Error, ErrorKind, Retry, Secret};
use trunkline_store::{Claim, PendingConsent, Taken};

use super::Exchange;
use super::exchange::Polled;
use super::take::{Completed, again, finish, refusal};
use super::turn::{Queue, Turn};
use crate::connection::Connection;
use crate::hub::{Hub, random_token};

/// A device consent is known by its state, so that other callbacks need no look before they are taken.
const STATE: &str = "device.";
/// Where the shortest pause is kept beside what the provider keeps, in milliseconds.
const INTERVAL: &str = "trunkline.interval_ms";
/// However long the service says.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// RFC 8628, 3.5: what each `slow_down` adds to all later pauses.
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// No outage makes a pause longer, so that the person who approved meanwhile need not wait for ever.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// How often who waits for the poller of another process looks.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

pub(super) fn state() -> Result<Secret, Error> {
    Ok(Secret::new(format!("{STATE}{}", random_token()?.expose())))
}

pub(super) fn is_of_device(state: &Secret) -> bool {
    state.expose().starts_with(STATE)
}

/// Bounds what a provider began, and keeps of it what polling needs. Answers when the consent ends.
pub(super) fn begun(
    step: &mut ConsentStep,
    pending: &mut BTreeMap<String, Secret>,
    now: Timestamp,
) -> Result<Timestamp, Error> {
    let ConsentStep::Device { expires_at, interval, .. } = step else {
        return Err(Error::new(ErrorKind::Unexpected, "the provider of a device consent shows no code"));
    };
    *expires_at = (*expires_at).min(now + LONGEST);
    *interval = (*interval).max(Duration::from_secs(1));
    pending.insert(INTERVAL.to_owned(), Secret::new(interval.as_millis().to_string()));
    Ok(*expires_at)
}

fn interval(consent: &PendingConsent) -> Duration {
    let kept = consent.pending.get(INTERVAL).and_then(|millis| millis.expose().parse().ok());
    kept.map_or(SLOW_DOWN, Duration::from_millis)
}

/// Waits for the person, by polls of this process or by what another one's came to.
pub(super) async fn wait(
    hub: &Arc<Hub>,
    state: &Secret,
    callback: Callback,
    claim: &Claim<'_>,
    span: &Span,
) -> Result<Completed, Error> {
    let mut queue = None;
    loop {
        // At the end of its time, a last poll may still be under way, and its outcome be stored.
        let since = hub.clock.wall() - hub.timings.takeover();
        let consent = match hub.vault.peek_consent(state, claim, since).await? {
            Taken::Fresh(consent) => consent,
            Taken::Again { same_answer: true, .. } => return again(hub, state, callback, claim).await,
            other => return Err(refusal(&other)),
        };
        span.record("connector", consent.key.connector()).record("tenant", consent.key.tenant());
        let queue = queue.get_or_insert_with(|| Queue::new(state, &consent, &*hub.clock));
        match queue.look(hub, interval(&consent)).await? {
            Some(turn) => {
                if let Some(done) = poll(hub, turn, state, &callback, claim, *consent).await {
                    return done;
                }
            }
            None => pause(hub).await?,
        }
    }
}

/// Until the next look.
async fn pause(hub: &Hub) -> Result<(), Error> {
    let slept = hub.stopping.run_until_cancelled(tokio::time::sleep(LOOK_PAUSE)).await;
    slept.ok_or_else(stopped)
}

fn stopped() -> Error {
    Error::new(ErrorKind::Unavailable, "the hub was shut down before the person has answered")
        .hint("Complete the consent again with the same state, in any process on this store.")
}

/// Polls in the hub's own tasks, so that a caller who goes away loses no grant. `None`: another process has
/// taken over.
async fn poll(
    hub: &Arc<Hub>,
    turn: Turn,
    state: &Secret,
    callback: &Callback,
    claim: &Claim<'_>,
    consent: PendingConsent,
) -> Option<Result<Completed, Error>> {
    let (done, result) = oneshot::channel();
    let (task_hub, state, return_to) = (hub.clone(), state.clone(), consent.return_to.clone());
    let (browser, tenant, answer) = (claim.browser.clone(), claim.tenant.map(str::to_owned), claim.answer);
    let poller = Poller {
        pace: Pace::new(interval(&consent).max(turn.pause.unwrap_or_default())),
        // Whoever had the turn before may have sent a poll whose answer nobody has.
        is_unanswered: turn.pause.is_some(),
        turn,
        expires_at: consent.expires_at,
        exchange: Exchange::answered(consent, callback.clone()),
    };
    let task = async move {
        let hub = task_hub;
        let last = poller.expires_at - Duration::from_millis(1);
        let end = poller.run(&hub).await;
        if let End::Done(outcome) = &end {
            let claim = Claim { browser: &browser, tenant: tenant.as_deref(), answer };
            // As of the time of its last poll: an outcome of a consent whose time is over is kept, too.
            match hub.vault.take_consent(&state, &claim, hub.clock.wall().min(last)).await {
                Ok(_) => finish(&hub, &state, outcome).await,
                Err(error) => {
                    tracing::error!(target: "trunkline", error = %error, "outcome of a consent could not be stored");
                }
            }
        }
        drop(done.send(end));
    };
    hub.spawn(task.in_current_span());
    match result.await {
        Ok(End::Done(outcome)) => Some(outcome.map(|connection| Completed { connection, return_to })),
        Ok(End::Succeeded) => None,
        Ok(End::Stopped) => Some(Err(stopped())),
        Err(_) => Some(Err(Error::of(Cause::ConsentOutcomeUnknown))),
    }
}

/// How polling ended.
enum End {
    Done(Result<Connection, Error>),
    /// Another process has the turn.
    Succeeded,
    Stopped,
}

struct Poller {
    turn: Turn,
    exchange: Exchange,
    pace: Pace,
    expires_at: Timestamp,
    /// Whether the last poll may have spent the code without our knowing.
    is_unanswered: bool,
}

impl Poller {
    async fn run(mut self, hub: &Arc<Hub>) -> End {
        let mounted = match hub.mounted(self.exchange.connector()).cloned() {
            Ok(mounted) => mounted,
            Err(error) => return End::Done(Err(error)),
        };
        loop {
            let pause = self.pace.pause();
            let signed = self.turn.sign(hub, pause).await;
            if hub.stopping.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                self.turn.leave(hub).await;
                return End::Stopped;
            }
            if hub.clock.wall() >= self.expires_at {
                return End::Done(Err(self.ended(Error::of(Cause::ConsentExpired))));
            }
            // A grant that could not be kept is not fetched: the store has to work first.
            let polled = match (signed, self.turn.is_ours(hub).await) {
                (Ok(()), Ok(true)) => self.exchange.poll(hub, &mounted).await,
                (_, Ok(false)) => return End::Succeeded,
                (Err(error), _) | (_, Err(error)) => Err(error),
            };
            match polled {
                Ok(Polled::Stored(outcome)) => return End::Done(outcome),
                Ok(Polled::Pending) => self.answered(),
                Ok(Polled::SlowDown) => {
                    self.answered();
                    self.pace.interval += SLOW_DOWN;
                }
                Err(error) if is_passing(&error) => {
                    tracing::debug!(target: "trunkline", connector = %mounted.name, error = %error, "a poll failed");
                    self.is_unanswered |= error.cause() == Some(Cause::ConsentOutcomeUnknown);
                    self.pace.failed(&error);
                }
                Err(error) => return End::Done(Err(self.ended(error))),
            }
        }
    }

    fn answered(&mut self) {
        self.is_unanswered = false;
        self.pace.answered();
    }

    /// A code that is not good any more may be so because a poll whose answer was lost has spent it.
    fn ended(&self, error: Error) -> Error {
        let may_be_spent = matches!(
            error.cause(),
            Some(Cause::ConsentInvalid | Cause::ConsentExpired | Cause::RequestInvalid)
        );
        match self.is_unanswered && may_be_spent {
            true => Error::of(Cause::ConsentOutcomeUnknown),
            false => error,
        }
    }
}

/// Whether the person may still answer.
fn is_passing(error: &Error) -> bool {
    error.kind() == ErrorKind::StoreFailed
        || matches!(
            error.cause(),
            Some(
                Cause::ServiceUnreachable
                    | Cause::ServiceUnavailable
                    | Cause::RateLimited
                    | Cause::ConsentOutcomeUnknown
            )
        )
}

/// How long to wait between two polls, counted from an answer to the next question.
struct Pace {
    interval: Duration,
    failures: u32,
    /// What the service asked for with its last answer, if that was a failure.
    asked: Duration,
}

impl Pace {
    fn new(interval: Duration) -> Self {
        Self { interval, failures: 0, asked: Duration::ZERO }
    }

    /// Twice as long after each failure in a row (RFC 8628, 3.5), but never shorter than the service wants it.
    fn pause(&self) -> Duration {
        let grown = self.interval.saturating_mul(1 << self.failures.min(16));
        grown.min(LONGEST_PAUSE).max(self.interval).max(self.asked)
    }

    fn failed(&mut self, error: &Error) {
        self.failures += 1;
        // What the cause says by itself is not the service's word.
        let said = error.diagnosis().filter(|why| why.retry() != why.cause().retry());
        self.asked = match said.map(Diagnosis::retry) {
            Some(Retry::After { after_s }) => Duration::from_secs(after_s),
            _ => Duration::ZERO,
        };
    }

    fn answered(&mut self) {
        *self = Self::new(self.interval);
    }
}
