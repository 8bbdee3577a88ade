//! The callback: taken once, answered the same when it comes twice.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use trunkline_core::{Callback, Cause, Diagnosis, Error, Secret};
use trunkline_store::{Claim, ConsentOutcome, PendingConsent, Taken};
use url::Url;

use super::exchange::bounded;
use super::{BrowserSession, Exchange, device, kept};
use crate::connect::Tenant;
use crate::connection::Connection;
use crate::hub::{Hub, Trunkline};
use crate::keeper;

/// How often, and how long apart, the second of two equal callbacks asks for the first one's result.
const LOOKS: u32 = 120;
const LOOK_PAUSE: Duration = Duration::from_millis(250);

/// A finished consent.
#[derive(Debug)]
pub struct Completed {
    /// The connection, live.
    pub connection: Connection,
    /// Where the user wanted to go; of an origin that the settings allow.
    pub return_to: Option<Url>,
}

impl Trunkline {
    /// Finishes a consent with what came back, for the browser session that began it.
    ///
    /// The state is taken once. The second of two equal callbacks gets the first one's connection. Where a new grant
    /// is for a connection that is there, and the service could not say now whose it is, the grant is kept: the same
    /// callback completes it within an hour.
    ///
    /// Of a [device consent](trunkline_core::ConsentStep::Device) it waits until the person has answered, or the
    /// code's time is over: call it as soon as the code is shown, with
    /// [`Callback::from_form`] of its state and no inputs. However many do so, in whatever processes on one
    /// store, one of them asks the service, and all get the same result.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConsentFailed`](crate::ErrorKind) with the cause: `consent_invalid` for a state
    /// that was not issued here or belongs to another browser, `consent_expired` for one that is too
    /// old or used, `consent_denied`, `consent_outcome_unknown`, `account_mismatch`.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels nothing but the waiting: the exchange goes on and is stored. That of a device
    /// consent goes on until the person has answered, or until [`shutdown`](Trunkline::shutdown).
    pub async fn complete(&self, callback: Callback, browser: &BrowserSession) -> Result<Completed, Error> {
        complete(&self.0, callback, browser, None).await
    }
}

impl Tenant<'_> {
    /// As [`Trunkline::complete`], for a consent that this tenant began; any other is refused.
    ///
    /// # Errors
    ///
    /// As [`Trunkline::complete`].
    pub async fn complete(self, callback: Callback, browser: &BrowserSession) -> Result<Completed, Error> {
        complete(self.hub, callback, browser, Some(self.name)).await
    }
}

async fn complete(
    hub: &Arc<Hub>,
    callback: Callback,
    browser: &BrowserSession,
    tenant: Option<&str>,
) -> Result<Completed, Error> {
    let span = tracing::info_span!(target: "trunkline", "complete", connector = Empty, tenant = Empty);
    take(hub, callback, browser, tenant, &span).instrument(span.clone()).await
}

async fn take(
    hub: &Arc<Hub>,
    callback: Callback,
    browser: &BrowserSession,
    tenant: Option<&str>,
    span: &Span,
) -> Result<Completed, Error> {
    let state = callback.state().cloned().ok_or_else(|| invalid("the answer has no state"))?;
    let answer = digest(&callback);
    let claim = Claim { browser: &browser.0, tenant, answer };
    if kept::is_place(&state) {
        return Err(refusal(&Taken::Unknown));
    }
    if device::is_of_device(&state) {
        return device::wait(hub, &state, callback, &claim, span).await;
    }
    match hub.vault.take_consent(&state, &claim, hub.clock.wall()).await? {
        Taken::Again { same_answer: true, .. } => again(hub, &state, callback, &claim).await,
        Taken::Fresh(consent) => {
            span.record("connector", consent.key.connector()).record("tenant", consent.key.tenant());
            exchange(hub, state, callback, *consent).await
        }
        other => Err(refusal(&other)),
    }
}

