//! Manifests that change while the program runs.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use trunkline_core::permission::{
    LeastRole, Need, Operation, Outgoing, PermissionMap, Reason, Rights, Unknown, UnknownOperation, Verdict,
};
use trunkline_core::{
    Account, AuthProvider, Captures, Connector, ConnectorInfo, Cx, Diagnosis, Endpoint, Error, ErrorKind,
    Exchange, Grant, Inputs, Probe, ScopeSet, Session, async_trait,
};

use crate::catalogue::Catalogue;
use crate::config::ManifestConfig;
use crate::connector::ManifestConnector;

/// Replaces the manifests of mounted connectors, all at once.
///
/// ```
/// use trunkline_manifest::{Catalogue, ManifestConfig, Reload};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let reload = Reload::new();
/// let mut settings = ManifestConfig::new(Catalogue::builtin().find("sendgrid")?);
/// settings.reload = Some(reload.clone());
/// // … mount it: Config::new().connector("sendgrid", settings)? …
/// // Later: Folder::load("manifests")?
/// reload.replace(Catalogue::builtin())?;
/// # Ok(())
/// # }
/// ```
///
/// What is under way ends with the manifest that it began with; what begins afterwards has the new one. No request is
/// dropped, and none waits for more than the swap of a pointer.
#[derive(Clone, Default)]
pub struct Reload(Arc<Mutex<Vec<Mounted>>>);

/// One connector, and what it was made of.
struct Mounted {
    settings: ManifestConfig,
    current: Current,
}

type Current = Arc<RwLock<Arc<ManifestConnector>>>;

impl Reload {
    /// Nothing is mounted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives each connector that was built with this handle the manifest of its name in `catalogue`. Answers how many
    /// there are. One that the catalogue does not have keeps its own.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`]: the settings of one do not fit its new manifest, or that lacks a way to hold a
    /// grant that connections may have been made with. Then none is replaced.
    pub fn replace(&self, catalogue: &Catalogue) -> Result<usize, Error> {
        let mounted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Vec::new();
        for one in mounted.iter() {
            let old = now(&one.current);
            let Some(manifest) = catalogue.get(old.manifest().name()) else { continue };
            let new = ManifestConnector::new(Arc::clone(manifest), &one.settings)?;
            if let Some(gone) = old.methods().find(|method| !new.methods().any(|new| new == *method)) {
                let message = format!("the new manifest `{}` lacks the method `{gone}`", manifest.name());
                return Err(Error::new(ErrorKind::ConfigInvalid, message)
                    .hint("Connections that were made with it would be lost."));
            }
            next.push((&one.current, Arc::new(new)));
        }
        let count = next.len();
        for (current, new) in next {
            *current.write().unwrap_or_else(PoisonError::into_inner) = new;
        }
        Ok(count)
    }

    /// A connector whose manifest this handle replaces.
    pub(crate) fn mount(
        &self,
        settings: &ManifestConfig,
        connector: ManifestConnector,
    ) -> Arc<dyn Connector> {
        let current = Arc::new(RwLock::new(Arc::new(connector)));
        // The handle in the settings would keep itself alive.
        let settings = ManifestConfig { reload: None, ..settings.clone() };
        let mounted = Mounted { settings, current: Arc::clone(&current) };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mounted);
        Arc::new(Replaceable { map: Replaced(Arc::clone(&current)), current })
    }
}

impl fmt::Debug for Reload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reload")
    }
}

fn now(current: &Current) -> Arc<ManifestConnector> {
    Arc::clone(&current.read().unwrap_or_else(PoisonError::into_inner))
}

/// A connector that is another one from time to time.
#[derive(Debug)]
struct Replaceable {
    current: Current,
    map: Replaced,
}

#[async_trait]
impl Connector for Replaceable {
    fn info(&self) -> &'static ConnectorInfo {
        now(&self.current).info()
    }

    async fn ready(&self, cx: &Cx) -> Result<(), Error> {
        now(&self.current).ready(cx).await
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        now(&self.current).auth(method)
    }

    fn capture_endpoint(&self, captures: &Captures) -> Result<Option<Arc<Endpoint>>, Error> {
        now(&self.current).capture_endpoint(captures)
    }

    async fn capture(&self, cx: &Cx, session: &Session, inputs: &Inputs) -> Result<Captures, Error> {
        now(&self.current).capture(cx, session, inputs).await
    }

    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        now(&self.current).endpoint(captures)
    }

    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error> {
        now(&self.current).identify(cx, session, grant).await
    }

    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        now(&self.current).probe(cx, session).await
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        now(&self.current).diagnose(exchange)
    }

    fn permissions(&self) -> Option<&dyn PermissionMap> {
        now(&self.current).permissions().is_some().then_some(&self.map as _)
    }
}

/// The permissions of whichever manifest is there. One without any knows nothing.
#[derive(Debug)]
struct Replaced(Current);

#[async_trait]
impl PermissionMap for Replaced {
    fn operations(&self, request: &Outgoing<'_>) -> Result<Vec<Operation>, Unknown> {
        let current = now(&self.0);
        let none = || Err(Unknown::new(Reason::NotMapped, "the manifest says nothing of permissions"));
        current.permissions().map_or_else(none, |map| map.operations(request))
    }

    fn known(&self) -> Vec<Operation> {
        now(&self.0).permissions().map(PermissionMap::known).unwrap_or_default()
    }

    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation> {
        let current = now(&self.0);
        current
            .permissions()
            .map_or_else(|| Err(UnknownOperation::among(operation, &[])), |map| map.need(operation))
    }

    fn has_scope(&self, granted: &ScopeSet, scope: &str) -> bool {
        now(&self.0)
            .permissions()
            .map_or_else(|| granted.contains(scope), |map| map.has_scope(granted, scope))
    }

    async fn read(
        &self,
        cx: &Cx,
        session: &Session,
        account: &Account,
        operations: &[Operation],
    ) -> Result<Rights, Error> {
        let current = now(&self.0);
        match current.permissions() {
            Some(map) => map.read(cx, session, account, operations).await,
            None => Ok(Rights::new((), cx.clock().wall())),
        }
    }

    fn covers(&self, rights: &Rights, operation: &Operation) -> bool {
        now(&self.0).permissions().is_none_or(|map| map.covers(rights, operation))
    }

    fn judge(&self, rights: &Rights, operation: &Operation) -> Verdict {
        let current = now(&self.0);
        current.permissions().map_or_else(unmapped, |map| map.judge(rights, operation))
    }

    fn refused(&self, operation: &Operation, diagnosis: &Diagnosis, rights: Option<&Rights>) -> Verdict {
        let current = now(&self.0);
        current.permissions().map_or_else(unmapped, |map| map.refused(operation, diagnosis, rights))
    }

    fn least_role(
        &self,
        name: &str,
        operations: &[Operation],
        rights: Option<&Rights>,
    ) -> Result<LeastRole, UnknownOperation> {
        let current = now(&self.0);
        match (current.permissions(), operations.first()) {
            (Some(map), _) => map.least_role(name, operations, rights),
            (None, Some(operation)) => Err(UnknownOperation::among(operation, &[])),
            (None, None) => Ok(LeastRole {
                name: name.to_owned(),
                permissions: Vec::new(),
                steps: Vec::new(),
                machine: None,
            }),
        }
    }
}

fn unmapped() -> Verdict {
    Verdict::unknown(Reason::NotMapped, "the manifest says nothing of permissions")
}
