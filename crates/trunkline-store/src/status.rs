//! How a connection stands, and the one way in which that changes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use trunkline_core::{Cause, Diagnosis};

use crate::{EventKind, NewEvent, Record};

coded! {
    /// How a connection stands.
    State {
        /// The grant serves.
        Active "active",
        /// Renewal is failing for a reason that may pass; the access token may still serve.
        Degraded "degraded",
        /// The grant is gone: only a person can give a new one.
        NeedsConsent "needs_consent",
        /// Someone at the customer can undo it without a new consent.
        Suspended "suspended",
        /// It was disconnected here.
        Disconnected "disconnected",
    }
}

impl State {
    /// Whether there is a grant that may be used and renewed.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Active | Self::Degraded)
    }
}

/// A state, since when, and why: every state but `active` has a diagnosis.
///
/// It is read here and changed by [`Record::turn`] alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Columns", into = "Columns")]
pub struct Status {
    since: Timestamp,
    standing: Standing,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Active,
    Degraded(Diagnosis),
    NeedsConsent(Diagnosis),
    Suspended(Diagnosis),
    Disconnected(Diagnosis),
}

impl Status {
    pub(crate) const fn active(since: Timestamp) -> Self {
        Self { since, standing: Standing::Active }
    }

    /// For stores: the status that these columns hold. Where a reason is missing, as an older version could
    /// leave it, the most general one of the state takes its place.
    #[must_use]
    pub fn read(state: State, since: Timestamp, diagnosis: Option<Diagnosis>) -> Self {
        let or = |cause| diagnosis.unwrap_or_else(|| Diagnosis::new(cause));
        let standing = match state {
            State::Active => Standing::Active,
            State::Degraded => Standing::Degraded(or(Cause::RefreshOutcomeUnknown)),
            State::NeedsConsent => Standing::NeedsConsent(or(Cause::GrantRevoked)),
            State::Suspended => Standing::Suspended(or(Cause::CompanyInactive)),
            State::Disconnected => Standing::Disconnected(or(Cause::Disconnected)),
        };
        Self { since, standing }
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        match self.standing {
            Standing::Active => State::Active,
            Standing::Degraded(_) => State::Degraded,
            Standing::NeedsConsent(_) => State::NeedsConsent,
            Standing::Suspended(_) => State::Suspended,
            Standing::Disconnected(_) => State::Disconnected,
        }
    }

    /// Since when.
    #[must_use]
    pub const fn since(&self) -> Timestamp {
        self.since
    }

    /// Why; `None` exactly while it is active.
    #[must_use]
    pub const fn diagnosis(&self) -> Option<&Diagnosis> {
        match &self.standing {
            Standing::Active => None,
            Standing::Degraded(why)
            | Standing::NeedsConsent(why)
            | Standing::Suspended(why)
            | Standing::Disconnected(why) => Some(why),
        }
    }
}

/// What may happen to a connection, with the reason where it needs one.
///
/// What each turn makes of each state; a dash is a turn that changes nothing:
///
/// | turn | active | degraded | needs consent | suspended | disconnected |
/// | --- | --- | --- | --- | --- | --- |
/// | `Reconnected`, `AccountChanged` | active | active | active | active | active |
/// | `Recovered` | – | active | active | active | – |
/// | `Degraded` | degraded | – | – | – | – |
/// | `NeedsConsent` | needs consent | needs consent | – | needs consent | – |
/// | `Superseded` | needs consent | needs consent | its reason, once | needs consent | – |
/// | `Suspended` | suspended | suspended | – | its reason, if it is another | – |
/// | `Disconnected` | disconnected | disconnected | disconnected | disconnected | – |
///
/// So any success brings back all but what was disconnected here, which only a new consent does. A lost grant is
/// not softened by what is said later: lifting a suspension would not bring it back. The first reason of a
/// trouble that may pass stays, since such reasons change with every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// A new consent replaced the grant.
    Reconnected,
    /// A new consent replaced the grant, and another account holds it now.
    AccountChanged,
    /// The service accepted the grant.
    Recovered,
    /// Renewal fails for a reason that may pass.
    Degraded(Diagnosis),
    /// The grant is gone.
    NeedsConsent(Diagnosis),
    /// The grant is gone because a newer consent for the same account took its place.
    Superseded(Diagnosis),
    /// Someone at the customer can undo it.
    Suspended(Diagnosis),
    /// It was disconnected here.
    Disconnected(Diagnosis),
}

