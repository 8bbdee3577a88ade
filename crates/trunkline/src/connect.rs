//! `connect(name)`: a live connection, or what is missing and who can fix it.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tracing::Instrument;
use trunkline_core::permission::Operation;
use trunkline_core::{
    Cause, ConnectionKey, ConsentKind, DEFAULT_LABEL, Diagnosis, Error, Inputs, ScopeSet, Secret, Verdict,
};
use trunkline_store::{Record, State};
use url::Url;

use crate::connection::Connection;
use crate::consent::{ConsentRequest, Exchange, Wish};
use crate::hub::Hub;
use crate::keeper::{self, Why};
use crate::live::{Entry, Mounted, Names};
use crate::rights;

/// The connections of one of the application's customers.
#[derive(Clone, Copy)]
pub struct Tenant<'a> {
    pub(crate) hub: &'a Arc<Hub>,
    pub(crate) name: &'a str,
}

impl<'a> Tenant<'a> {
    pub(crate) fn new(hub: &'a Arc<Hub>, name: &'a str) -> Self {
        Self { hub, name }
    }

    /// Asks for the connection through `connector`. Await what it returns, after setting what is to
    /// differ from the default.
    #[must_use = "nothing happens before it is awaited"]
    pub fn connect(self, connector: &'a str) -> ConnectBuilder<'a> {
        ConnectBuilder { tenant: self, connector, label: DEFAULT_LABEL, wish: None, inputs: None }
    }

    /// The connection that is stored under these names, whatever its state; `None` when there is none.
    /// Nothing is renewed and the service is not asked: what the connection then does may fail with its
    /// diagnosis.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotConfigured`](crate::ErrorKind), [`ErrorKind::InvalidInput`](crate::ErrorKind) for a
    /// name that cannot be one, [`ErrorKind::StoreFailed`](crate::ErrorKind).
    pub async fn find(self, connector: &str, label: &str) -> Result<Option<Connection>, Error> {
        let mounted = self.hub.mounted(connector)?;
        let key = ConnectionKey::new(self.name, connector, label)?;
        let opened = self.hub.vault.load(&key).await?;
        Ok(opened.map(|opened| {
            Connection::new(self.hub.clone(), self.hub.entry_or_insert(&opened.record, mounted))
        }))
    }

    /// The tenant's connections, by connector and label: at most `limit`, after the given pair of
    /// names. No secret is in them, and the service is not asked.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::StoreFailed`](crate::ErrorKind) when the store cannot be read.
    pub async fn connections(self, after: Option<(&str, &str)>, limit: u32) -> Result<Vec<Record>, Error> {
        Ok(self.hub.vault.list(self.name, after, limit).await?)
    }
}

impl fmt::Debug for Tenant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenant").field(&self.name).finish()
    }
}

/// What `connect` answers.
#[derive(Debug)]
#[non_exhaustive]
pub enum Connect {
    /// A connection whose token is valid.
    Ready(Connection),
    /// A person has to consent. Nothing is stored yet.
    NeedsConsent(ConsentRequest),
    /// Someone at the customer has to act; a new consent would not help.
    Suspended(Diagnosis),
}

/// A call of `connect` before it is awaited.
#[must_use = "nothing happens before it is awaited"]
pub struct ConnectBuilder<'a> {
    pub(crate) tenant: Tenant<'a>,
    pub(crate) connector: &'a str,
    pub(crate) label: &'a str,
    pub(crate) wish: Option<Box<Wish>>,
    pub(crate) inputs: Option<Box<Inputs>>,
}

impl<'a> ConnectBuilder<'a> {
    /// Which of the tenant's connections through this connector. Default `default`.
    pub fn label(mut self, label: &'a str) -> Self {
        self.label = label;
        self
    }

    /// Gives something that the connector declares it needs, such as a user name.
    pub fn input(mut self, name: &str, value: impl Into<String>) -> Self {
        self.inputs.get_or_insert_default().insert(name, Secret::new(value));
        self
    }

    /// Asks for scopes beyond the connector's own, if consent is needed.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        let wish = self.wish.get_or_insert_default();
        wish.scopes = wish.scopes.union(&scopes.into_iter().collect::<ScopeSet>());
        self
    }

    /// What the connection has to be allowed to do. A consent asks for the scopes that it needs; a connection
    /// that was not granted them answers [`Connect::NeedsConsent`] with [`Cause::ScopeMissing`]. What else is
    /// missing is an error of the kind [`ErrorKind::PermissionDenied`](crate::ErrorKind), as of
    /// [`Connection::require`]: no consent would help, and the connection is there for whoever asks for less.
    pub fn require(mut self, operations: impl IntoIterator<Item = Operation>) -> Self {
        self.wish.get_or_insert_default().require.extend(operations);
        self
    }

    /// Holds the grant in another way than the connector's default, if consent is needed.
    pub fn method(mut self, method: &str) -> Self {
        self.wish.get_or_insert_default().method = Some(method.to_owned());
        self
    }

    /// Where the user goes after the consent. It must be of an origin that the settings allow.
    pub fn return_to(mut self, url: Url) -> Self {
        self.wish.get_or_insert_default().return_to = Some(url);
        self
    }

    /// Asks for the answer at this port of the loopback address that is the connector's redirect URI,
    /// for a program that listens there itself (RFC 8252, 7.3). The service must accept any port there.
    pub fn loopback_port(mut self, port: u16) -> Self {
        self.wish.get_or_insert_default().loopback_port = Some(port);
        self
    }

    /// Lets the consent of another account than the pinned one take the connection over.
    pub fn replace_account(mut self) -> Self {
        self.wish.get_or_insert_default().replace_account = true;
        self
    }
}

