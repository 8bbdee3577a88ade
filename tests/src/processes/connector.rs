//! A connector to the simulator with any policy: Sage Intacct's own knows only one.

use std::sync::Arc;

use serde::Deserialize;
use trunkline::{Account, Diagnosis, Error, Secret};
use trunkline_auth::oauth2::{AuthorizationCode, Client, ClientAuth, challenge};
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, BuildConnector, Captures, Clock, Connector, ConnectorInfo, ConsentAnswer,
    ConsentAsk, ConsentKind, Credential, Cx, Endpoint, Exchange, Grant, Held, InputSpec, Prepared,
    RefreshPolicy, Request, Reuse, Revoked, Session, async_trait, register_connector,
};

use super::{API, Point, Points, Policy, REDIRECT_URI, Setup};

/// The settings: the hub is never made from a file, but the registry wants to be able to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceConfig {
    base: Url,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    policy: Policy,
    #[serde(skip)]
    points: Points,
}

impl ServiceConfig {
    pub(super) fn new(setup: &Setup, points: Points) -> Self {
        Self {
            base: setup.service.clone(),
            client_id: setup.client_id.clone(),
            client_secret: setup.client_secret.clone(),
            policy: setup.policy,
            points,
        }
    }

    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        policy.reuse = match self.policy {
            Policy::KillsFamily => Reuse::KillsFamily,
            Policy::RejectSoft => Reuse::RejectSoft,
            Policy::Grace(window_s) => Reuse::Grace { window: std::time::Duration::from_secs(window_s) },
        };
        policy
    }
}

impl BuildConnector for ServiceConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Service", docs: "", methods: &["authorization_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let url = |path: &str| {
            let joined = self.base.join(&format!("{API}/{path}"));
            joined.map_err(|_| Error::new(trunkline::ErrorKind::ConfigInvalid, "the service's URL"))
        };
        let secret = Some(Secret::new(self.client_secret.clone()));
        let client = Client::new(self.client_id.clone(), secret).auth(ClientAuth::Body);
        let auth =
            AuthorizationCode::builder(client, url("oauth2/authorize")?, url("oauth2/token")?, REDIRECT_URI)
                .scope("offline_access")
                .policy(self.policy())
                .build()?;
        Ok(Arc::new(Service {
            auth: self.points.in_front_of(Arc::new(auth)),
            endpoint: Arc::new(Endpoint::new(url("")?)?),
        }))
    }
}

register_connector!("simulated", ServiceConfig);

#[derive(Debug)]
struct Service {
    auth: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
}

#[async_trait]
impl Connector for Service {
    fn info(&self) -> &'static ConnectorInfo {
        &ServiceConfig::INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        matches!(method, None | Some("authorization_code")).then(|| self.auth.clone())
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    async fn identify(&self, _: &Cx, _: &Session, _: &Grant) -> Result<Account, Error> {
        Ok(Account::new("acme", "ada"))
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        challenge::diagnose(exchange.status, exchange.headers)
    }
}

/// A way to hold a grant with a point in front of each renewal's request.
#[derive(Debug)]
pub(super) struct Passing {
    pub(super) auth: Arc<dyn AuthProvider>,
    pub(super) points: Points,
}

#[async_trait]
impl AuthProvider for Passing {
    fn method(&self) -> &'static str {
        self.auth.method()
    }

    fn consent(&self) -> ConsentKind {
        self.auth.consent()
    }

    fn inputs(&self) -> Vec<InputSpec> {
        self.auth.inputs()
    }

    fn policy(&self) -> RefreshPolicy {
        self.auth.policy()
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        self.auth.begin(cx, ask).await
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        self.auth.complete(cx, answer).await
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        self.points.reach(Point::BeforeRequest);
        self.auth.refresh(cx, held).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.auth.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.auth.prepare(credential)
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        self.auth.sign(request, prepared, clock)
    }
}
