//! Reading the rights of a connection, once for all who ask.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::permission::{
    Lack, Operation, PermissionMap, Reason, Report, Rights, Row, Scopes, Verdict,
};
use trunkline_core::{Account, Cause, Diagnosis, Error, ErrorKind, Session, Verdict as Says};
use trunkline_store::{Commit, EventKind, Expected, NewBody, NewEvent, Opened};

use super::cache::{Judged, Known, Moment};
use super::map_of;
use crate::connection::Connection;
use crate::keeper::{self, Why};
use crate::live::Live;

/// How long reading may take, over all of its calls.
const READ_TIME: Duration = Duration::from_secs(120);
/// How often the event of a change may lose against other changes of the record.
const RACES: usize = 5;

/// Reads what is not known of `operations`, and reports on all of them.
pub(super) async fn learn(connection: &Connection, operations: &[Operation]) -> Result<Report, Error> {
    let (hub, entry) = (&connection.hub, &connection.entry);
    let map = map_of(&entry.mounted)?;
    for operation in operations {
        map.need(operation)?;
    }
    let slot = hub.known.slot(entry.id);
    let _turn = slot.turn.lock().await;
    let live = live(connection).await?;
    let entity = connection.entity.as_ref();
    let last = slot.known(entity);
    let now = Moment { generation: live.generation, epoch: slot.epoch(), at: hub.clock.coarse() };
    let believed = |judged: &Judged| hub.known.believes(judged, now);
    // Whoever had the turn before may have asked for the same.
    if let Some(report) = last.as_ref().and_then(|known| known.report(operations, believed)) {
        return Ok(report);
    }
    let opened = hub.vault.load_by_id(entry.id).await?.ok_or_else(|| Error::of(Cause::ConsentMissing))?;
    let known = last.unwrap_or_else(|| Known { entity: entity.cloned(), judged: Arc::default() });
    let is_wanted =
        |operation: &&Operation| known.judged.get(*operation).is_none_or(|judged| !believed(judged));
    let wanted: BTreeSet<&Operation> = operations.iter().filter(is_wanted).collect();
    let wanted: Vec<Operation> = wanted.into_iter().cloned().collect();
    let reading = Reading { connection, map, opened: &opened, known: &known, now };
    let found = reading.judge(live, &wanted).await?;
    warn_of_unknown(connection, &found);
    tell_changes(connection, &opened, &known, &found).await?;
    let mut judged = HashMap::clone(&known.judged);
    judged.extend(found.into_iter().map(|judged| (judged.row.operation.clone(), judged)));
    let known = Known { judged: Arc::new(judged), ..known };
    slot.put(&known);
    let report = known.report(operations, |_| true);
    report.ok_or_else(|| Error::new(ErrorKind::Unexpected, "rights were read and are not there"))
}

async fn live(connection: &Connection) -> Result<Arc<Live>, Error> {
    match connection.live_now() {
        Some(live) => Ok(live),
        None => keeper::renew(&connection.hub, &connection.entry, Why::Expired).await,
    }
}

struct Reading<'a> {
    connection: &'a Connection,
    map: &'a dyn PermissionMap,
    opened: &'a Opened,
    known: &'a Known,
    now: Moment,
}