impl fmt::Debug for ConnectBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectBuilder")
            .field("tenant", &self.tenant.name)
            .field("connector", &self.connector)
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for ConnectBuilder<'_> {
    type Output = Result<Connect, Error>;
    type IntoFuture = Connecting;

    // The look-up happens here, so that a connection in memory costs no allocation and the future
    // borrows nothing.
    fn into_future(self) -> Connecting {
        let Self { tenant, connector, label, wish, inputs } = self;
        if let Some(entry) = tenant.hub.entry(Names { tenant: tenant.name, connector, label }) {
            let connection = Connection::new(tenant.hub.clone(), entry);
            let asks_more = wish.as_ref().is_some_and(|wish| !wish.require.is_empty());
            if !asks_more && connection.token_now().is_some() {
                return Connecting(Inner::Now(Some(connection)));
            }
        }
        let later = Later {
            hub: tenant.hub.clone(),
            tenant: tenant.name.to_owned(),
            connector: connector.to_owned(),
            label: label.to_owned(),
            wish: wish.map(|wish| *wish).unwrap_or_default(),
            inputs: inputs.map(|inputs| *inputs).unwrap_or_default(),
        };
        let span =
            tracing::info_span!(target: "trunkline", "connect", connector, tenant = tenant.name, label);
        Connecting(Inner::Later(Box::pin(later.run().instrument(span))))
    }
}

/// The future of `connect`.
///
/// # Cancel safety
///
/// Dropping it loses nothing: renewals and exchanges it started go on and are stored.
pub struct Connecting(Inner);

enum Inner {
    Now(Option<Connection>),
    Later(Pin<Box<dyn Future<Output = Result<Connect, Error>> + Send>>),
}

impl Future for Connecting {
    type Output = Result<Connect, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Now(connection) => match connection.take() {
                Some(connection) => Poll::Ready(Ok(Connect::Ready(connection))),
                None => Poll::Pending,
            },
            Inner::Later(later) => later.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for Connecting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Inner::Now(_) => "Connecting(now)",
            Inner::Later(_) => "Connecting(later)",
        })
    }
}

/// Whether its token is valid now: then neither the store nor the service is asked.
fn serves(hub: &Arc<Hub>, entry: &Arc<Entry>) -> bool {
    Connection::new(hub.clone(), entry.clone()).token_now().is_some()
}

/// Whether a failed renewal leaves the connection as it was. A connection that is not there, or is lost, is
/// looked up by its names: another may have taken its place.
fn is_passing(error: &Error) -> bool {
    error.cause().is_none_or(|cause| {
        !matches!(cause.verdict(), Verdict::GrantDead | Verdict::Suspended)
            && !matches!(cause, Cause::Disconnected | Cause::ConsentMissing | Cause::InputMissing)
    })
}

/// `connect` for a connection that is not in memory with a valid token, or has to be allowed something.
#[derive(Clone)]
struct Later {
    hub: Arc<Hub>,
    tenant: String,
    connector: String,
    label: String,
    wish: Wish,
    inputs: Inputs,
}

impl Later {
    async fn run(mut self) -> Result<Connect, Error> {
        let mounted = self.hub.mounted(&self.connector)?.clone();
        let operations = std::mem::take(&mut self.wish.require);
        if operations.is_empty() {
            return self.connect(&mounted).await;
        }
        self.wish.scopes = self.wish.scopes.union(&rights::scopes_of(&mounted, &operations)?);
        let asks = self.clone();
        match self.connect(&mounted).await? {
            Connect::Ready(connection) => asks.check(&mounted, connection, &operations).await,
            other => Ok(other),
        }
    }

    /// A connection that may do what is required, or what keeps it from that.
    async fn check(
        self,
        mounted: &Arc<Mounted>,
        connection: Connection,
        operations: &[Operation],
    ) -> Result<Connect, Error> {
        let report = connection.check(operations).await?;
        // Only a person can grant what was not asked for, or was not granted.
        if report.rows.iter().any(|row| row.granted == Some(false)) {
            let record = connection.record().await?;
            if mounted.auth(Some(&record.method))?.consent() != ConsentKind::Unattended {
                let why = Diagnosis::new(Cause::ScopeMissing).lacking(report.difference().missing);
                return self.ask(mounted, record.key, Some(why), Some(record.method)).await;
            }
        }
        report.require().map(drop)?;
        Ok(Connect::Ready(connection))
    }

