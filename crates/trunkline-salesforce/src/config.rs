//! The settings of the connector, and the one place where they are checked together.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use trunkline_core::{
    BuildConnector, Connector, ConnectorInfo, Diagnosis, Error, ErrorKind, Exchange, Secret,
};

use crate::connector::Salesforce;
use crate::diagnose::diagnose;
use crate::host::LoginHost;

/// How connections are made unless a record says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantMethod {
    /// The web server flow: a person signs in and presses Allow. Needs `redirect_uri`.
    #[default]
    AuthorizationCode,
    /// The JWT bearer flow: nobody is asked; the input `username` names the user. Needs `private_key`.
    JwtBearer,
    /// The client credentials flow: nobody is asked; the app's Run As user acts. Needs `client_secret` and a My
    /// Domain.
    ClientCredentials,
}

impl GrantMethod {
    /// The name under which a record remembers it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::JwtBearer => "jwt_bearer",
            Self::ClientCredentials => "client_credentials",
        }
    }

    /// The method called `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let all = [Self::AuthorizationCode, Self::JwtBearer, Self::ClientCredentials];
        all.into_iter().find(|method| method.name() == name)
    }
}

/// What an assertion is addressed to: one of two constant hosts, whichever host it is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Audience {
    /// `https://login.salesforce.com`.
    Production,
    /// `https://test.salesforce.com`.
    Sandbox,
}

impl Audience {
    pub(crate) const fn url(self) -> &'static str {
        match self {
            Self::Production => "https://login.salesforce.com",
            Self::Sandbox => "https://test.salesforce.com",
        }
    }
}

/// Settings of the connector (`provider = "salesforce"`). `Debug` shows no secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SalesforceConfig {
    /// Consumer Key of the app, a connected app or an external client app.
    pub client_id: String,
    /// Its Consumer Secret. An app that is a public client has none.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// PEM of the RSA private key whose certificate the app has. Without it there is no `jwt_bearer`.
    #[serde(default)]
    pub private_key: Option<Secret>,
    /// Where Salesforce sends the browser after consent, byte for byte as it is registered; https, or http on
    /// loopback. Without it there is no `authorization_code`.
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// Where users sign in, unless a connection names its own host: `https://login.salesforce.com` (the default),
    /// `https://test.salesforce.com`, or a My Domain. A grant is renewed where it was made.
    #[serde(default = "default_login_url")]
    pub login_url: String,
    /// How connections are made. Default `authorization_code`.
    #[serde(default)]
    pub grant: GrantMethod,
    /// What assertions are addressed to. Default: sandbox where the host's name says so, else production.
    #[serde(default)]
    pub audience: Option<Audience>,
    /// Version of the API that paths are joined to, such as 65 for `/services/data/v65.0`. Default 65.
    #[serde(default = "default_api_version")]
    pub api_version: u16,
    /// Scopes of a consent. Default `api id refresh_token`; without `refresh_token` a connection ends with its
    /// first access token.
    #[serde(default = "default_scopes")]
    pub scopes: Vec<String>,
    /// Seconds that an access token is taken to live: Salesforce does not say, and the org's, the profile's or the
    /// app's setting decides. Default: it is learned from the tokens that were refused.
    #[serde(default)]
    pub default_lifetime_s: Option<u32>,
    /// Seconds that a refresh token lives if it is not used: a grant that nobody uses is renewed well before.
    /// Default 2592000 (30 days), the limit of apps that several customers use. 0 leaves unused grants alone.
    #[serde(default = "default_idle_limit_s")]
    pub refresh_idle_limit_s: u32,
}

fn default_login_url() -> String {
    "https://login.salesforce.com".to_owned()
}

const fn default_api_version() -> u16 {
    65
}

fn default_scopes() -> Vec<String> {
    ["api", "id", "refresh_token"].map(str::to_owned).to_vec()
}

const fn default_idle_limit_s() -> u32 {
    30 * 24 * 60 * 60
}

impl SalesforceConfig {
    /// Settings with the defaults.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: None,
            private_key: None,
            redirect_uri: None,
            login_url: default_login_url(),
            grant: GrantMethod::default(),
            audience: None,
            api_version: default_api_version(),
            scopes: default_scopes(),
            default_lifetime_s: None,
            refresh_idle_limit_s: default_idle_limit_s(),
        }
    }

    /// Sets the Consumer Secret.
    #[must_use]
    pub fn client_secret(mut self, secret: Secret) -> Self {
        self.client_secret = Some(secret);
        self
    }

    /// Sets the private key that signs assertions.
    #[must_use]
    pub fn private_key(mut self, pem: Secret) -> Self {
        self.private_key = Some(pem);
        self
    }

    /// Sets where Salesforce sends the browser after consent.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Sets where users sign in.
    #[must_use]
    pub fn login_url(mut self, url: impl Into<String>) -> Self {
        self.login_url = url.into();
        self
    }

    /// Sets how connections are made.
    #[must_use]
    pub fn grant(mut self, method: GrantMethod) -> Self {
        self.grant = method;
        self
    }

    /// Sets the version of the API.
    #[must_use]
    pub fn api_version(mut self, version: u16) -> Self {
        self.api_version = version;
        self
    }

    /// What the grants do not check by themselves. Answers the host where users sign in.
    pub(crate) fn check(&self) -> Result<LoginHost, Error> {
        check_text("client_id", &self.client_id)?;
        if let Some(secret) = &self.client_secret {
            check_text("client_secret", secret.expose())?;
        }
        if self.default_lifetime_s == Some(0) {
            return Err(invalid("default_lifetime_s must be at least 1"));
        }
        if self.api_version == 0 {
            return Err(invalid("api_version must be at least 1").hint("65 stands for v65.0."));
        }
        let missing = match self.grant {
            GrantMethod::AuthorizationCode if self.redirect_uri.is_none() => "redirect_uri",
            GrantMethod::JwtBearer if self.private_key.is_none() => "private_key",
            GrantMethod::ClientCredentials if self.client_secret.is_none() => "client_secret",
            _ => return Ok(LoginHost::parse(&self.login_url)?),
        };
        Err(invalid(format!("{missing} is missing"))
            .hint(format!("`grant = \"{}\"` needs it.", self.grant.name())))
    }
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

/// Refuses what pasting adds: a blank or a line break at either end. The value is not quoted.
fn check_text(key: &str, value: &str) -> Result<(), Error> {
    let problem = match value {
        "" => "is empty",
        value if value.trim() != value => "begins or ends with a blank or a line break",
        value if value.chars().any(char::is_control) => "holds a control character",
        _ => return Ok(()),
    };
    Err(invalid(format!("{key} {problem}")))
}

impl BuildConnector for SalesforceConfig {
    const INFO: ConnectorInfo = ConnectorInfo {
        title: "Salesforce",
        docs: "https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest.htm",
        methods: &["authorization_code", "jwt_bearer", "client_credentials"],
    };

    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        Ok(Arc::new(Salesforce::new(self)?))
    }

    fn diagnose(exchange: &Exchange<'_>, method: Option<&str>) -> Option<Diagnosis> {
        diagnose(exchange, method.and_then(GrantMethod::named))
    }
}

trunkline_core::register_connector!("salesforce", SalesforceConfig);
