//! The service: where it answers, who we are there, and what its refusals mean.

use std::sync::Arc;

use trunkline_core::http::{Method, StatusCode};
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis,
    Endpoint, Error, Exchange, Grant, Request, Session, async_trait,
};

use crate::{AcmeConfig, ApiKey};

/// Longest answer to "who am I", in bytes.
const MAX_ANSWER_BYTES: usize = 4 * 1024;

/// Acme, as the hub sees it.
#[derive(Debug)]
pub struct Acme {
    endpoint: Arc<Endpoint>,
    auth: Arc<dyn AuthProvider>,
}

impl Acme {
    /// The connector whose requests go to `endpoint`.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint: Arc::new(endpoint), auth: Arc::new(ApiKey) }
    }
}

#[async_trait]
impl Connector for Acme {
    fn info(&self) -> &'static ConnectorInfo {
        &AcmeConfig::INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        method.is_none_or(|method| method == ApiKey::METHOD).then(|| Arc::clone(&self.auth))
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(Arc::clone(&self.endpoint))
    }

    /// Acme answers `GET /whoami` with `user@company`, as plain text.
    async fn identify(&self, _: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let (method, path) = (Method::GET, "/whoami");
        let request = Request::new(method.clone(), session.endpoint().join(path)?);
        let (head, body) = session.send(request).await?.into_parts();
        let body = body
            .collect(MAX_ANSWER_BYTES)
            .await
            .map_err(|error| Error::of(Cause::ResponseInvalid).caused_by(error))?;
        if !head.status.is_success() {
            let status = head.status;
            let exchange = Exchange {
                call: Call::Api,
                method: &method,
                path,
                status,
                headers: &head.headers,
                body: &body,
            };
            let diagnosis = self.diagnose(&exchange);
            return Err(diagnosis
                .unwrap_or_else(|| Diagnosis::new(Cause::ServiceUnavailable).status(status))
                .into());
        }
        let answer = std::str::from_utf8(&body).ok().and_then(|text| text.trim().split_once('@'));
        let (user, company) = answer.ok_or_else(|| Error::of(Cause::ResponseInvalid))?;
        Ok(Account::new(company, user))
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        let cause = match (exchange.body, exchange.status) {
            (b"user disabled", _) => Cause::UserDisabled,
            (_, StatusCode::UNAUTHORIZED) => Cause::UserCredentialsInvalid,
            _ => return None,
        };
        Some(Diagnosis::new(cause).status(exchange.status))
    }
}
