//! A provider for a service that shows codes, made of the ready-made grant with a flaw around it.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_auth::oauth2::{Client, DeviceCode};
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, BuildConnector, Cause, Connector, ConnectorInfo, ConsentAnswer, ConsentAsk,
    ConsentKind, ConsentStep, Credential, Cx, Diagnosis, Error, Grant, Held, Poll, Prepared, Revoked, Secret,
    async_trait,
};

use crate::flaw::Flaw;
use crate::flawless::Flawless;

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
        let auth = Flawed { ready, flaw: self.flaw };
        let refused = |_| Diagnosis::new(Cause::AccessTokenRejected);
        Flawless::around(&Self::INFO, auth, &self.base_url, refused, |_| None)
    }
}

trunkline_core::register_connector!("device", DeviceConfig);

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
