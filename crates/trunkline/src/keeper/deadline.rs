//! Ends that are known ahead: announced in time, each lead once, and drawn when they are reached.

use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Cause, Diagnosis, Error, Remedy};
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, Opened, Record, Turn};

use super::learned::is_learned;
use super::{due, probe};
use crate::hub::Hub;
use crate::live::{Mounted, Names};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long before its end a grant is announced to be ending.
pub(crate) const LEADS: [Duration; 3] = [DAY.saturating_mul(14), DAY.saturating_mul(7), DAY];
/// How many events are read at once.
const PAGE: u32 = 100;

/// The next time after `since` at which there is something to say about an end, or to do: it is reached.
pub(super) fn next(leads: &[Duration], end: Option<Timestamp>, since: Timestamp) -> Option<Timestamp> {
    let end = end?;
    leads.iter().filter_map(|lead| end.checked_sub(*lead).ok()).chain([end]).filter(|at| *at > since).min()
}

/// When the last lead began that has begun.
fn begun(leads: &[Duration], end: Option<Timestamp>, now: Timestamp) -> Option<Timestamp> {
    let end = end?;
    leads.iter().filter_map(|lead| end.checked_sub(*lead).ok()).filter(|at| *at <= now).max()
}

/// Does what is due about a claimed connection but for its renewal, and answers whether that is due as well.
///
/// The next time of all is written in one commit with the event: a process that dies before it leaves the lead
/// to the next claim, and one that dies after it has announced it.
pub(super) async fn tend(hub: &Hub, mounted: &Mounted, opened: &Opened) -> Result<bool, Error> {
    let (record, now) = (&opened.record, hub.clock.wall());
    let end = record.grant_expires_at;
    let credential = opened.held.as_ref().map(|held| &held.credential);
    if let Some(end) = end.filter(|end| *end <= now) {
        // Where the service did not state it, a renewal decides.
        let decides = credential.is_some_and(|credential| is_learned(end, credential));
        if !decides {
            reached(hub, mounted, record, now).await?;
        }
        return Ok(decides);
    }
    let event = match (end, begun(&hub.leads, end, now)) {
        (Some(end), Some(lead)) if !announced(hub, record, lead).await? => Some(expiring(end, now)),
        _ => None,
    };
    let policy = mounted.auth(Some(&record.method))?.policy();
    let renewal = credential.and_then(|credential| {
        due::renewal(&policy, credential, record.id, record.credential_at.unwrap_or(now))
    });
    let renews = renewal.is_some_and(|at| at <= now);
    if renews && event.is_none() {
        return Ok(true);
    }
    let mut changed = record.clone();
    // A renewal that fails is tried again when the claim is over.
    if !renews {
        changed.due_at = renewal.into_iter().chain(next(&hub.leads, end, now)).min();
    }
    let announces = event.is_some();
    let events = Vec::from_iter(event);
    let stored = hub.vault.commit(Expected::unchanged(record), &changed, NewBody::Keep, events).await?;
    if let (Commit::Done { .. }, true) = (stored, announces) {
        tracing::info!(target: "trunkline", connector = %mounted.name, tenant = %record.key.tenant(), connection = %record.id, end = ?end, "grant expiring");
    }
    Ok(renews)
}

/// Whether a lead was announced since it began, here or elsewhere.
async fn announced(hub: &Hub, record: &Record, lead: Timestamp) -> Result<bool, Error> {
    let mut before = record.sequence;
    loop {
        let after = before.saturating_sub(u64::from(PAGE));
        let events = hub.vault.events(record.id, after, PAGE).await?;
        if events.iter().any(|event| event.kind == EventKind::Expiring && event.at >= lead) {
            return Ok(true);
        }
        if after == 0 || events.first().is_none_or(|event| event.at < lead) {
            return Ok(false);
        }
        before = after;
    }
}

fn expiring(end: Timestamp, now: Timestamp) -> NewEvent {
    let remedy = Remedy::new("grant_expired.ahead")
        .value("end", &format!("{end:.0}"))
        .step("The grant ends at {end}: connect again before that, and nothing is interrupted.");
    let why = Diagnosis::new(Cause::GrantExpired).remedied(remedy).during("upkeep", now);
    NewEvent::new(EventKind::Expiring, now).because(why)
}

/// The end that the service stated with the grant is there.
async fn reached(hub: &Hub, mounted: &Mounted, record: &Record, now: Timestamp) -> Result<(), Error> {
    let mut changed = record.clone();
    let why = Diagnosis::new(Cause::GrantExpired).during("upkeep", now);
    let Some(event) = changed.turn(Turn::NeedsConsent(why), now) else { return Ok(()) };
    probe::set_times(hub, &mut changed, now);
    let stored = hub.vault.commit(Expected::unchanged(record), &changed, NewBody::Keep, vec![event]).await?;
    if let Commit::Done { .. } = stored {
        let key = &record.key;
        let names = Names { tenant: key.tenant(), connector: key.connector(), label: key.label() };
        if let Some(entry) = hub.entry(names).filter(|entry| entry.id == record.id) {
            entry.live.store(None);
        }
        tracing::info!(target: "trunkline", connector = %mounted.name, tenant = %record.key.tenant(), connection = %record.id, "grant reached its end");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: i64) -> Timestamp {
        Timestamp::from_second(day * 24 * 60 * 60).unwrap()
    }

    #[test]
    fn the_next_lead_is_the_first_that_has_not_begun_and_the_end_is_the_last() {
        let of = |now| next(&LEADS, Some(day(30)), day(now));
        assert_eq!([0, 16, 17, 23, 29].map(of), [16, 23, 23, 29, 30].map(|at| Some(day(at))));
        assert_eq!((of(30), next(&LEADS, None, day(0))), (None, None));
    }

    #[test]
    fn the_lead_that_counts_is_the_last_that_began() {
        let of = |now| begun(&LEADS, Some(day(30)), day(now));
        assert_eq!(
            [15, 16, 22, 24, 29].map(of),
            [None, Some(16), Some(16), Some(23), Some(29)].map(|at| at.map(day))
        );
    }
}
