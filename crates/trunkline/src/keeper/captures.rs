//! The captures that only a request with the stored grant brings.
//!
//! A grant is stored before it is asked for them, so that no crash loses it. Until they are there it does not serve;
//! whoever wants it, in any process, asks again. Asking spends nothing and takes no lease. Storing what came does:
//! the secrets are sealed anew with it, and those of a renewal under way must not be written over.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use trunkline_core::{
    AuthProvider, Captures, Cause, Diagnosis, Endpoint, Error, ErrorKind, Held, Secret, Session, Verdict,
};
use trunkline_store::{Commit, Expected, Fence, NewBody, Opened, Record, Turn, Vault};

use super::lease::Hold;
use super::{Why, lease, lost, told, trouble, verdict, write};
use crate::hub::Hub;
use crate::live::{Entry, Mounted};

/// How long asking may take, with what the connector has to learn before.
const TIME: Duration = Duration::from_secs(45);

/// What came of a look for captures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetched {
    /// None is missing, or the access token is over and a renewal comes first.
    Nothing,
    /// They are stored: read again.
    Stored,
    /// The service rejects the access token: a renewal comes first.
    Rejected,
}

/// Where to ask for the captures that this grant lacks; `None` if it lacks none.
pub(crate) fn missing(mounted: &Mounted, held: &Held) -> Result<Option<Arc<Endpoint>>, Error> {
    mounted.connector.capture_endpoint(&held.captures)
}

/// Asks for them, and answers with those that came. Nothing is stored, and the service changes nothing.
pub(crate) async fn ask(
    hub: &Hub,
    mounted: &Mounted,
    auth: Arc<dyn AuthProvider>,
    held: &Held,
    endpoint: Arc<Endpoint>,
) -> Result<Captures, Error> {
    let prepared = auth.prepare(&held.credential)?;
    let session = Session::new(
        hub.transport.clone(),
        hub.clock.clone(),
        auth,
        endpoint,
        prepared,
        held.captures.clone(),
    );
    let cx = hub.api_cx(mounted);
    let asked = tokio::time::timeout(TIME, mounted.connector.capture(&cx, &session, &held.inputs)).await;
    let told = asked.unwrap_or_else(|_| Err(Error::of(Cause::OutcomeUnknown)));
    let now = hub.clock.wall();
    let told = told.map_err(|error| error.map_diagnosis(|diagnosis| diagnosis.during("capture", now)))?;
    let mut all = held.clone();
    all.captures.extend(&told);
    if missing(mounted, &all)?.is_none() {
        // What leads nowhere is not stored: asked again, the service may say something else.
        mounted.connector.endpoint(&all.captures)?;
        return Ok(told);
    }
    let lacking =
        Diagnosis::new(Cause::ResponseInvalid).message("the answer lacks what the connection needs");
    Err(lacking.during("capture", now).into())
}

/// The captures of a grant with what a renewal brought. Where that leads nowhere the old ones stay: the connection was
/// at its place, and nobody could repair it but by a new consent.
pub(super) fn renewed(mounted: &Mounted, before: &Captures, brought: &Captures) -> Captures {
    let mut captures = before.clone();
    captures.extend(brought);
    match mounted.connector.endpoint(&captures) {
        Err(error) if mounted.connector.endpoint(before).is_ok() => {
            tracing::warn!(target: "trunkline", connector = %mounted.name, error = %error, "what a renewal told about the service's place is not used");
            before.clone()
        }
        _ => captures,
    }
}