impl Record {
    /// How it stands.
    #[must_use]
    pub const fn status(&self) -> &Status {
        &self.status
    }

    /// The one way in which a status changes, by the table of [`Turn`]. Answers the event to be written in the
    /// same commit; `None` where nothing changes.
    #[must_use = "the event is written with the change"]
    pub fn turn(&mut self, turn: Turn, at: Timestamp) -> Option<NewEvent> {
        use State as S;
        let from = self.status.state();
        let why = |status: &Status| status.diagnosis().map(Diagnosis::cause);
        let (kind, standing) = match (turn, from) {
            (Turn::Reconnected, _) => (EventKind::Reconnected, Standing::Active),
            (Turn::AccountChanged, _) => (EventKind::AccountChanged, Standing::Active),
            (Turn::Recovered, S::Degraded | S::NeedsConsent | S::Suspended) => {
                (EventKind::Recovered, Standing::Active)
            }
            (Turn::Degraded(why), S::Active) => (EventKind::Degraded, Standing::Degraded(why)),
            (Turn::NeedsConsent(why), S::Active | S::Degraded | S::Suspended) => {
                (EventKind::NeedsConsent, Standing::NeedsConsent(why))
            }
            (Turn::Superseded(new), S::Active | S::Degraded | S::Suspended) => {
                (EventKind::Superseded, Standing::NeedsConsent(new))
            }
            (Turn::Superseded(new), S::NeedsConsent) if why(&self.status) != Some(new.cause()) => {
                (EventKind::Superseded, Standing::NeedsConsent(new))
            }
            (Turn::Suspended(new), S::Active | S::Degraded) => {
                (EventKind::Suspended, Standing::Suspended(new))
            }
            (Turn::Suspended(new), S::Suspended) if why(&self.status) != Some(new.cause()) => {
                (EventKind::Suspended, Standing::Suspended(new))
            }
            (Turn::Disconnected(why), S::Active | S::Degraded | S::NeedsConsent | S::Suspended) => {
                (EventKind::Disconnected, Standing::Disconnected(why))
            }
            (Turn::Recovered, S::Active | S::Disconnected)
            | (Turn::Degraded(_), S::Degraded | S::NeedsConsent | S::Suspended | S::Disconnected)
            | (Turn::NeedsConsent(_) | Turn::Superseded(_), S::NeedsConsent | S::Disconnected)
            | (Turn::Suspended(_), S::NeedsConsent | S::Suspended | S::Disconnected)
            | (Turn::Disconnected(_), S::Disconnected) => return None,
        };
        if matches!(kind, EventKind::Reconnected | EventKind::AccountChanged) {
            self.granted_at = Some(at);
        }
        self.status = Status { since: at, standing };
        Some(NewEvent { kind, at, detail: self.status.diagnosis().cloned() })
    }
}

/// A status as it is stored and written.
#[derive(Serialize, Deserialize)]
struct Columns {
    state: State,
    since: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diagnosis: Option<Diagnosis>,
}

impl From<Columns> for Status {
    fn from(columns: Columns) -> Self {
        Self::read(columns.state, columns.since, columns.diagnosis)
    }
}

impl From<Status> for Columns {
    fn from(status: Status) -> Self {
        Self { state: status.state(), since: status.since, diagnosis: status.diagnosis().cloned() }
    }
}

#[cfg(test)]
mod tests {
    use trunkline_core::{ConnectionId, ConnectionKey};

    use super::*;

