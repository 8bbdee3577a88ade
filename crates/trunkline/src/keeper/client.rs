//! The application's own client at a service, and what all processes know about how its requests fare.
//!
//! It is read from the store at most every [`STALE`] and kept in between: so long may a process go on sending
//! after another has opened a breaker, or hold back after it was closed. Where nothing is wrong a success costs
//! no write.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;
use trunkline_core::{AuthProvider, Error, Secret, Ticks};
use trunkline_store::{Breaker, Vault};

use super::{breaker, incident, verdict};
use crate::hub::Hub;
use crate::live::{Entry, Mounted};

/// How old what a process knows may be.
const STALE: Duration = Duration::from_secs(5);
/// While somebody is refused, one success is written down this often at least.
const EVIDENCE: Duration = Duration::from_secs(30);
/// How long marks are kept after their time.
pub(super) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Which client of which connector.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Client {
    pub(super) connector: String,
    pub(super) digest: [u8; 32],
    /// Whether there is a client that can be at fault.
    pub(super) is_known: bool,
}

impl Client {
    pub(crate) fn of(mounted: &Mounted, auth: &dyn AuthProvider) -> Self {
        let identity = auth.client_identity();
        let is_known = identity.is_some();
        let identity = identity.unwrap_or_else(|| Secret::new(""));
        let digest = Vault::client_fingerprint(&mounted.name, &identity);
        Self { connector: mounted.name.clone(), digest, is_known }
    }

    /// What marks about it stand on.
    pub(super) fn subject(&self, what: &str) -> Vec<u8> {
        [&self.digest[..], what.as_bytes()].concat()
    }
}

/// What is known about a client.
#[derive(Debug, Clone)]
pub(super) struct View {
    read_at: Ticks,
    is_current: bool,
    pub(super) breaker: Option<Breaker>,
    /// Tenants for whom the client was refused, with no success since.
    pub(super) client_votes: u64,
    /// Tenants who were refused lately, for how long a refusal may stand.
    standing: u64,
    /// Tenants who were refused, and who were served, within the window of an incident.
    pub(super) refused: u64,
    pub(super) served: u64,
    /// Those among the refused who were not refused before.
    pub(super) anew: u64,
    /// Tenants who were refused and not served since, and who were served, from the window before an incident on;
    /// `None` where there is none.
    pub(super) during: Option<(u64, u64)>,
    /// Tenants who were refused within a minute.
    pub(super) refused_lately: u64,
    served_lately: u64,
    /// Since when somebody was refused and nobody served.
    pub(super) unserved_since: Option<Timestamp>,
}

impl View {
    /// Whether a success would tell nothing new: nobody is refused.
    fn is_quiet(&self) -> bool {
        self.breaker.is_none() && self.client_votes == 0 && self.standing == 0
    }

    /// Whether a success is to be written down: it shows that the service serves others, and how many.
    fn wants_evidence(&self, share: u32) -> bool {
        let outweighs = |(refused, served): (u64, u64)| refused * 200 < u64::from(share) * (refused + served);
        let outweighed = outweighs((self.refused, self.served)) && self.during.is_none_or(outweighs);
        self.standing > 0 && (self.served_lately == 0 || self.refused > 0 && !outweighed)
    }
}

/// What this process knows, by client.
#[derive(Debug, Default)]
pub(crate) struct Clients(Mutex<HashMap<Client, Arc<AsyncMutex<Option<View>>>>>);

impl Clients {
    fn of(&self, client: &Client) -> Arc<AsyncMutex<Option<View>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.get(client) {
            Some(kept) => kept.clone(),
            None => all.entry(client.clone()).or_default().clone(),
        }
    }

    /// Whether it is known, without a look, that a success tells nothing new.
    fn is_quiet(&self, client: &Client, now: Ticks) -> bool {
        let kept = self.of(client);
        kept.try_lock()
            .is_ok_and(|view| view.as_ref().is_some_and(|view| is_fresh(view, now) && view.is_quiet()))
    }
}

fn is_fresh(view: &View, now: Ticks) -> bool {
    view.is_current && now.since(view.read_at) < STALE
}

/// What is known; read from the store where that is too old. Of many who want it, one reads.
pub(super) async fn look(hub: &Hub, client: &Client) -> Result<View, Error> {
    let kept = hub.clients.of(client);
    let mut kept = kept.lock().await;
    if let Some(view) = kept.as_ref().filter(|view| is_fresh(view, hub.clock.coarse())) {
        return Ok(view.clone());
    }
    let view = read(hub, client).await?;
    incident::tell(hub, client, kept.as_ref(), &view);
    *kept = Some(view.clone());
    Ok(view)
}

