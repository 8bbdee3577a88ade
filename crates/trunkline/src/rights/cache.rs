//! What was read of the rights of connections: kept in memory, for a while.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::HeaderValue;
use jiff::Timestamp;
use tokio::sync::Mutex;
use trunkline_core::permission::{Operation, PermissionMap, Report, Rights, Row};
use trunkline_core::{ConnectionId, Ticks};

/// How long a denial is believed: somebody may be about to undo it.
const DENIAL: Duration = Duration::from_secs(30);
/// How long everything else is believed, if the application says nothing else.
const BELIEVED: Duration = Duration::from_secs(15 * 60);
/// In how many parts of its account the rights of one connection are kept.
const MAX_PARTS: usize = 64;

/// What is known of the rights of all connections. Beside the connections in memory, of which most are never asked
/// what they may do.
#[derive(Debug)]
pub(crate) struct KnownRights {
    slots: papaya::HashMap<ConnectionId, Arc<Slot>, foldhash::fast::RandomState>,
    believed: Duration,
}

impl KnownRights {
    pub(crate) fn believed_for(time: Option<Duration>) -> Self {
        let hasher = foldhash::fast::RandomState::default();
        Self { slots: papaya::HashMap::with_hasher(hasher), believed: time.unwrap_or(BELIEVED) }
    }

    /// Looks at what is known of a connection in one part of its account, and in which epoch.
    pub(super) fn look<T>(
        &self,
        id: ConnectionId,
        entity: Option<&HeaderValue>,
        look: impl FnOnce(&Known, u64) -> Option<T>,
    ) -> Option<T> {
        let slots = self.slots.pin();
        let slot = slots.get(&id)?;
        let parts = slot.parts.load();
        look(parts.iter().find(|known| known.entity.as_ref() == entity)?, slot.epoch())
    }

    pub(super) fn slot(&self, id: ConnectionId) -> Arc<Slot> {
        self.slots.pin().get_or_insert_with(id, Arc::default).clone()
    }

    /// No longer believes what is known, nor what is being read now: it may be older than the reason to forget.
    /// What it was stays, so that a change can be told.
    pub(crate) fn forget(&self, id: ConnectionId) {
        if let Some(slot) = self.slots.pin().get(&id) {
            slot.epoch.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn believes(&self, judged: &Judged, now: Moment) -> bool {
        let time = if judged.row.effective.is_denied() { DENIAL.min(self.believed) } else { self.believed };
        let Moment { generation, epoch, at } = judged.moment;
        (generation, epoch) == (now.generation, now.epoch) && now.at.since(at) < time
    }
}

/// One connection's.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Held while rights are read, so that callers at the same moment ask once.
    pub(super) turn: Mutex<()>,
    /// Counts up each time what is known is no longer believed.
    epoch: AtomicU64,
    parts: ArcSwap<Vec<Known>>,
}

impl Slot {
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// What was known in one part last, believed or not.
    pub(super) fn known(&self, entity: Option<&HeaderValue>) -> Option<Known> {
        self.parts.load().iter().find(|known| known.entity.as_ref() == entity).cloned()
    }

    pub(super) fn put(&self, known: &Known) {
        self.parts.rcu(|parts| {
            let others = parts.iter().filter(|other| other.entity != known.entity);
            let kept = others.take(MAX_PARTS - 1).cloned();
            std::iter::once(known.clone()).chain(kept).collect::<Vec<_>>()
        });
    }
}

/// What is known of a connection in one part of its account.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(super) entity: Option<HeaderValue>,
    pub(super) judged: Arc<HashMap<Operation, Judged, foldhash::fast::RandomState>>,
}

/// When something was found, or is asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Of the credential, whose scopes are compared.
    pub(super) generation: u64,
    /// Of the slot, when reading began.
    pub(super) epoch: u64,
    pub(super) at: Ticks,
}

/// What was found of one operation.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) row: Row,
    pub(super) moment: Moment,
    pub(super) read_at: Timestamp,
    /// What it was judged by; `None` where the service refused to be asked.
    pub(super) rights: Option<Rights>,
}

impl Known {
    /// Whether everything is known, and nothing is denied.
    pub(super) fn passes(&self, operations: &[Operation], holds: impl Fn(&Judged) -> bool) -> bool {
        operations.iter().all(|operation| {
            let judged = self.judged.get(operation);
            judged.is_some_and(|judged| !judged.row.effective.is_denied() && holds(judged))
        })
    }

    /// The report, if everything is known and passes `holds`.
    pub(super) fn report(&self, operations: &[Operation], holds: impl Fn(&Judged) -> bool) -> Option<Report> {
        let mut rows = Vec::with_capacity(operations.len());
        let mut read_at = None;
        for operation in operations {
            let judged = self.judged.get(operation).filter(|judged| holds(judged))?;
            rows.push(judged.row.clone());
            read_at = [read_at, Some(judged.read_at)].into_iter().flatten().min();
        }
        Some(Report { read_at: read_at?, rows })
    }

    /// What tells most of an operation, however long ago it was read: what it was judged by, or else the newest
    /// that covers it.
    pub(super) fn rights(&self, map: &dyn PermissionMap, operation: &Operation) -> Option<&Rights> {
        let own = self.judged.get(operation).and_then(|judged| judged.rights.as_ref());
        own.or_else(|| {
            let all = self.judged.values().filter_map(|judged| judged.rights.as_ref());
            all.filter(|rights| map.covers(rights, operation)).max_by_key(|rights| rights.read_at())
        })
    }
}