/// Brings a stored grant the captures that it lacks, while its access token serves. `may_renew`: a token that is
/// rejected may be renewed.
///
/// A process that dies here leaves what was stored before, and perhaps a lease that is taken over.
pub(super) async fn fetch(
    hub: &Hub,
    entry: &Entry,
    opened: &Opened,
    why: Why,
    may_renew: bool,
) -> Result<Fetched, Error> {
    let (record, mounted) = (&opened.record, &entry.mounted);
    let Some(held) = opened.held.as_ref().filter(|_| record.status().state().serves()) else {
        return Ok(Fetched::Nothing);
    };
    let Some(endpoint) = missing(mounted, held)? else { return Ok(Fetched::Nothing) };
    if is_over(record, held, hub.clock.wall()) {
        return Ok(Fetched::Nothing);
    }
    trouble::pause(hub, entry.id, why)?;
    let auth = mounted.auth(Some(&record.method))?;
    if let Err(error) = hub.ready(mounted).await {
        return Err(verdict::not_ready(hub, entry, record, error).await);
    }
    let error = match ask(hub, mounted, auth, held, endpoint).await {
        Ok(captures) => return store(hub, entry, &captures).await.map(|()| Fetched::Stored),
        Err(error) => error,
    };
    match error.cause() {
        Some(cause) if cause.verdict() == Verdict::RenewAccessToken && may_renew => Ok(Fetched::Rejected),
        Some(cause) if matches!(cause.verdict(), Verdict::GrantDead | Verdict::Suspended) => {
            verdict::said(hub, entry, opened.clone(), error.share()).await;
            Err(error)
        }
        Some(Cause::InputMissing) => Err(verdict::lacks_input(hub, entry, record.clone(), error).await),
        _ => Err(verdict::not_ready(hub, entry, record, error).await),
    }
}

fn is_over(record: &Record, held: &Held, now: Timestamp) -> bool {
    told::is_dropped(record, held, now) || held.credential.access_expires_at.is_some_and(|end| end <= now)
}

/// Stores captures with whatever credential is stored by now, under the lease.
async fn store(hub: &Hub, entry: &Entry, captures: &Captures) -> Result<(), Error> {
    let patience = hub.timings.takeover() * 2;
    let taken = lease::take(hub, entry.id, &Secret::new("capture"), patience).await?;
    let Some((hold, opened)) = taken else {
        return Err(Error::new(ErrorKind::Conflict, "the connection was changed by others all the time"));
    };
    // A refresh token with an unknown outcome stays so: its intent would be closed with the secrets it is about.
    if is_spent(&hold, &opened) {
        hold.settle(hub, hold.undone()).await;
        return Err(Error::of(Cause::RefreshOutcomeUnknown));
    }
    let stored = write_all(hub, &hold, opened, captures).await;
    if !matches!(stored, Ok(true)) {
        hold.settle(hub, hold.undone()).await;
    }
    stored.map(drop)
}

/// Whether the stored refresh token was spent, perhaps, by somebody who got no answer.
fn is_spent(hold: &Hold, opened: &Opened) -> bool {
    let stored = opened.held.as_ref().and_then(|held| held.credential.refresh_token.as_ref());
    let open = hold.found.as_ref().map(|found| found.fingerprint);
    stored.is_some_and(|stored| open == Some(Vault::fingerprint(hold.id, stored)))
}

/// Whether anything was written: somebody else may have been first.
async fn write_all(hub: &Hub, hold: &Hold, mut opened: Opened, captures: &Captures) -> Result<bool, Error> {
    loop {
        let mut record = opened.record;
        let serves = record.status().state().serves();
        let Some(mut held) = opened.held.filter(|_| serves) else { return Err(lost(record.status())) };
        let before = held.captures.clone();
        held.captures.extend(captures);
        if held.captures == before {
            return Ok(false);
        }
        let expected = Expected::unchanged(&record);
        record.generation += 1;
        let recovered = record.turn(Turn::Recovered, hub.clock.wall());
        let fence = Some(Fence::close(hold.epoch));
        let body = NewBody::Replace(&held);
        let change = hub.vault.seal(expected, fence, &record, body, Vec::from_iter(recovered))?;
        // What is lost with this process is asked for again: unlike a credential, it need not be kept for a journal.
        if let Commit::Done { .. } = write::write(hub, &change, Some(hold)).await {
            trouble::over(hub, record.id);
            hub.recent.keep(hub.clock.coarse(), change);
            tracing::info!(target: "trunkline", connector = %record.key.connector(), connection = %record.id, generation = record.generation, "captures stored");
            return Ok(true);
        }
        let Some(now) = write::reload(hub, &record.key).await else {
            return Err(Error::of(Cause::ConsentMissing));
        };
        if now.record.generation != expected.generation().unwrap_or_default() {
            return Ok(false);
        }
        opened = now;
    }
}
