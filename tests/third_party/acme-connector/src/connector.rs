//! The service: where it answers, who we are there, and what its refusals mean.

use std::sync::Arc;
use std::time::Duration;

use trunkline_core::http::header::RETRY_AFTER;
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
            return Err(diagnosis.unwrap_or_else(|| unavailable(&exchange)).into());
        }
        let answer = std::str::from_utf8(&body).ok().and_then(|text| text.trim().split_once('@'));
        let (user, company) = answer.ok_or_else(|| Error::of(Cause::ResponseInvalid))?;
        Ok(Account::new(company, user))
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        let cause = match (exchange.body, exchange.status) {
            (b"user disabled", _) => Cause::UserDisabled,
            (_, StatusCode::UNAUTHORIZED) => Cause::UserCredentialsInvalid,
            (_, StatusCode::TOO_MANY_REQUESTS) => Cause::RateLimited,
            _ => return None,
        };
        let diagnosis = Diagnosis::new(cause).status(exchange.status);
        // A pause is meant where waiting helps.
        let pause = pause(exchange).filter(|_| cause == Cause::RateLimited);
        Some(pause.into_iter().fold(diagnosis, Diagnosis::retry_after))
    }
}

/// What says nothing else: Acme cannot answer now.
fn unavailable(exchange: &Exchange<'_>) -> Diagnosis {
    let diagnosis = Diagnosis::new(Cause::ServiceUnavailable).status(exchange.status);
    pause(exchange).into_iter().fold(diagnosis, Diagnosis::retry_after)
}

/// How long Acme asks to wait; it says so in seconds.
fn pause(exchange: &Exchange<'_>) -> Option<Duration> {
    let seconds = exchange.headers.get(RETRY_AFTER)?.to_str().ok()?;
    seconds.parse().ok().map(Duration::from_secs)
}
