//! What a provider knows about its service's permissions.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use jiff::Timestamp;
use serde::Serialize;

use super::{LeastRole, Operation, Permission, Unknown, UnknownOperation, Verdict};
use crate::{Account, Cx, Diagnosis, Error, ScopeSet, Session};

/// A request that is about to be sent. Borrowed: nothing of it is kept.
#[derive(Clone, Copy)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a Method,
    /// The path below the endpoint's base, with its leading slash, and its query: where a service takes questions
    /// there, the operations are in it.
    pub path: &'a str,
    /// The body, empty if there is none; where one request holds many, the operations are in it.
    pub body: &'a [u8],
}

impl fmt::Debug for Outgoing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.split('?').next().unwrap_or_default();
        write!(f, "Outgoing({} {path})", self.method)
    }
}

/// How well it is known what an operation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Plausible, and to be confirmed at the service: no verdict rests on it.
    Assumed,
    /// The service's own list of permissions has a name that can mean nothing else.
    Named,
    /// The service's documentation says so.
    Documented,
}

/// What an operation needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    /// Scopes to be granted at consent, all of them; none where the service has no scopes. Whether a set holds
    /// one is for [`PermissionMap::has_scope`] to say.
    pub scopes: Vec<Permission>,
    /// Alternatives: every permission of any one of them. Empty: no permission is needed.
    pub any_of: Vec<Vec<Permission>>,
    /// How well that is known.
    pub certainty: Certainty,
}

/// The rights of one connection as they were read, in the form its map chose. Cheap to clone and to cache.
#[derive(Clone)]
pub struct Rights {
    value: Arc<dyn Any + Send + Sync>,
    read_at: Timestamp,
}

impl Rights {
    /// Wraps what a map has read.
    #[must_use]
    pub fn new(value: impl Any + Send + Sync, read_at: Timestamp) -> Self {
        Self { value: Arc::new(value), read_at }
    }

    /// When they were read: what happened since is not in them.
    #[must_use]
    pub fn read_at(&self) -> Timestamp {
        self.read_at
    }

    /// What the map wrapped; `None` for another type.
    #[must_use]
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rights").field("read_at", &self.read_at).finish_non_exhaustive()
    }
}

/// One service's permissions.
///
/// # Contract
///
/// Like a connector, a map never caches, stores, retries or sleeps. Only [`read`](Self::read) talks to the
/// service, and only with requests that change nothing there; all else is decided from its arguments. Where a
/// map does not know, it says so: an unknown verdict is better than a wrong one.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait PermissionMap: fmt::Debug + Send + Sync {
    /// The operations that a request is, each once: none for a request that needs no permission, several
    /// for one that holds others.
    ///
    /// # Errors
    ///
    /// What the request does cannot be told from its method, path and body.
    fn operations<'a>(&self, request: &Outgoing<'a>) -> Result<Vec<Operation>, Unknown>;

    /// Every operation that the map knows by name. A service may have more, such as those on objects that a
    /// customer defined.
    fn known(&self) -> Vec<Operation>;

    /// What an operation needs.
    ///
    /// # Errors
    ///
    /// The service has no such operation.
    fn need(&self, operation: &Operation) -> Result<Need, UnknownOperation>;

    /// Whether `granted` holds the scope `scope` of a [`Need`]. Default: by its name. Where the service has scopes
    /// that stand for several others, they count.
    fn has_scope(&self, granted: &ScopeSet, scope: &str) -> bool {
        granted.contains(scope)
    }

    /// Reads what bears on `operations` from the service, for the connected user `account` in the part of the
    /// account that the session is scoped to. Where the service does not let the user read rights, it asks for
    /// the objects themselves, without side effects, and answers what could be learnt.
    ///
    /// # Errors
    ///
    /// The service could not be asked at all: see the diagnosis. That rights are not readable is no error.
    ///
    /// # Cancel safety
    ///
    /// Nothing was changed at the service, so that a dropped call needs no repair.
    async fn read(
        &self,
        cx: &Cx,
        session: &Session,
        account: &Account,
        operations: &[Operation],
    ) -> Result<Rights, Error>;

    /// Whether `rights` hold all that could be read for `operation`. If not, they are read for it when it is
    /// asked for.
    fn covers(&self, rights: &Rights, operation: &Operation) -> bool;

    /// Judges an operation by rights that this map read. Scopes are not part of it: see
    /// [`Report::of`](super::Report::of).
    fn judge(&self, rights: &Rights, operation: &Operation) -> Verdict;

    /// What a refusal of `operation` by the service means: denied, with what is missing in the layer that
    /// refused, or unknown where that was about the record, the request, or nothing that a permission opens.
    ///
    /// The rights are those that were read last, if any were. They are older than the refusal: they may tell
    /// which of the permissions is missing, and where they permit the operation they are no longer true.
    #[expect(clippy::needless_lifetimes, reason = "mockall cannot mock an elided lifetime inside Option")]
    fn refused<'a>(
        &self,
        operation: &Operation,
        diagnosis: &Diagnosis,
        rights: Option<&'a Rights>,
    ) -> Verdict;

    /// The smallest role for `operations`, to be called `name`. With the rights of a connection, the machine
    /// form can name things by the keys that they have at that company; without, it may be missing.
    ///
    /// # Errors
    ///
    /// The service has no such operation.
    #[expect(clippy::needless_lifetimes, reason = "mockall cannot mock an elided lifetime inside Option")]
    fn least_role<'a>(
        &self,
        name: &str,
        operations: &[Operation],
        rights: Option<&'a Rights>,
    ) -> Result<LeastRole, UnknownOperation>;
}

const _: fn(&dyn PermissionMap) = |_| {};
