//! Whether a refusal is believed: a service in trouble refuses grants that live.
//!
//! Where a connector has enough tenants for others to tell, a refused grant is not dead at once. It is asked for
//! again, and it is dead when it was refused three times, with renewals of others that succeeded in between each
//! two; or when it has been refused for a very long time. A refusal that something else confirms is believed at
//! once, in an incident too: the API rejects the access token before its time and takes that of another tenant
//! (`witness`), or the service said by itself that it ended the grant. While many are refused it is an incident,
//! and only time lets a verdict fall. A disguised loss, where the service calls the client of one tenant wrong and
//! serves the others with it, is found by the same rule.

use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Cause, Diagnosis, Error, ErrorKind, Remedy, Retry, Verdict};
use trunkline_store::{Commit, Expected, NewBody, Record, Turn};

use super::client::{self, Client, DAY, View, after, before};
use super::{Why, breaker, trouble, witness};
use crate::hub::{Hub, Trunkline};
use crate::live::{Entry, Mounted};

/// Whose renewals were refused, and whose succeeded meanwhile.
pub(super) const REFUSED: &str = "refused";
pub(super) const SERVED: &str = "served";
/// Whose grant was refused for the first time.
pub(super) const ANEW: &str = "refused anew";
/// Since when an incident is under way.
pub(super) const BEGUN: &str = "incident";
/// That somebody was refused and nobody served since.
pub(super) const UNSERVED: &str = "unserved";
/// In which time the probes are counted.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// How often a grant is refused before that is believed.
const BELIEVED: u64 = 3;

const UNCONFIRMED: Remedy = Remedy::fixed(
    "trunkline.refusal_unconfirmed",
    &[
        "Nobody has to act yet: the service refuses this grant, and whether it means that shows soon.",
        "Trunkline asks again, and compares with how the service treats others.",
    ],
);
const HELD_BACK: Remedy = Remedy::fixed(
    "trunkline.incident",
    &[
        "Nobody has to act yet: the service refuses the grants of many customers at the same time.",
        "Trunkline asks for a few of them and goes on with all when the service accepts one.",
    ],
);

/// When refusals are believed, and when a broken client is tried again. The same in every process that shares
/// the store.
///
/// `docs/how-a-grant-is-kept.md` says what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incidents {
    /// How many tenants a connector must have for a refusal to be compared with how others fare, and how many
    /// must be refused for an incident. With fewer the first refusal decides. Default 5.
    pub tenants: u32,
    /// Which part of the tenants that asked must be refused for an incident, in percent. Default 20.
    pub share: u32,
    /// Within which time. Default 5 minutes.
    pub within: Duration,
    /// How many tenants may be refused in a minute during an incident before other renewals are held back: the
    /// budget of probes. Default 10.
    pub probes: u32,
    /// How long after a refusal the same grant is asked for again. Default 60 s.
    pub confirm_after: Duration,
    /// After how long a grant that was refused all the time, or whose service served nobody all the time, is dead
    /// even in an incident: longer than any outage. Default 12 hours.
    pub longest: Duration,
    /// How often a broken client is tried again. Default 60 s.
    pub look_every: Duration,
}

impl Default for Incidents {
    fn default() -> Self {
        Self {
            tenants: 5,
            share: 20,
            within: Duration::from_secs(5 * 60),
            probes: 10,
            confirm_after: Duration::from_secs(60),
            longest: Duration::from_secs(12 * 60 * 60),
            look_every: Duration::from_secs(60),
        }
    }
}

impl Incidents {
    /// Checks what the rules rely on.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let second = Duration::from_secs(1);
        let fits = self.tenants >= 2
            && (1..=100).contains(&self.share)
            && self.probes > 0
            && self.confirm_after >= second
            && self.look_every >= second
            && self.within >= self.confirm_after
            && self.longest > self.within;
        if fits {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ConfigInvalid,
            "incidents need 2 tenants and 1 probe, a share of 1 to 100, pauses of a second, and longest > within >= confirm_after",
        ))
    }

    /// Whether renewals are held back: enough are refused, nobody is served, and it may still be an outage.
    fn holds_back(&self, view: &View, now: Timestamp) -> bool {
        let lasts = view.unserved_since.is_some_and(|since| elapsed(since, now) < self.longest);
        lasts && view.served == 0 && view.refused_lately >= u64::from(self.probes) && self.is_one(view)
    }

    fn is_one(&self, view: &View) -> bool {
        self.begins(view) || self.goes_on(view)
    }

    /// An incident begins with new refusals, or while nobody is served. Those that are asked about again and again
    /// would outnumber the successes of a quiet fleet by and by, few as they are.
    fn begins(&self, view: &View) -> bool {
        let nobody = view.served == 0 && view.refused >= u64::from(self.tenants);
        nobody || self.is_large(view.anew, view.served)
    }

    /// It goes on for as long as those who are still refused are many, beside all who were served since it began.
    fn goes_on(&self, view: &View) -> bool {
        view.during.is_some_and(|(refused, served)| self.is_large(refused, served))
    }

    /// For how long refusals may be silent before nobody knows what was in between.
    pub(super) fn silence(&self) -> Duration {
        self.longest / 4
    }

    fn is_large(&self, refused: u64, served: u64) -> bool {
        refused >= u64::from(self.tenants) && refused * 100 >= u64::from(self.share) * (refused + served)
    }
}

