//! The model: which steps are possible in a state. What they do is told in `steps`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use stateright::{Model, Property};

use super::action::{Action, Flaw};
use super::invariants;
use super::process::{End, Job, Mail, Phase};
use super::row::{Intent, Row};
use super::service::{Policy, Reply};
use super::state::State;
use super::time::{COMMIT_GRACE, LEASE_SLACK, LEASE_TTL, REQUEST_DEADLINE};

/// One configuration.
#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub(crate) policy: Policy,
    pub(crate) processes: usize,
    /// How many renewals are looked at.
    pub(crate) generations: u8,
    /// How many faults may happen, of any kind and in any order.
    pub(crate) faults: u8,
    /// How long a holder may be silent before it commits or shows that it lives. `None`: without end.
    pub(crate) hold: Option<u8>,
    pub(crate) flaw: Option<Flaw>,
    /// States from which a renewal is known to succeed.
    pub(crate) succeeds: Arc<Mutex<HashSet<State>>>,
}

impl Protocol {
    /// The fence of a commit.
    pub(crate) fn admits(&self, row: &Row, job: &Job) -> bool {
        match self.flaw {
            Some(Flaw::NoCompareAndSwap) => true,
            Some(Flaw::FenceOnTheLease) => row.lease == Some(job.epoch) && row.generation == job.generation,
            Some(Flaw::RefusedReplayGivesBack) => {
                row.generation == job.generation && row.intent.is_some_and(|intent| intent.epoch == job.epoch)
            }
            _ => row.admits(job.generation, job.epoch),
        }
    }

    /// Whether the policy allows a replay of what this intent spent. `held`: the lease is, and has been watched.
    fn allows_replay(&self, row: &Row, intent: Intent, held: bool, age: u8) -> bool {
        let waited = held || age >= COMMIT_GRACE || self.flaw == Some(Flaw::ReplayAtOnce);
        match self.policy {
            Policy::RejectSoft => true,
            Policy::KillsFamily => waited && !row.serving,
            Policy::Grace { window } => {
                let first = !intent.replay || self.flaw == Some(Flaw::ReplayInTheWindowAgain);
                waited && (!row.serving || (first && intent.age + REQUEST_DEADLINE <= window / 2))
            }
        }
    }

    /// What a process that has seen this row for `age` may do to it.
    fn takeover(&self, row: &Row, age: u8, knocked: bool, place: usize) -> Option<Action> {
        let (held, intent) = match (row.lease, row.intent) {
            (None, None) => return Some(Action::LeaseAndIntent(place)),
            (None, Some(intent)) if intent.refused && !knocked && self.flaw != Some(Flaw::NoKnock) => {
                return Some(Action::Knock(place));
            }
            (None, Some(intent)) if intent.refused => {
                return (age >= COMMIT_GRACE).then_some(Action::Judge(place));
            }
            (lease, intent) => (lease.is_some(), intent?),
        };
        if !self.allows_replay(row, intent, held, age) {
            return None;
        }
        match self.flaw {
            _ if !held => Some(Action::LeaseAndIntent(place)),
            Some(Flaw::NoObservation) => Some(Action::LeaseAndIntent(place)),
            Some(Flaw::NoCommitGrace) => (age >= LEASE_TTL).then_some(Action::LeaseAndIntent(place)),
            Some(Flaw::FenceOnTheLease) => (age >= LEASE_TTL).then_some(Action::TakeLease(place)),
            Some(Flaw::NoKnock) => (age >= LEASE_TTL + COMMIT_GRACE).then_some(Action::LeaseAndIntent(place)),
            _ if knocked => (age >= COMMIT_GRACE).then_some(Action::LeaseAndIntent(place)),
            _ => (age >= LEASE_TTL).then_some(Action::Knock(place)),
        }
    }