    async fn connect(self, mounted: &Arc<Mounted>) -> Result<Connect, Error> {
        let key = ConnectionKey::new(&self.tenant, &self.connector, &self.label)?;
        let names = Names { tenant: &self.tenant, connector: &self.connector, label: &self.label };
        // Where it is in memory, the renewal reads the row, once for all who wait.
        let tried = match self.hub.entry(names) {
            Some(entry) if serves(&self.hub, &entry) => {
                return Ok(Connect::Ready(Connection::new(self.hub, entry)));
            }
            Some(entry) => match keeper::renew(&self.hub, &entry, Why::Expired).await {
                Ok(_) => return Ok(Connect::Ready(Connection::new(self.hub, entry))),
                Err(error) if is_passing(&error) => return Err(error),
                Err(error) => Some((entry.id, error)),
            },
            None => None,
        };
        let Some(opened) = self.hub.vault.load(&key).await? else {
            return self.ask(mounted, key, None, None).await;
        };
        let record = &opened.record;
        match (record.status().state(), record.status().diagnosis()) {
            (State::Suspended, Some(why)) => return Ok(Connect::Suspended(self.looked_at(record, why))),
            (State::NeedsConsent | State::Disconnected, why) => {
                let (why, method) = (why.cloned(), record.method.clone());
                return self.ask(mounted, key, why, Some(method)).await;
            }
            (State::Active | State::Degraded, _) | (State::Suspended, None) => {}
        }
        let entry = self.hub.entry_or_insert(record, mounted);
        if keeper::adopt(&self.hub, &entry, &opened)?.is_none() {
            let failed = match tried {
                // The service was asked, or must not be: it is not asked twice for one call.
                Some((id, error)) if id == entry.id => Some(error),
                _ => keeper::renew(&self.hub, &entry, Why::Expired).await.err(),
            };
            if let Some(error) = failed {
                return self.refused(mounted, key, opened.record, error).await;
            }
        }
        Ok(Connect::Ready(Connection::new(self.hub, entry)))
    }

    /// What a renewal that failed means for the caller.
    async fn refused(
        self,
        mounted: &Arc<Mounted>,
        key: ConnectionKey,
        record: Record,
        error: Error,
    ) -> Result<Connect, Error> {
        match error.diagnosis().cloned() {
            Some(why) if why.cause().verdict() == Verdict::Suspended => Ok(Connect::Suspended(why)),
            Some(why) if !is_passing(&error) => self.ask(mounted, key, Some(why), Some(record.method)).await,
            _ => Err(error),
        }
    }

    /// When somebody looks whether a suspension is over, if that is known.
    fn looked_at(&self, record: &Record, why: &Diagnosis) -> Diagnosis {
        let now = self.hub.clock.wall();
        let next = [record.probe_at, record.due_at].into_iter().flatten().min();
        let wait = next.and_then(|at| Duration::try_from(at.duration_since(now)).ok());
        match wait {
            Some(wait) => why.clone().retry_after(wait),
            None => why.clone(),
        }
    }

    /// Completes by itself where nobody has to be asked; else says what is to be asked for.
    async fn ask(
        mut self,
        mounted: &Arc<Mounted>,
        key: ConnectionKey,
        diagnosis: Option<Diagnosis>,
        method: Option<String>,
    ) -> Result<Connect, Error> {
        self.wish.method = self.wish.method.or(method);
        let auth = mounted.auth(self.wish.method.as_deref())?;
        let given = |name: &str| self.inputs.get(name).is_some_and(|value| !value.is_empty());
        let complete = auth.inputs().iter().all(|input| input.optional || given(input.name));
        if auth.consent() == ConsentKind::Unattended && complete {
            // One at a time: each minted token may end the one before, as Sage Intacct's do.
            let hub = self.hub.clone();
            let _turn = hub.unattended_turn(&key).await;
            if let Some(opened) = self.hub.vault.load(&key).await? {
                let entry = self.hub.entry_or_insert(&opened.record, mounted);
                if keeper::adopt(&self.hub, &entry, &opened)?.is_some() {
                    return Ok(Connect::Ready(Connection::new(self.hub, entry)));
                }
            }
            let exchange = Exchange::unattended(key, auth.method(), self.inputs, self.wish);
            let connection = exchange.run_to_end(&self.hub, mounted).await?;
            return Ok(Connect::Ready(connection));
        }
        Ok(Connect::NeedsConsent(ConsentRequest::new(
            self.hub,
            mounted.clone(),
            auth,
            key,
            self.inputs,
            self.wish,
            diagnosis,
        )))
    }
}
