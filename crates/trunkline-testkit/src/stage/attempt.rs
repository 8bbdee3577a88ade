//! One call of a provider, with or without a fault in its way.

use std::fmt::Write as _;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use trunkline_core::{Account, Cause, Error, ErrorKind, Grant, Probe, Revoked, Verdict};

use super::{Connected, Stage};
use crate::profile::Ability;
use crate::rule::{Failure, panic_text};
use crate::service::{Fault, Line, Received};

/// Longest time that a call may take on the clock that stands still, where it passes at once: whoever needs more never ends.
const PATIENCE: Duration = Duration::from_secs(24 * 3_600);

/// A call that a provider answers with the help of the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Complete,
    Refresh,
    Revoke,
    /// Asks for the captures that no token answer brings; where there are none, nothing is asked.
    Capture,
    Identify,
    Probe,
}

impl Op {
    pub(crate) const ALL: [Self; 6] =
        [Self::Complete, Self::Refresh, Self::Revoke, Self::Capture, Self::Identify, Self::Probe];
    pub(crate) const OF_TOKENS: [Self; 3] = [Self::Complete, Self::Refresh, Self::Revoke];
    pub(crate) const OF_THE_API: [Self; 3] = [Self::Capture, Self::Identify, Self::Probe];

    pub(crate) const fn line(self) -> Line {
        match self {
            Self::Complete | Self::Refresh | Self::Revoke => Line::Token,
            Self::Capture | Self::Identify | Self::Probe => Line::Api,
        }
    }

    pub(crate) const fn ability(self) -> Option<Ability> {
        match self {
            Self::Complete | Self::Capture | Self::Identify => None,
            Self::Refresh => Some(Ability::Renewal),
            Self::Revoke => Some(Ability::Revocation),
            Self::Probe => Some(Ability::Probe),
        }
    }
}

/// What a call that went well brought.
#[derive(Debug)]
pub(crate) enum Fruit {
    Grant(Box<Grant>),
    Captured,
    Account(Account),
    Probe(Probe),
    Revoked(Revoked),
}

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// Which call of which way to hold a grant, and what it met.
    pub(crate) what: String,
    pub(crate) result: Result<Fruit, Error>,
    pub(crate) requests: Vec<Received>,
    /// How long it took on the clock that stands still while something can be done.
    pub(crate) took: Duration,
}

impl Attempt {
    /// Why it failed; `None` for a success, or a failure without a diagnosis.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.result.as_ref().err().and_then(Error::cause)
    }

    /// What the keeper may conclude from the failure.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        self.cause().map(Cause::verdict)
    }

    pub(crate) fn error(&self) -> Result<&Error, Failure> {
        match &self.result {
            Err(error) => Ok(error),
            Ok(fruit) => Err(Failure(format!("{} went well: {fruit:?}", self.what))),
        }
    }

    pub(crate) fn grant(&self) -> Result<&Grant, Failure> {
        match &self.result {
            Ok(Fruit::Grant(grant)) => Ok(grant),
            Ok(other) => Err(Failure(format!("{} brought {other:?}", self.what))),
            Err(error) => Err(Failure(format!("{} failed: {error}", self.what))),
        }
    }

    /// Everything that the failure says to anybody.
    pub(crate) fn said(&self) -> String {
        let Err(error) = &self.result else { return String::new() };
        let mut said = format!("{error} {error:?} {error:#?} {:?}", error.hint_text());
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            let _fits = write!(said, " {inner} {inner:?}");
            source = inner.source();
        }
        if let Some(diagnosis) = error.diagnosis() {
            // A report that cannot be written says nothing.
            said.push_str(&serde_json::to_string(&diagnosis.report()).unwrap_or_default());
        }
        said
    }
}

impl Stage {
    /// Whether the provider claims this call.
    pub(crate) fn claims(&self, op: Op) -> bool {
        op.ability().is_none_or(|ability| self.profile.lack(ability).is_none())
    }

