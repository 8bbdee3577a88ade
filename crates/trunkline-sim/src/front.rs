//! The front door of every simulator: records of requests, prepared answers and faults, and gates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use tokio::sync::watch;

use crate::clock::SimClock;
use crate::exchange::{Call, Outcome, Reply};
use crate::fault::{Fault, Fixture, Matcher, edge_page};
use crate::ledger::TokenExchange;
use crate::log::LoggedRequest;

/// What differs between the services behind the door.
pub(crate) trait Service: Send + Sync + Sized + 'static {
    /// What a request holds while it is processed.
    type Admission: Send;

    fn front(&self) -> &Front;

    fn is_token_request(call: &Call) -> bool;

    /// `grant_type` of a token request.
    fn grant_type(call: &Call) -> Option<String>;

    /// Before everything else, the gates included; a refusal is answered at once.
    fn admit(&self, call: &Call) -> Result<Self::Admission, Reply>;

    fn answer(self: &Arc<Self>, call: &Call) -> impl Future<Output = Reply> + Send;

    /// The service's own body for a status that [`Fault::Status`] asks for.
    fn failing(&self, status: u16) -> Reply;

    /// The control API over HTTP.
    fn control(self: &Arc<Self>, call: &Call, route: &str) -> Reply;
}

/// Where token requests are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// Before they are processed.
    Requests,
    /// After that, before they are answered.
    Answers,
}

/// Where a request stands in the log, and of which log since it was last emptied.
#[derive(Debug, Clone, Copy)]
struct LogEntry {
    index: usize,
    cleared: u64,
}

/// Which calls a fault waits for.
#[derive(Debug)]
enum Victim {
    TokenRequest,
    Matching(Matcher),
}

#[derive(Debug, Default)]
struct Records {
    log: Vec<LoggedRequest>,
    exchanges: Vec<TokenExchange>,
    /// How often the log was emptied, so that a late status finds no stranger at its place.
    cleared: u64,
    fixtures: Vec<Fixture>,
    faults: Vec<(Victim, Fault)>,
}

/// What the requests and the control API share, whatever the service.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) clock: SimClock,
    records: Mutex<Records>,
    gate: watch::Sender<Gate>,
    /// Counts token requests that arrived or were processed, to wake those who wait for them.
    progress: watch::Sender<u64>,
}

impl Front {
    pub(crate) fn new(clock: SimClock) -> Self {
        Self {
            clock,
            records: Mutex::default(),
            gate: watch::Sender::new(Gate::Open),
            progress: watch::Sender::new(0),
        }
    }

