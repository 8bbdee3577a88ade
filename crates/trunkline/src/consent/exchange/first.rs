//! A first grant: stored at once, and asked who it is afterwards.

use std::sync::Arc;

use trunkline_core::{Account, AuthProvider, Cause, Error, Grant, Held};
use trunkline_store::{Commit, Expected, NewBody, Opened, Record};

use super::{Exchange, RACES};
use crate::connection::Connection;
use crate::hub::{Hub, random_id};
use crate::keeper::{self, Why, captures, ended, probe, supersede};
use crate::live::Mounted;

impl Exchange {
    /// A first connection is stored at once and asked who it is afterwards: between the exchange and
    /// the write, a crash loses the grant.
    pub(super) async fn store_new(
        mut self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        grant: Grant,
    ) -> Result<Connection, Error> {
        // It may have been kept for a connection that is gone by now.
        if let Some(kept) = &mut self.kept {
            kept.take_back(hub).await?;
        }
        let now = hub.clock.wall();
        let (mut record, event) =
            Record::connected(random_id()?, self.key.clone(), self.method.as_str(), now);
        record.account = grant.account.clone();
        self.fill_in(hub, &mut record, &*auth, &grant, now);
        let held = self.held(&grant);
        let lacks_captures = captures::missing(mounted, &held)?.is_some();
        if !lacks_captures {
            // Refused before it is stored: a connection that leads nowhere serves nobody, and no renewal repairs it.
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
        if lacks_captures {
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
