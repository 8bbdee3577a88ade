//! From the answer to the stored grant.

mod again;
mod first;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::Instrument;
use trunkline_core::{
    AuthProvider, Callback, Cause, ConnectionKey, ConsentAnswer, Error, Grant, Held, Inputs, Poll, Secret,
};
use trunkline_store::{Granted, NewEvent, PendingConsent};

use super::Wish;
use super::kept::Kept;
use crate::connection::Connection;
use crate::events;
use crate::hub::Hub;
use crate::keeper::{Client, breaker, client, lease};
use crate::live::Mounted;

/// How often a reconnect may lose the race against renewals of the grant it replaces.
const RACES: usize = 5;
/// How long a caller waits for an exchange; the exchange itself goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(90);

/// What came of one poll.
#[derive(Debug)]
pub(super) enum Polled {
    /// The person approved, and this became of the grant.
    Stored(Result<Connection, Error>),
    Pending,
    SlowDown,
}

/// Everything that is needed to turn an answer into a connection.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    key: ConnectionKey,
    method: String,
    answer: ConsentAnswer,
    /// The names of the inputs that are not stored.
    once: Vec<&'static str>,
    replace_account: bool,
    /// Whether nobody was asked: then the caller may just ask again.
    is_unattended: bool,
    /// What the service did not grant, once it has answered.
    narrowed: Option<NewEvent>,
    /// What the service has given before, if only its account was left to be asked for.
    granted: Option<Box<Grant>>,
    /// Where the grant stays meanwhile. `None` where nobody was asked.
    kept: Option<Kept>,
}

impl Exchange {
    pub(super) fn connector(&self) -> &str {
        self.key.connector()
    }

    pub(crate) fn unattended(key: ConnectionKey, method: &str, inputs: Inputs, wish: Wish) -> Self {
        let answer = ConsentAnswer { inputs, requested: wish.scopes, ..ConsentAnswer::default() };
        Self {
            key,
            method: method.to_owned(),
            answer,
            once: Vec::new(),
            replace_account: wish.replace_account,
            is_unattended: true,
            narrowed: None,
            granted: None,
            kept: None,
        }
    }

    pub(super) fn answered(consent: PendingConsent, callback: Callback) -> Self {
        let kept = Kept::of(&consent, &callback);
        let (granted, mut inputs) = match consent.granted.map(|granted| *granted) {
            Some(Granted { held: Held { credential, captures, inputs }, account }) => {
                (Some(Box::new(Grant { credential, captures, account })), inputs)
            }
            None => (None, consent.inputs),
        };
        for (name, value) in callback.iter() {
            // A form's answer holds inputs; a redirect's holds what the service appended, which no
            // connector declares as an input. What the application gave is not the browser's to change.
            if inputs.get(name).is_none_or(Secret::is_empty) {
                inputs.insert(name, value.clone());
            }
        }
        let answer =
            ConsentAnswer { callback, inputs, pending: consent.pending, requested: consent.requested };
        Self {
            key: consent.key,
            method: consent.method,
            answer,
            once: Vec::new(),
            replace_account: consent.replace_account,
            is_unattended: false,
            narrowed: None,
            granted,
            kept,
        }
    }

    /// [`run`](Self::run) in the hub's own tasks, so that a caller who goes away loses no grant.
    pub(crate) async fn run_to_end(
        self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
    ) -> Result<Connection, Error> {
        let (done, result) = oneshot::channel();
        let (task_hub, mounted) = (hub.clone(), mounted.clone());
        let task = async move {
            let outcome = self.run(&task_hub, &mounted).await;
            drop(done.send(outcome));
        };
        hub.spawn(task.in_current_span());
        bounded(result).await
    }

    pub(super) async fn run(mut self, hub: &Arc<Hub>, mounted: &Arc<Mounted>) -> Result<Connection, Error> {
        let auth = self.prepare(hub, mounted).await?;
        // Read before the exchange: a store that cannot be read must not cost the grant.
        let before = hub.vault.load(&self.key).await?;
        let Some(before) = before else {
            let grant = self.ask(hub, mounted, &*auth).await?;
            return self.store_new(hub, mounted, auth, grant).await;
        };
        // A renewal under way ends first. A holder that is silent does not keep a person waiting: what it
        // may still write loses against the new grant.
        let code = self.answer.callback.get("code").cloned().unwrap_or_else(|| Secret::new(""));
        let taken = lease::take(hub, before.record.id, &code, hub.timings.request_deadline).await?;
        let (hold, before) = match taken {
            Some((hold, before)) => (Some(hold), before),
            None => (None, before),
        };
        let exchanged = match self.ask(hub, mounted, &*auth).await {
            Ok(grant) => self.store_again(hub, mounted, auth, grant, before).await,
            Err(error) => Err(error),
        };
        if let (Err(_), Some(hold)) = (&exchanged, hold) {
            hold.settle(hub, hold.undone()).await;
        }
        exchanged
    }

