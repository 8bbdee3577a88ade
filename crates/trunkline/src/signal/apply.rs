//! What a signal does to the connections it means.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use jiff::{SignedDuration, Timestamp};
use trunkline_core::{Account, Cause, ConnectionId, Diagnosis, Error, ErrorKind, ServiceText};
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, Opened, Record, State, Turn};

use super::{Signal, SignalKind, SignalSubject};
use crate::hub::{Hub, Trunkline};
use crate::keeper::probe::set_times;
use crate::keeper::told;
use crate::live::{Entry, Mounted};

/// How often a signal may lose the race against other changes of a connection.
const RACES: usize = 5;
/// How far apart two times by different clocks must be to say which was first.
const DOUBT: SignedDuration = SignedDuration::from_secs(60);
/// After this time the upkeep takes a look up that was begun here, in case this process does not end it.
const LOOK_TIME: Duration = Duration::from_secs(60);

/// What became of a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signalled {
    /// It was taken before: nothing was done.
    Repeated,
    /// It was applied.
    Applied {
        /// How many connections hold a grant of the account.
        meant: usize,
        /// How many of them it did something to. For the others it came too late: a newer consent or a newer
        /// answer of the service counts more.
        changed: usize,
    },
}

impl Trunkline {
    /// Takes what a service said by itself about the grants of an account:
    ///
    /// - **revoked**: its connections need consent, with [`Cause::GrantRevoked`] and the event as evidence;
    /// - **sessions revoked, credential changed**: the access token is dropped, and one renewal tells whether the
    ///   grant lives;
    /// - **disabled**: they are suspended, with [`Cause::UserDisabled`], and looked at again, ever more slowly;
    /// - **enabled**: one renewal tells whether those that are not active live again;
    /// - **claims changed**: an event `permissions_changed` is written.
    ///
    /// What happened before the present consent changes nothing; where the two times are so close that the
    /// clocks cannot tell, and where the service has renewed a grant since it was revoked, one renewal does. A
    /// signal that was taken is remembered in the store, for all processes, until [`Signal::forget_at`].
    ///
    /// Once it answers, all of that is stored. Renewals go on behind it, and are taken up by the upkeep of any
    /// process if this one ends.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotConfigured`] for a connector that is not, [`ErrorKind::StoreFailed`] when the store fails.
    /// The signal is not remembered then: give it again.
    ///
    /// # Cancel safety
    ///
    /// A dropped call may have done its work in part. Given again, the signal does the rest, and no harm.
    pub async fn signal(&self, signal: &Signal) -> Result<Signalled, Error> {
        let hub = &self.0;
        let mounted = hub.mounted(&signal.connector)?;
        let (what, event) = (digest(signal), ServiceText::new(&signal.origin.event));
        if hub.vault.marks().is_remembered(&what).await? {
            tracing::debug!(target: "trunkline", connector = signal.connector, %event, "signal repeated");
            return Ok(Signalled::Repeated);
        }
        let meant = holders(hub, signal).await?;
        let mut changed = 0;
        for id in &meant {
            changed += usize::from(apply(hub, mounted, *id, signal).await?);
        }
        // Remembered last: whoever dies before is given the signal again, and repeats what does no harm.
        hub.vault.marks().remember_once(&what, hub.clock.wall(), signal.forget_at).await?;
        tracing::info!(target: "trunkline", connector = signal.connector, %event, meant = meant.len(), changed, "signal applied");
        Ok(Signalled::Applied { meant: meant.len(), changed })
    }
}

/// What a signal is remembered by. One message may say several things.
fn digest(signal: &Signal) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let origin = &signal.origin;
    for part in ["trunkline signal v1", &signal.connector, &origin.issuer, &origin.id, &origin.event] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

async fn holders(hub: &Hub, signal: &Signal) -> Result<BTreeSet<ConnectionId>, Error> {
    let (store, mut ids) = (hub.vault.store(), BTreeSet::new());
    for SignalSubject { company, user, .. } in &signal.subjects {
        ids.extend(match (company.as_deref(), user.as_deref()) {
            (_, Some("")) | (Some(""), _) | (None, None) => Vec::new(),
            (None, Some(user)) => store.holders(&signal.connector, &Account::keys_of_user(user)).await?,
            (Some(company), None) => store.company_holders(&signal.connector, company).await?,
            (Some(company), Some(user)) => {
                let key = Account::new(company, user).key();
                store.holders(&signal.connector, &(key.clone()..=key)).await?
            }
        });
    }
    Ok(ids)
}

