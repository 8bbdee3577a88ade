//! Consent, from the step a person takes to the stored grant.

mod at_risk;
mod device;
mod exchange;
mod kept;
mod take;
mod turn;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use trunkline_core::permission::Operation;
use trunkline_core::{
    AuthProvider, Begun, Cause, ConnectionKey, ConsentAsk, ConsentKind, ConsentStep, Diagnosis, Error,
    ErrorKind, InputSpec, Inputs, ScopeSet, Secret,
};
use trunkline_store::PendingConsent;
use url::Url;

use crate::hub::{Hub, random_token};
use crate::keeper::{Client, breaker};
use crate::live::Mounted;

pub use at_risk::AtRisk;
pub(crate) use exchange::Exchange;
pub use take::Completed;

/// How long a person has, from `begin` to the callback.
const CONSENT_TIME: Duration = Duration::from_secs(15 * 60);

/// How long after its time a consent is kept, so that a late callback is told `consent_expired`.
const TOMBSTONE_TIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How the caller wants a consent to differ from the connector's default.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    pub(crate) scopes: ScopeSet,
    pub(crate) require: Vec<Operation>,
    pub(crate) method: Option<String>,
    pub(crate) return_to: Option<Url>,
    pub(crate) replace_account: bool,
    pub(crate) loopback_port: Option<u16>,
}

/// The browser session that starts a consent and must be the one that finishes it.
///
/// Make it of something that only this browser and the application know, such as the value of the
/// session cookie. Only its digest is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct BrowserSession(Secret);

impl BrowserSession {
    /// Takes the session's secret.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when it has fewer than 16 bytes: it must not be guessable.
    pub fn new(secret: impl Into<String>) -> Result<Self, Error> {
        let secret = Secret::new(secret);
        if secret.expose().len() < 16 {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a browser session's secret has at least 16 bytes",
            ));
        }
        Ok(Self(secret))
    }

    /// A random session, for a program that is its own browser: a test, a command line.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when the operating system gives no random bytes.
    pub fn random() -> Result<Self, Error> {
        random_token().map(Self)
    }
}

impl fmt::Debug for BrowserSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BrowserSession([redacted])")
    }
}

/// A consent that a person has to give. Nothing is stored before [`begin`](Self::begin).
pub struct ConsentRequest(Box<Asked>);

struct Asked {
    hub: Arc<Hub>,
    mounted: Arc<Mounted>,
    auth: Arc<dyn AuthProvider>,
    key: ConnectionKey,
    inputs: Inputs,
    wish: Wish,
    diagnosis: Option<Diagnosis>,
}

impl ConsentRequest {
    pub(crate) fn new(
        hub: Arc<Hub>,
        mounted: Arc<Mounted>,
        auth: Arc<dyn AuthProvider>,
        key: ConnectionKey,
        inputs: Inputs,
        wish: Wish,
        diagnosis: Option<Diagnosis>,
    ) -> Self {
        Self(Box::new(Asked { hub, mounted, auth, key, inputs, wish, diagnosis }))
    }

    /// Why the connection that was there no longer serves; `None` when there was none.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.0.diagnosis.as_ref()
    }

    /// What the connector needs to know and was not given: optional inputs only where the connection that was
    /// there lacks one.
    #[must_use]
    pub fn missing_inputs(&self) -> Vec<InputSpec> {
        let given = |name: &str| self.0.inputs.get(name).is_some_and(|value| !value.is_empty());
        let lacks = |why: &Diagnosis| why.cause() == Cause::InputMissing;
        let all = self.0.diagnosis.as_ref().is_some_and(lacks);
        let inputs = self.0.auth.inputs().into_iter();
        inputs.filter(|input| (all || !input.optional) && !given(input.name)).collect()
    }

    /// Starts the consent for one browser session and answers with the step to show: valid for
    /// 15 minutes, or as long as the service says of a code to be entered, an hour at most; once.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] when `return_to` is of an origin that the settings do not allow;
    /// [`ErrorKind::ClientBroken`] while the service refuses the application's own client, with the time of the
    /// next look.
    pub async fn begin(&self, browser: &BrowserSession) -> Result<ConsentStep, Error> {
        if let Some(url) = &self.0.wish.return_to
            && !self.0.hub.return_to.iter().any(|allowed| allowed.origin() == url.origin())
        {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "users may not return to this origin after a consent",
            )
            .hint("Add its origin to `return_to` under [consent] in the settings."));
        }
        // Nobody is sent to approve what could not be completed.
        breaker::check(&self.0.hub, &Client::of(&self.0.mounted, &*self.0.auth)).await?;
        let kind = self.0.auth.consent();
        let state = match kind {
            ConsentKind::Device => device::state()?,
            _ => random_token()?,
        };
        let begun = match kind {
            ConsentKind::Unattended => Begun {
                step: ConsentStep::Form { state: state.clone(), inputs: self.missing_inputs() },
                pending: Default::default(),
                requested: self.0.wish.scopes.clone(),
            },
            _ => {
                let ask = ConsentAsk {
                    state: state.clone(),
                    scopes: self.0.wish.scopes.clone(),
                    inputs: self.0.inputs.clone(),
                    loopback_port: self.0.wish.loopback_port,
                };
                self.0.hub.ready(&self.0.mounted).await?;
                self.0.auth.begin(&self.0.hub.token_cx(&self.0.mounted), &ask).await?
            }
        };
        let Begun { mut step, mut pending, requested } = begun;
        let now = self.0.hub.clock.wall();
        let expires_at = match kind {
            ConsentKind::Device => device::begun(&mut step, &mut pending, now)?,
            _ => now + CONSENT_TIME,
        };
        let consent = PendingConsent {
            key: self.0.key.clone(),
            method: self.0.auth.method().to_owned(),
            browser: browser.0.clone(),
            inputs: self.0.inputs.clone(),
            pending,
            requested,
            return_to: self.0.wish.return_to.clone(),
            replace_account: self.0.wish.replace_account,
            granted: None,
            expires_at,
        };
        self.0.hub.vault.begin_consent(&state, &consent).await?;
        tracing::info!(target: "trunkline", connector = %self.0.key.connector(), tenant = %self.0.key.tenant(), "consent started");
        // A consent is what makes the table grow, so a consent is what clears it.
        if let Err(error) = self.0.hub.vault.purge_consents(self.0.hub.clock.wall() - TOMBSTONE_TIME).await {
            tracing::warn!(target: "trunkline", error = %error, "old consents could not be deleted");
        }
        Ok(step)
    }
}

impl fmt::Debug for ConsentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsentRequest")
            .field("key", &self.0.key)
            .field("diagnosis", &self.0.diagnosis)
            .finish_non_exhaustive()
    }
}
