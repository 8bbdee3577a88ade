//! Whether the API says the same as a refused renewal: of this grant no, and of another tenant's yes.
//!
//! Where the whole service refuses everybody, the other is refused too; where only its token endpoint does, the
//! access token still serves. Nothing is spent by asking.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use trunkline_core::{Cause, ConnectionId, Error, Probe, Verdict};
use trunkline_store::Record;

use super::api;
use crate::hub::Hub;
use crate::live::{Entry, Mounted};

/// How long one answer may take: somebody waits for the renewal, and the lease is held meanwhile.
const TIME: Duration = Duration::from_secs(5);
/// How many connections of a connector are remembered, and how many of them are asked.
const KEPT: usize = 4;
const ASKED: usize = 2;

/// Tenants and their connections, the latest last.
type Latest = VecDeque<(Box<str>, ConnectionId)>;

/// The connections of each connector that the service took last, each of another tenant.
#[derive(Debug, Default)]
pub(crate) struct Witnesses(Mutex<HashMap<Box<str>, Latest>>);

impl Witnesses {
    /// The service took the credential of this connection.
    pub(super) fn note(&self, record: &Record) {
        let (connector, tenant) = (record.key.connector(), record.key.tenant());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(connector) {
            all.insert(connector.into(), VecDeque::with_capacity(KEPT + 1));
        }
        let Some(kept) = all.get_mut(connector) else { return };
        match kept.iter().position(|(kept, _)| **kept == *tenant) {
            Some(place) => drop(kept.remove(place)),
            None if kept.len() == KEPT => drop(kept.pop_front()),
            None => {}
        }
        kept.push_back((tenant.into(), record.id));
    }

    /// Those of other tenants, the latest first.
    fn others(&self, record: &Record) -> Vec<ConnectionId> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = all.get(record.key.connector()).into_iter().flatten().rev();
        kept.filter(|(tenant, _)| **tenant != *record.key.tenant()).map(|(_, id)| *id).take(ASKED).collect()
    }
}

/// What the API says of an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Taken,
    Rejected,
    /// The token is over, or there is no answer about it.
    None,
}

/// Whether the API rejects the access token of `record` before its time and takes that of another tenant.
/// `is_rejected` if it has done the first just now.
pub(super) async fn tells_apart(
    hub: &Hub,
    entry: &Entry,
    record: &Record,
    is_rejected: bool,
) -> Result<bool, Error> {
    if !is_rejected && ask(hub, &entry.mounted, record.id).await? != Word::Rejected {
        return Ok(false);
    }
    for other in hub.witnesses.others(record) {
        if ask(hub, &entry.mounted, other).await? == Word::Taken {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn ask(hub: &Hub, mounted: &Arc<Mounted>, id: ConnectionId) -> Result<Word, Error> {
    let Some(opened) = hub.vault.load_by_id(id).await? else { return Ok(Word::None) };
    let record = &opened.record;
    let Some(held) = opened.held.as_ref().filter(|_| record.status().state().serves()) else {
        return Ok(Word::None);
    };
    let Some(live) = api::usable(hub, mounted, record, held)? else { return Ok(Word::None) };
    Ok(match api::ask(hub, mounted, &live, held, TIME).await {
        Some(Ok(Probe::Alive)) => Word::Taken,
        Some(Err(error)) => match error.cause().map(Cause::verdict) {
            Some(Verdict::RenewAccessToken | Verdict::GrantDead) => Word::Rejected,
            _ => Word::None,
        },
        Some(Ok(_)) | None => Word::None,
    })
}
