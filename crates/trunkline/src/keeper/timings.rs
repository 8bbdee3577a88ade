//! The bounds that the protocol of renewal rests on.

use std::time::Duration;

use trunkline_core::{Error, ErrorKind};

/// How long the steps of a renewal may take. Every process that shares a store must use the same.
///
/// `docs/how-a-grant-is-kept.md` says what each is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timings {
    /// How long the request to the service may take, to the end of its answer. Default 30 s.
    pub request_deadline: Duration,
    /// How late, after the intent was asked for, a request may still be sent. Default 2 s.
    pub lease_slack: Duration,
    /// How long an answer may take from its arrival to the store, or to the next try, before its holder has to
    /// show that it lives. Default 5 s.
    pub commit_budget: Duration,
    /// How long a successor waits beyond a silent holder's time before it spends what that one may have
    /// spent; longer than `lease_slack` and `commit_budget`. Default 10 s.
    pub commit_grace: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            request_deadline: Duration::from_secs(30),
            lease_slack: Duration::from_secs(2),
            commit_budget: Duration::from_secs(5),
            commit_grace: Duration::from_secs(10),
        }
    }
}

impl Timings {
    /// How long a holder may be silent.
    #[must_use]
    pub fn lease_ttl(&self) -> Duration {
        self.lease_slack + self.request_deadline + self.commit_budget
    }

    /// How long a lease must be seen unchanged before it is taken over.
    pub(crate) fn takeover(&self) -> Duration {
        self.lease_ttl() + self.commit_grace
    }

    /// The longest pause between two signs of life of a holder that could not write yet.
    pub(crate) fn heartbeat(&self) -> Duration {
        self.commit_budget / 2
    }

    /// Checks what the protocol relies on.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.commit_grace > self.lease_slack && self.commit_grace > self.commit_budget {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ConfigInvalid,
            "the timings' commit_grace must be longer than lease_slack and commit_budget",
        ))
    }
}
