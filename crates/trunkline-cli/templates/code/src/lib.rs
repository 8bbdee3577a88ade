//! A connector for Acme. An application links it with `use acme_connector as _;`.

use std::sync::Arc;

use serde::Deserialize;
use trunkline_auth::oauth2::{self, AuthorizationCode, Client};
use trunkline_core::http::Method;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx,
    Diagnosis, Endpoint, Error, Exchange, Grant, Probe, Request, Secret, Session, async_trait,
    register_connector,
};

/// Longest answer to "who am I", in bytes.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// What an operator writes below `[connectors.acme]`. A misspelt key is an error, not a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeConfig {
    /// Where the API and the OAuth endpoints are: the credential goes there and nowhere else.
    pub base_url: Url,
    /// The client, as it is registered at Acme.
    pub client_id: String,
    /// Its secret, which cannot be printed.
    pub client_secret: Secret,
    /// Where Acme sends the browser back to.
    pub redirect_uri: String,
}

// What `provider = "acme"` finds.
register_connector!("acme", AcmeConfig);

impl BuildConnector for AcmeConfig {
    const INFO: ConnectorInfo = ConnectorInfo {
        title: "Acme",
        docs: "https://docs.acme.example",
        methods: &["authorization_code"],
    };

    /// Checks the settings; sends nothing.
    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        let endpoint = Endpoint::new(self.base_url.clone())?;
        let client = Client::new(&self.client_id, Some(self.client_secret.clone()));
        let (authorize, token) = (
            endpoint.join("/oauth/authorize")?,
            endpoint.join("/oauth/token")?,
        );
        // State, PKCE, expiry, renewal, rotation and the errors of RFC 6749 come with it.
        let oauth = AuthorizationCode::builder(client, authorize, token, &self.redirect_uri)
            .scopes(["contacts.read"])
            .revoke_url(endpoint.join("/oauth/revoke")?)
            .judge(diagnose)
            .build()?;
        Ok(Arc::new(AcmeService {
            endpoint: Arc::new(endpoint),
            oauth: Arc::new(oauth),
        }))
    }

    fn diagnose(exchange: &Exchange<'_>, _method: Option<&str>) -> Option<Diagnosis> {
        diagnose(exchange)
    }
}

/// Acme, as the hub sees it. It keeps no token, takes no lock, and never retries or sleeps.
#[derive(Debug)]
struct AcmeService {
    endpoint: Arc<Endpoint>,
    oauth: Arc<AuthorizationCode>,
}

/// What `GET /me` answers. Identifiers that never change, not names for display.
#[derive(Deserialize)]
struct Me {
    company: String,
    user: String,
}

impl AcmeService {
    async fn me(&self, cx: &Cx, session: &Session) -> Result<Me, Error> {
        let (method, path) = (Method::GET, "/me");
        let request = Request::new(method.clone(), session.endpoint().join(path)?);
        let (head, mut body) = session.send(request).await?.into_parts();
        body.look(MAX_ANSWER_BYTES).await;
        let body = &body.seen(MAX_ANSWER_BYTES);
        let (status, headers) = (head.status, &head.headers);
        if status.is_success() {
            // A parser's own words may quote the body, so they are dropped.
            let invalid = |_| Diagnosis::new(Cause::ResponseInvalid).status(status).into();
            return serde_json::from_slice(body).map_err(invalid);
        }
        let exchange = Exchange {
            call: Call::Api,
            method: &method,
            path,
            status,
            headers,
            body,
        };
        let standard = || oauth2::diagnose(&exchange, cx.clock().wall());
        Err(diagnose(&exchange).unwrap_or_else(standard).into())
    }
}

/// What a refusal means where the standards do not say: the body first, the status second.
fn diagnose(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    let body: serde_json::Value = serde_json::from_slice(exchange.body).ok()?;
    let diagnosis = match body["code"].as_str()? {
        // What to do is said in the words of the service's own menus.
        "locked" => Diagnosis::new(Cause::UserDisabled)
            .code("locked")
            .remedy_text(
                "acme.locked",
                &["At Acme, open Team > Users.", "Unlock the user."],
            ),
        _ => return None, // the standards and the status say the rest
    };
    Some(diagnosis.status(exchange.status))
}

#[async_trait]
impl Connector for AcmeService {
    fn info(&self) -> &'static ConnectorInfo {
        const { &AcmeConfig::INFO }
    }

    /// A stored grant names the way it is held.
    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        let is_known = method.is_none_or(|method| method == self.oauth.method());
        is_known.then(|| Arc::clone(&self.oauth) as Arc<dyn AuthProvider>)
    }

    /// Where requests go. Where each customer has a host of its own, read it from the captures.
    fn endpoint(&self, _captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(Arc::clone(&self.endpoint))
    }

    /// Who we are, by a real call, which proves that the grant works.
    async fn identify(&self, cx: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let me = self.me(cx, session).await?;
        Ok(Account::new(me.company, me.user))
    }

    /// Whether the grant still serves, by a cheap request that changes nothing.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        self.me(cx, session).await.map(|_| Probe::Alive)
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        diagnose(exchange)
    }
}