    /// The next step of a process, where no fault happens.
    fn step(&self, state: &State, place: usize) -> Option<Action> {
        let row = &state.row;
        let action = match &state.processes[place] {
            Phase::Idle => (!row.dead && row.generation < self.generations).then_some(Action::Look(place)),
            Phase::Watching { stale: true, .. } => {
                (row.lease.is_none() && row.intent.is_none()).then_some(Action::LeaseAndIntent(place))
            }
            Phase::Watching { age, knocked, .. } => self.takeover(row, *age, *knocked, place),
            Phase::Taken { age, .. } => (*age >= COMMIT_GRACE).then_some(Action::LeaseAndIntent(place)),
            Phase::Leased { .. } => Some(Action::Check(place)),
            Phase::Checked { .. } => Some(Action::Send(place)),
            Phase::Waiting { mail: Mail::Sent, .. } => Some(Action::Serve(place)),
            Phase::Waiting { mail: Mail::Answered(_), .. } => Some(Action::Receive(place)),
            Phase::Waiting { age, mail: Mail::Lost, .. }
                if self.flaw == Some(Flaw::TransparentRetry) && *age <= REQUEST_DEADLINE =>
            {
                Some(Action::Send(place))
            }
            Phase::Waiting { age, mail: Mail::Lost, .. } => {
                (*age >= REQUEST_DEADLINE).then_some(Action::GiveUp(place))
            }
            Phase::Holding { job, .. } if self.admits(row, job) => Some(Action::Commit(place)),
            Phase::Holding { job, .. } => {
                (row.generation != job.generation).then_some(Action::LearnOfNewer(place))
            }
            Phase::Publishing { .. } => Some(Action::Publish(place)),
            Phase::Ending { .. } => Some(Action::WriteEnd(place)),
        }?;
        let writes = matches!(
            action,
            Action::Knock(_)
                | Action::TakeLease(_)
                | Action::LeaseAndIntent(_)
                | Action::Judge(_)
                | Action::Commit(_)
                | Action::WriteEnd(_)
        );
        (state.writable || !writes).then_some(action)
    }

    /// What may go wrong with a process.
    fn mishaps(&self, state: &State, place: usize, actions: &mut Vec<Action>) {
        match &state.processes[place] {
            // One that has written nothing loses only what it has seen, and is then merely slower.
            Phase::Idle | Phase::Watching { .. } => return,
            Phase::Waiting { mail: Mail::Sent, age, .. } => {
                actions.extend([Action::LoseRequest(place), Action::RefuseForATime(place)]);
                if *age >= REQUEST_DEADLINE {
                    actions.push(Action::LeaveUnanswered(place));
                }
            }
            Phase::Waiting { mail: Mail::Answered(_), age, .. } => {
                actions.push(Action::LoseAnswer(place));
                if *age >= REQUEST_DEADLINE {
                    actions.push(Action::LeaveUnanswered(place));
                }
            }
            Phase::Holding { job, .. } if state.writable && self.admits(&state.row, job) => {
                actions.extend([Action::CommitFails(place), Action::CommitIsNotConfirmed(place)]);
            }
            _ => {}
        }
        actions.push(Action::Crash(place));
    }

    /// What happens next where no fault does: a fixed schedule, for which a delay comes last.
    pub(crate) fn calm_action(&self, state: &State) -> Option<Action> {
        let places = 0..state.processes.len();
        let busy = places.clone().find_map(|place| {
            (!matches!(state.processes[place], Phase::Idle | Phase::Watching { .. }))
                .then(|| self.step(state, place))
                .flatten()
        });
        let idle = || places.clone().find_map(|place| self.step(state, place));
        (!state.writable)
            .then_some(Action::StoreTakesWritesAgain)
            .or(state.stray.is_some().then_some(Action::StrayArrives))
            .or(busy)
            .or_else(idle)
            .or(self.may_run_out(state).then_some(Action::AccessTokenRunsOut))
            .or(self.may_tick(state).then_some(Action::Tick))
    }

    /// With `RejectSoft` nothing depends on whether the access token serves.
    fn may_run_out(&self, state: &State) -> bool {
        state.row.serving && self.policy != Policy::RejectSoft
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.processes, self.faults)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.breach.is_some() {
            return;
        }
        if self.may_tick(state) {
            actions.push(Action::Tick);
        }
        if self.may_run_out(state) {
            actions.push(Action::AccessTokenRunsOut);
        }
        if !state.writable {
            actions.push(Action::StoreTakesWritesAgain);
        }
        if state.stray.is_some() {
            actions.push(Action::StrayArrives);
        }
        if state.faults > 0 && state.service.alive {
            actions.push(Action::Revoke);
        }
        // At other times a store that refuses writes is only a delay.
        let holding = state.processes.iter().any(|process| matches!(process, Phase::Holding { .. }));
        if state.faults > 0 && state.writable && holding {
            actions.push(Action::StoreRefusesWrites);
        }
        for place in 0..state.processes.len() {
            if place > 0 && state.processes[place] == state.processes[place - 1] {
                continue;
            }
            actions.extend(self.step(state, place));
            if state.faults > 0 {
                self.mishaps(state, place, actions);
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.apply(&mut state, action);
        invariants::judge(self, &mut state);
        Some(state.canonical())
    }

    fn properties(&self) -> Vec<Property<Self>> {
        invariants::properties(self)
    }
}

/// The check of step 4.
pub(crate) fn in_time(age: u8) -> bool {
    age <= LEASE_SLACK
}

/// How an answer ends that brings no credential.
pub(crate) fn ends(reply: Reply) -> End {
    match reply {
        Reply::Busy => End::Back,
        Reply::Refused => End::Refused,
        Reply::Fresh(_) => unreachable!("a credential is held, not ended"),
    }
}