    /// Makes a grant as it should be made, then calls `op` with `fault` in the way of its first request.
    pub(crate) async fn attempt(
        &self,
        method: &str,
        op: Op,
        fault: Option<&Fault>,
    ) -> Result<Attempt, Failure> {
        if op != Op::Complete {
            let connected = self.connected(method).await?;
            return self.attempt_with(method, &connected, op, fault).await;
        }
        let auth = self.auth(method)?;
        self.service.gives_refresh_token(self.gives_refresh_token(method)?);
        let consent = self.consent(&*auth, 0).await?;
        self.learn().await?;
        let cx = self.token_cx();
        let call =
            async { auth.complete(&cx, &consent.answer).await.map(|grant| Fruit::Grant(Box::new(grant))) };
        self.met(method, op, fault, call).await
    }

    /// Calls `op` with a grant that is there.
    pub(crate) async fn attempt_with(
        &self,
        method: &str,
        connected: &Connected,
        op: Op,
        fault: Option<&Fault>,
    ) -> Result<Attempt, Failure> {
        let Connected { auth, session, grant, inputs, first } = connected;
        let (token_cx, api_cx, held) = (self.token_cx(), self.api_cx(), connected.held());
        let call = async {
            Ok(match op {
                Op::Complete => return Err(Error::new(ErrorKind::Unsupported, "it is there already")),
                Op::Refresh => Fruit::Grant(Box::new(auth.refresh(&token_cx, &held).await?)),
                Op::Revoke => Fruit::Revoked(auth.revoke(&token_cx, &held).await?),
                Op::Capture => match first {
                    Some(first) => {
                        self.connector.capture(&api_cx, first, inputs).await?;
                        Fruit::Captured
                    }
                    None => Fruit::Captured,
                },
                Op::Identify => Fruit::Account(self.connector.identify(&api_cx, session, grant).await?),
                Op::Probe => Fruit::Probe(self.connector.probe(&api_cx, session).await?),
            })
        };
        self.met(method, op, fault, call).await
    }

    /// Sets the fault, waits for the call, and takes down what it did.
    pub(crate) async fn met(
        &self,
        method: &str,
        op: Op,
        fault: Option<&Fault>,
        call: impl Future<Output = Result<Fruit, Error>>,
    ) -> Result<Attempt, Failure> {
        let what = match fault {
            None => format!("{method}: {op:?}"),
            Some(fault) => format!("{method}: {op:?} that met {}", brief(fault)),
        };
        self.service.recovers();
        if let Some(fault) = fault {
            self.service.will(op.line(), fault.clone());
        }
        let before = self.service.received_count();
        let began = tokio::time::Instant::now();
        let call = AssertUnwindSafe(call).catch_unwind();
        let result = match tokio::time::timeout(PATIENCE, call).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => return Err(Failure(format!("{what}: a panic: {}", panic_text(&*panic)))),
            Err(_) => return Err(Failure(format!("{what} never ended"))),
        };
        let took = began.elapsed();
        self.service.recovers();
        let requests = self.service.received_after(before);
        Ok(Attempt { what, result, requests, took })
    }

    /// The calls that are claimed and that ask the service for something, for each way to hold a grant.
    pub(crate) async fn asking(&self, among: &[Op]) -> Result<Vec<(&'static str, Op)>, Failure> {
        let mut asking = Vec::new();
        for method in self.methods()? {
            for op in among.iter().copied().filter(|op| self.claims(*op)) {
                // Where the service gives no refresh token, a renewal may have nothing to ask for.
                if !self.attempt(method, op, None).await?.requests.is_empty() {
                    asking.push((method, op));
                }
            }
        }
        Ok(asking)
    }
}

/// A fault in a few words.
fn brief(fault: &Fault) -> String {
    match fault {
        Fault::Answer { status, body, .. } => {
            let start: String = body.chars().take(60).collect();
            format!("{status} {start:?}")
        }
        fault => format!("{fault:?}"),
    }
}