    fn record() -> Record {
        let key = ConnectionKey::new("t", "c", "l").unwrap();
        Record::connected(ConnectionId::from_bytes([1; 16]), key, "oauth2", at(0)).0
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn why(cause: Cause) -> Diagnosis {
        Diagnosis::new(cause)
    }

    /// One in each state, since second 1.
    fn in_state(state: State) -> Record {
        let mut record = record();
        let diagnosis = (state != State::Active).then(|| why(Cause::UserDisabled));
        record.status = Status::read(state, at(1), diagnosis);
        record
    }

    fn turns() -> [(Turn, EventKind, State); 8] {
        let cause = || why(Cause::UserDisabled);
        [
            (Turn::Reconnected, EventKind::Reconnected, State::Active),
            (Turn::AccountChanged, EventKind::AccountChanged, State::Active),
            (Turn::Recovered, EventKind::Recovered, State::Active),
            (Turn::Degraded(cause()), EventKind::Degraded, State::Degraded),
            (Turn::NeedsConsent(cause()), EventKind::NeedsConsent, State::NeedsConsent),
            (Turn::Superseded(cause()), EventKind::Superseded, State::NeedsConsent),
            (Turn::Suspended(cause()), EventKind::Suspended, State::Suspended),
            (Turn::Disconnected(cause()), EventKind::Disconnected, State::Disconnected),
        ]
    }

    /// The table of the documentation, row by row: who changes, in the order of `State::ALL`.
    const CHANGES: [[bool; 5]; 8] = [
        [true, true, true, true, true],
        [true, true, true, true, true],
        [false, true, true, true, false],
        [true, false, false, false, false],
        [true, true, false, true, false],
        [true, true, false, true, false],
        [true, true, false, false, false],
        [true, true, true, true, false],
    ];

    #[test]
    fn every_pair_of_state_and_turn_is_as_the_table_says() {
        for (row, (turn, kind, to)) in CHANGES.iter().zip(turns()) {
            for (changes, from) in row.iter().zip(State::ALL) {
                let (before, mut after) = (in_state(*from), in_state(*from));
                let event = after.turn(turn.clone(), at(2));
                if !changes {
                    assert_eq!((event, &after), (None, &before), "{turn:?} from {from}");
                    continue;
                }
                let event = event.unwrap_or_else(|| panic!("{turn:?} from {from}"));
                assert_eq!((event.kind, event.at), (kind, at(2)), "{turn:?} from {from}");
                assert_eq!((after.status.state(), after.status.since()), (to, at(2)), "{turn:?} from {from}");
                assert_eq!(event.detail.as_ref(), after.status.diagnosis());
                assert_eq!(event.detail.is_some(), to != State::Active);
                let consent = matches!(kind, EventKind::Reconnected | EventKind::AccountChanged);
                assert_eq!(after.granted_at, Some(at(if consent { 2 } else { 0 })), "{turn:?} from {from}");
            }
        }
    }

    #[test]
    fn another_reason_is_news_where_somebody_has_to_act_on_it() {
        let other = || why(Cause::CompanyInactive);
        let mut suspended = in_state(State::Suspended);
        assert_eq!(suspended.turn(Turn::Suspended(other()), at(2)).unwrap().kind, EventKind::Suspended);
        assert_eq!(suspended.status.diagnosis(), Some(&other()));
        let mut lost = in_state(State::NeedsConsent);
        assert_eq!(lost.turn(Turn::NeedsConsent(other()), at(2)), None, "the first verdict stays");
        let superseded = why(Cause::GrantSuperseded);
        let told = lost.turn(Turn::Superseded(superseded.clone()), at(2)).unwrap();
        assert_eq!((told.kind, lost.status.diagnosis()), (EventKind::Superseded, Some(&superseded)));
        assert_eq!(lost.turn(Turn::NeedsConsent(other()), at(3)), None, "and a supersession even more so");
        let mut degraded = in_state(State::Degraded);
        assert_eq!(degraded.turn(Turn::Degraded(other()), at(2)), None);
    }

    #[test]
    fn a_status_is_written_as_it_was_before_and_reads_back() {
        for state in State::ALL {
            let status = in_state(*state).status;
            let text = serde_json::to_string(&status).unwrap();
            assert!(
                text.starts_with(&format!(r#"{{"state":"{state}","since":"1970-01-01T00:00:01Z""#)),
                "{text}"
            );
            assert_eq!(serde_json::from_str::<Status>(&text).unwrap(), status);
        }
    }

    #[test]
    fn a_stored_state_without_a_reason_gets_one() {
        for state in State::ALL {
            let status = Status::read(*state, at(1), None);
            assert_eq!((status.state(), status.diagnosis().is_some()), (*state, *state != State::Active));
        }
        assert_eq!(Status::read(State::Active, at(1), Some(why(Cause::NotFound))).diagnosis(), None);
    }
}