    /// Asks once about a device code. `Ok` is what to wait for longer, or the connection, which is stored.
    ///
    /// No lease is held: a person may take their time, and renewals of the grant that is to be replaced go on.
    /// Like the silent holder of one, they lose against the new grant.
    pub(super) async fn poll(&mut self, hub: &Arc<Hub>, mounted: &Arc<Mounted>) -> Result<Polled, Error> {
        let auth = self.prepare(hub, mounted).await?;
        let before = hub.vault.load(&self.key).await?;
        let cx = hub.token_cx(mounted);
        // Whoever gives up waiting does not know whether the code was spent.
        let asked = tokio::time::timeout(hub.timings.request_deadline, auth.poll(&cx, &self.answer)).await;
        match asked.unwrap_or_else(|_| Err(Error::of(Cause::ConsentOutcomeUnknown))) {
            Ok(Poll::Granted(grant)) => {
                self.granted(hub, mounted, &*auth, &grant);
                let stored = match before {
                    None => self.clone().store_new(hub, mounted, auth, *grant).await,
                    Some(before) => self.clone().store_again(hub, mounted, auth, *grant, before).await,
                };
                Ok(Polled::Stored(stored))
            }
            Ok(Poll::SlowDown) => Ok(Polled::SlowDown),
            Ok(_) => Ok(Polled::Pending),
            Err(error) => Err(self.failed(hub, mounted, &*auth, error).await),
        }
    }

    /// Everything that has to be in order before the service is asked.
    async fn prepare(
        &mut self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
    ) -> Result<Arc<dyn AuthProvider>, Error> {
        let auth = mounted.auth(Some(&self.method))?;
        let declared = auth.inputs();
        let mut inputs = Inputs::default();
        for (name, value) in
            self.answer.inputs.iter().filter(|(name, _)| declared.iter().any(|input| input.name == *name))
        {
            inputs.insert(name, value.clone());
        }
        self.answer.inputs = inputs;
        self.once = declared.iter().filter(|input| input.once).map(|input| input.name).collect();
        // Before the lease is taken: what the connector has to look up must not hold up a renewal.
        hub.ready(mounted).await?;
        breaker::admit(hub, &Client::of(mounted, &*auth), self.key.tenant()).await?;
        Ok(auth)
    }

    async fn ask(
        &mut self,
        hub: &Arc<Hub>,
        mounted: &Mounted,
        auth: &dyn AuthProvider,
    ) -> Result<Grant, Error> {
        if let Some(grant) = self.granted.take() {
            self.narrowed = self.narrowed(hub, &grant);
            return Ok(*grant);
        }
        match auth.complete(&hub.token_cx(mounted), &self.answer).await {
            Ok(grant) => {
                self.granted(hub, mounted, auth, &grant);
                Ok(grant)
            }
            Err(error) => Err(self.failed(hub, mounted, auth, error).await),
        }
    }

    fn granted(&mut self, hub: &Arc<Hub>, mounted: &Mounted, auth: &dyn AuthProvider, grant: &Grant) {
        client::served(hub, Client::of(mounted, auth), self.key.tenant(), None);
        self.narrowed = self.narrowed(hub, grant);
    }

    /// A person may have approved less than was asked for.
    fn narrowed(&self, hub: &Hub, grant: &Grant) -> Option<NewEvent> {
        events::narrowed(&self.key, &self.answer.requested, &grant.credential, hub.clock.wall())
    }

    async fn failed(&self, hub: &Hub, mounted: &Mounted, auth: &dyn AuthProvider, error: Error) -> Error {
        let now = hub.clock.wall();
        let error = error.map_diagnosis(|diagnosis| diagnosis.during("consent", now));
        breaker::failed(hub, &Client::of(mounted, auth), self.key.tenant(), &error).await;
        error
    }
}

/// Waits for an exchange that goes on whether or not anyone waits.
pub(super) async fn bounded<T>(result: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(LONGEST_WAIT, result).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Err(Error::of(Cause::ConsentOutcomeUnknown)),
    }
}
