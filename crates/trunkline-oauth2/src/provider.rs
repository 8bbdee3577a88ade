//! The ways to hold a grant, over whatever endpoints are known at the moment.

use std::sync::Arc;

use trunkline_auth::oauth2;
use trunkline_core::{
    AuthProvider, Begun, Cause, ConsentAnswer, ConsentAsk, ConsentKind, Credential, Cx, Diagnosis, Error,
    Grant, Held, Poll, Prepared, RefreshPolicy, Revoked, Secret, async_trait,
};

use crate::choices::GrantType;
use crate::server::Server;
use crate::service::Service;

/// The capture that says that a grant is the application's own.
pub(crate) const CAPTURE_GRANT_TYPE: &str = "grant_type";

/// One way to hold a grant.
#[derive(Debug)]
pub(crate) struct Provider {
    service: Arc<Service>,
    grant_type: GrantType,
}

impl Provider {
    pub(crate) fn new(service: Arc<Service>, grant_type: GrantType) -> Self {
        Self { service, grant_type }
    }

    /// The same way, at the service as it is known.
    fn inner<'a>(&self, server: &'a Server) -> Result<&'a dyn AuthProvider, Error> {
        let inner = match self.grant_type {
            GrantType::AuthorizationCode => {
                server.authorization_code.as_ref().map(|it| it as &dyn AuthProvider)
            }
            GrantType::DeviceCode => server.device_code.as_ref().map(|it| it as &dyn AuthProvider),
            GrantType::ClientCredentials => {
                server.client_credentials.as_ref().map(|it| it as &dyn AuthProvider)
            }
        };
        inner.ok_or_else(|| Error::of(Cause::ConfigurationInvalid))
    }
}

#[async_trait]
impl AuthProvider for Provider {
    fn method(&self) -> &'static str {
        self.grant_type.name()
    }

    fn consent(&self) -> ConsentKind {
        match self.grant_type {
            GrantType::AuthorizationCode => ConsentKind::Redirect,
            GrantType::DeviceCode => ConsentKind::Device,
            GrantType::ClientCredentials => ConsentKind::Unattended,
        }
    }

    fn policy(&self) -> RefreshPolicy {
        match self.grant_type {
            GrantType::AuthorizationCode | GrantType::DeviceCode => self.service.config.policy(),
            GrantType::ClientCredentials => self.service.config.credentials_policy(),
        }
    }

    fn client_identity(&self) -> Option<Secret> {
        // Known before the service is: what a service publishes makes no other client.
        let config = &self.service.config;
        let key = || {
            let pem = config.private_key.as_ref()?;
            Some(Secret::new(format!("{} {}", config.key_id.as_deref().unwrap_or_default(), pem.expose())))
        };
        let proof = config.client_secret.clone().or_else(key);
        Some(oauth2::Client::new(&config.client_id, proof).identity())
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let server = self.service.server()?;
        self.inner(&server)?.begin(cx, ask).await
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let server = self.service.server()?;
        let mut grant = self.inner(&server)?.complete(cx, answer).await?;
        if self.grant_type == GrantType::ClientCredentials {
            grant.captures.insert(CAPTURE_GRANT_TYPE, self.method());
        }
        Ok(grant)
    }

    async fn poll(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Poll, Error> {
        let server = self.service.server()?;
        self.inner(&server)?.poll(cx, answer).await
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let server = self.service.server()?;
        self.inner(&server)?.refresh(cx, held).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        let server = self.service.server()?;
        self.inner(&server)?.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        oauth2::bearer(credential)
    }
}

/// An answer of the service that makes no sense.
pub(crate) fn nonsense(why: &'static str) -> Error {
    Diagnosis::new(Cause::ResponseInvalid).message(why).into()
}
