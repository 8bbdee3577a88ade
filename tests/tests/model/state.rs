//! One state of the whole: the row, the service, the processes, and what is under way between them.

use super::process::Phase;
use super::row::Row;
use super::service::Service;

/// A request whose sender has given up or died; the service may still take it for `left` ticks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stray {
    pub(crate) token: u8,
    pub(crate) left: u8,
}

/// The invariant that a step broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Breach {
    SpentTwice,
    ThrownAway,
    PublishedUncommitted,
    FalseDeath,
    TwoWriters,
}

/// One state. Processes are alike and the row knows them only by epoch, so their order means nothing and they are kept
/// sorted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) row: Row,
    pub(crate) service: Service,
    pub(crate) processes: Vec<Phase>,
    pub(crate) stray: Option<Stray>,
    /// Whether the store takes writes. It answers reads all the while: that is the harder case.
    pub(crate) writable: bool,
    /// How many faults may still happen.
    pub(crate) faults: u8,
    pub(crate) breach: Option<Breach>,
}

impl State {
    pub(crate) fn new(processes: usize, faults: u8) -> Self {
        Self {
            row: Row::new(),
            service: Service::new(),
            processes: vec![Phase::Idle; processes],
            stray: None,
            writable: true,
            faults,
            breach: None,
        }
    }

    pub(crate) fn broken(&mut self, breach: Breach) {
        self.breach.get_or_insert(breach);
    }

    /// Whether the live refresh token is stored, or some process has it.
    pub(crate) fn in_hand(&self) -> bool {
        let live = self.service.current;
        self.row.token == live || self.processes.iter().any(|process| process.has(live))
    }

    /// Lease, beat, intent or generation have changed: whoever watched has seen something else. Its next statement would
    /// write nothing, so it looks again.
    pub(crate) fn disturb(&mut self, except: Option<usize>, keeps_what_it_saw: bool) {
        for (index, process) in self.processes.iter_mut().enumerate() {
            if Some(index) == except {
                continue;
            }
            if let Phase::Watching { stale, .. } = process {
                *stale = true;
                if !keeps_what_it_saw {
                    *process = Phase::Idle;
                }
            }
        }
    }

    /// Only whether epochs are equal matters, so they are numbered anew by rank: states that differ in nothing else are
    /// one state.
    pub(crate) fn canonical(mut self) -> Self {
        let mut epochs: Vec<&mut u8> = Vec::with_capacity(8);
        epochs.extend(self.row.lease.as_mut());
        epochs.extend(self.row.intent.as_mut().map(|intent| &mut intent.epoch));
        epochs.extend(self.processes.iter_mut().flat_map(Phase::epochs).flatten());
        epochs.sort_unstable();
        let (mut last, mut rank) = (0, 0);
        for epoch in epochs {
            if *epoch != last {
                last = *epoch;
                rank += 1;
            }
            *epoch = rank;
        }
        self.row.epochs = rank;
        self.processes.sort_unstable();
        self
    }
}
