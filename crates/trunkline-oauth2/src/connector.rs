//! The service: where requests go, who we are, why something failed.

use std::sync::Arc;
use std::time::Duration;

use trunkline_auth::oauth2::{self, Introspection};
use trunkline_core::http::header::ACCEPT;
use trunkline_core::http::{HeaderValue, Method};
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis,
    Endpoint, Error, Exchange, Grant, Probe, Request, Session, async_trait, is_public_host,
};

use crate::account::{self, AccountSource};
use crate::choices::GrantType;
use crate::config::OAuth2Config;
use crate::provider::{CAPTURE_GRANT_TYPE, Provider, nonsense};
use crate::server::Server;
use crate::service::Service;
use crate::words::Words;

/// How long the question who we are may take, to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Most bytes of an answer that are read here.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Any standard OAuth 2 service. Every connection shares one endpoint.
#[derive(Debug)]
pub struct OAuth2 {
    service: Arc<Service>,
    words: Words,
    authorization_code: Option<Arc<dyn AuthProvider>>,
    device_code: Option<Arc<dyn AuthProvider>>,
    client_credentials: Option<Arc<dyn AuthProvider>>,
}

impl OAuth2 {
    /// Checks the settings together; sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`](trunkline_core::ErrorKind): something is missing, is not secure, or does
    /// not fit together.
    pub fn new(config: OAuth2Config) -> Result<Self, Error> {
        let words =
            Words { terminal: config.terminal_errors.clone(), transient: config.transient_errors.clone() };
        let service = Arc::new(Service::new(config)?);
        let provider = |grant_type| -> Arc<dyn AuthProvider> {
            Arc::new(Provider::new(Arc::clone(&service), grant_type))
        };
        let is_public = service.config.is_public();
        Ok(Self {
            words,
            authorization_code: service
                .config
                .redirect_uri
                .as_ref()
                .map(|_| provider(GrantType::AuthorizationCode)),
            device_code: service.config.wants_device_code().then(|| provider(GrantType::DeviceCode)),
            client_credentials: (!is_public).then(|| provider(GrantType::ClientCredentials)),
            service,
        })
    }

    fn config(&self) -> &OAuth2Config {
        &self.service.config
    }

    fn account_of(&self, member: impl Fn(&str) -> Option<trunkline_core::Secret>) -> Option<Account> {
        account::of(member, &self.config().account_user, self.config().account_company.as_deref())
    }

    /// Where this grant's account is told.
    fn source(&self, server: &Server, session: &Session) -> AccountSource {
        let config = self.config();
        let is_own = session.captures().get(CAPTURE_GRANT_TYPE) == Some(GrantType::ClientCredentials.name());
        let asks_openid = config.scopes.iter().any(|scope| scope == "openid");
        let userinfo = config.userinfo_endpoint.is_some() || (asks_openid && server.userinfo.is_some());
        match config.account {
            // The application itself is no user.
            Some(AccountSource::Userinfo | AccountSource::IdToken) if is_own => AccountSource::None,
            Some(source) => source,
            None if userinfo && !is_own => AccountSource::Userinfo,
            None if config.introspection_endpoint.is_some() => AccountSource::Introspection,
            None => AccountSource::IdToken,
        }
    }

    async fn userinfo(&self, cx: &Cx, session: &Session, url: &Url) -> Result<Account, Error> {
        let mut request = Request::new(Method::GET, url.clone());
        request.timeout = Some(TIMEOUT);
        request.public_only = self.config().userinfo_endpoint.is_none() && is_public_host(url);
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (head, mut body) = session.send(request).await?.into_parts();
        body.look(MAX_BODY_BYTES).await;
        let body = body.seen(MAX_BODY_BYTES);
        if !head.status.is_success() {
            let exchange = Exchange {
                call: Call::Api,
                method: &Method::GET,
                path: url.path(),
                status: head.status,
                headers: &head.headers,
                body: &body,
            };
            return Err(oauth2::diagnose(&exchange, cx.clock().wall()).into());
        }
        let config = self.config();
        let members = serde_json::from_slice(&body).ok();
        members
            .and_then(|members| {
                account::of_members(&members, &config.account_user, config.account_company.as_deref())
            })
            .ok_or_else(|| nonsense("the answer does not say who the user is"))
    }

    async fn introspect(
        &self,
        cx: &Cx,
        introspection: &Introspection,
        grant: &Grant,
    ) -> Result<Option<Account>, Error> {
        let Some(token) = &grant.credential.access_token else {
            return Err(Error::of(Cause::AccessTokenExpired));
        };
        let introspected = introspection.ask(cx, token).await?;
        match introspected.active {
            true => Ok(self.account_of(|name| introspected.member(name))),
            false => Err(Error::of(Cause::AccessTokenRejected)),
        }
    }
}

#[async_trait]
impl Connector for OAuth2 {
    fn info(&self) -> &'static ConnectorInfo {
        const INFO: &ConnectorInfo = &OAuth2Config::INFO;
        INFO
    }

    async fn ready(&self, cx: &Cx) -> Result<(), Error> {
        self.service.ready(cx).await
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        match method.map_or(Some(self.config().grant_type), GrantType::named)? {
            GrantType::AuthorizationCode => self.authorization_code.clone(),
            GrantType::DeviceCode => self.device_code.clone(),
            GrantType::ClientCredentials => self.client_credentials.clone(),
        }
    }

    /// The one endpoint of the connector.
    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(self.service.endpoint())
    }

    /// Asks where the settings say, see [`AccountSource`]. An id token that names another user than the
    /// UserInfo endpoint makes the answer invalid (OpenID Connect Core, 5.3.2).
    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error> {
        let server = self.service.server()?;
        let hint = grant.account.clone();
        match (self.source(&server, session), &server.userinfo, &server.introspection) {
            (AccountSource::Userinfo, Some(url), _) => {
                let account = self.userinfo(cx, session, url).await?;
                match hint {
                    Some(hint) if hint.contradicts(&account) => {
                        Err(nonsense("UserInfo is about another user than the id token"))
                    }
                    _ => Ok(account),
                }
            }
            (AccountSource::Introspection, _, Some(introspection)) => {
                let account = self.introspect(cx, introspection, grant).await?;
                Ok(account.unwrap_or_default())
            }
            (AccountSource::Userinfo | AccountSource::Introspection, ..) => {
                Err(nonsense("the metadata does not name the endpoint that tells the account"))
            }
            (AccountSource::TokenResponse, ..) => {
                hint.ok_or_else(|| nonsense("the token answer names no account"))
            }
            (AccountSource::IdToken, ..) if self.config().account.is_some() => {
                hint.ok_or_else(|| nonsense("no id token for this client came"))
            }
            _ => Ok(hint.unwrap_or_default()),
        }
    }

    /// Asks the UserInfo endpoint, where that is where the account is asked for: it answers to a living token only.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        let server = self.service.server()?;
        match (self.source(&server, session), &server.userinfo) {
            (AccountSource::Userinfo, Some(url)) => {
                self.userinfo(cx, session, url).await.map(|_| Probe::Alive)
            }
            _ => Ok(Probe::NotSupported),
        }
    }

    /// By the settings' own words. For the rest, the standards are the judge.
    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        self.words.judge(exchange)
    }
}
