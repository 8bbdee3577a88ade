//! A connector without a flaw of its own, for those that have theirs in the way to hold a grant.

use std::sync::Arc;

use trunkline_core::http::{Method, StatusCode};
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis, Endpoint, Error,
    Exchange, Grant, Request, Session, async_trait,
};

/// The service says at `/me` who signed in.
#[derive(Debug)]
pub(crate) struct Flawless {
    info: &'static ConnectorInfo,
    auth: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
    /// What a refusal of `/me` means.
    refused: fn(StatusCode) -> Diagnosis,
    diagnose: fn(&Exchange<'_>) -> Option<Diagnosis>,
}

impl Flawless {
    pub(crate) fn around(
        info: &'static ConnectorInfo,
        auth: impl AuthProvider + 'static,
        base_url: &Url,
        refused: fn(StatusCode) -> Diagnosis,
        diagnose: fn(&Exchange<'_>) -> Option<Diagnosis>,
    ) -> Result<Arc<dyn Connector>, Error> {
        let endpoint = Arc::new(Endpoint::new(base_url.clone())?);
        Ok(Arc::new(Self { info, auth: Arc::new(auth), endpoint, refused, diagnose }))
    }
}

#[async_trait]
impl Connector for Flawless {
    fn info(&self) -> &'static ConnectorInfo {
        self.info
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        method.is_none_or(|method| method == self.auth.method()).then(|| self.auth.clone())
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    async fn identify(&self, _: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let url = session.endpoint().join("/me")?;
        let (head, body) = session.send(Request::new(Method::GET, url)).await?.into_parts();
        let body = body.collect(64 * 1024).await.map_err(|_| Error::of(Cause::ServiceUnavailable))?;
        if !head.status.is_success() {
            return Err((self.refused)(head.status).into());
        }
        let told: serde_json::Value =
            serde_json::from_slice(&body).map_err(|_| Error::of(Cause::ResponseInvalid))?;
        let text = |name: &str| told.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        Ok(Account::new(text("company"), text("user")))
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        (self.diagnose)(exchange)
    }
}
