//! From the answer to the stored grant.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::Instrument;
use trunkline_core::permission::Scopes;
use trunkline_core::{
    Account, AuthProvider, Callback, Cause, ConnectionKey, ConsentAnswer, Diagnosis, Error, ErrorKind, Grant,
    Held, Inputs, Poll, Secret,
};
use trunkline_store::{Commit, Expected, Granted, NewBody, NewEvent, Opened, PendingConsent, Record, Turn};

use super::Wish;
use super::kept::Kept;
use crate::connection::Connection;
use crate::events;
use crate::hub::{Hub, random_id};
use crate::keeper::{
    self, Client, Why, breaker, captures, client, due, ended, lease, probe, supersede, trouble,
};
use crate::live::{Live, Mounted};

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
        let granted = consent.granted.map(|granted| *granted);
        let (granted, inputs) = match granted {
            Some(Granted { held: Held { credential, captures, inputs }, account }) => {
                (Some(Box::new(Grant { credential, captures, account })), inputs)
            }
            None => (None, consent.inputs),
        };
        let mut inputs = inputs;
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

    /// A first connection is stored at once and asked who it is afterwards: between the exchange and
    /// the write, a crash loses the grant.
    async fn store_new(
        self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        grant: Grant,
    ) -> Result<Connection, Error> {
        // It may have been kept for a connection that is gone by now.
        if let Some(kept) = &self.kept {
            kept.take_back(hub).await?;
        }
        let now = hub.clock.wall();
        let (mut record, event) =
            Record::connected(random_id()?, self.key.clone(), self.method.as_str(), now);
        record.account = grant.account.clone();
        self.fill_in(hub, &mut record, &*auth, &grant, now);
        let held = self.held(&grant);
        // Refused before it is stored: a connection that leads nowhere serves nobody, and no renewal repairs it.
        if captures::missing(mounted, &held)?.is_none() {
            mounted.connector.endpoint(&held.captures)?;
        }
        let events: Vec<_> = [event].into_iter().chain(self.narrowed.clone()).collect();
        match keeper::persist(hub, Expected::Absent, &record, NewBody::Replace(&held), &events).await? {
            Commit::Done { sequence } => record.sequence = sequence,
            // Someone connected the same names meanwhile, or our own write took effect before it
            // was reported as failed.
            Commit::Conflict { .. } => {
                let before = hub
                    .vault
                    .load(&self.key)
                    .await?
                    .ok_or_else(|| Error::of(Cause::ConsentOutcomeUnknown))?;
                if before.record.id != record.id {
                    return Box::pin(self.store_again(hub, mounted, auth, grant, before)).await;
                }
            }
        }
        if captures::missing(mounted, &held)?.is_some() {
            return self.store_captures(hub, mounted, &record, &grant).await;
        }
        let connection = self.publish(hub, mounted, auth, &record, &held)?;
        self.finish(hub, mounted, connection, record, &held, &grant).await
    }

    /// A first grant that is stored and lacks captures: asked for as before any other use of it, so that who finds
    /// the connection meanwhile waits for the same answer. A service that cannot answer now does not cost the grant.
    async fn store_captures(
        self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        record: &Record,
        grant: &Grant,
    ) -> Result<Connection, Error> {
        let entry = hub.entry_or_insert(record, mounted);
        let connection = Connection::new(hub.clone(), entry.clone());
        if let Err(error) = keeper::renew(hub, &entry, Why::Expired).await {
            if self.is_unattended || !error.kind().is_retryable() {
                return Err(error);
            }
            tracing::warn!(target: "trunkline", connection = %record.id, error = %error, "captures are asked for again at the next use");
            return Ok(connection);
        }
        match keeper::reload(hub, &self.key).await {
            Some(Opened { record, held: Some(held), .. }) => {
                self.finish(hub, mounted, connection, record, &held, grant).await
            }
            _ => Err(Error::of(Cause::ConsentMissing)),
        }
    }

    /// Asks who a new connection is, and stores that.
    async fn finish(
        self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        connection: Connection,
        mut record: Record,
        held: &Held,
        grant: &Grant,
    ) -> Result<Connection, Error> {
        match identify(hub, mounted, &connection, held, grant).await {
            Ok(Some(account)) if Some(&account) != record.account.as_ref() => {
                self.confirm(hub, record.clone(), &account).await?;
                record.account = Some(account);
            }
            Ok(_) => {}
            Err(error) => return Err(refused(hub, &connection, record, error).await),
        }
        tracing::info!(target: "trunkline", connector = %record.key.connector(), tenant = %record.key.tenant(), connection = %record.id, "connected");
        supersede::look_at_older(hub, mounted, &record).await;
        Ok(connection)
    }

    /// A new grant for a connection that was there. It is kept apart until it replaces the old one.
    async fn store_again(
        mut self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        grant: Grant,
        before: Opened,
    ) -> Result<Connection, Error> {
        let held = self.held(&grant);
        let Some(kept) = &mut self.kept else {
            return self.replace(hub, mounted, auth, grant, held, before).await;
        };
        kept.keep(hub, &held, &grant).await;
        let kept = kept.clone();
        let replaced = self.replace(hub, mounted, auth, grant, held, before).await;
        kept.settle(hub, replaced).await
    }

    /// The account is checked before the old credential is replaced; id, label and history stay.
    async fn replace(
        &self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        grant: Grant,
        mut held: Held,
        mut before: Opened,
    ) -> Result<Connection, Error> {
        // Those of the old grant are not taken over: they may lead to where another account is.
        if let Some(endpoint) = captures::missing(mounted, &held)? {
            let told = captures::ask(hub, mounted, auth.clone(), &held, endpoint).await?;
            held.captures.extend(&told);
        }
        let probe = Live::new(&held, 0, before.record.id, mounted, auth.clone(), &*hub.clock)?;
        let session = hub.session(&probe, &held);
        let told = mounted.connector.identify(&hub.api_cx(mounted), &session, &grant).await;
        let account = match (told, &grant.account) {
            (Ok(account), _) => Some(account),
            // A grant that the service refuses must not replace one that may still serve.
            (Err(error), _) if ended(&error).is_some() => return Err(error),
            (Err(_), Some(hint)) => Some(hint.clone()),
            // Nothing says whose grant this is: it must not take over a pinned connection.
            (Err(error), None) if before.record.account.is_some() => return Err(error),
            (Err(_), None) => None,
        };
        // Told before the grant is taken back: it is not going to be written then.
        self.check_account(before.record.account.as_ref(), account.as_ref())?;
        if let Some(kept) = &self.kept {
            kept.take_back(hub).await?;
        }
        for _ in 0..RACES {
            // In each round: whoever won the last one may have pinned another account.
            let changed = self.check_account(before.record.account.as_ref(), account.as_ref())?;
            let now = hub.clock.wall();
            let expected = Expected::Generation(before.record.generation);
            let mut record = before.record.clone();
            record.method.clone_from(&self.method);
            record.account = account.clone().or(record.account);
            record.generation += 1;
            self.fill_in(hub, &mut record, &*auth, &grant, now);
            let turn = if changed { Turn::AccountChanged } else { Turn::Reconnected };
            let turned = record.turn(turn, now).into_iter();
            let events: Vec<_> = turned.chain(self.narrowed.clone()).collect();
            match keeper::persist(hub, expected, &record, NewBody::Replace(&held), &events).await? {
                Commit::Done { .. } => {
                    tracing::info!(target: "trunkline", connector = %record.key.connector(), tenant = %record.key.tenant(), connection = %record.id, "reconnected");
                    let connection = self.publish(hub, mounted, auth, &record, &held)?;
                    supersede::look_at_older(hub, mounted, &record).await;
                    return Ok(connection);
                }
                Commit::Conflict { .. } => {
                    let again = keeper::reload(hub, &self.key).await;
                    before = again.ok_or_else(|| Error::of(Cause::ConsentOutcomeUnknown))?;
                }
            }
        }
        Err(Error::new(ErrorKind::Conflict, "the connection was changed by others all the time"))
    }

    /// Stores who the service says we are, on top of what became of the record meanwhile. Whoever replaced the
    /// grant in between may have another account.
    async fn confirm(&self, hub: &Hub, mut record: Record, account: &Account) -> Result<(), Error> {
        let hint = record.account.clone();
        for _ in 0..RACES {
            record.account = Some(account.clone());
            let expected = Expected::unchanged(&record);
            let stored = keeper::persist(hub, expected, &record, NewBody::Keep, &[]).await?;
            tracing::debug!(target: "trunkline", connection = %record.id, ?stored, "account confirmed");
            if let Commit::Done { .. } = stored {
                return Ok(());
            }
            let Some(now) = keeper::reload(hub, &self.key).await else { return Ok(()) };
            if now.record.account != hint {
                return self.check_account(now.record.account.as_ref(), Some(account)).map(drop);
            }
            record = now.record;
        }
        Ok(())
    }

    /// Whether the account changes, if that was approved.
    fn check_account(&self, pinned: Option<&Account>, account: Option<&Account>) -> Result<bool, Error> {
        let (Some(pinned), Some(account)) = (pinned, account) else { return Ok(false) };
        let changed = pinned.contradicts(account);
        if changed && !self.replace_account {
            return Err(Diagnosis::new(Cause::AccountMismatch)
                .message(&format!("the connection belongs to {pinned}, {account} approved"))
                .into());
        }
        Ok(changed)
    }

    /// What a record says of its credential.
    fn fill_in(
        &self,
        hub: &Hub,
        record: &mut Record,
        auth: &dyn AuthProvider,
        grant: &Grant,
        now: Timestamp,
    ) {
        let requested = Some(&self.answer.requested).filter(|scopes| !scopes.is_empty());
        record.scopes = Scopes { requested: requested.cloned(), granted: grant.credential.scopes.clone() };
        record.credential_at = Some(now);
        record.access_expires_at = grant.credential.access_expires_at;
        record.grant_expires_at = grant.credential.grant_expires_at;
        record.due_at = due::at(hub, record, &auth.policy(), &grant.credential);
        record.proved_at = Some(now);
        record.probe_at = Some(hub.probes.next(now));
    }

    fn held(&self, grant: &Grant) -> Held {
        Held {
            credential: grant.credential.clone(),
            captures: grant.captures.clone(),
            inputs: self.kept_inputs(),
        }
    }

    /// What a renewal may need again.
    fn kept_inputs(&self) -> Inputs {
        let mut kept = Inputs::default();
        for (name, value) in self.answer.inputs.iter().filter(|(name, _)| !self.once.contains(name)) {
            kept.insert(name, value.clone());
        }
        kept
    }

    fn publish(
        &self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        record: &Record,
        held: &Held,
    ) -> Result<Connection, Error> {
        let live = Live::new(held, record.generation, record.id, mounted, auth, &*hub.clock)?;
        live.look(&*hub.clock);
        let entry = hub.entry_or_insert(record, mounted);
        // What was true of the old grant says nothing about the new one.
        entry.forced_at.store(0, Ordering::Release);
        entry.quiet_until.store(0, Ordering::Release);
        trouble::over(hub, record.id);
        keeper::publish(&entry, live);
        Ok(Connection::new(hub.clone(), entry))
    }
}

