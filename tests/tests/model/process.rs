//! A process: where it stands in a renewal, and what it remembers.

use super::service::Reply;

/// What a process knows of its own renewal from step 3 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Job {
    /// The generation that the new credential replaces.
    pub(crate) generation: u8,
    /// The refresh token that is spent.
    pub(crate) token: u8,
    pub(crate) epoch: u8,
    /// The intent that was found open, to be given back.
    pub(crate) found: Option<Found>,
}

/// What is given back of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Found {
    pub(crate) epoch: u8,
    pub(crate) replay: bool,
}

/// Where the one request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Mail {
    Sent,
    Answered(Reply),
    /// The request or its answer was lost.
    Lost,
}

/// How a request ended that brought no credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum End {
    /// Not sent, or refused for a time.
    Back,
    Unknown,
    Refused,
}

/// Where a process stands. All ages are in ticks of its own monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// It remembers nothing: fresh from a start, or done.
    Idle,
    /// It has looked, and has seen lease and intent unchanged for `age`; after the knock, for `age` since then.
    /// `stale`: the row has changed since, which only a process without the re-read overlooks.
    Watching { generation: u8, token: u8, age: u8, knocked: bool, stale: bool },
    /// Only where the takeover is split: it has the lease, and writes the intent later.
    Taken { generation: u8, token: u8, epoch: u8, age: u8 },
    /// Step 3 is done, and began `age` ago.
    Leased { job: Job, age: u8 },
    /// The check has passed, `age` ago; nothing is sent yet.
    Checked { job: Job, age: u8 },
    /// The request is sent; the check was `age` ago.
    Waiting { job: Job, age: u8, mail: Mail },
    /// It has a new credential that is not stored, and has shown no sign of life for `silent`.
    Holding { job: Job, token: u8, silent: u8 },
    /// It has a stored credential that is not served yet.
    Publishing { generation: u8, token: u8 },
    /// It has to write how its request ended.
    Ending { job: Job, end: End },
}

impl Phase {
    pub(crate) fn job(&self) -> Option<&Job> {
        match self {
            Phase::Leased { job, .. }
            | Phase::Checked { job, .. }
            | Phase::Waiting { job, .. }
            | Phase::Holding { job, .. }
            | Phase::Ending { job, .. } => Some(job),
            Phase::Idle | Phase::Watching { .. } | Phase::Taken { .. } | Phase::Publishing { .. } => None,
        }
    }

    /// Every epoch that the process remembers, for renumbering.
    pub(crate) fn epochs(&mut self) -> [Option<&mut u8>; 2] {
        match self {
            Phase::Leased { job, .. }
            | Phase::Checked { job, .. }
            | Phase::Waiting { job, .. }
            | Phase::Holding { job, .. }
            | Phase::Ending { job, .. } => {
                [Some(&mut job.epoch), job.found.as_mut().map(|found| &mut found.epoch)]
            }
            Phase::Taken { epoch, .. } => [Some(epoch), None],
            Phase::Idle | Phase::Watching { .. } | Phase::Publishing { .. } => [None, None],
        }
    }

    /// Whether it has this refresh token, or will find it in its mail.
    pub(crate) fn has(&self, wanted: u8) -> bool {
        match self {
            Phase::Holding { token, .. } => *token == wanted,
            Phase::Waiting { mail, .. } => *mail == Mail::Answered(Reply::Fresh(wanted)),
            _ => false,
        }
    }

    /// Whether it holds, or may still receive, what a request with this refresh token brings.
    pub(crate) fn expects(&self, spent: u8) -> bool {
        match self {
            Phase::Holding { job, .. } => job.token == spent,
            Phase::Waiting { job, mail, .. } => {
                job.token == spent && matches!(mail, Mail::Sent | Mail::Answered(Reply::Fresh(_)))
            }
            _ => false,
        }
    }
}