/// A connector whose service refuses many tenants alike, so that no grant is declared dead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incident {
    /// Which.
    pub connector: String,
    /// How many tenants were refused within the window.
    pub refused: u64,
    /// How many were served, as far as they were counted.
    pub served: u64,
}

impl Trunkline {
    /// The incidents under way, up to a few seconds old.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`] when the store cannot be read.
    pub async fn incidents(&self) -> Result<Vec<Incident>, Error> {
        let mut under_way = Vec::new();
        for client in self.0.clients() {
            let view = client::look(&self.0, &client).await?;
            if self.0.incidents.is_one(&view) {
                let View { refused, served, .. } = view;
                under_way.push(Incident { connector: client.connector, refused, served });
            }
        }
        Ok(under_way)
    }
}

/// Tells an operator when an incident begins and ends.
pub(super) fn tell(hub: &Hub, client: &Client, was: Option<&View>, is: &View) {
    let (was, now) = (was.is_some_and(|view| hub.incidents.is_one(view)), hub.incidents.is_one(is));
    let (connector, refused, served) = (&client.connector, is.refused, is.served);
    match (was, now) {
        (false, true) => {
            tracing::error!(target: "trunkline", connector, refused, served, "incident: many are refused alike; no verdict falls");
        }
        (true, false) => {
            tracing::info!(target: "trunkline", connector, refused, served, "incident over");
        }
        _ => {}
    }
}

/// Whether a renewal may be sent: during an incident only so many are refused in a minute, unless others are
/// served.
pub(super) async fn admit(hub: &Hub, client: &Client) -> Result<(), Error> {
    let view = client::look(hub, client).await?;
    if !hub.incidents.holds_back(&view, hub.clock.wall()) {
        return Ok(());
    }
    let why = Diagnosis::new(Cause::ServiceUnavailable).remedied(HELD_BACK);
    Err(why.retry_after(hub.incidents.confirm_after).into())
}

/// What is known of a refusal beside what it says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doubt {
    /// What was refused may have been spent before.
    pub(super) is_replay: bool,
    /// Why the renewal was begun, where that is known.
    pub(super) why: Option<Why>,
}

/// A failure, after it was compared with how others fare.
#[derive(Debug)]
pub(super) struct Weighed {
    pub(super) error: Error,
    /// Whether the state says it already.
    pub(super) is_stored: bool,
}

impl From<Error> for Weighed {
    fn from(error: Error) -> Self {
        Self { error, is_stored: false }
    }
}

/// What a refused renewal says, seen together with how others fare: the refusal itself where it is believed, and
/// else an error that passes. A refused replay is weighed when it has stood for long enough.
pub(super) async fn weigh(hub: &Hub, entry: &Entry, record: &Record, error: Error, doubt: Doubt) -> Weighed {
    let is_replay = doubt.is_replay;
    let Some(why) = error.diagnosis().cloned() else { return error.into() };
    let Ok(auth) = entry.mounted.auth(Some(&record.method)) else { return error.into() };
    let client = Client::of(&entry.mounted, &*auth);
    let weighed = match why.cause().verdict() {
        Verdict::ClientBroken if client.is_known && breaker::is_of_client(why.cause()) => {
            of_client(hub, &client, record, &why, is_replay).await.map(|instead| Some((instead, false)))
        }
        Verdict::GrantDead if !is_replay && is_said(why.cause()) => {
            of_grant(hub, &client, entry, record, &why, doubt.why).await
        }
        _ => return error.into(),
    };
    match weighed {
        Ok(Some((instead, is_stored))) => Weighed { error: left_alone(hub, record, instead), is_stored },
        Ok(None) => error.into(),
        Err(failed) => {
            tracing::warn!(target: "trunkline", connection = %record.id, error = %failed, "a refusal could not be compared, and is not believed yet");
            match why.cause().verdict() {
                Verdict::GrantDead => left_alone(hub, record, unbelieved(hub, &why)).into(),
                _ => error.into(),
            }
        }
    }
}

/// Whether the service said it of the grant, so that it may be wrong. A newer consent is known here, and what
/// was never there is not refused.
fn is_said(cause: Cause) -> bool {
    !matches!(cause, Cause::GrantSuperseded | Cause::RefreshTokenMissing)
}