/// The second of two equal callbacks: what came of the first one, unless its grant is still kept.
pub(super) async fn again(
    hub: &Arc<Hub>,
    state: &Secret,
    callback: Callback,
    claim: &Claim<'_>,
) -> Result<Completed, Error> {
    let error = match first_result(hub, state, claim).await {
        Ok(completed) => return Ok(completed),
        Err(error) => error,
    };
    let place = kept::place(state);
    match hub.vault.peek_consent(&place, claim, hub.clock.wall()).await? {
        Taken::Fresh(consent) => match exchange(hub, place.clone(), callback, *consent).await {
            // Another one of these was faster.
            Err(error) if error.cause() == Some(Cause::ConsentOutcomeUnknown) => {
                first_result(hub, &place, claim).await
            }
            outcome => outcome,
        },
        Taken::Again { .. } => first_result(hub, &place, claim).await,
        _ => Err(error),
    }
}

/// Why a consent is not the caller's to complete.
pub(super) fn refusal(taken: &Taken) -> Error {
    match taken {
        Taken::Unknown => invalid("the state was not issued here"),
        Taken::Foreign => invalid("the state belongs to another browser session or tenant"),
        Taken::Again { same_answer: false, .. } => Error::of(Cause::ConsentExpired)
            .map_diagnosis(|diagnosis| diagnosis.message("the state was used with another answer")),
        Taken::Expired | Taken::Fresh(_) | Taken::Again { .. } => Error::of(Cause::ConsentExpired),
    }
}

/// Runs the exchange in the hub's own tasks: once the code is spent, the caller may go away, the
/// grant may not.
async fn exchange(
    hub: &Arc<Hub>,
    state: Secret,
    callback: Callback,
    consent: PendingConsent,
) -> Result<Completed, Error> {
    let (done, result) = oneshot::channel();
    let task_hub = hub.clone();
    let task = async move {
        let hub = task_hub;
        let return_to = consent.return_to.clone();
        let outcome = match hub.mounted(consent.key.connector()).cloned() {
            Ok(mounted) => Exchange::answered(consent, callback).run(&hub, &mounted).await,
            Err(error) => Err(error),
        };
        finish(&hub, &state, &outcome).await;
        // Nobody waits any more: the connection is stored all the same.
        drop(done.send(outcome.map(|connection| Completed { connection, return_to })));
    };
    hub.spawn(task.in_current_span());
    bounded(result).await
}

/// Remembers how a consent that was taken ended, for who asks again.
pub(super) async fn finish(hub: &Hub, state: &Secret, outcome: &Result<Connection, Error>) {
    let stored = match outcome {
        Ok(connection) => ConsentOutcome::Connected(connection.id()),
        Err(error) => {
            let why = error.diagnosis().cloned();
            ConsentOutcome::Failed(Box::new(
                why.unwrap_or_else(|| Diagnosis::new(Cause::ConsentOutcomeUnknown)),
            ))
        }
    };
    if let Err(error) = hub.vault.finish_consent(state, &stored).await {
        tracing::error!(target: "trunkline", error = %error, "outcome of a consent could not be stored");
    }
}

/// Waits for the exchange that the first of two equal callbacks started, here or in another process.
async fn first_result(hub: &Arc<Hub>, state: &Secret, claim: &Claim<'_>) -> Result<Completed, Error> {
    for _ in 0..LOOKS {
        match hub.vault.take_consent(state, claim, hub.clock.wall()).await? {
            Taken::Again { outcome: Some(ConsentOutcome::Connected(id)), .. } => {
                return connected(hub, id).await;
            }
            Taken::Again { outcome: Some(ConsentOutcome::Failed(diagnosis)), .. } => {
                return Err((*diagnosis).into());
            }
            Taken::Again { outcome: None, .. } => tokio::time::sleep(LOOK_PAUSE).await,
            _ => break,
        }
    }
    Err(Error::of(Cause::ConsentOutcomeUnknown))
}

async fn connected(hub: &Arc<Hub>, id: trunkline_core::ConnectionId) -> Result<Completed, Error> {
    let opened = hub.vault.load_by_id(id).await?.ok_or_else(|| Error::of(Cause::ConsentMissing))?;
    let mounted = hub.mounted(opened.record.key.connector())?.clone();
    let entry = hub.entry_or_insert(&opened.record, &mounted);
    keeper::adopt(hub, &entry, &opened)?;
    Ok(Completed { connection: Connection::new(hub.clone(), entry), return_to: None })
}

/// Tells equal callbacks from different ones without keeping what they hold.
pub(super) fn digest(callback: &Callback) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for (name, value) in callback.iter() {
        for part in [name, value.expose()] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn invalid(why: &str) -> Error {
    Diagnosis::new(Cause::ConsentInvalid).message(why).into()
}