/// Asks the service who we are. A service that cannot say now does not cost the grant: the account
/// stays what the tokens claim. One that refuses the grant itself is an error.
async fn identify(
    hub: &Arc<Hub>,
    mounted: &Arc<Mounted>,
    connection: &Connection,
    held: &Held,
    grant: &Grant,
) -> Result<Option<Account>, Error> {
    let Some(live) = connection.entry.live.load_full() else { return Ok(None) };
    let session = hub.session(&live, held);
    match mounted.connector.identify(&hub.api_cx(mounted), &session, grant).await {
        Ok(account) => Ok(Some(account)),
        Err(error) if ended(&error).is_some() => Err(error),
        Err(error) => {
            tracing::warn!(target: "trunkline", connection = %connection.id(), error = %error, "account not confirmed");
            Ok(None)
        }
    }
}

/// A grant that the service refuses at its first use: the record says why.
async fn refused(hub: &Arc<Hub>, connection: &Connection, mut record: Record, error: Error) -> Error {
    let now = hub.clock.wall();
    let error = error.map_diagnosis(|diagnosis| diagnosis.during("identify", now));
    let expected = Expected::unchanged(&record);
    let Some(event) = ended(&error).and_then(|turn| record.turn(turn, now)) else { return error };
    probe::set_times(hub, &mut record, now);
    if let Ok(Commit::Done { .. }) = keeper::persist(hub, expected, &record, NewBody::Keep, &[event]).await {
        connection.entry.live.store(None);
    }
    error
}

/// Waits for an exchange that goes on whether or not anyone waits.
pub(super) async fn bounded<T>(result: oneshot::Receiver<Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(LONGEST_WAIT, result).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_)) | Err(_) => Err(Error::of(Cause::ConsentOutcomeUnknown)),
    }
}
