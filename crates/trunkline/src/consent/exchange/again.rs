//! A new grant for a connection that was there: its account is asked for first.

use std::sync::Arc;

use trunkline_core::{AuthProvider, Cause, Error, ErrorKind, Grant, Held};
use trunkline_store::{Commit, Expected, NewBody, Opened, Turn};

use super::{Exchange, RACES};
use crate::connection::Connection;
use crate::hub::Hub;
use crate::keeper::{self, captures, ended, supersede};
use crate::live::{Live, Mounted};

impl Exchange {
    /// A new grant for a connection that was there. It is kept apart until it replaces the old one.
    pub(super) async fn store_again(
        mut self,
        hub: &Arc<Hub>,
        mounted: &Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        grant: Grant,
        before: Opened,
    ) -> Result<Connection, Error> {
        let held = self.held(&grant);
        if let Some(kept) = &mut self.kept {
            kept.keep(hub, &held, &grant).await;
        }
        let replaced = self.replace(hub, mounted, auth, grant, held, before).await;
        match self.kept {
            Some(kept) => kept.settle(hub, replaced).await,
            None => replaced,
        }
    }

    /// The account is checked before the old credential is replaced; id, label and history stay.
    async fn replace(
        &mut self,
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
        if let Some(kept) = &mut self.kept {
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
}
