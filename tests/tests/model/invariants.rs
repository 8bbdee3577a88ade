//! What must hold, as properties that the checker looks at in every state.

use stateright::Property;

use super::process::{End, Phase};
use super::protocol::Protocol;
use super::service::Policy;
use super::state::{Breach, State};

pub(crate) const SPENT_ONCE: &str = "a refresh token is spent twice only where nobody can lose by it";
pub(crate) const KEPT: &str = "no live refresh token is thrown away";
pub(crate) const COMMITTED: &str = "nothing uncommitted is published";
pub(crate) const TRUE_DEATH: &str = "no verdict of death over a grant that lives";
pub(crate) const ONE_WRITER: &str = "one credential is written for each generation";
pub(crate) const SUCCEEDS: &str = "once faults stop, a renewal succeeds or the grant is truly dead";

/// A connection that is said to be dead while a process holds the live refresh token: the process must be able to
/// write it, which undoes the verdict.
pub(crate) fn judge(protocol: &Protocol, state: &mut State) {
    if !state.row.dead || !state.service.alive {
        return;
    }
    let live = state.service.current;
    let shut_out = state.processes.iter().any(|process| {
        matches!(process, Phase::Holding { job, token, .. }
            if *token == live && !protocol.admits(&state.row, job))
    });
    if shut_out {
        state.broken(Breach::FalseDeath);
    }
}

/// From this state on no fault happens and everybody does what is next: does a renewal succeed, or is the grant dead
/// and nobody has its live refresh token?
fn succeeds(protocol: &Protocol, state: &State) -> bool {
    let mut known = protocol.succeeds.lock().expect("no check panics while it holds this");
    let calm = Protocol { generations: protocol.generations + 1, ..protocol.clone() };
    let mut state = state.clone();
    state.faults = 0;
    let mut passed = Vec::new();
    loop {
        let dead = state.row.dead
            && !(state.service.alive
                && state.processes.iter().any(|process| process.has(state.service.current)));
        // A step that breaks another invariant is that one's to tell.
        let told = state.breach.is_some() || known.contains(&state);
        if dead || state.row.generation == calm.generations || told {
            known.extend(passed);
            return true;
        }
        // The scheduler is a function of the state: a state that comes back will do so for ever.
        let again = passed.contains(&state);
        let (false, Some(action)) = (again, calm.calm_action(&state)) else { return false };
        passed.push(state.clone());
        calm.apply(&mut state, action);
        judge(&calm, &mut state);
        state = state.canonical();
    }
}

pub(crate) fn properties(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let holds = |name, condition| Property::<Protocol>::always(name, condition);
    let mut properties = vec![
        holds(SPENT_ONCE, |_, state| state.breach != Some(Breach::SpentTwice)),
        holds(KEPT, |_, state| state.breach != Some(Breach::ThrownAway)),
        holds(COMMITTED, |_, state| state.breach != Some(Breach::PublishedUncommitted)),
        holds(TRUE_DEATH, |_, state| state.breach != Some(Breach::FalseDeath)),
        holds(ONE_WRITER, |_, state| state.breach != Some(Breach::TwoWriters)),
        holds(SUCCEEDS, succeeds),
    ];
    if protocol.flaw.is_none() {
        properties.extend(reached(protocol));
    }
    properties
}

/// What must be reachable, so that the invariants are not true for want of anything that happens.
fn reached(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let sometimes = |name, condition| Property::<Protocol>::sometimes(name, condition);
    let mut reached = vec![
        sometimes("all renewals succeed", |protocol, state| state.row.generation == protocol.generations),
        sometimes("a replay brings a credential", |_, state| {
            state
                .processes
                .iter()
                .any(|process| matches!(process, Phase::Holding { job, .. } if job.found.is_some()))
        }),
        sometimes("a replay is refused", |_, state| {
            state.processes.iter().any(
                |process| matches!(process, Phase::Ending { job, end: End::Refused } if job.found.is_some()),
            )
        }),
        sometimes("a lease is taken over from an owner that lives", |_, state| {
            state.processes.iter().any(|process| {
                process.job().is_some_and(|job| {
                    state.row.generation == job.generation
                        && state.row.intent.is_some_and(|intent| intent.epoch > job.epoch)
                })
            })
        }),
        sometimes("a grant dies", |_, state| state.row.dead),
        sometimes("an answer is lost and its request is never repeated", |_, state| {
            state.row.intent.is_some() && state.row.lease.is_none()
        }),
    ];
    if protocol.policy == Policy::RejectSoft && protocol.late_holders() {
        reached.push(sometimes("a late holder may write after a refused replay", |_, state| {
            state.row.intent.is_some_and(|intent| intent.refused)
                && state.processes.iter().any(|process| process.has(state.service.current))
        }));
    }
    reached
}