/// Applies a signal to one connection; answers whether that did something.
async fn apply(
    hub: &Arc<Hub>,
    mounted: &Arc<Mounted>,
    id: ConnectionId,
    signal: &Signal,
) -> Result<bool, Error> {
    // What the access token is good for is in doubt, but where the news is good, or about permissions.
    let drops = !matches!(signal.kind, SignalKind::AccountEnabled | SignalKind::ClaimsChanged);
    for _ in 0..RACES {
        let Some(opened) = hub.vault.load_by_id(id).await? else { return Ok(false) };
        let plan = if is_meant(signal, &opened) { plan(signal, &opened.record) } else { Plan::Nothing };
        let (expected, now) = (Expected::unchanged(&opened.record), hub.clock.wall());
        let (generation, mut record) = (opened.record.generation, opened.record);
        let later = |pause: Duration| now.checked_add(pause).ok();
        let event = match &plan {
            Plan::Nothing => return Ok(false),
            Plan::Tell(kind) => Some(NewEvent::new(*kind, now)),
            Plan::Look => {
                record.due_at = [record.due_at, later(LOOK_TIME)].into_iter().flatten().min();
                if drops {
                    record.access_expires_at = Some(now);
                }
                None
            }
            Plan::Turn(turn) => match record.turn(Turn::clone(turn), now) {
                None => return Ok(false),
                event => {
                    set_times(hub, &mut record, now);
                    record.access_expires_at = Some(now);
                    event
                }
            },
        };
        let change = hub.vault.seal(expected, None, &record, NewBody::Keep, Vec::from_iter(event))?;
        if let Commit::Conflict { .. } = hub.commit(&change).await? {
            continue;
        }
        if plan == Plan::Tell(EventKind::PermissionsChanged) {
            hub.known.forget(record.id);
        }
        let entry = Entry::of(hub, &record, mounted);
        if drops {
            entry.live.store(None);
        }
        if plan == Plan::Look {
            told::behind(hub, entry, generation);
        }
        return Ok(true);
    }
    Err(Error::new(ErrorKind::Conflict, "the connection was changed by others all the time"))
}

/// What the index found by its account may belong to another by now, or hold another token.
fn is_meant(signal: &Signal, Opened { record, held, .. }: &Opened) -> bool {
    let Some(account) = &record.account else { return false };
    let token = held.as_ref().and_then(|held| held.credential.refresh_token.as_ref());
    signal.subjects.iter().any(|subject| {
        let held = subject.token.as_ref().is_none_or(|hint| token.is_some_and(|token| hint.is_of(token)));
        held && subject.fits(account)
    })
}

/// What is to be done to a connection.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing,
    /// An event, and nothing else.
    Tell(EventKind),
    /// One renewal tells.
    Look,
    Turn(Box<Turn>),
}

fn plan(signal: &Signal, record: &Record) -> Plan {
    let state = record.status().state();
    // Before the consent there was another grant.
    let since_consent = order(signal.at, Some(record.consented_at()));
    if since_consent == Order::Before || state == State::Disconnected {
        return Plan::Nothing;
    }
    let why = |cause| Diagnosis::new(cause).code(&signal.origin.event).during("security event", signal.at);
    let turned = |turn| Plan::Turn(Box::new(turn));
    let since_renewal = order(signal.at, record.credential_at);
    let plan = match (signal.kind, since_consent) {
        (SignalKind::GrantRevoked, Order::After) if since_renewal != Order::Before => {
            turned(Turn::NeedsConsent(why(Cause::GrantRevoked)))
        }
        // A grant that was renewed since was not the one that was revoked, or lives all the same.
        (SignalKind::GrantRevoked, _) => Plan::Look,
        // Whatever it was, the service has renewed the grant since.
        (SignalKind::SessionRevoked | SignalKind::CredentialChanged | SignalKind::AccountDisabled, _)
            if since_renewal == Order::Before =>
        {
            Plan::Nothing
        }
        (SignalKind::SessionRevoked | SignalKind::CredentialChanged, _) => Plan::Look,
        (SignalKind::AccountDisabled, _) if since_renewal == Order::After => {
            turned(Turn::Suspended(why(Cause::UserDisabled)))
        }
        (SignalKind::AccountDisabled, _) => Plan::Look,
        (SignalKind::AccountEnabled, _) if state == State::Active => Plan::Nothing,
        (SignalKind::AccountEnabled, _) => return Plan::Look,
        (SignalKind::ClaimsChanged, _) => Plan::Tell(EventKind::PermissionsChanged),
    };
    // What was refused already is not asked again for a reason to refuse it.
    if plan == Plan::Look && !state.serves() { Plan::Nothing } else { plan }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Before,
    /// By two clocks, nobody can tell.
    Close,
    After,
}

