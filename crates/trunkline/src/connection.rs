//! A live connection.

use std::fmt;
use std::sync::Arc;

use http::{HeaderValue, Method};
use trunkline_core::{Account, Cause, ConnectionId, Error, ErrorKind};
use trunkline_store::{Record, Status};

use crate::hub::Hub;
use crate::live::Entry;
use crate::request::{IntoTarget, RequestBuilder};

/// One tenant's link to one account: sends authorised requests and keeps its grant alive.
///
/// Cheap to clone and to hold. It stays valid while the grant lives, through every renewal.
#[derive(Clone)]
pub struct Connection {
    pub(crate) hub: Arc<Hub>,
    pub(crate) entry: Arc<Entry>,
    pub(crate) entity: Option<HeaderValue>,
}

impl Connection {
    pub(crate) fn new(hub: Arc<Hub>, entry: Arc<Entry>) -> Self {
        Self { hub, entry, entity: None }
    }

    /// The immutable identifier.
    #[must_use]
    pub fn id(&self) -> ConnectionId {
        self.entry.id
    }

    /// The name of the connector.
    #[must_use]
    pub fn connector(&self) -> &str {
        &self.entry.mounted.name
    }

    /// The tenant it belongs to.
    #[must_use]
    pub fn tenant(&self) -> &str {
        self.entry.names().tenant
    }

    /// Which of the tenant's connections through this connector.
    #[must_use]
    pub fn label(&self) -> &str {
        self.entry.names().label
    }

    /// Who the service says we are, as stored; `None` when it never said.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`].
    pub async fn account(&self) -> Result<Option<Account>, Error> {
        Ok(self.record().await?.account)
    }

    /// The stored state, since when, and why.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`].
    pub async fn status(&self) -> Result<Status, Error> {
        Ok(self.record().await?.status().clone())
    }

    pub(crate) async fn record(&self) -> Result<Record, Error> {
        let opened = self.hub.vault.load_by_id(self.entry.id).await?;
        opened.map(|opened| opened.record).ok_or_else(|| Error::of(Cause::ConsentMissing))
    }

    /// The same connection, with every request scoped to a part of the account.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when no header can hold `entity`.
    pub fn entity(&self, entity: &str) -> Result<Self, Error> {
        let entity = HeaderValue::from_str(entity)
            .map_err(|_| Error::new(ErrorKind::InvalidInput, "this entity cannot stand in a header"))?;
        Ok(Self { entity: Some(entity), ..self.clone() })
    }

    /// Starts a GET of a path below the connector's base URL, or of a whole URL of an allowed host.
    pub fn get(&self, target: impl IntoTarget) -> RequestBuilder<'_> {
        self.request(Method::GET, target)
    }

    /// Starts a POST.
    pub fn post(&self, target: impl IntoTarget) -> RequestBuilder<'_> {
        self.request(Method::POST, target)
    }

    /// Starts a PUT.
    pub fn put(&self, target: impl IntoTarget) -> RequestBuilder<'_> {
        self.request(Method::PUT, target)
    }

    /// Starts a PATCH.
    pub fn patch(&self, target: impl IntoTarget) -> RequestBuilder<'_> {
        self.request(Method::PATCH, target)
    }

    /// Starts a DELETE.
    pub fn delete(&self, target: impl IntoTarget) -> RequestBuilder<'_> {
        self.request(Method::DELETE, target)
    }

    /// Starts a request.
    pub fn request(&self, method: Method, target: impl IntoTarget) -> RequestBuilder<'_> {
        RequestBuilder::new(self, method, target)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id())
            .field("tenant", &self.tenant())
            .field("connector", &self.connector())
            .field("label", &self.label())
            .finish_non_exhaustive()
    }
}