/// The client was refused: what all processes know of it, or a grant that is gone in disguise.
async fn of_client(
    hub: &Hub,
    client: &Client,
    record: &Record,
    why: &Diagnosis,
    is_replay: bool,
) -> Result<Diagnosis, Error> {
    let is_open = breaker::refused(hub, client, record.key.tenant(), why).await?;
    let counted = refused_again(hub, client, record).await?;
    let disguised = why.cause() == Cause::ClientCredentialsInvalid && !is_open && !is_replay;
    if disguised && counted >= BELIEVED && !hub.incidents.is_one(&client::look(hub, client).await?) {
        return Ok(with_evidence(Diagnosis::new(Cause::GrantRevoked), why));
    }
    // So that one connection does not go on asking: it is left alone for so long.
    Ok(why.clone().retry_after(hub.incidents.look_every))
}

/// The grant was refused: `None` if that is believed; else what is said instead, and whether it is stored.
async fn of_grant(
    hub: &Hub,
    client: &Client,
    entry: &Entry,
    record: &Record,
    why: &Diagnosis,
    begun: Option<Why>,
) -> Result<Option<(Diagnosis, bool)>, Error> {
    let enough = hub.incidents.tenants;
    if hub.vault.store().count_tenants(&client.connector, enough).await? < u64::from(enough) {
        return Ok(None);
    }
    let is_confirmed = match begun {
        // The service said by itself what it now says again.
        Some(Why::Told { .. }) => true,
        begun => {
            let is_rejected = matches!(begun, Some(Why::Rejected { .. }));
            witness::tells_apart(hub, entry, record, is_rejected).await?
        }
    };
    if is_confirmed {
        // A service that says no twice, and yes of others, is in order: that is no sign of an incident.
        settled(hub, client, record.key.tenant(), Some(&counting(record))).await?;
        return Ok(None);
    }
    let counted = refused_again(hub, client, record).await?;
    let (connector, bounds) = (client.connector.as_str(), &hub.incidents);
    let itself = stood(hub, connector, &of_generation(record, b"stands")).await?;
    let everyone = stood(hub, connector, &client.subject(UNSERVED)).await?;
    let for_long = itself >= bounds.longest || everyone >= bounds.longest && itself >= bounds.confirm_after;
    let is_told = counted >= BELIEVED && !bounds.is_one(&client::look(hub, client).await?);
    if for_long || is_told {
        return Ok(None);
    }
    let instead = unbelieved(hub, why);
    let is_stored = hold(hub, record, &instead).await;
    Ok(Some((instead, is_stored)))
}

/// Writes one more refusal down. Answers how many of this generation count: those with others served in between
/// each two. A renewal that succeeds ends the generation and with it all of this.
async fn refused_again(hub: &Hub, client: &Client, record: &Record) -> Result<u64, Error> {
    let (marks, now, connector) = (hub.vault.marks(), hub.clock.wall(), client.connector.as_str());
    let (tenant, until) = (record.key.tenant(), after(now, hub.incidents.longest + DAY));
    let counting = counting(record);
    let last = marks.seen(connector, &counting, Timestamp::MIN, 1).await?.pop();
    marks.vote(connector, &client.subject(REFUSED), tenant, now, until).await?;
    if last.is_none() {
        marks.vote(connector, &client.subject(ANEW), tenant, now, until).await?;
    }
    // A vote is what makes the table grow, so a vote is what clears it.
    hub.vault.store().purge_marks(before(now, DAY)).await?;
    client::changed(hub, client).await;
    keep_begun(hub, client, now).await?;
    match last {
        Some(last) if !counts(hub, client, tenant, last.at, now).await? => Ok(last.times),
        _ => Ok(marks.see(connector, &counting, "", now, until).await?),
    }
}

/// Writes down that an incident is under way, which counts from when it began, or that it is over.
async fn keep_begun(hub: &Hub, client: &Client, now: Timestamp) -> Result<(), Error> {
    let (marks, bounds, subject) = (hub.vault.marks(), &hub.incidents, client.subject(BEGUN));
    let view = client::look(hub, client).await?;
    let (begins, goes_on) = (bounds.begins(&view), bounds.goes_on(&view));
    // What is over is forgotten; so is one of long ago before the next begins.
    if !goes_on && (begins || view.during.is_some()) {
        marks.forget(&client.connector, &subject).await?;
    }
    if begins || goes_on {
        marks.see(&client.connector, &subject, "", now, after(now, DAY)).await?;
    }
    if begins || view.during.is_some() {
        client::changed(hub, client).await;
    }
    Ok(())
}