impl Reading<'_> {
    /// Judges what is wanted: by rights that are fresh and cover it, else by rights that are read now.
    async fn judge(&self, live: Arc<Live>, wanted: &[Operation]) -> Result<Vec<Judged>, Error> {
        let (hub, scopes) = (&self.connection.hub, &self.opened.record.scopes);
        let held = self.known.judged.values();
        let mut held: Vec<&Judged> =
            held.filter(|judged| judged.rights.is_some() && hub.known.believes(judged, self.now)).collect();
        held.sort_unstable_by_key(|judged| std::cmp::Reverse(judged.moment.at));
        let (mut found, mut to_read) = (Vec::new(), Vec::new());
        for operation in wanted {
            let newest = held.iter().find(|judged| {
                judged.rights.as_ref().is_some_and(|rights| self.map.covers(rights, operation))
            });
            let judged = match newest {
                Some(judged) => Some(self.by_rights_of(judged, operation, scopes)?),
                None => None,
            };
            // A denial is not believed for as long as what it was judged by.
            match judged.filter(|judged| hub.known.believes(judged, self.now)) {
                Some(judged) => found.push(judged),
                None => to_read.push(operation.clone()),
            }
        }
        if to_read.is_empty() {
            return Ok(found);
        }
        let read_at = hub.clock.wall();
        let rights = self.read(live, &to_read).await;
        for operation in to_read {
            let verdict = match &rights {
                Ok(rights) => self.map.judge(rights, &operation),
                Err(error) => self.refused(&operation, error),
            };
            let row = Row::of(self.map, scopes, &operation, || verdict)?;
            match &rights {
                // The error tells more than that nothing is known.
                Err(_) if !row.effective.is_denied() => break,
                _ => {}
            }
            // Reading may have renewed the token.
            let generation = self.connection.entry.live.load().as_ref().map_or(0, |live| live.generation);
            let moment = Moment { generation, at: hub.clock.coarse(), ..self.now };
            let rights = rights.as_ref().ok().cloned();
            let read_at = rights.as_ref().map_or(read_at, Rights::read_at);
            found.push(Judged { row, moment, read_at, rights });
        }
        match rights {
            Err(error) if found.len() < wanted.len() => Err(error),
            _ => Ok(found),
        }
    }

    fn by_rights_of(&self, held: &Judged, operation: &Operation, scopes: &Scopes) -> Result<Judged, Error> {
        let unread = || Verdict::unknown(Reason::NotReadable, "nothing was read");
        let judge = || held.rights.as_ref().map_or_else(unread, |rights| self.map.judge(rights, operation));
        let row = Row::of(self.map, scopes, operation, judge)?;
        Ok(Judged { row, ..held.clone() })
    }

    /// What is missing where the service refused to be asked at all.
    fn refused(&self, operation: &Operation, error: &Error) -> Verdict {
        let unread = || Verdict::unknown(Reason::NotReadable, "nothing was read");
        error.diagnosis().map_or_else(unread, |why| self.map.refused(operation, why, None))
    }

    /// Reads; a token that the service rejects is renewed once.
    async fn read(&self, live: Arc<Live>, operations: &[Operation]) -> Result<Rights, Error> {
        let connection = self.connection;
        let error = match self.read_with(&live, operations).await {
            Err(error) if error.cause().is_some_and(|cause| cause.verdict() == Says::RenewAccessToken) => {
                error
            }
            other => return other,
        };
        tracing::debug!(target: "trunkline", connection = %connection.id(), error = %error, "token rejected while rights were read");
        let why = Why::Rejected { generation: live.generation };
        let live = keeper::renew(&connection.hub, &connection.entry, why).await?;
        self.read_with(&live, operations).await
    }

    async fn read_with(&self, live: &Live, operations: &[Operation]) -> Result<Rights, Error> {
        let (hub, mounted) = (&self.connection.hub, &self.connection.entry.mounted);
        let held = self.opened.held.as_ref().ok_or_else(|| Error::of(Cause::Disconnected))?;
        let session: Session = hub.session(live, held);
        let session = match self.connection.entity.clone() {
            Some(entity) => session.scoped_to(entity),
            None => session,
        };
        let unknown = Account::default();
        let account = self.opened.record.account.as_ref().unwrap_or(&unknown);
        let cx = hub.api_cx(mounted);
        let read = self.map.read(&cx, &session, account, operations);
        let late = |_| Error::of(Cause::ServiceUnavailable);
        tokio::time::timeout(READ_TIME, read).await.map_err(late)?
    }
}

/// What nothing is known of passes, and somebody should know that.
fn warn_of_unknown(connection: &Connection, found: &[Judged]) {
    for Judged { row, .. } in found {
        if let Verdict::Unknown(why) = &row.effective {
            tracing::warn!(
                target: "trunkline",
                connector = %connection.connector(), connection = %connection.id(), operation = %row.operation, %why,
                "permission unknown"
            );
        }
    }
}

/// Writes the event `permissions_changed` where a verdict turned since it was last read, with what is lacking now.
async fn tell_changes(
    connection: &Connection,
    opened: &Opened,
    before: &Known,
    found: &[Judged],
) -> Result<(), Error> {
    let hub = &connection.hub;
    let turned = |judged: &&Judged| {
        let was = before.judged.get(&judged.row.operation);
        was.is_some_and(|was| {
            let (was, is) = (&was.row.effective, &judged.row.effective);
            (was.is_allowed() && is.is_denied()) || (was.is_denied() && is.is_allowed())
        })
    };
    let turned: Vec<&Judged> = found.iter().filter(turned).collect();
    if turned.is_empty() {
        return Ok(());
    }
    tracing::info!(target: "trunkline", connector = %connection.connector(), connection = %connection.id(), operations = turned.len(), "permissions changed");
    let lost: Vec<Lack> = turned.iter().filter_map(|judged| judged.row.lack()).collect();
    let mut event = NewEvent::new(EventKind::PermissionsChanged, hub.clock.wall());
    if !lost.is_empty() {
        event = event.because(Diagnosis::new(Cause::PermissionMissing).lacking(lost));
    }
    let mut record = opened.record.clone();
    for _ in 0..RACES {
        let expected = Expected::unchanged(&record);
        // Tried once: a store that fails is an error of the check, and the next one finds the same change.
        let change = hub.vault.seal(expected, None, &record, NewBody::Keep, vec![event.clone()])?;
        match hub.commit(&change).await? {
            Commit::Done { .. } => return Ok(()),
            Commit::Conflict { .. } => match keeper::reload(hub, &record.key).await {
                Some(now) if now.record.id == record.id => record = now.record,
                _ => return Ok(()),
            },
        }
    }
    tracing::warn!(target: "trunkline", connection = %connection.id(), "a change of permissions could not be written as an event");
    Ok(())
}
