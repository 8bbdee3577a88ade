//! What is in memory, and the steps on it that several operations share.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use trunkline_core::{Account, ConnectionId, ConnectionKey, Ticks};

use super::events::Events;
use super::marks::Marks;
use crate::{Lease, Record, Sealed, Settle, State, Stored, StoredConsent};

#[derive(Default)]
pub(super) struct Tables {
    pub(super) rows: BTreeMap<ConnectionKey, Row>,
    pub(super) keys: HashMap<ConnectionId, ConnectionKey>,
    pub(super) events: Events,
    pub(super) consents: HashMap<[u8; 32], StoredConsent>,
    pub(super) marks: Marks,
}

pub(super) struct Row {
    pub(super) record: Record,
    pub(super) body: Option<Sealed>,
    /// Its intent's age is told by `intent_at` when it is read.
    pub(super) lease: Lease,
    pub(super) intent_at: Option<Ticks>,
}

impl Row {
    pub(super) fn stored(&self, now: Option<Ticks>) -> Stored {
        let mut lease = self.lease.clone();
        if let Some(intent) = &mut lease.intent {
            intent.age = now.zip(self.intent_at).map(|(now, at)| now.since(at));
        }
        Stored { record: self.record.clone(), body: self.body.clone(), lease }
    }

    pub(super) fn has_intent(&self, epoch: u64) -> bool {
        self.lease.intent.as_ref().is_some_and(|intent| intent.epoch == epoch)
    }

    pub(super) fn settle(&mut self, then: Settle) {
        match (then, &mut self.lease.intent) {
            (Settle::Close, intent) => *intent = None,
            (Settle::LeaveOpen { epoch }, Some(intent)) => intent.epoch = epoch,
            (Settle::LeaveOpen { .. }, None) => {}
        }
        self.lease.owner = None;
    }
}

impl Tables {
    pub(super) fn row(&self, id: ConnectionId) -> Option<&Row> {
        self.rows.get(self.keys.get(&id)?)
    }

    pub(super) fn row_mut(&mut self, id: ConnectionId) -> Option<&mut Row> {
        self.rows.get_mut(self.keys.get(&id)?)
    }

    /// The connections that hold a grant of such an account.
    pub(super) fn holding(&self, connector: &str, is_meant: impl Fn(&Account) -> bool) -> Vec<ConnectionId> {
        let holds = |row: &&Row| {
            let record = &row.record;
            record.key.connector() == connector
                && record.status.state() != State::Disconnected
                && row.body.is_some()
                && record.account.as_ref().is_some_and(&is_meant)
        };
        let mut ids: Vec<_> = self.rows.values().filter(holds).map(|row| row.record.id).collect();
        ids.sort_unstable();
        ids
    }

    /// Makes the longest due of a connector due at `until`, by one of the times that say when.
    pub(super) fn claim(
        &mut self,
        connector: &str,
        due_at: fn(&mut Record) -> &mut Option<Timestamp>,
        now: Timestamp,
        until: Timestamp,
        limit: u32,
    ) -> Vec<ConnectionId> {
        let of_connector = self.rows.values_mut().filter(|row| row.record.key.connector() == connector);
        let due = |row: &mut Row| Some(((*due_at(&mut row.record))?, row.record.id));
        let mut rows: Vec<_> = of_connector.filter_map(|row| Some((due(row)?, row))).collect();
        rows.retain(|((due, _), _)| *due <= now);
        rows.sort_by_key(|(due, _)| *due);
        rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        for (_, row) in &mut rows {
            *due_at(&mut row.record) = Some(until);
        }
        rows.into_iter().map(|((_, id), _)| id).collect()
    }
}