/// What the service may have refused before does not stand as a doubtful refusal any more: it was taken, or the
/// refusal is confirmed. `counting` says on what it was counted, if it is not a new consent that was taken.
pub(super) async fn settled(
    hub: &Hub,
    client: &Client,
    tenant: &str,
    counting: Option<&[u8]>,
) -> Result<(), Error> {
    let marks = hub.vault.marks();
    if let Some(counting) = counting
        && marks.seen(&client.connector, counting, Timestamp::MIN, 1).await?.is_empty()
    {
        return Ok(());
    }
    for subject in [REFUSED, ANEW] {
        marks.take_back(&client.connector, &client.subject(subject), tenant).await?;
    }
    Ok(())
}

/// For how long refusals have come without a long silence: after one nobody knows what was in between.
async fn stood(hub: &Hub, connector: &str, subject: &[u8]) -> Result<Duration, Error> {
    let (marks, now, longest) = (hub.vault.marks(), hub.clock.wall(), hub.incidents.longest);
    let stood = match marks.seen(connector, subject, Timestamp::MIN, 1).await?.pop() {
        Some(mark) if elapsed(mark.at, now) <= hub.incidents.silence() => elapsed(mark.since, now),
        Some(_) => {
            marks.forget(connector, subject).await?;
            Duration::ZERO
        }
        None => Duration::ZERO,
    };
    marks.see(connector, subject, "", now, after(now, longest + DAY)).await?;
    Ok(stood)
}

/// Whether a refusal counts beside the one before: long enough after it, and another tenant was served since.
async fn counts(
    hub: &Hub,
    client: &Client,
    tenant: &str,
    last: Timestamp,
    now: Timestamp,
) -> Result<bool, Error> {
    if elapsed(last, now) < hub.incidents.confirm_after {
        return Ok(false);
    }
    let served = hub.vault.marks().seen(&client.connector, &client.subject(SERVED), last, 2).await?;
    Ok(served.iter().any(|mark| mark.holder != tenant && mark.at > last))
}

/// Whether a refusal of this generation was held back before.
pub(super) async fn is_unbelieved(hub: &Hub, mounted: &Mounted, record: &Record) -> Result<bool, Error> {
    let counting = counting(record);
    Ok(!hub.vault.marks().seen(&mounted.name, &counting, Timestamp::MIN, 1).await?.is_empty())
}

/// On what the refusals of a generation are counted.
pub(super) fn counting(record: &Record) -> Vec<u8> {
    of_generation(record, b"counts")
}

fn of_generation(record: &Record, what: &[u8]) -> Vec<u8> {
    [record.id.as_bytes().as_slice(), &record.generation.to_be_bytes(), what].concat()
}

/// The state says that renewal fails; the grant stays, and whoever keeps up what nobody uses asks again soon. Answers
/// whether that is stored.
async fn hold(hub: &Hub, record: &Record, why: &Diagnosis) -> bool {
    let now = hub.clock.wall();
    let mut held = record.clone();
    let events = Vec::from_iter(held.turn(Turn::Degraded(why.clone()), now));
    // A little later than the pause of this process, which would not ask yet.
    held.due_at = Some(after(now, hub.incidents.confirm_after + Duration::from_secs(1)));
    let stored = hub.vault.commit(Expected::unchanged(record), &held, NewBody::Keep, events).await;
    tracing::info!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, cause = ?why.evidence().codes, ?stored, "refusal not believed yet");
    matches!(stored, Ok(Commit::Done { .. }))
}

/// What passes is not asked for again before its time.
fn left_alone(hub: &Hub, record: &Record, instead: Diagnosis) -> Error {
    let pause = match instead.retry() {
        Retry::After { after_s } => Some(Duration::from_secs(after_s)),
        _ => None,
    };
    let error = Error::from(instead);
    if let Some(pause) = pause {
        trouble::leave_alone(hub, record.id, &error, pause);
    }
    error
}

fn unbelieved(hub: &Hub, why: &Diagnosis) -> Diagnosis {
    let instead = Diagnosis::new(Cause::ServiceUnavailable).remedied(UNCONFIRMED);
    with_evidence(instead, why).retry_after(hub.incidents.confirm_after)
}

/// The same answer, understood in another way.
fn with_evidence(mut told: Diagnosis, why: &Diagnosis) -> Diagnosis {
    let evidence = why.evidence();
    if let Some(status) = evidence.status.and_then(|status| http::StatusCode::from_u16(status).ok()) {
        told = told.status(status);
    }
    told = evidence.codes.iter().fold(told, |told, code| told.code(code.as_str()));
    if let Some(message) = &evidence.message {
        told = told.message(message.as_str());
    }
    if let Some(id) = &evidence.support_id {
        told = told.support_id(id.as_str());
    }
    match (evidence.call.clone(), evidence.at) {
        (Some(call), Some(at)) => told.during(call, at),
        _ => told,
    }
}

fn elapsed(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}
