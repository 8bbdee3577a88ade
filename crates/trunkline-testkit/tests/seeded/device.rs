//! A provider for a service that shows codes, made of the ready-made grant with a flaw around it.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_auth::oauth2::{Client, DeviceCode};
use trunkline_core::http::Method;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, Begun, BuildConnector, Captures, Cause, Connector, ConnectorInfo, ConsentAnswer,
    ConsentAsk, ConsentKind, ConsentStep, Credential, Cx, Diagnosis, Endpoint, Error, Exchange, Grant, Held,
    Poll, Prepared, Request, Revoked, Secret, Session, async_trait,
};

use crate::flaw::Flaw;

/// Settings; the flaw is one of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeviceConfig {
    client_id: String,
    client_secret: Secret,
    device_url: Url,
    token_url: Url,
    base_url: Url,
    #[serde(default)]
    flaw: Flaw,
}

impl BuildConnector for DeviceConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Device", docs: "https://docs.plain.test", methods: &["device_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let client = Client::new(&self.client_id, Some(self.client_secret.clone()));
        let ready = DeviceCode::builder(client, self.device_url.clone(), self.token_url.clone()).build()?;
        let auth: Arc<dyn AuthProvider> = Arc::new(Flawed { ready, flaw: self.flaw });
        Ok(Arc::new(Device { auth, endpoint: Arc::new(Endpoint::new(self.base_url.clone())?) }))
    }
}

trunkline_core::register_connector!("device", DeviceConfig);

#[derive(Debug)]
struct Device {
    auth: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
}

#[async_trait]
impl Connector for Device {
    fn info(&self) -> &'static ConnectorInfo {
        const INFO: &ConnectorInfo = &DeviceConfig::INFO;
        INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        method.is_none_or(|method| method == "device_code").then(|| self.auth.clone())
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    async fn identify(&self, _: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let url = session.endpoint().join("/me")?;
        let (head, body) = session.send(Request::new(Method::GET, url)).await?.into_parts();
        let body = body.collect(64 * 1024).await.map_err(|_| Error::of(Cause::ServiceUnavailable))?;
        if !head.status.is_success() {
            return Err(Error::of(Cause::AccessTokenRejected));
        }
        let told: serde_json::Value =
            serde_json::from_slice(&body).map_err(|_| Error::of(Cause::ResponseInvalid))?;
        let text = |name: &str| told.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        Ok(Account::new(text("company"), text("user")))
    }

    fn diagnose(&self, _: &Exchange<'_>) -> Option<Diagnosis> {
        None
    }
}

#[derive(Debug)]
struct Flawed {
    ready: DeviceCode,
    flaw: Flaw,
}

#[async_trait]
impl AuthProvider for Flawed {
    fn method(&self) -> &'static str {
        "device_code"
    }

    fn consent(&self) -> ConsentKind {
        self.ready.consent()
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let mut begun = self.ready.begin(cx, ask).await?;
        if let (Flaw::ShowsTheDeviceCode, ConsentStep::Device { verification_uri, .. }) =
            (self.flaw, &mut begun.step)
        {
            for kept in begun.pending.values() {
                verification_uri.query_pairs_mut().append_pair("device", kept.expose());
            }
        }
        Ok(begun)
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        self.ready.complete(cx, answer).await
    }

    async fn poll(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Poll, Error> {
        if self.flaw == Flaw::PollsTwiceAtOnce {
            self.ready.poll(cx, answer).await?;
        }
        match (self.flaw, self.ready.poll(cx, answer).await) {
            (Flaw::TakesADenialForPending, Err(error)) if error.cause() == Some(Cause::ConsentDenied) => {
                Ok(Poll::Pending)
            }
            (Flaw::IgnoresSlowDown, Ok(Poll::SlowDown)) => Ok(Poll::Pending),
            (_, polled) => polled,
        }
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        self.ready.refresh(cx, held).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.ready.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.ready.prepare(credential)
    }
}
