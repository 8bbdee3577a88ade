//! What is stored of a grant, and what memory has of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;
use trunkline_core::permission::Scopes;
use trunkline_core::{Account, AuthProvider, Cause, Diagnosis, Error, Grant, Held, Inputs};
use trunkline_store::Record;

use super::Exchange;
use crate::connection::Connection;
use crate::hub::Hub;
use crate::keeper::{self, due, trouble};
use crate::live::{Live, Mounted};

impl Exchange {
    /// Whether the account changes, if that was approved.
    pub(super) fn check_account(
        &self,
        pinned: Option<&Account>,
        account: Option<&Account>,
    ) -> Result<bool, Error> {
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
    pub(super) fn fill_in(
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

    pub(super) fn held(&self, grant: &Grant) -> Held {
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

    pub(super) fn publish(
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
