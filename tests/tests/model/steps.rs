//! What each step does.

use super::action::{Action, Flaw};
use super::process::{End, Found, Job, Mail, Phase};
use super::protocol::{Protocol, ends, in_time};
use super::row::Intent;
use super::service::{Policy, Reply};
use super::state::{Breach, State, Stray};
use super::time::{LATE, REQUEST_DEADLINE};

impl Protocol {
    pub(crate) fn apply(&self, state: &mut State, action: Action) {
        match action {
            Action::Tick => self.tick(state),
            Action::AccessTokenRunsOut => state.row.serving = false,
            Action::StoreTakesWritesAgain => state.writable = true,
            Action::StrayArrives => {
                if let Some(stray) = state.stray.take() {
                    self.serve(state, stray.token);
                }
            }
            Action::Serve(place) => {
                if let Phase::Waiting { job, .. } = state.processes[place] {
                    let reply = self.serve(state, job.token);
                    self.mail(state, place, Mail::Answered(reply));
                }
            }
            Action::Look(place) => {
                let (generation, token) = (state.row.generation, state.row.token);
                state.processes[place] =
                    Phase::Watching { generation, token, age: 0, knocked: false, stale: false };
            }
            Action::Knock(place) => {
                if let Phase::Watching { age, knocked, .. } = &mut state.processes[place] {
                    (*age, *knocked) = (0, true);
                }
                // On a free lease only knocks change the beat, so nobody starts again because of it.
                if state.row.lease.is_some() {
                    self.disturb(state, Some(place));
                }
            }
            Action::TakeLease(place) => {
                if let Phase::Watching { generation, token, .. } = state.processes[place] {
                    let epoch = state.row.new_epoch();
                    state.row.lease = Some(epoch);
                    state.processes[place] = Phase::Taken { generation, token, epoch, age: 0 };
                    self.disturb(state, Some(place));
                }
            }
            Action::LeaseAndIntent(place) => self.lease(state, place),
            Action::Judge(place) => {
                self.verdict(state);
                state.processes[place] = Phase::Idle;
            }
            Action::Check(place) => {
                if let Phase::Leased { job, age } = state.processes[place] {
                    state.processes[place] = match in_time(age) {
                        true => Phase::Checked { job, age: 0 },
                        false => Phase::Ending { job, end: End::Back },
                    };
                }
            }
            Action::Send(place) => self.send(state, place),
            Action::Receive(place) => self.receive(state, place),
            Action::GiveUp(place) => self.end(state, place, End::Unknown),
            Action::Commit(place) => {
                if let Phase::Holding { token, job, .. } = state.processes[place] {
                    self.write(state, place);
                    let generation = job.generation + 1;
                    state.processes[place] = match self.flaw {
                        Some(Flaw::PublishBeforeCommit) => Phase::Idle,
                        _ => Phase::Publishing { generation, token },
                    };
                }
            }
            Action::LearnOfNewer(place) => self.drop_credential(state, place),
            Action::Publish(place) => {
                if let Phase::Publishing { generation, token } = state.processes[place] {
                    self.publish(state, generation, token);
                    state.processes[place] = Phase::Idle;
                }
            }
            Action::WriteEnd(place) => self.write_end(state, place),
            fault => {
                state.faults = state.faults.saturating_sub(1);
                self.fault(state, fault);
            }
        }
    }

    fn fault(&self, state: &mut State, fault: Action) {
        match fault {
            Action::Revoke => state.service.alive = false,
            Action::StoreRefusesWrites => state.writable = false,
            Action::LoseRequest(place) | Action::LoseAnswer(place) => self.mail(state, place, Mail::Lost),
            Action::RefuseForATime(place) => self.mail(state, place, Mail::Answered(Reply::Busy)),
            Action::LeaveUnanswered(place) => {
                self.abandon(state, place);
                self.end(state, place, End::Unknown);
            }
            Action::Crash(place) => {
                self.abandon(state, place);
                state.processes[place] = Phase::Idle;
            }
            Action::CommitFails(place) => {
                if self.flaw == Some(Flaw::DeleteOnFailure) {
                    self.drop_credential(state, place);
                    return;
                }
                // The commit fails, and the heartbeat that follows does not.
                if let Phase::Holding { job, silent, .. } = &mut state.processes[place]
                    && state.row.lease == Some(job.epoch)
                {
                    *silent = 0;
                    self.disturb(state, Some(place));
                }
            }
            Action::CommitIsNotConfirmed(place) => self.write(state, place),
            _ => unreachable!("no fault: {fault:?}"),
        }
    }

    fn disturb(&self, state: &mut State, except: Option<usize>) {
        state.disturb(except, self.flaw == Some(Flaw::NoReRead));
    }

    fn mail(&self, state: &mut State, place: usize, new: Mail) {
        if let Phase::Waiting { mail, .. } = &mut state.processes[place] {
            *mail = new;
        }
    }

    fn end(&self, state: &mut State, place: usize, end: End) {
        if let Some(&job) = state.processes[place].job() {
            state.processes[place] = Phase::Ending { job, end };
        }
    }

    /// The request that nobody waits for any more may still reach the service. Of two such only one is followed; the
    /// other counts as lost.
    fn abandon(&self, state: &mut State, place: usize) {
        if let Phase::Waiting { job, age, mail: Mail::Sent } = state.processes[place] {
            let left = REQUEST_DEADLINE.saturating_sub(age) + LATE;
            state.stray.get_or_insert(Stray { token: job.token, left });
        }
    }

