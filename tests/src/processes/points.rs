//! The named points of a renewal at which a process can die or be stopped. They lie on the boundaries of what
//! is injected into a hub, so the hub itself needs none.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rustix::process;
use serde::{Deserialize, Serialize};
use trunkline_core::{AuthProvider, Body, Request, Transport, TransportError, async_trait, http};
use trunkline_store::StoreError;

use super::connector::Passing;
use super::{Report, report};
use crate::{Call, Watch};

/// A point of a renewal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Point {
    /// The row was read, the lease is about to be asked for.
    BeforeLease,
    /// Lease and intent are stored.
    AfterLease,
    /// The request is about to be made; whether it is in time is not checked yet.
    BeforeRequest,
    /// That is checked; nothing is sent.
    BeforeSending,
    /// The whole answer is here.
    AfterAnswer,
    /// The new credential is about to be stored.
    BeforeCommit,
    /// It is stored; nobody is served with it.
    AfterCommit,
}

impl Point {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [
        Self::BeforeLease,
        Self::AfterLease,
        Self::BeforeRequest,
        Self::BeforeSending,
        Self::AfterAnswer,
        Self::BeforeCommit,
        Self::AfterCommit,
    ];

    /// Whether the refresh token is spent here, and what it brought is not stored.
    #[must_use]
    pub fn is_between_answer_and_commit(self) -> bool {
        matches!(self, Self::AfterAnswer | Self::BeforeCommit)
    }
}

/// What a process does to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// It dies at once.
    Kill,
    /// It stands still until it is woken.
    Stop,
    /// It says so, and goes on.
    None,
}

/// The points of one process. Clones share them.
#[derive(Clone, Default)]
pub struct Points(Arc<Inner>);

#[derive(Default)]
struct Inner {
    armed: Mutex<Option<(Point, Signal)>>,
    may_go: Mutex<bool>,
    went: Condvar,
}

impl Points {
    /// Sends the signal when the point is reached the next time.
    pub fn arm(&self, point: Point, signal: Signal) {
        *self.0.may_go.lock().unwrap_or_else(PoisonError::into_inner) = false;
        *self.0.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some((point, signal));
    }

    /// Lets what was stopped go on.
    pub fn go(&self) {
        *self.0.may_go.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.went.notify_all();
    }

    /// A network with points.
    #[must_use]
    pub fn around(&self, network: Arc<dyn Transport>) -> impl Transport + use<> {
        Network { network, points: self.clone() }
    }

    pub(super) fn in_front_of(&self, auth: Arc<dyn AuthProvider>) -> Arc<dyn AuthProvider> {
        Arc::new(Passing { auth, points: self.clone() })
    }

    /// Blocks the thread and does not yield: what comes after the point, in the same poll, comes right after
    /// the process is woken, before any timer of it is looked at.
    pub(super) fn reach(&self, point: Point) {
        let mut armed = self.0.armed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, signal)) = armed.take_if(|(wanted, _)| *wanted == point) else { return };
        drop(armed);
        report(&Report::At(point));
        let signal = match signal {
            Signal::Kill => process::Signal::KILL,
            Signal::Stop => process::Signal::STOP,
            Signal::None => return,
        };
        process::kill_process(process::getpid(), signal).expect("a process may send itself a signal");
        // Another thread may take the signal, a moment later: this one does not go on meanwhile.
        let mut may_go = self.0.may_go.lock().unwrap_or_else(PoisonError::into_inner);
        while !*may_go {
            may_go = self.0.went.wait(may_go).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl fmt::Debug for Points {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Points")
    }
}

#[async_trait]
impl Watch for Points {
    async fn before(&self, call: Call) -> Result<(), StoreError> {
        match call {
            Call::Lease => self.reach(Point::BeforeLease),
            Call::Commit => self.reach(Point::BeforeCommit),
            _ => {}
        }
        Ok(())
    }

    async fn after(&self, call: Call) -> Result<(), StoreError> {
        match call {
            Call::Lease => self.reach(Point::AfterLease),
            Call::Commit => self.reach(Point::AfterCommit),
            _ => {}
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Network {
    network: Arc<dyn Transport>,
    points: Points,
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        self.points.reach(Point::BeforeSending);
        let (head, body) = self.network.send(request).await?.into_parts();
        let cut = |_| TransportError::Unknown("the answer was cut off".to_owned());
        let whole = body.collect(1 << 20).await.map_err(cut)?;
        self.points.reach(Point::AfterAnswer);
        Ok(http::Response::from_parts(head, Body::from(whole)))
    }
}
