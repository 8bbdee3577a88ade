//! The connector `played`: OAuth 2 with an authorization code, a device code, or client credentials.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use trunkline::{Account, Cause, Diagnosis, Error, InputSpec};
use trunkline_auth::oauth2::{
    self, AuthorizationCode, Client, ClientAuth, ClientCredentials, DeviceCode, TokenCodec, challenge,
};
use trunkline_core::http::header::CONTENT_TYPE;
use trunkline_core::http::{HeaderMap, Method, StatusCode};
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, BuildConnector, Call, Captures, Connector, ConnectorInfo, Cx, Endpoint, Exchange, Grant,
    NewConsent, Probe, RefreshPolicy, Request, Reuse, Secret, Session, async_trait, register_connector,
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PlayedConfig {
    /// What a spent refresh token does: `grace`, with its window, or one of the others.
    reuse: Option<String>,
    grace_s: u64,
    idle_s: Option<u64>,
    /// Another client secret than the usual one.
    secret: Option<String>,
    /// A new consent ends the earlier ones of its account.
    ends_earlier: bool,
    /// The API refuses with 200: `ok: false`, and a code.
    refuses_with_200: bool,
}

impl PlayedConfig {
    /// Of a service that refuses with 200.
    pub(crate) fn refusing_with_200() -> Self {
        Self { refuses_with_200: true, ..Self::default() }
    }

    /// The settings that stand for this policy.
    pub(crate) fn of(policy: RefreshPolicy) -> Self {
        let (reuse, grace_s) = match policy.reuse {
            Reuse::Grace { window } => ("grace", window.as_secs()),
            Reuse::RejectSoft => ("reject_soft", 0),
            _ => ("kills_family", 0),
        };
        let idle_s = policy.idle_limit.map(|limit| limit.as_secs());
        let ends_earlier = policy.new_consent == NewConsent::EndsEarlier;
        Self { reuse: Some(reuse.to_owned()), grace_s, idle_s, ends_earlier, ..Self::default() }
    }

    /// The same with another client secret.
    pub(crate) fn secret(self, secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()), ..self }
    }

    fn client(&self) -> Client {
        let secret = self.secret.as_deref().unwrap_or("canary-client-secret");
        Client::new("client", Some(Secret::new(secret))).auth(ClientAuth::Body)
    }

    fn policy(&self) -> RefreshPolicy {
        let mut policy = RefreshPolicy::default();
        policy.reuse = match self.reuse.as_deref() {
            Some("grace") => Reuse::Grace { window: Duration::from_secs(self.grace_s) },
            Some("reject_soft") => Reuse::RejectSoft,
            _ => Reuse::KillsFamily,
        };
        policy.idle_limit = self.idle_s.map(Duration::from_secs);
        if self.ends_earlier {
            policy.new_consent = NewConsent::EndsEarlier;
        }
        policy
    }
}

impl BuildConnector for PlayedConfig {
    const INFO: ConnectorInfo = ConnectorInfo { title: "Played", docs: "", methods: &["authorization_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let url = |path: &str| format!("https://auth.played.test{path}").parse::<Url>().unwrap();
        let auth = AuthorizationCode::builder(
            self.client(),
            url("/authorize"),
            url("/token"),
            "https://app.test/callback",
        )
        .revoke_url(url("/revoke"))
        .policy(self.policy())
        .codec(TokenCodec::new().capture("region"))
        .build()?;
        let device = DeviceCode::builder(self.client(), url("/device"), url("/token"))
            .policy(self.policy())
            .build()?;
        let input = |name| InputSpec::new(name, "", "");
        let credentials = ClientCredentials::builder(self.client(), url("/token"))
            .input(input("company"), "company")
            .input(input("user"), "user")
            .build()?;
        let base = Endpoint::new("https://api.played.test/v1".parse().unwrap())?
            .public_only()
            .entity_header(trunkline_core::http::HeaderName::from_static("x-entity"));
        Ok(Arc::new(Played {
            auth: Arc::new(auth),
            device: Arc::new(device),
            credentials: Arc::new(credentials),
            endpoint: Arc::new(base),
            refuses_with_200: self.refuses_with_200,
        }))
    }
}

register_connector!("played", PlayedConfig);

#[derive(Debug)]
struct Played {
    auth: Arc<dyn AuthProvider>,
    device: Arc<dyn AuthProvider>,
    credentials: Arc<dyn AuthProvider>,
    endpoint: Arc<Endpoint>,
    refuses_with_200: bool,
}

#[async_trait]
impl Connector for Played {
    fn info(&self) -> &'static ConnectorInfo {
        &PlayedConfig::INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        match method {
            None | Some("authorization_code") => Some(self.auth.clone()),
            Some("device_code") => Some(self.device.clone()),
            Some("client_credentials") => Some(self.credentials.clone()),
            Some(_) => None,
        }
    }

    /// A region, if one was told, has to be Europe.
    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        match captures.get("region") {
            None | Some("eu") => Ok(self.endpoint.clone()),
            Some(_) => Err(Diagnosis::new(Cause::ResponseInvalid).message("no region of the service").into()),
        }
    }

    /// The answer to `/me` is the account's user.
    async fn identify(&self, _: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let me = Request::new(trunkline_core::http::Method::GET, session.endpoint().join("/me")?);
        let body = session.send(me).await?.into_body().collect(1_000).await.unwrap();
        Ok(Account::new("acme", String::from_utf8(body.to_vec()).unwrap()))
    }

    /// As `identify` asks.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        let me = Request::new(Method::GET, session.endpoint().join("/me")?);
        let response = session.send(me).await?;
        if response.status().is_success() {
            return Ok(Probe::Alive);
        }
        let (status, headers) = (response.status(), response.headers());
        let call = Call::Api;
        let exchange = Exchange { call, method: &Method::GET, path: "/me", status, headers, body: &[] };
        let judged = self.diagnose(&exchange);
        Err(judged.unwrap_or_else(|| oauth2::diagnose(&exchange, cx.clock().wall())).into())
    }

    fn may_refuse(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let is_json = headers.get(CONTENT_TYPE).is_none_or(|kind| kind == "application/json");
        status.as_u16() >= 400 || (self.refuses_with_200 && is_json)
    }

    /// 423 says that the user is locked, 410 that the grant is gone.
    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        let text = std::str::from_utf8(exchange.body).unwrap_or_default();
        let says = |code: &str| text.starts_with(&format!(r#"{{"ok":false,"error":"{code}""#));
        match exchange.status.as_u16() {
            200 if says("token_old") => Some(Diagnosis::new(Cause::AccessTokenRejected)),
            200 if says("right_missing") => Some(Diagnosis::new(Cause::PermissionMissing).message(text)),
            200 => None,
            423 => Some(Diagnosis::new(Cause::UserDisabled)),
            410 => Some(Diagnosis::new(Cause::GrantRevoked)),
            _ => challenge::diagnose(exchange.status, exchange.headers),
        }
    }
}
