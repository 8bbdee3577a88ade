//! The OAuth 2 endpoints of one host, wired to the ready-made grants.
//!
//! Endpoints are made per host and call: connections of one connector sign in at different hosts, and a grant is
//! renewed and revoked where it was made.

use std::fmt;
use std::sync::Arc;

use trunkline_auth::jwt::SigningKey;
use trunkline_auth::oauth2::{
    AuthorizationCode, Client, ClientAuth, ClientCredentials, JwtBearer, TimeUnit, TokenCodec,
};
use trunkline_core::{AuthProvider, Cause, Error, InputSpec, Inputs, RefreshPolicy, Secret};

use crate::assertion;
use crate::config::{Audience, GrantMethod, SalesforceConfig};
use crate::diagnose::diagnose;
use crate::host::LoginHost;
use crate::identity;
use crate::policy::policy;
use crate::provider::{CAPTURE_INSTANCE_URL, INPUT_USERNAME};

const AUTHORIZE_PATH: &str = "/services/oauth2/authorize";
const TOKEN_PATH: &str = "/services/oauth2/token";
const REVOKE_PATH: &str = "/services/oauth2/revoke";

/// The user that an assertion speaks for.
pub(crate) const USERNAME: InputSpec = InputSpec::new(INPUT_USERNAME, "Username", "integration@acme.com");

/// The app at Salesforce, and what its settings allow.
pub(crate) struct App {
    config: SalesforceConfig,
    key: Option<SigningKey>,
}

/// The setters that all three have in common.
macro_rules! common {
    ($app:expr, $builder:expr, $host:expr, $method:expr) => {{
        let (secret, method) = ($app.config.client_secret.clone(), $method);
        $builder
            .revoke_url($host.at(REVOKE_PATH))
            .codec(TokenCodec::new().capture(CAPTURE_INSTANCE_URL).issued_at("issued_at", TimeUnit::Millis))
            .account_hint(move |token| identity::hint(token, secret.as_ref()))
            .policy($app.policy(method))
            .judge(move |exchange| diagnose(exchange, Some(method)))
    }};
}

impl App {
    /// Reads the private key, where there is one.
    pub(crate) fn new(config: &SalesforceConfig) -> Result<Self, Error> {
        let key = config.private_key.as_ref().map(assertion::key).transpose()?;
        Ok(Self { config: config.clone(), key })
    }

    /// Whether the settings suffice for `method`.
    pub(crate) fn allows(&self, method: GrantMethod) -> bool {
        match method {
            GrantMethod::AuthorizationCode => self.config.redirect_uri.is_some(),
            GrantMethod::JwtBearer => self.key.is_some(),
            GrantMethod::ClientCredentials => self.config.client_secret.is_some(),
        }
    }

    /// How grants of `method` are kept alive.
    pub(crate) fn policy(&self, method: GrantMethod) -> RefreshPolicy {
        policy(&self.config, method)
    }

    /// The way to hold a grant of `method` whose tokens come from `host`.
    pub(crate) fn at(&self, host: &LoginHost, method: GrantMethod) -> Result<Arc<dyn AuthProvider>, Error> {
        Ok(match method {
            GrantMethod::AuthorizationCode => Arc::new(self.authorization_code(host)?),
            GrantMethod::JwtBearer => Arc::new(self.jwt_bearer(host)?),
            GrantMethod::ClientCredentials => Arc::new(self.client_credentials(host)?),
        })
    }

    /// A confidential client sends its secret beside the verifier of PKCE, a public one must not.
    fn client(&self) -> Client {
        let secret = self.config.client_secret.clone();
        let auth = if secret.is_some() { ClientAuth::Body } else { ClientAuth::None };
        Client::new(&self.config.client_id, secret).auth(auth)
    }

    fn authorization_code(&self, host: &LoginHost) -> Result<AuthorizationCode, Error> {
        let redirect_uri = self.config.redirect_uri.clone().unwrap_or_default();
        let (authorize, token) = (host.at(AUTHORIZE_PATH), host.at(TOKEN_PATH));
        let builder = AuthorizationCode::builder(self.client(), authorize, token, redirect_uri);
        let builder = builder.scopes(&self.config.scopes);
        common!(self, builder, host, GrantMethod::AuthorizationCode).build()
    }

    fn client_credentials(&self, host: &LoginHost) -> Result<ClientCredentials, Error> {
        let builder = ClientCredentials::builder(self.client(), host.at(TOKEN_PATH));
        common!(self, builder, host, GrantMethod::ClientCredentials).build()
    }

    /// The assertion alone says who asks; the key stands for the secret where clients are told apart.
    fn jwt_bearer(&self, host: &LoginHost) -> Result<JwtBearer, Error> {
        let client = Client::new(&self.config.client_id, self.config.private_key.clone());
        let sandbox = if host.is_sandbox() { Audience::Sandbox } else { Audience::Production };
        let audience = self.config.audience.unwrap_or(sandbox).url();
        let (key, client_id) = (self.key.clone(), self.config.client_id.clone());
        let assert = move |inputs: &Inputs, now| {
            let username = inputs.require(INPUT_USERNAME)?;
            let key = key.as_ref().ok_or_else(|| Error::of(Cause::ConfigurationInvalid))?;
            assertion::sign(key, &client_id, audience, username, now)
        };
        let client = client.auth(ClientAuth::Unstated);
        let builder = JwtBearer::builder(client, host.at(TOKEN_PATH), assert).input(USERNAME);
        common!(self, builder, host, GrantMethod::JwtBearer).build()
    }

    /// Changes whenever the client does.
    pub(crate) fn client_identity(&self, host: &LoginHost, method: GrantMethod) -> Option<Secret> {
        self.at(host, method).ok()?.client_identity()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("App").field(&self.config).finish()
    }
}
