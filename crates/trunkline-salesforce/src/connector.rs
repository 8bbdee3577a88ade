//! The service: where requests go, who we are, why something failed.

use std::sync::Arc;
use std::time::Duration;

use trunkline_auth::oauth2;
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::permission::PermissionMap;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis,
    Endpoint, Error, ErrorKind, Exchange, Grant, Probe, Request, Session, async_trait,
};

use crate::config::{GrantMethod, SalesforceConfig};
use crate::diagnose::diagnose;
use crate::host::LoginHost;
use crate::identity;
use crate::oauth::App;
use crate::provider::{
    CAPTURE_INSTANCE_URL, CAPTURE_LOGIN_URL, CAPTURE_ORGANIZATION_ID, CAPTURE_USER_ID, SalesforceProvider,
};

/// Says who the caller is, at the org's own host.
const USERINFO_PATH: &str = "/services/oauth2/userinfo";

/// The org's limits: a data call without side effects, below the version of the API.
const LIMITS_PATH: &str = "/limits";

/// How long a proof may take, to the end of its answer.
const PROBE_TIME: Duration = Duration::from_secs(30);

/// Most bytes of an answer that are read here.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Salesforce. Each connection has its org's own endpoint.
#[derive(Debug)]
pub struct Salesforce {
    host: LoginHost,
    api_version: u16,
    default_method: GrantMethod,
    app: Arc<App>,
}

impl Salesforce {
    /// Checks the settings together.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`]: a blank around key or secret, a login URL that is no host of Salesforce, a
    /// private key that is none, or what the default way to hold a grant lacks.
    pub fn new(config: &SalesforceConfig) -> Result<Self, Error> {
        let host = config.check()?;
        let app = Arc::new(App::new(config)?);
        // What the grants check is told now, not at the first consent.
        for method in [GrantMethod::AuthorizationCode, GrantMethod::JwtBearer, GrantMethod::ClientCredentials]
        {
            if app.allows(method) {
                app.at(&host, method)?;
            }
        }
        Ok(Self { host, api_version: config.api_version, default_method: config.grant, app })
    }

    /// The answer to a GET; what was refused is diagnosed.
    async fn get(&self, cx: &Cx, session: &Session, url: Url, call: &str) -> Result<Vec<u8>, Error> {
        let path = url.path().to_owned();
        let mut request = Request::new(Method::GET, url);
        request.timeout = Some(PROBE_TIME);
        let dated = |error: Error| {
            error.map_diagnosis(|diagnosis| diagnosis.during(format!("GET {call}"), cx.clock().wall()))
        };
        let (head, mut body) = session.send(request).await.map_err(dated)?.into_parts();
        body.look(MAX_BODY_BYTES).await;
        let body = body.seen(MAX_BODY_BYTES);
        if head.status == StatusCode::OK && body.trim_ascii_start().starts_with(b"{") {
            return Ok(body.to_vec());
        }
        let method = Method::GET;
        let (status, headers) = (head.status, &head.headers);
        let exchange =
            Exchange { call: Call::Api, method: &method, path: &path, status, headers, body: &body };
        let diagnosis = self.diagnose(&exchange).unwrap_or_else(|| match status.is_success() {
            // A page of somebody else: it proves nothing.
            true => Diagnosis::new(Cause::ResponseInvalid).status(status),
            false => oauth2::diagnose(&exchange, cx.clock().wall()),
        });
        Err(dated(diagnosis.into()))
    }

    async fn userinfo(&self, cx: &Cx, session: &Session) -> Result<Account, Error> {
        let mut url = session.endpoint().base().clone();
        url.set_path(USERINFO_PATH);
        let body = self.get(cx, session, url, USERINFO_PATH).await?;
        identity::of_userinfo(&body).ok_or_else(|| Error::of(Cause::ResponseInvalid))
    }

    async fn limits(&self, cx: &Cx, session: &Session) -> Result<(), Error> {
        let url = session.endpoint().join(LIMITS_PATH)?;
        self.get(cx, session, url, LIMITS_PATH).await.map(drop)
    }
}

#[async_trait]
impl Connector for Salesforce {
    fn info(&self) -> &'static ConnectorInfo {
        const INFO: &ConnectorInfo = &SalesforceConfig::INFO;
        INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        let method = method.map_or(Some(self.default_method), GrantMethod::named)?;
        let provider = || SalesforceProvider::new(Arc::clone(&self.app), method, self.host.clone());
        self.app.allows(method).then(|| Arc::new(provider()) as Arc<dyn AuthProvider>)
    }

    /// The org's own host, as its latest token answer named it, with the version of the API.
    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        let refused = || Error::new(ErrorKind::ConfigInvalid, "the connection has no address of Salesforce");
        let login = match captures.get(CAPTURE_LOGIN_URL) {
            Some(known) => LoginHost::parse(known)?,
            None => self.host.clone(),
        };
        let instance = captures.get(CAPTURE_INSTANCE_URL).and_then(|instance| login.instance(instance));
        let mut base = instance.ok_or_else(refused)?;
        base.set_path(&format!("/services/data/v{}.0", self.api_version));
        Endpoint::new(base).map(Arc::new)
    }

    /// Asks `userinfo`. Where the token's scopes do not open it, the ids of the token answer count, and a data
    /// call proves that the token works.
    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error> {
        match self.userinfo(cx, session).await {
            Err(error) if error.cause() == Some(Cause::PermissionMissing) => {
                let known = |name: &str| grant.captures.get(name).or_else(|| session.captures().get(name));
                let hint = grant
                    .account
                    .clone()
                    .or_else(|| Some(Account::new(known(CAPTURE_ORGANIZATION_ID)?, known(CAPTURE_USER_ID)?)));
                let account = hint.ok_or(error)?;
                self.limits(cx, session).await.map(|()| account)
            }
            told => told,
        }
    }

    /// Asks for the org's limits: a data call, at the host that the connection's calls go to, which touches no
    /// record. `/services/data/` itself needs no token, so it proves none.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        self.limits(cx, session).await.map(|()| Probe::Alive)
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        diagnose(exchange, None)
    }

    fn permissions(&self) -> Option<&dyn PermissionMap> {
        Some(&crate::permission::SalesforceMap)
    }
}
