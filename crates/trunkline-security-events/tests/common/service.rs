//! The connector `service`: OAuth 2, and an account by name.

use std::sync::Arc;

use serde::Deserialize;
use trunkline::{Account, Diagnosis, Error, Secret};
use trunkline_auth::oauth2::{AuthorizationCode, Client, challenge};
use trunkline_core::http::Method;
use trunkline_core::{
    AuthProvider, BuildConnector, Captures, Connector, ConnectorInfo, Cx, Endpoint, Exchange, Grant, Request,
    Session, async_trait, register_connector,
};

#[derive(Debug, Default, Deserialize)]
pub(crate) struct ServiceConfig {}

impl BuildConnector for ServiceConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Service", docs: "", methods: &["authorization_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let url = |path: &str| format!("https://auth.service.test{path}").parse().unwrap();
        let client = Client::new("client", Some(Secret::new("canary-client-secret")));
        let auth =
            AuthorizationCode::builder(client, url("/authorize"), url("/token"), "https://app.test/callback")
                .build()?;
        let endpoint = Endpoint::new("https://api.service.test".parse().unwrap())?;
        Ok(Arc::new(Service { auth: Arc::new(auth), endpoint: Arc::new(endpoint) }))
    }
}

register_connector!("service", ServiceConfig);

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

    fn auth(&self, _: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        Some(self.auth.clone())
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.endpoint.clone())
    }

    /// The answer to `/me` is the account's user.
    async fn identify(&self, _: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let me = Request::new(Method::GET, session.endpoint().join("/me")?);
        let body = session.send(me).await?.into_body().collect(1_000).await.unwrap();
        Ok(Account::new("acme", String::from_utf8(body.to_vec()).unwrap()))
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        challenge::diagnose(exchange.status, exchange.headers)
    }
}