/// The next look reads.
pub(super) async fn changed(hub: &Hub, client: &Client) {
    if let Some(view) = hub.clients.of(client).lock().await.as_mut() {
        view.is_current = false;
    }
}

async fn read(hub: &Hub, client: &Client) -> Result<View, Error> {
    let (marks, now, connector) = (hub.vault.marks(), hub.clock.wall(), client.connector.as_str());
    let read_at = hub.clock.coarse();
    let (refused, served) = (client.subject(incident::REFUSED), client.subject(incident::SERVED));
    let breaker = match client.is_known {
        true => marks.breaker(connector, &client.digest).await?,
        false => None,
    };
    let client_votes = match client.is_known {
        true => marks.votes(connector, &client.subject(breaker::VOTES), before(now, DAY)).await?,
        false => 0,
    };
    let incidents = &hub.incidents;
    let standing = marks.votes(connector, &refused, before(now, incidents.longest)).await?;
    let mut view = View {
        read_at,
        is_current: true,
        breaker,
        client_votes,
        standing,
        refused: 0,
        served: 0,
        anew: 0,
        during: None,
        refused_lately: 0,
        served_lately: 0,
        unserved_since: None,
    };
    if standing > 0 {
        let window = before(now, incidents.within);
        view.refused = marks.votes(connector, &refused, window).await?;
        view.served = marks.count_seen(connector, &served, window).await?;
        view.anew = marks.votes(connector, &client.subject(incident::ANEW), window).await?;
        let lately = before(now, incidents.silence());
        let incident = marks.seen(connector, &client.subject(incident::BEGUN), lately, 1).await?;
        if let Some(begun) = incident.first().map(|mark| before(mark.since, incidents.within)) {
            let standing = marks.votes(connector, &refused, begun).await?;
            view.during = Some((standing, marks.count_seen(connector, &served, begun).await?));
        }
        view.refused_lately = marks.votes(connector, &refused, before(now, incident::MINUTE)).await?;
        view.served_lately = marks.count_seen(connector, &served, before(now, EVIDENCE)).await?;
        let unserved = marks.seen(connector, &client.subject(incident::UNSERVED), Timestamp::MIN, 1).await?;
        view.unserved_since = unserved.first().map(|mark| mark.since);
    }
    Ok(view)
}

/// Whether a renewal may be sent now; else the error for whoever asked.
pub(super) async fn admit(hub: &Hub, entry: &Entry, client: &Client) -> Result<(), Error> {
    let admitted = match breaker::admit(hub, client, entry.names().tenant).await {
        Ok(()) => incident::admit(hub, client).await,
        Err(error) => Err(error),
    };
    admitted.inspect_err(|error| {
        verdict::keep_quiet(hub, entry);
        tracing::debug!(target: "trunkline", connector = %client.connector, connection = %entry.id, error = %error, "renewal held back");
    })
}

/// The service answered a request of this client with a grant: a renewal, with that on which its refusals would have
/// been counted, or a consent. Nobody waits for what follows from that.
pub(crate) fn served(hub: &Arc<Hub>, client: Client, tenant: &str, renewed: Option<Vec<u8>>) {
    if hub.clients.is_quiet(&client, hub.clock.coarse()) {
        return;
    }
    let (task_hub, tenant) = (hub.clone(), tenant.to_owned());
    hub.spawn(async move {
        if let Err(error) = note(&task_hub, &client, &tenant, renewed.as_deref()).await {
            // The next success comes to the same conclusion.
            tracing::warn!(target: "trunkline", connector = %client.connector, error = %error, "a success could not be noted");
        }
    });
}

async fn note(hub: &Hub, client: &Client, tenant: &str, renewed: Option<&[u8]>) -> Result<(), Error> {
    let view = look(hub, client).await?;
    let (now, by_renewal) = (hub.clock.wall(), renewed.is_some());
    let clears = view.breaker.is_some() || view.client_votes > 0;
    // A consent shows that the client is accepted, but not that the service knows its refresh tokens.
    let tells = by_renewal && view.wants_evidence(hub.incidents.share);
    let ends = by_renewal && view.unserved_since.is_some();
    if clears {
        breaker::close(hub, client).await?;
    }
    if ends {
        hub.vault.marks().forget(&client.connector, &client.subject(incident::UNSERVED)).await?;
    }
    if tells {
        let subject = client.subject(incident::SERVED);
        hub.vault.marks().see(&client.connector, &subject, tenant, now, after(now, DAY)).await?;
    }
    let settles = view.during.is_some();
    if settles {
        incident::settled(hub, client, tenant, renewed).await?;
    }
    if clears || ends || tells || settles {
        changed(hub, client).await;
    }
    Ok(())
}

pub(super) fn after(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

pub(super) fn before(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}