    /// The service takes a request.
    fn serve(&self, state: &mut State, token: u8) -> Reply {
        let reuse = state.service.reuse(token) && self.policy != Policy::RejectSoft;
        let in_hand = state.in_hand();
        let reply = state.service.answer(self.policy, token);
        let killed = reuse && !state.service.alive;
        if reuse && (in_hand || (killed && state.row.serving)) {
            state.broken(Breach::SpentTwice);
        }
        reply
    }

    /// Step 3.
    fn lease(&self, state: &mut State, place: usize) {
        let (generation, token, taken) = match state.processes[place] {
            Phase::Watching { generation, token, .. } => (generation, token, None),
            Phase::Taken { generation, token, epoch, .. } => (generation, token, Some(epoch)),
            _ => return,
        };
        if taken.is_some() && state.row.lease != taken {
            state.processes[place] = Phase::Idle;
            return;
        }
        let row = &mut state.row;
        let epoch = taken.unwrap_or_else(|| row.new_epoch());
        let open = row.intent;
        row.lease = Some(epoch);
        row.intent = Some(Intent {
            epoch,
            replay: open.is_some(),
            refused: false,
            age: open.map_or(0, |intent| intent.age),
        });
        let found = open.map(|intent| Found { epoch: intent.epoch, replay: intent.replay });
        state.processes[place] = Phase::Leased { job: Job { generation, token, epoch, found }, age: 0 };
        self.disturb(state, Some(place));
    }

    fn send(&self, state: &mut State, place: usize) {
        let (job, age) = match state.processes[place] {
            Phase::Checked { job, age } | Phase::Waiting { job, age, .. } => (job, age),
            _ => return,
        };
        let expected = state.processes.iter().any(|process| process.expects(job.token));
        // Where a holder may be silent for longer than a successor waits, only the policy allows this.
        if expected && !(self.policy == Policy::RejectSoft && self.late_holders()) {
            state.broken(Breach::SpentTwice);
        }
        state.processes[place] = Phase::Waiting { job, age, mail: Mail::Sent };
    }

    fn receive(&self, state: &mut State, place: usize) {
        let Phase::Waiting { job, mail: Mail::Answered(reply), .. } = state.processes[place] else { return };
        match reply {
            Reply::Fresh(token) => {
                if self.flaw == Some(Flaw::PublishBeforeCommit) {
                    self.publish(state, job.generation + 1, token);
                }
                state.processes[place] = Phase::Holding { job, token, silent: 0 };
            }
            refused => self.end(state, place, ends(refused)),
        }
    }

    /// Step 6.
    fn write(&self, state: &mut State, place: usize) {
        let Phase::Holding { job, token, .. } = state.processes[place] else { return };
        if state.row.generation != job.generation {
            state.broken(Breach::TwoWriters);
        }
        state.row.write(job.generation + 1, token);
        self.disturb(state, None);
    }

    fn publish(&self, state: &mut State, generation: u8, token: u8) {
        let row = &state.row;
        let stored = row.generation > generation || (row.generation == generation && row.token == token);
        if !stored {
            state.broken(Breach::PublishedUncommitted);
        }
    }

    fn drop_credential(&self, state: &mut State, place: usize) {
        let dropped = std::mem::replace(&mut state.processes[place], Phase::Idle);
        let live = state.service.current;
        if state.service.alive && dropped.has(live) && !state.in_hand() {
            state.broken(Breach::ThrownAway);
        }
    }

    fn write_end(&self, state: &mut State, place: usize) {
        let Phase::Ending { job, end } = state.processes[place] else { return };
        state.processes[place] = Phase::Idle;
        if !state.row.owned(job.generation, job.epoch) && self.flaw != Some(Flaw::ReleaseUnfenced) {
            return;
        }
        state.row.lease = None;
        match end {
            End::Back => {
                let age = state.row.intent.map_or(0, |intent| intent.age);
                let found = job.found.filter(|_| self.flaw != Some(Flaw::UnsentReplayCloses));
                state.row.intent =
                    found.map(|Found { epoch, replay }| Intent { epoch, replay, refused: false, age });
            }
            End::Unknown => {}
            End::Refused => match (job.found, &mut state.row.intent) {
                (Some(found), Some(intent)) => {
                    intent.refused = true;
                    if self.flaw == Some(Flaw::RefusedReplayGivesBack) {
                        intent.epoch = found.epoch;
                    }
                    if self.flaw == Some(Flaw::DeathAtOnce) {
                        self.verdict(state);
                    }
                }
                _ => {
                    state.row.intent = None;
                    self.verdict(state);
                }
            },
        }
        self.disturb(state, None);
    }

    /// The refresh token that was refused is the stored one: every verdict is fenced by its generation.
    fn verdict(&self, state: &mut State) {
        state.row.dead = true;
        let row = &state.row;
        let live = state.service.current;
        // A holder that is late without bound can only undo the verdict; that it can is judged in every state.
        let held = self.hold.is_some() && state.processes.iter().any(|process| process.has(live));
        if state.service.alive && (row.token == live || held) {
            state.broken(Breach::FalseDeath);
        }
    }

    /// Whether this configuration lets a holder be silent for longer than a successor waits.
    pub(crate) fn late_holders(&self) -> bool {
        self.hold.is_none_or(|bound| bound > super::time::COMMIT_BUDGET)
    }
}
