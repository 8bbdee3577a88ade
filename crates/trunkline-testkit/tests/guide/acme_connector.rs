//! Acme, as the guide for authors has it written: a plain OAuth 2 service.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_auth::oauth2::{self, AuthorizationCode, Client};
use trunkline_core::http::Method;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis,
    Endpoint, Error, Exchange, Grant, Probe, Request, Secret, Session, async_trait, register_connector,
};

const MAX_ANSWER_BYTES: usize = 16 * 1024;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AcmeConfig {
    base_url: Url,
    client_id: String,
    client_secret: Secret,
    redirect_uri: String,
}

register_connector!("acme", AcmeConfig);

impl BuildConnector for AcmeConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Acme", docs: "https://docs.acme.example", methods: &["authorization_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let endpoint = Endpoint::new(self.base_url.clone())?;
        let client = Client::new(&self.client_id, Some(self.client_secret.clone()));
        let at = |path: &str| endpoint.join(path);
        let oauth = AuthorizationCode::builder(client, at("/authorize")?, at("/token")?, &self.redirect_uri)
            .revoke_url(at("/revoke")?)
            .judge(diagnose)
            .build()?;
        Ok(Arc::new(Acme { endpoint: Arc::new(endpoint), oauth: Arc::new(oauth) }))
    }

    fn diagnose(exchange: &Exchange<'_>, _: Option<&str>) -> Option<Diagnosis> {
        diagnose(exchange)
    }
}

#[derive(Debug)]
struct Acme {
    endpoint: Arc<Endpoint>,
    oauth: Arc<AuthorizationCode>,
}

#[derive(Deserialize)]
struct Me {
    company: String,
    user: String,
}

impl Acme {
    async fn me(&self, cx: &Cx, session: &Session) -> Result<Me, Error> {
        let (method, path) = (Method::GET, "/me");
        let request = Request::new(method.clone(), session.endpoint().join(path)?);
        let (head, mut body) = session.send(request).await?.into_parts();
        body.look(MAX_ANSWER_BYTES).await;
        let body = body.seen(MAX_ANSWER_BYTES);
        let (status, headers) = (head.status, &head.headers);
        match serde_json::from_slice(&body) {
            Ok(me) if status.is_success() => Ok(me),
            _ if status.is_success() => Err(Diagnosis::new(Cause::ResponseInvalid).status(status).into()),
            _ => {
                let exchange =
                    Exchange { call: Call::Api, method: &method, path, status, headers, body: &body };
                Err(diagnose(&exchange)
                    .unwrap_or_else(|| oauth2::diagnose(&exchange, cx.clock().wall()))
                    .into())
            }
        }
    }
}

/// Acme says `locked` of a user whom an administrator has to unlock.
fn diagnose(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    let body: serde_json::Value = serde_json::from_slice(exchange.body).ok()?;
    let locked = body.get("code")? == "locked";
    locked.then(|| Diagnosis::new(Cause::UserDisabled).code("locked").status(exchange.status))
}

#[async_trait]
impl Connector for Acme {
    fn info(&self) -> &'static ConnectorInfo {
        const INFO: &ConnectorInfo = &AcmeConfig::INFO;
        INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        let known = method.is_none_or(|method| method == self.oauth.method());
        known.then(|| Arc::clone(&self.oauth) as Arc<dyn AuthProvider>)
    }

    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(Arc::clone(&self.endpoint))
    }

    async fn identify(&self, cx: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let me = self.me(cx, session).await?;
        Ok(Account::new(me.company, me.user))
    }

    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        self.me(cx, session).await.map(|_| Probe::Alive)
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        diagnose(exchange)
    }
}
