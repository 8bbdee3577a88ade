//! The breaker of a broken client: what is wrong with the application's own client is no connection's fault.
//!
//! A refusal of the client is a vote of the tenant for whom it was sent, and a success takes all votes away. With
//! two of them the breaker opens, for all processes: no token request is sent with this client, but for one trial
//! per interval. One vote alone may be a grant that is gone (`incident`).

use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{Cause, Diagnosis, Error};
use trunkline_store::Breaker;

use super::client::{self, Client, DAY, after, before};
use crate::hub::{Hub, Trunkline};

/// What tenants vote on.
pub(super) const VOTES: &str = "client";
/// How many tenants must have met it.
const ENOUGH: u64 = 2;
/// How many voters are looked at.
const VOTERS: u32 = 1_000;

/// A client of the application's own that a service refuses, so that no token request is sent with it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokenClient {
    /// Of which connector.
    pub connector: String,
    /// Since when.
    pub since: Timestamp,
    /// Why, and when one request may look again.
    pub diagnosis: Diagnosis,
    /// When one request may look again.
    pub look_at: Timestamp,
}

impl Trunkline {
    /// The clients of this application that are held back, in whatever process that was found out. Their
    /// connections keep their states, and calls with tokens that still serve go on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store cannot be read.
    pub async fn broken_clients(&self) -> Result<Vec<BrokenClient>, Error> {
        let hub = &self.0;
        let mut broken = Vec::new();
        for client in hub.clients() {
            let Some(open) = hub.vault.marks().breaker(&client.connector, &client.digest).await? else {
                continue;
            };
            let diagnosis = diagnosis(&open, hub.clock.wall(), hub.incidents.look_every);
            let Breaker { since, look_at, .. } = open;
            broken.push(BrokenClient { connector: client.connector, since, diagnosis, look_at });
        }
        Ok(broken)
    }
}

/// Whether this is a refusal of the client itself. What is wrong with the settings or the scopes may be about a
/// single request.
pub(super) fn is_of_client(cause: Cause) -> bool {
    matches!(cause, Cause::ClientCredentialsInvalid | Cause::ClientNotPermitted)
}

/// Whether a token request may be sent with this client; else the operator's error.
///
/// Dropped, or dead after the trial was taken: the next interval has a trial of its own.
pub(crate) async fn admit(hub: &Hub, client: &Client, tenant: &str) -> Result<(), Error> {
    if !client.is_known || client::look(hub, client).await?.breaker.is_none() {
        return Ok(());
    }
    // What is kept may be old, and the trial is one for all.
    let marks = hub.vault.marks();
    let Some(open) = marks.breaker(&client.connector, &client.digest).await? else {
        client::changed(hub, client).await;
        return Ok(());
    };
    let (now, every) = (hub.clock.wall(), hub.incidents.look_every);
    let refused = || Err(diagnosis(&open, now, every).into());
    let Some(late) = until(open.look_at, now) else { return refused() };
    let interval = late.as_millis() / every.as_millis().max(1);
    // Who was refused itself may have lost its grant, and would prove nothing: first the others may try.
    if interval == 0 {
        let voters =
            marks.voters(&client.connector, &client.subject(VOTES), before(now, DAY), VOTERS).await?;
        if voters.iter().any(|voter| voter == tenant) {
            return refused();
        }
    }
    let trial = client.subject(&format!("trial {} {interval}", open.look_at.as_microsecond()));
    if marks.see(&client.connector, &trial, "", now, after(now, DAY)).await? != 1 {
        return refused();
    }
    let look_at = after(now, every);
    if marks.open_breaker(&client.connector, &client.digest, &open.diagnosis, now, look_at).await? {
        // Somebody closed it at the same time.
        marks.close_breaker(&client.connector, &client.digest).await?;
    }
    client::changed(hub, client).await;
    tracing::info!(target: "trunkline", connector = %client.connector, "one trial of a broken client");
    Ok(())
}

/// Whether a person may be sent to the service now: the answer would be worth nothing while it is held back.
pub(crate) async fn check(hub: &Hub, client: &Client) -> Result<(), Error> {
    let now = hub.clock.wall();
    match client::look(hub, client).await?.breaker {
        Some(open) if open.look_at > now => Err(diagnosis(&open, now, hub.incidents.look_every).into()),
        _ => Ok(()),
    }
}

/// A token request was refused because of the client. Answers whether the breaker is open now.
pub(super) async fn refused(
    hub: &Hub,
    client: &Client,
    tenant: &str,
    why: &Diagnosis,
) -> Result<bool, Error> {
    let (marks, now, connector) = (hub.vault.marks(), hub.clock.wall(), client.connector.as_str());
    let subject = client.subject(VOTES);
    marks.vote(connector, &subject, tenant, now, after(now, DAY)).await?;
    // A vote is what makes the table grow, so a vote is what clears it.
    hub.vault.store().purge_marks(before(now, DAY)).await?;
    let is_open = marks.breaker(connector, &client.digest).await?.is_some()
        || marks.votes(connector, &subject, before(now, DAY)).await? >= ENOUGH;
    if is_open {
        let (why, look_at) = (for_everyone(why), after(now, hub.incidents.look_every));
        if marks.open_breaker(connector, &client.digest, &why, now, look_at).await? {
            tracing::error!(target: "trunkline", connector, cause = why.cause().code(), "client refused; no token request is sent with it");
        }
    }
    client::changed(hub, client).await;
    Ok(is_open)
}

/// As [`refused`], for what failed at a consent.
pub(crate) async fn failed(hub: &Hub, client: &Client, tenant: &str, error: &Error) {
    let Some(why) = error.diagnosis().filter(|why| client.is_known && is_of_client(why.cause())) else {
        return;
    };
    if let Err(error) = refused(hub, client, tenant, why).await {
        tracing::warn!(target: "trunkline", connector = %client.connector, error = %error, "a refusal could not be noted");
    }
}

/// The service accepted the client: it is good, for all processes.
pub(super) async fn close(hub: &Hub, client: &Client) -> Result<(), Error> {
    let marks = hub.vault.marks();
    // In this order: what is open without votes is closed by the next trial.
    marks.withdraw(&client.connector, &client.subject(VOTES)).await?;
    if marks.close_breaker(&client.connector, &client.digest).await? {
        tracing::info!(target: "trunkline", connector = %client.connector, "client accepted again");
    }
    Ok(())
}

/// The reason as every tenant may read it: without what the service wrote to one of them.
fn for_everyone(why: &Diagnosis) -> Diagnosis {
    let evidence = why.evidence();
    let mut told = Diagnosis::new(why.cause());
    if let Some(status) = evidence.status.and_then(|status| http::StatusCode::from_u16(status).ok()) {
        told = told.status(status);
    }
    told = evidence.codes.iter().fold(told, |told, code| told.code(code.as_str()));
    match (evidence.call.clone(), evidence.at) {
        (Some(call), Some(at)) => told.during(call, at),
        _ => told,
    }
}

fn diagnosis(open: &Breaker, now: Timestamp, every: Duration) -> Diagnosis {
    let wait = until(now, open.look_at).filter(|wait| !wait.is_zero()).unwrap_or(every);
    open.diagnosis.clone().retry_after(wait)
}

fn until(from: Timestamp, to: Timestamp) -> Option<Duration> {
    Duration::try_from(to.duration_since(from)).ok()
}
