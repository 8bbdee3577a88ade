//! Time: there is no clock that two processes share. Every age in the state counts the ticks that have passed since its
//! owner last did something, and one step lets one tick pass for all of them.
//!
//! A process may be as slow as it likes, so a tick is possible at any time, except where it would break an assumption:
//! a process that has passed the check acts before its bound. Ages that nobody compares any more stand still, which
//! keeps the states finite without an end of time.

use super::action::Flaw;
use super::process::Phase;
use super::protocol::Protocol;
use super::state::State;

pub(crate) const LEASE_SLACK: u8 = 1;
pub(crate) const REQUEST_DEADLINE: u8 = 1;
pub(crate) const COMMIT_BUDGET: u8 = 1;
pub(crate) const LEASE_TTL: u8 = LEASE_SLACK + REQUEST_DEADLINE + COMMIT_BUDGET;
pub(crate) const COMMIT_GRACE: u8 = 2;
const _: () = assert!(COMMIT_GRACE > LEASE_SLACK && COMMIT_GRACE > COMMIT_BUDGET && COMMIT_GRACE > LATE);
/// How long after its deadline the service may still take a request.
pub(crate) const LATE: u8 = 1;

impl Protocol {
    /// Whether a tick breaks no assumption.
    pub(crate) fn may_tick(&self, state: &State) -> bool {
        state.processes.iter().all(|process| match process {
            Phase::Checked { age, .. } => self.flaw == Some(Flaw::PauseBeyondTheBound) || *age < LEASE_SLACK,
            Phase::Waiting { age, .. } => *age < REQUEST_DEADLINE + LEASE_SLACK,
            // Where the store lets it, a holder shows itself in time.
            Phase::Holding { job, silent, .. } => {
                let waits = state.row.generation == job.generation && !self.admits(&state.row, job);
                !state.writable || waits || self.hold.is_none_or(|bound| *silent < bound)
            }
            _ => true,
        })
    }

    pub(crate) fn tick(&self, state: &mut State) {
        let window = self.policy.window();
        if window > 0 {
            state.service.rotated = state.service.rotated.saturating_add(1).min(window + 1);
            if let Some(intent) = &mut state.row.intent {
                intent.age = (intent.age + 1).min(window / 2);
            }
        }
        if let Some(stray) = &mut state.stray {
            match stray.left.checked_sub(1) {
                Some(left) => stray.left = left,
                None => state.stray = None,
            }
        }
        let State { row, processes, writable, .. } = state;
        for process in processes {
            match process {
                Phase::Watching { stale: true, .. } => {}
                Phase::Watching { age, knocked, .. } => {
                    if *knocked && !*writable {
                        // The knocks that keep it going have failed: only a new one proves that the owner can write.
                        (*knocked, *age) = (false, if row.lease.is_some() { LEASE_TTL } else { 0 });
                        continue;
                    }
                    let end = match (row.lease, row.intent) {
                        (Some(_), _) if *knocked => COMMIT_GRACE,
                        (Some(_), _) if self.flaw == Some(Flaw::NoKnock) => LEASE_TTL + COMMIT_GRACE,
                        (Some(_), _) => LEASE_TTL,
                        (None, Some(_)) => COMMIT_GRACE,
                        (None, None) => 0,
                    };
                    *age = (*age + 1).min(end);
                }
                Phase::Taken { age, .. } => *age = (*age + 1).min(COMMIT_GRACE),
                Phase::Leased { age, .. } => *age = (*age + 1).min(LEASE_SLACK + 1),
                Phase::Checked { age, .. } => *age = (*age + 1).min(LEASE_SLACK + REQUEST_DEADLINE),
                Phase::Waiting { age, .. } => *age += 1,
                Phase::Holding { job, silent, .. } => {
                    let Some(bound) = self.hold else { continue };
                    // It cannot write while a successor's intent stands or the store takes no writes; once it can, it
                    // tries again within its commit budget.
                    let able = *writable && self.admits(row, job);
                    *silent = (*silent + 1).min(if able { bound } else { bound - COMMIT_BUDGET });
                }
                Phase::Idle | Phase::Publishing { .. } | Phase::Ending { .. } => {}
            }
        }
    }
}
