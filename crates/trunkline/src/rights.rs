//! What a connection may do, known before the call.

mod cache;
mod learn;
mod refusal;

use trunkline_core::permission::{LeastRole, Operation, PermissionMap, Report, Row};
use trunkline_core::{Diagnosis, Error, ErrorKind, ScopeSet};

use crate::connection::Connection;
use crate::hub::Trunkline;
use crate::live::Mounted;
use crate::response::Response;

pub(crate) use cache::KnownRights;
use cache::{Known, Moment};
pub(crate) use refusal::Refusal;

impl Connection {
    /// What the connection may do, in four columns: required, requested, granted, effective. Nothing changes
    /// at the service.
    ///
    /// The rights of the user are read once, and believed for a while
    /// ([`Builder::believe_rights`](crate::Builder::believe_rights)); a denial for 30 s. They are read anew
    /// after a call was refused for want of a permission, and the scopes after each renewal.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when the connector knows no permissions; [`ErrorKind::InvalidInput`] for an
    /// operation that the service does not have, with the nearest one that it has; else what keeps the
    /// connection from asking, with its diagnosis.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses what was read so far, and nothing else.
    pub async fn check(&self, operations: impl AsRef<[Operation]>) -> Result<Report, Error> {
        let operations = operations.as_ref();
        if let Some(report) =
            self.known(|known, now| known.report(operations, |judged| self.hub.known.believes(judged, now)))
        {
            return Ok(report);
        }
        Box::pin(learn::learn(self, operations)).await
    }

    /// Whether the connection may do all of it. Where rights are known it answers from memory.
    ///
    /// An operation of which nothing can be known passes, with a warning in the log when that was found out:
    /// [`check`](Self::check) tells the difference.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::PermissionDenied`] when an operation is denied; its source is the
    /// [`Difference`](trunkline_core::permission::Difference), which says what is missing, where it is set and
    /// by whom. Else as [`check`](Self::check).
    ///
    /// # Cancel safety
    ///
    /// As [`check`](Self::check).
    pub async fn require(&self, operations: impl AsRef<[Operation]>) -> Result<(), Error> {
        let operations = operations.as_ref();
        let all = &self.hub.known;
        let passes =
            |known: &Known, now| known.passes(operations, |judged| all.believes(judged, now)).then_some(());
        if self.known(passes).is_some() {
            return Ok(());
        }
        self.check(operations).await?.require().map(drop)
    }

    /// Why a call was refused, by rights that are read for that now: many services answer alike whichever layer
    /// refuses, so that the answer and what was known before name the likely one only. `None` for an answer that
    /// was not refused.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check), but for a connector without a map, whose diagnosis is answered as it was.
    ///
    /// # Cancel safety
    ///
    /// As [`check`](Self::check).
    pub async fn explain(&self, response: &Response) -> Result<Option<Diagnosis>, Error> {
        let Some(Refusal { diagnosis, plain, operations }) = response.refusal() else { return Ok(None) };
        let Some(map) = self.entry.mounted.connector.permissions().filter(|_| !operations.is_empty()) else {
            return Ok(Some(diagnosis.clone()));
        };
        let report = self.check(operations).await?;
        let rights = |operation: &Operation| self.known(|known, _| known.rights(map, operation).cloned());
        let mut lacks = refusal::lacking(map, operations, plain, rights);
        for lack in lacks.iter_mut().filter(|lack| rights(&lack.operation).is_none()) {
            // Reading itself was refused, and the report says for what.
            let row = report.rows.iter().find(|row| row.operation == lack.operation);
            if let Some(found) = row.and_then(Row::lack) {
                *lack = found;
            }
        }
        Ok(Some(refusal::with(plain.clone(), lacks)))
    }

    /// Forgets what is known of the user's rights, so that the next check reads them: for when somebody says
    /// that they were changed.
    pub fn forget_permissions(&self) {
        self.hub.known.forget(self.entry.id);
    }

    /// The smallest role that permits `operations`, for an administrator to create, with what the service's
    /// API takes where the company's own keys stand in it.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub async fn least_role(
        &self,
        name: &str,
        operations: impl AsRef<[Operation]>,
    ) -> Result<LeastRole, Error> {
        let operations = operations.as_ref();
        let map = map_of(&self.entry.mounted)?;
        self.check(operations).await.map(drop)?;
        let rights = self.known(|known, _| operations.iter().find_map(|one| known.rights(map, one)).cloned());
        Ok(map.least_role(name, operations, rights.as_ref())?)
    }

    /// Looks into what is known here, and at what counts now.
    fn known<T>(&self, look: impl FnOnce(&Known, Moment) -> Option<T>) -> Option<T> {
        let generation = self.entry.live.load().as_ref()?.generation;
        let at = self.hub.clock.coarse();
        self.hub.known.look(self.entry.id, self.entity.as_ref(), |known, epoch| {
            look(known, Moment { generation, epoch, at })
        })
    }
}

impl Trunkline {
    /// Every operation that a connector knows by name; the service may have more.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotConfigured`]; [`ErrorKind::Unsupported`] when the connector knows no permissions.
    pub fn operations(&self, connector: &str) -> Result<Vec<Operation>, Error> {
        Ok(map_of(self.0.mounted(connector)?)?.known())
    }

    /// The smallest role that permits `operations`, for an administrator to create. The service is not asked:
    /// what has other keys at each company is named in the steps only, see [`Connection::least_role`].
    ///
    /// # Errors
    ///
    /// As [`operations`](Self::operations); [`ErrorKind::InvalidInput`] for an operation that the service does
    /// not have.
    pub fn least_role(
        &self,
        connector: &str,
        name: &str,
        operations: impl AsRef<[Operation]>,
    ) -> Result<LeastRole, Error> {
        let map = map_of(self.0.mounted(connector)?)?;
        Ok(map.least_role(name, operations.as_ref(), None)?)
    }
}

/// The connector's map, which not every connector has.
pub(crate) fn map_of(mounted: &Mounted) -> Result<&dyn PermissionMap, Error> {
    mounted.connector.permissions().ok_or_else(|| {
        let name = &mounted.name;
        Error::new(ErrorKind::Unsupported, format!("the connector `{name}` knows no permissions"))
    })
}

/// The scopes that a consent has to ask for so that `operations` can be allowed.
pub(crate) fn scopes_of(mounted: &Mounted, operations: &[Operation]) -> Result<ScopeSet, Error> {
    let map = map_of(mounted)?;
    let mut scopes = ScopeSet::default();
    for operation in operations {
        let needed = map.need(operation)?.scopes.into_iter().map(|scope| scope.name.into_owned());
        scopes = scopes.union(&needed.collect());
    }
    Ok(scopes)
}