/// When something happened at the service, compared to when something was stored here.
fn order(at: Timestamp, than: Option<Timestamp>) -> Order {
    let Some(than) = than else { return Order::After };
    match at.duration_since(than) {
        later if later > DOUBT => Order::After,
        earlier if earlier < -DOUBT => Order::Before,
        _ => Order::Close,
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::ConnectionKey;

    use super::*;
    use crate::SignalOrigin;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn signal(kind: SignalKind, second: i64) -> Signal {
        Signal {
            connector: "c".to_owned(),
            subjects: vec![SignalSubject::user("ada")],
            kind,
            at: at(second),
            origin: SignalOrigin { issuer: "i".to_owned(), id: "1".to_owned(), event: "e".to_owned() },
            forget_at: at(1_000_000),
        }
    }

    /// Of a consent at second 1,000 that was renewed at second 5,000.
    fn record(state: State) -> Record {
        let key = ConnectionKey::new("t", "c", "l").unwrap();
        let (mut record, _) = Record::connected(ConnectionId::from_bytes([1; 16]), key, "oauth2", at(1_000));
        record.credential_at = Some(at(5_000));
        let why = Diagnosis::new(Cause::UserDisabled);
        drop(match state {
            State::Active => None,
            State::Degraded => record.turn(Turn::Degraded(why), at(6_000)),
            State::NeedsConsent => record.turn(Turn::NeedsConsent(why), at(6_000)),
            State::Suspended => record.turn(Turn::Suspended(why), at(6_000)),
            State::Disconnected => record.turn(Turn::Disconnected(why), at(6_000)),
        });
        record
    }

    /// In a word.
    fn planned(kind: SignalKind, second: i64, state: State) -> &'static str {
        match plan(&signal(kind, second), &record(state)) {
            Plan::Nothing => "-",
            Plan::Tell(_) => "tell",
            Plan::Look => "look",
            Plan::Turn(turn) => match *turn {
                Turn::NeedsConsent(_) => "lost",
                Turn::Suspended(_) => "suspended",
                turn => panic!("{turn:?}"),
            },
        }
    }

    #[test]
    fn what_a_signal_asks_for_depends_on_when_it_happened() {
        use SignalKind::*;
        // Before the consent, about then, before the renewal, about then, and after it.
        let times = [939, 1_000, 3_000, 5_000, 7_000];
        for (kind, plans) in [
            (GrantRevoked, ["-", "look", "look", "lost", "lost"]),
            (SessionRevoked, ["-", "-", "-", "look", "look"]),
            (CredentialChanged, ["-", "-", "-", "look", "look"]),
            (AccountDisabled, ["-", "-", "-", "look", "suspended"]),
            (AccountEnabled, ["-", "-", "-", "-", "-"]),
            (ClaimsChanged, ["-", "tell", "tell", "tell", "tell"]),
        ] {
            assert_eq!(times.map(|time| planned(kind, time, State::Active)), plans, "{kind:?}");
        }
    }

    #[test]
    fn what_a_signal_asks_for_depends_on_the_state() {
        use SignalKind::*;
        for (kind, plans) in [
            (GrantRevoked, ["lost", "lost", "lost", "lost", "-"]),
            (SessionRevoked, ["look", "look", "-", "-", "-"]),
            (CredentialChanged, ["look", "look", "-", "-", "-"]),
            (AccountDisabled, ["suspended", "suspended", "suspended", "suspended", "-"]),
            (AccountEnabled, ["-", "look", "look", "look", "-"]),
            (ClaimsChanged, ["tell", "tell", "tell", "tell", "-"]),
        ] {
            let found: Vec<_> = State::ALL.iter().map(|state| planned(kind, 7_000, *state)).collect();
            assert_eq!(found, plans, "{kind:?}");
        }
    }

    #[test]
    fn a_minute_of_either_clock_is_left_in_doubt() {
        let revoked = |second| planned(SignalKind::GrantRevoked, second, State::Active);
        assert_eq!([939, 940, 4_939, 4_940].map(revoked), ["-", "look", "look", "lost"]);
        let disabled = |second| planned(SignalKind::AccountDisabled, second, State::Active);
        assert_eq!([4_939, 4_940, 5_060, 5_061].map(disabled), ["-", "look", "look", "suspended"]);
    }

    #[test]
    fn a_signal_is_known_by_what_names_it() {
        let first = signal(SignalKind::GrantRevoked, 1);
        let mut same = signal(SignalKind::AccountDisabled, 2);
        same.subjects.clear();
        assert_eq!(digest(&first), digest(&same));
        let changes: [fn(&mut Signal); 5] = [
            |signal| signal.connector.push('x'),
            |signal| signal.origin.issuer.push('x'),
            |signal| signal.origin.id.push('x'),
            |signal| signal.origin.event.push('x'),
            |signal| (signal.origin.issuer, signal.origin.id) = ("i1".to_owned(), String::new()),
        ];
        for change in changes {
            let mut other = first.clone();
            change(&mut other);
            assert_ne!(digest(&first), digest(&other));
        }
    }
}
