//! One service.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};

use crate::permission::PermissionMap;
use crate::{Account, AuthProvider, Captures, Cx, Diagnosis, Endpoint, Error, Grant, Inputs, Session};

/// Static facts about a provider, listed without building anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectorInfo {
    /// The service's name as people know it.
    pub title: &'static str,
    /// Where the service documents the API that the provider uses.
    pub docs: &'static str,
    /// The ways to hold a grant, the default first.
    pub methods: &'static [&'static str],
}

/// Which call an exchange belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Call {
    /// A request to the service's API.
    Api,
    /// A refused authorization response. Its body is the callback's query, form-encoded, without the state;
    /// its status is 302.
    Authorize,
    /// The exchange of a code, or of inputs, for a grant.
    Exchange,
    /// A renewal.
    Refresh,
    /// A revocation.
    Revoke,
}

/// What became of a probe that was not refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Probe {
    /// The service took the access token.
    Alive,
    /// The service has no call that proves it: only a renewal does.
    NotSupported,
}

/// A failed exchange, for [`Connector::diagnose`]. Borrowed: nothing of it is kept.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// Which call.
    pub call: Call,
    /// The request's method.
    pub method: &'a Method,
    /// The request's path, without its query.
    pub path: &'a str,
    /// The status. Services lie with it: read the body first.
    pub status: StatusCode,
    /// The response's headers.
    pub headers: &'a HeaderMap,
    /// The start of the response's body, at most 64 KiB.
    pub body: &'a [u8],
}

impl fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Exchange({:?} {} {} {})", self.call, self.method, self.path, self.status)
    }
}

/// One service, as the hub sees it.
///
/// # Contract
///
/// A connector never caches, stores, locks, retries or sleeps. It sends through the [`Session`] it
/// is given, which lets the credential go to the endpoint's hosts only. The one exception is what a service
/// publishes about itself: see [`ready`](Self::ready).
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Connector: fmt::Debug + Send + Sync {
    /// Static facts.
    fn info(&self) -> &'static ConnectorInfo;

    /// Learns what must be known about the service before it can be asked for anything, such as a published
    /// list of its endpoints. The hub calls it before a consent, an exchange, a renewal and a revocation, never
    /// before a call; `cx` has the transport for APIs, so that a renewal itself stays one request.
    ///
    /// A connector may keep what it learns in memory, with a time limit, for all its connections: it is
    /// public and holds nothing of a grant. Default: there is nothing to learn.
    ///
    /// # Errors
    ///
    /// Whatever it says, no grant ends of it: the renewal or revocation is tried again later.
    ///
    /// # Cancel safety
    ///
    /// A dropped call leaves what was known before.
    async fn ready(&self, cx: &Cx) -> Result<(), Error> {
        let _ = cx;
        Ok(())
    }

    /// The way to hold a grant named `method`, or the configured default for `None`. A record
    /// remembers the method it was made with, so a method in use must stay available.
    #[expect(clippy::needless_lifetimes, reason = "mockall cannot mock an elided lifetime inside Option")]
    fn auth<'a>(&self, method: Option<&'a str>) -> Option<Arc<dyn AuthProvider>>;

    /// Where to ask for the captures that no token answer brings, such as the address of the tenant's API: with
    /// [`capture`](Self::capture), which may ask at this endpoint only. `None` once `captures` has them all.
    /// Default: there is nothing to ask for.
    ///
    /// # Errors
    ///
    /// The captures name a host that is not the service's.
    fn capture_endpoint(&self, captures: &Captures) -> Result<Option<Arc<Endpoint>>, Error> {
        let _ = captures;
        Ok(None)
    }

    /// Asks for the captures that [`capture_endpoint`](Self::capture_endpoint) misses, and answers with them.
    ///
    /// The hub calls it when a first grant is stored, before [`identify`](Self::identify), and stores the captures
    /// with the grant. Where that failed, or its process died, it calls it again, in any process, before the
    /// connection is used: asking must change nothing at the service. `inputs` is what was given at consent.
    ///
    /// # Errors
    ///
    /// [`Cause::InputMissing`](crate::Cause) where an input has to choose among several: the connection then needs
    /// a new consent, with that input. After any other error the grant lives, and is asked for its captures again.
    ///
    /// # Cancel safety
    ///
    /// A dropped call changes nothing.
    async fn capture(&self, cx: &Cx, session: &Session, inputs: &Inputs) -> Result<Captures, Error> {
        let _ = (cx, session, inputs);
        Ok(Captures::default())
    }

    /// Where the connection's requests go. Connections with the same endpoint should share one. The hub asks for
    /// it once [`capture_endpoint`](Self::capture_endpoint) misses nothing.
    ///
    /// # Errors
    ///
    /// The captures name a host that is not the service's.
    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error>;

    /// Asks the service who we are; proves with a real call that the grant works. `grant` carries
    /// what its tokens claim, as a hint.
    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error>;

    /// Asks the service, by one cheap request without side effects, whether the grant still serves. `Ok` only
    /// after an answer that a dead grant cannot get.
    ///
    /// # Errors
    ///
    /// What the service said. A cause that says [`Verdict::RenewAccessToken`](crate::Verdict) leads to one
    /// renewal, which decides; one that is transient says nothing about the grant.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        let _ = (cx, session);
        Ok(Probe::NotSupported)
    }

    /// Whether an answer of the API with this head may be a refusal, so that [`diagnose`](Self::diagnose) has to read
    /// it. Default: from the status 400 on, as HTTP says.
    ///
    /// For a service that refuses with 200: name its statuses and its media type, and leave downloads out. The hub
    /// reads the first 64 KiB of such an answer, for 10 s at most, before the caller has it. Of a status below 400,
    /// [`diagnose`](Self::diagnose) alone says whether it is a refusal.
    fn may_refuse(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let _ = headers;
        status.as_u16() >= 400
    }

    /// Reads a failed exchange, the body first and the status second. `None` means that the
    /// connector has nothing to add to the general rules; of a status below 400, that nothing failed.
    fn diagnose<'a>(&self, exchange: &Exchange<'a>) -> Option<Diagnosis>;

    /// What the connector knows about the service's permissions. Default: nothing, so that nothing can be
    /// checked.
    #[expect(clippy::needless_lifetimes, reason = "mockall cannot mock an elided lifetime inside Option")]
    fn permissions<'a>(&'a self) -> Option<&'a dyn PermissionMap> {
        None
    }
}

const _: fn(&dyn Connector) = |_| {};
