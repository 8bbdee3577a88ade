//! The part of the control API that every simulator has: time, faults, and a look at the requests.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::exchange::Call;
use crate::fault::{Fault, Fixture, Matcher};
use crate::front::{Front, Gate};
use crate::ledger::TokenExchange;
use crate::log::LoggedRequest;

/// Why a control call had no effect: the text names what was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("simulator has no {0}")]
pub struct NotFound(pub(crate) String);

/// The control API of a service. Cheap to clone; every change acts on the next request.
#[derive(Debug)]
pub struct Control<S> {
    pub(crate) front: Arc<Front>,
    pub(crate) inner: Arc<S>,
}

impl<S> Clone for Control<S> {
    fn clone(&self) -> Self {
        Self { front: Arc::clone(&self.front), inner: Arc::clone(&self.inner) }
    }
}

impl<S> Control<S> {
    /// Moves the service's clock forward, in whole seconds, rounded up.
    pub fn advance_clock(&self, by: Duration) {
        self.front.clock.advance(by);
    }

    /// Answers the next matching calls with a fixture; earlier injected ones come first.
    pub fn inject(&self, fixture: Fixture) {
        self.front.inject(fixture);
    }

    /// Lets the next calls that match meet this fault, behind faults that wait already. With
    /// [`Fault::Pass`] in front of it, a later call.
    pub fn fail(&self, matcher: &Matcher, fault: &Fault, times: usize) {
        self.front.fail(Some(matcher), fault, times);
    }

    /// Lets the next token requests meet this fault, behind faults that wait already.
    pub fn fail_token_endpoint(&self, fault: &Fault, times: usize) {
        self.front.fail(None, fault, times);
    }

    /// Takes back the faults that no request has met yet.
    pub fn clear_token_faults(&self) {
        self.front.clear_faults();
    }

    /// Delays the next token request in real time. To hold requests without measuring time use
    /// [`pause_token_endpoint`](Self::pause_token_endpoint).
    pub fn hold_token_endpoint(&self, by: Duration) {
        self.fail_token_endpoint(&Fault::delay(by), 1);
    }

    /// Holds all token requests, already logged but not processed, until
    /// [`resume_token_endpoint`](Self::resume_token_endpoint).
    pub fn pause_token_endpoint(&self) {
        self.front.set_gate(Gate::Requests);
    }

    /// Holds all token requests, already processed but not answered, until
    /// [`resume_token_endpoint`](Self::resume_token_endpoint).
    pub fn pause_token_answers(&self) {
        self.front.set_gate(Gate::Answers);
    }

    /// Lets held token requests go on. One whose client has gone meanwhile is processed nevertheless.
    pub fn resume_token_endpoint(&self) {
        self.front.set_gate(Gate::Open);
    }

    /// Number of token requests that arrived, held and failed ones included.
    #[must_use]
    pub fn token_requests(&self) -> usize {
        self.front.token_requests()
    }

    /// All requests in order of arrival, control requests excepted.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.front.requests()
    }

    /// All token requests that were processed, in that order.
    #[must_use]
    pub fn token_exchanges(&self) -> Vec<TokenExchange> {
        self.front.exchanges()
    }

    /// Empties the records of requests and of token exchanges. The counts of families stay.
    pub fn clear_requests(&self) {
        self.front.clear_records();
    }

    /// Waits until `count` token requests have arrived. Without bound: put a timeout around it.
    pub async fn token_requests_reached(&self, count: usize) {
        self.front.reached(|| self.token_requests() >= count).await;
    }

    /// Waits until `count` token requests have been processed, that is, the service has committed to
    /// what it answers. Without bound: put a timeout around it.
    pub async fn token_exchanges_reached(&self, count: usize) {
        self.front.reached(|| self.front.count_exchanges() >= count).await;
    }

    /// The routes over HTTP for all of the above; `None` for a route of the service's own.
    pub(crate) fn common_route(&self, call: &Call, route: &str) -> Option<Result<Value, String>> {
        match call.method.as_str() {
            "GET" => Some(match route {
                "requests" => value_of(&self.requests()),
                "token-exchanges" => value_of(&self.token_exchanges()),
                "token-requests" => Ok(json!({ "count": self.token_requests() })),
                _ => return None,
            }),
            "POST" => self.common_command(call, route),
            _ => None,
        }
    }

    fn common_command(&self, call: &Call, route: &str) -> Option<Result<Value, String>> {
        match route {
            "pause-token-endpoint" => self.pause_token_endpoint(),
            "pause-token-answers" => self.pause_token_answers(),
            "resume-token-endpoint" => self.resume_token_endpoint(),
            "clear-token-faults" => self.clear_token_faults(),
            "clear-requests" => self.clear_requests(),
            "advance-clock" | "inject" | "fail" | "fail-token-endpoint" => {
                return Some(command_of(call).and_then(|command| self.with_body(route, command)));
            }
            _ => return None,
        }
        Some(Ok(done()))
    }

    fn with_body(&self, route: &str, command: CommonCommand) -> Result<Value, String> {
        let fault = || command.fault.as_ref().ok_or("fault is missing");
        let times = command.times.unwrap_or(1);
        match route {
            "advance-clock" => self.advance_clock(Duration::from_secs(command.seconds)),
            "fail-token-endpoint" => self.fail_token_endpoint(fault()?, times),
            "fail" => self.fail(&command.matcher, fault()?, times),
            _ => {
                let fixture = match (command.fixture, command.named) {
                    (Some(fixture), _) => fixture,
                    (None, Some(name)) => {
                        let mut fixture = Fixture::named(&name, command.matcher).ok_or("no such fixture")?;
                        fixture.times = u32::try_from(times).unwrap_or(u32::MAX);
                        fixture
                    }
                    (None, None) => return Err("fixture or named is missing".to_owned()),
                };
                self.inject(fixture);
            }
        }
        Ok(done())
    }
}

/// What the common routes read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CommonCommand {
    seconds: u64,
    times: Option<usize>,
    fault: Option<Fault>,
    fixture: Option<Fixture>,
    named: Option<String>,
    matcher: Matcher,
}

/// The answer of a command that has none.
pub(crate) fn done() -> Value {
    json!({ "ok": true })
}

pub(crate) fn value_of(value: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

/// The body of a command; an empty one counts as `{}`.
pub(crate) fn command_of<T: DeserializeOwned>(call: &Call) -> Result<T, String> {
    let body: &[u8] = if call.body.is_empty() { b"{}" } else { &call.body };
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// `current` with the members of `body` in place of its own.
pub(crate) fn patched<T: Serialize + DeserializeOwned>(current: &T, body: &[u8]) -> Result<T, String> {
    let change: Map<String, Value> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut whole = value_of(current)?;
    for (name, value) in change {
        // A misspelt name is found by the strict reading below.
        whole[name.as_str()] = value;
    }
    serde_json::from_value(whole).map_err(|error| error.to_string())
}