    /// Never held across an await, so a panic elsewhere is the only way to poison it.
    fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.records().log.clone()
    }

    pub(crate) fn token_requests(&self) -> usize {
        self.records().log.iter().filter(|request| request.is_token_request()).count()
    }

    pub(crate) fn exchanges(&self) -> Vec<TokenExchange> {
        self.records().exchanges.clone()
    }

    pub(crate) fn count_exchanges(&self) -> usize {
        self.records().exchanges.len()
    }

    pub(crate) fn record_exchange(&self, exchange: TokenExchange) {
        self.records().exchanges.push(exchange);
    }

    pub(crate) fn clear_records(&self) {
        let mut records = self.records();
        records.log.clear();
        records.exchanges.clear();
        records.cleared += 1;
    }

    pub(crate) fn inject(&self, fixture: Fixture) {
        self.records().fixtures.push(fixture);
    }

    /// Queues a fault for the next token requests, or for the next calls that match.
    pub(crate) fn fail(&self, matcher: Option<&Matcher>, fault: &Fault, times: usize) {
        let mut records = self.records();
        // A bound, since this also comes over HTTP.
        for _ in 0..times.min(10_000) {
            let victim = matcher.cloned().map_or(Victim::TokenRequest, Victim::Matching);
            records.faults.push((victim, fault.clone()));
        }
    }

    pub(crate) fn clear_faults(&self) {
        self.records().faults.clear();
    }

    pub(crate) fn set_gate(&self, gate: Gate) {
        self.gate.send_replace(gate);
    }

    /// Wakes those who wait for token requests.
    pub(crate) fn progressed(&self) {
        self.progress.send_modify(|count| *count += 1);
    }

    /// Returns once `done` says so; it is asked again after every arrival and every processing.
    pub(crate) async fn reached(&self, done: impl Fn() -> bool) {
        let mut progress = self.progress.subscribe();
        while !done() {
            if progress.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns once token requests are not held at this gate.
    async fn pass(&self, gate: Gate) {
        // The sender lives in self, so waiting cannot fail.
        let _open = self.gate.subscribe().wait_for(|closed| *closed != gate).await.is_ok();
    }

    fn log_arrival(&self, call: &Call, is_token: bool, grant_type: Option<String>) -> LogEntry {
        let entry = {
            let mut records = self.records();
            records.log.push(LoggedRequest::new(call, is_token, grant_type));
            LogEntry { index: records.log.len() - 1, cleared: records.cleared }
        };
        self.progressed();
        entry
    }

    fn log_status(&self, entry: LogEntry, status: Option<u16>) {
        let mut records = self.records();
        if entry.cleared == records.cleared
            && let Some(request) = records.log.get_mut(entry.index)
        {
            request.status = status;
        }
    }

    fn take_fixture(&self, call: &Call, grant_type: Option<&str>) -> Option<Reply> {
        let mut records = self.records();
        let fixture = records
            .fixtures
            .iter_mut()
            .find(|fixture| fixture.times > 0 && fixture.matcher.matches(call, grant_type))?;
        fixture.times -= 1;
        let reply = fixture.reply();
        records.fixtures.retain(|fixture| fixture.times > 0);
        Some(reply)
    }

    fn take_fault(&self, call: &Call, is_token: bool, grant_type: Option<&str>) -> Option<Fault> {
        let mut records = self.records();
        let index = records.faults.iter().position(|(victim, _)| match victim {
            Victim::TokenRequest => is_token,
            Victim::Matching(matcher) => matcher.matches(call, grant_type),
        })?;
        Some(records.faults.remove(index).1)
    }
}

/// Serves every request of a simulator.
pub(crate) async fn serve<S: Service>(
    State(service): State<Arc<S>>,
    request: Request<Body>,
) -> Response<Body> {
    let Some(call) = Call::read(request).await else {
        // The edge refuses such bodies before the service sees them.
        return Outcome::Answer(Reply::html(413, edge_page("413 Payload Too Large"))).into_response();
    };
    if let Some(route) = call.path.strip_prefix("/control/") {
        return Outcome::Answer(service.control(&call, route)).into_response();
    }
    let is_token = S::is_token_request(&call);
    let grant_type = is_token.then(|| S::grant_type(&call)).flatten();
    let entry = service.front().log_arrival(&call, is_token, grant_type.clone());
    let outcome = answer(&service, &call, is_token, grant_type.as_deref()).await;
    service.front().log_status(entry, outcome.status());
    outcome.into_response()
}

async fn answer<S: Service>(
    service: &Arc<S>,
    call: &Call,
    is_token: bool,
    grant_type: Option<&str>,
) -> Outcome {
    let front = service.front();
    let admission = match service.admit(call) {
        Ok(admission) => admission,
        Err(refusal) => return Outcome::Answer(refusal),
    };
    if is_token {
        front.pass(Gate::Requests).await;
    }
    if let Some(reply) = front.take_fixture(call, grant_type) {
        return Outcome::Answer(reply);
    }
    let fault = front.take_fault(call, is_token, grant_type);
    match &fault {
        Some(Fault::Reset) => return Outcome::HangUp,
        Some(Fault::Status(status)) => return Outcome::Answer(service.failing(*status)),
        Some(Fault::Html(status)) => {
            return Outcome::Answer(Reply::html(*status, edge_page(&status.to_string())));
        }
        Some(Fault::Redirect(location)) => return Outcome::Answer(Reply::redirect(location)),
        Some(Fault::DelayMs(delay)) => tokio::time::sleep(Duration::from_millis(*delay)).await,
        _ => {}
    }
    let reply = service.answer(call).await;
    drop(admission);
    if is_token {
        front.progressed();
    }
    if let Some(Fault::DelayAnswerMs(delay)) = fault {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    if is_token {
        front.pass(Gate::Answers).await;
    }
    match fault {
        Some(Fault::LoseAnswer) => Outcome::HangUp,
        Some(Fault::CutAnswer) => Outcome::Cut(reply),
        Some(Fault::HalfAnswer) => Outcome::Answer(half(reply)),
        _ => Outcome::Answer(reply),
    }
}

fn half(mut reply: Reply) -> Reply {
    let half = reply.body.len() / 2;
    reply.body.truncate((0..=half).rev().find(|at| reply.body.is_char_boundary(*at)).unwrap_or(0));
    reply
}
