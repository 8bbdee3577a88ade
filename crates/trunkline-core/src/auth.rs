//! One way to hold a grant.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Account, Begun, Captures, Clock, ConsentAnswer, ConsentAsk, ConsentKind, Credential, Error, Grant,
    InputSpec, Inputs, Poll, Prepared, Request, Secret, Transport,
};

/// What a provider's calls are made with.
///
/// For an [`AuthProvider`] the transport is the one for token endpoints: a fresh connection per
/// request, one attempt.
#[derive(Debug, Clone)]
pub struct Cx {
    connector: Arc<str>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl Cx {
    /// Bundles the three.
    #[must_use]
    pub fn new(connector: impl Into<Arc<str>>, transport: Arc<dyn Transport>, clock: Arc<dyn Clock>) -> Self {
        Self { connector: connector.into(), transport, clock }
    }

    /// The name of the connector.
    #[must_use]
    pub fn connector(&self) -> &str {
        &self.connector
    }

    /// The network.
    #[must_use]
    pub fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// The time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The time, for a [`Session`](crate::Session) that outlives the call.
    #[must_use]
    pub fn shared_clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

/// What is held of a grant when it is to be renewed or revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// The secrets.
    pub credential: Credential,
    /// What belongs to the connection.
    pub captures: Captures,
    /// What the application or the tenant gave.
    pub inputs: Inputs,
}

/// What a service does when a refresh token that was already spent comes again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Reuse {
    /// It revokes the whole grant. Assumed of services that do not say.
    #[default]
    KillsFamily,
    /// It refuses, and the newest token still serves.
    RejectSoft,
    /// It accepts the previous token for a while after it was spent.
    Grace {
        /// How long.
        window: Duration,
    },
}

/// What revoking a token at the service ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum RevokeScope {
    /// That token.
    Token,
    /// The grant it came from.
    #[default]
    Grant,
    /// Every grant of the same account, other connections' too.
    AccountPool,
}

/// What a new consent for an account does to the grants that the same account gave before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum NewConsent {
    /// They live on.
    #[default]
    Coexists,
    /// They end, or have been seen to end.
    EndsEarlier,
}

/// How a grant is kept alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefreshPolicy {
    /// How long before its end an access token is renewed in the background; at most a tenth of
    /// its life, so that short tokens are used at all. Default 60 s.
    pub margin: Duration,
    /// What an access token lives when the service does not say. Default: it has no end.
    pub default_lifetime: Option<Duration>,
    /// What a spent refresh token does. Default: it kills the grant.
    pub reuse: Reuse,
    /// What revoking ends. Default: the grant.
    pub revoke_scope: RevokeScope,
    /// What a new consent for the same account does. Default: nothing.
    pub new_consent: NewConsent,
    /// How long a refresh token lives if it is not used, where the service does not say so in its answers:
    /// a grant that nobody uses is renewed in time. Default: it has no end.
    pub idle_limit: Option<Duration>,
}

impl Default for RefreshPolicy {
    fn default() -> Self {
        Self {
            margin: Duration::from_secs(60),
            default_lifetime: None,
            reuse: Reuse::default(),
            revoke_scope: RevokeScope::default(),
            new_consent: NewConsent::default(),
            idle_limit: None,
        }
    }
}

/// What became of a revocation at the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Revoked {
    /// The service confirmed it (RFC 7009: also for a token it no longer knew).
    Done,
    /// The service has no way to revoke this.
    NotSupported,
}

/// One way to hold a grant: how it is asked for, renewed, carried and revoked.
///
/// # Contract
///
/// A provider never caches, stores, locks, retries or sleeps: the keeper does, so that no provider
/// can get it wrong. Each method sends at most one request; `revoke` may send a second one, for another
/// token, when the service says that it cannot revoke the first (RFC 7009, 2.2.1). Every failure is an [`Error`] with a
/// [`Diagnosis`](crate::Diagnosis), whose cause tells the keeper what it may conclude
/// ([`Verdict`](crate::Verdict)): in doubt [`Cause::RefreshOutcomeUnknown`](crate::Cause), never a dead grant.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait AuthProvider: fmt::Debug + Send + Sync {
    /// The name under which a record remembers that it was made this way.
    fn method(&self) -> &'static str;

    /// The shape of its consent.
    fn consent(&self) -> ConsentKind;

    /// What must be known before a connection can be made.
    fn inputs(&self) -> Vec<InputSpec> {
        Vec::new()
    }

    /// How its grants are kept alive.
    fn policy(&self) -> RefreshPolicy {
        RefreshPolicy::default()
    }

    /// The account that these inputs name, as far as that is known before anybody is asked: a user name that the
    /// application gives, for instance. `None` where only the service can say. Nothing is asked for it.
    fn account(&self, inputs: &Inputs) -> Option<Account> {
        let _ = inputs;
        None
    }

    /// A text that changes whenever the application's client does: its id with its secret, for instance. From a
    /// digest of it, the hub knows whose fault a refused client is. `None` where there is no such client.
    fn client_identity(&self) -> Option<Secret> {
        None
    }

    /// Starts a consent. Not called for an unattended one.
    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error>;

    /// Turns the answer into a grant.
    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error>;

    /// Asks once whether a [device consent](ConsentKind::Device) was approved. The hub waits between two polls,
    /// and decides how long.
    ///
    /// An error ends the consent, but for these: a service that cannot be reached or is overloaded is asked
    /// again, and so is one whose answer was lost ([`Cause::ConsentOutcomeUnknown`](crate::Cause)), ever more
    /// slowly. Default: what [`complete`](Self::complete) says.
    async fn poll(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Poll, Error> {
        Ok(Poll::Granted(Box::new(self.complete(cx, answer).await?)))
    }

    /// Renews the access token. Spends `held`'s refresh token, where there is one.
    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error>;

    /// Ends the grant at the service.
    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error>;

    /// Makes what requests carry, once per generation.
    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error>;

    /// Signs one request, where the scheme needs it; called after the prepared headers are in place, each time that a
    /// request is sent. What it signs with is [private](Prepared::private); `clock` is for schemes that state the time.
    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        let _ = (request, prepared, clock);
        Ok(())
    }
}

const _: fn(&dyn AuthProvider) = |_| {};
