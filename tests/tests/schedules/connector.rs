//! A connector with as little to it as can be: a schedule makes and drops several hubs.

use std::sync::Arc;

use serde::Deserialize;
use trunkline::{Account, Diagnosis, Error, InputSpec};
use trunkline_core::http::Method;
use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, BuildConnector, Captures, Cause, Connector, ConnectorInfo, ConsentAnswer,
    ConsentAsk, ConsentKind, Credential, Cx, Endpoint, Exchange, Grant, Held, Prepared, RefreshPolicy,
    Request, RequestBody, Reuse, Revoked, Secret, Session, TransportError, async_trait, register_connector,
};

use super::service::{GRACE, LIFE};

/// The one connector, and its URL, built once.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Light {
    reuse: u8,
}

/// The policies that a schedule may have, by number.
pub(crate) const POLICIES: [Reuse; 3] =
    [Reuse::KillsFamily, Reuse::RejectSoft, Reuse::Grace { window: GRACE }];

impl Light {
    pub(crate) fn of(policy: usize) -> Self {
        Self { reuse: u8::try_from(policy).unwrap() }
    }
}

impl BuildConnector for Light {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Light", docs: "", methods: &["light"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let url: Url = "https://api.light.test/token".parse().unwrap();
        let mut policy = RefreshPolicy::default();
        policy.reuse = POLICIES[usize::from(self.reuse)];
        let endpoint = Arc::new(Endpoint::new(url.clone())?);
        Ok(Arc::new(Lit { auth: Arc::new(LightAuth { url, policy }), endpoint }))
    }
}

register_connector!("light", Light);

#[derive(Debug)]
struct Lit {
    auth: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
}

#[async_trait]
impl Connector for Lit {
    fn info(&self) -> &'static ConnectorInfo {
        &Light::INFO
    }

    fn auth(&self, _: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        Some(self.auth.clone())
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    async fn identify(&self, _: &Cx, _: &Session, _: &Grant) -> Result<Account, Error> {
        Err(Error::of(Cause::ServiceUnavailable))
    }

    fn diagnose(&self, _: &Exchange<'_>) -> Option<Diagnosis> {
        None
    }
}

/// Spends the refresh token `r-7` and reads the number of the next from the answer.
#[derive(Debug)]
struct LightAuth {
    url: Url,
    policy: RefreshPolicy,
}

#[async_trait]
impl AuthProvider for LightAuth {
    fn method(&self) -> &'static str {
        "light"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Unattended
    }

    /// Never given, so that no connection is ever made anew by itself.
    fn inputs(&self) -> Vec<InputSpec> {
        vec![InputSpec::new("input", "", "")]
    }

    fn policy(&self) -> RefreshPolicy {
        self.policy
    }

    async fn begin(&self, _: &Cx, _: &ConsentAsk) -> Result<Begun, Error> {
        Err(Error::of(Cause::ConsentMissing))
    }

    async fn complete(&self, _: &Cx, _: &ConsentAnswer) -> Result<Grant, Error> {
        Err(Error::of(Cause::ConsentMissing))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let token = held.credential.refresh_token.as_ref().unwrap().expose().to_owned();
        let mut request = Request::new(Method::POST, self.url.clone());
        request.body = RequestBody::Bytes(token.into());
        let started = cx.clock().wall();
        let response = cx.transport().send(request).await.map_err(|error| match error {
            TransportError::NotSent(_) => Error::of(Cause::ServiceUnreachable),
            TransportError::Unknown(_) => Error::of(Cause::RefreshOutcomeUnknown),
        })?;
        match response.status().as_u16() {
            200 => {
                let body = response.into_body().collect(100).await.unwrap();
                let number = std::str::from_utf8(&body).ok().and_then(|text| text.parse().ok());
                let number: u64 = number.ok_or_else(|| Error::of(Cause::RefreshOutcomeUnknown))?;
                Ok(Grant { credential: credential(number, started), ..Grant::default() })
            }
            400 => Err(Error::of(Cause::GrantRevoked)),
            _ => Err(Error::of(Cause::ServiceUnavailable)),
        }
    }

    async fn revoke(&self, _: &Cx, _: &Held) -> Result<Revoked, Error> {
        Ok(Revoked::NotSupported)
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        Ok(Prepared::authorization("Bearer", credential.access_token.as_ref().unwrap()).unwrap())
    }
}

/// The tokens of this number. Their end tells the number too, by its microseconds: so a test reads from a
/// row, which is sealed, what is stored.
pub(crate) fn credential(number: u64, issued: Timestamp) -> Credential {
    let micros = SignedDuration::from_micros(i64::try_from(number).unwrap());
    let end = issued.checked_add(LIFE).unwrap().checked_add(micros).unwrap();
    Credential {
        access_token: Some(Secret::new(format!("a-{number}"))),
        refresh_token: Some(Secret::new(format!("r-{number}"))),
        issued_at: Some(issued),
        access_expires_at: Some(end),
        ..Credential::default()
    }
}

/// The number of the tokens that a record holds.
pub(crate) fn number_of(record: &trunkline::Record) -> u64 {
    let micros = record.access_expires_at.unwrap().subsec_nanosecond() / 1_000 % 1_000;
    u64::try_from(micros).unwrap()
}
