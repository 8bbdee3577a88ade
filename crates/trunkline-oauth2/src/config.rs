//! The settings of the connector, and the one place where they are checked together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use trunkline_auth::jwt::{Algorithm, SigningKey};
use trunkline_core::url::Url;
use trunkline_core::{
    BuildConnector, Connector, ConnectorInfo, Error, ErrorKind, RefreshPolicy, Reuse, RevokeScope, Secret,
    is_public_host, is_secure,
};

use crate::account::AccountSource;
use crate::choices::{ClientAuthMethod, GrantType, RefreshTokenReuse, RevocationScope, SigningAlg};
use crate::connector::OAuth2;

/// Settings of the connector (`provider = "oauth2"`). `Debug` shows no secret.
///
/// Every URL is https, or http on loopback. In TOML, optional settings are left out for their default.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OAuth2Config {
    /// Client id of the application at the service.
    pub client_id: String,
    /// Its secret. Without one, and without a private key, it is a public client.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// Its private key instead of a secret, unencrypted, as PEM: RSA of 2048 bits or more, or P-256.
    #[serde(default)]
    pub private_key: Option<Secret>,
    /// The id by which the service knows the key (`kid`), if it knows several. Default: none is named.
    #[serde(default)]
    pub key_id: Option<String>,
    /// How the private key signs. Default: RS256 with an RSA key, ES256 with the other.
    #[serde(default)]
    pub token_endpoint_auth_signing_alg: Option<SigningAlg>,
    /// Whom the statements that the key signs are meant for (`aud`). Default: the token endpoint. The service's
    /// issuer is better wherever it is taken (RFC 7523bis), and needed by FAPI 2.0.
    #[serde(default)]
    pub client_assertion_audience: Option<String>,
    /// How the client shows who it is. Default: `private_key_jwt` with a private key, `none` without a secret; else
    /// what the metadata offers, `client_secret_basic` first and where nothing is said.
    #[serde(default)]
    pub token_endpoint_auth_method: Option<ClientAuthMethod>,
    /// Where the service sends the browser after consent, sent byte for byte. Without it there is no
    /// `authorization_code`.
    #[serde(default)]
    pub redirect_uri: Option<String>,
    /// How connections are made. Default `authorization_code`.
    #[serde(default)]
    pub grant_type: GrantType,

    /// Where the API is; paths of requests are below it.
    pub base_url: Url,
    /// Further hosts that the access token may be sent to, as URLs; path and query do not count.
    #[serde(default)]
    pub allowed_hosts: Vec<Url>,

    /// The authorization server's issuer identifier, without query and fragment. Callbacks from another
    /// issuer are refused (RFC 9207). Without `token_endpoint`, its metadata is discovered.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Seconds that discovered metadata is kept. Default 3600.
    #[serde(default = "default_metadata_ttl_s")]
    pub metadata_ttl_s: u32,
    /// Where a person approves. Needed for `authorization_code`, unless it is discovered.
    #[serde(default)]
    pub authorization_endpoint: Option<Url>,
    /// Where tokens are asked for. Needed, unless it is discovered.
    #[serde(default)]
    pub token_endpoint: Option<Url>,
    /// Where a code is asked for that a person enters on another device (RFC 8628). With it, connections can also
    /// be made by `device_code`. It is discovered only with `grant_type = "device_code"`: a stranger can show such
    /// a code to a person as well as the application can, so it is never offered unasked.
    #[serde(default)]
    pub device_authorization_endpoint: Option<Url>,
    /// Where tokens are revoked (RFC 7009). Without one, disconnecting revokes nothing at the service.
    #[serde(default)]
    pub revocation_endpoint: Option<Url>,
    /// Where tokens are introspected (RFC 7662).
    #[serde(default)]
    pub introspection_endpoint: Option<Url>,
    /// Where the service says who the user is: OpenID Connect's UserInfo, or any GET that answers JSON. The
    /// access token may be sent to its host.
    #[serde(default)]
    pub userinfo_endpoint: Option<Url>,
    /// Whether a callback without an issuer is refused (C-9207-01). Default: what the metadata says, else false.
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: Option<bool>,

    /// The scopes to ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What separates them, in requests and answers: one character. Default a blank.
    #[serde(default = "default_scope_separator")]
    pub scope_separator: char,
    /// Further parameters of the authorization request, such as `access_type` or `prompt`.
    #[serde(default)]
    pub authorization_params: BTreeMap<String, String>,
    /// Further parameters of every token request, such as `audience`. They are no secrets.
    #[serde(default)]
    pub token_params: BTreeMap<String, String>,
    /// Whether PKCE (S256) is used. Default true; false only for services that reject it.
    #[serde(default = "default_pkce")]
    pub pkce: bool,

    /// How the account is known. Default: the first that the service offers, see [`AccountSource`].
    #[serde(default)]
    pub account: Option<AccountSource>,
    /// The member that names the user there; dots lead into objects. Default `sub`.
    #[serde(default = "default_account_user")]
    pub account_user: String,
    /// The member that names the company there, if there is one; dots lead into objects.
    #[serde(default)]
    pub account_company: Option<String>,

    /// What a spent refresh token does. Default `kills_family`.
    #[serde(default)]
    pub refresh_token_reuse: RefreshTokenReuse,
    /// Seconds that a spent refresh token is still accepted, with `refresh_token_reuse = "grace"`. Default 30.
    #[serde(default = "default_refresh_token_grace_s")]
    pub refresh_token_grace_s: u32,
    /// Seconds before its end that an access token is renewed. Default 60.
    #[serde(default = "default_renewal_margin_s")]
    pub renewal_margin_s: u32,
    /// Seconds that an access token lives where the service does not say. Default: it has no end, until one
    /// is refused.
    #[serde(default)]
    pub default_lifetime_s: Option<u32>,
    /// Seconds that a refresh token lives if it is not used, where the service does not say: a grant that
    /// nobody uses is renewed well before. Default: it has no end.
    #[serde(default)]
    pub refresh_idle_limit_s: Option<u32>,
    /// What a revocation ends. Default `grant`.
    #[serde(default)]
    pub revocation_scope: RevocationScope,

    /// Error codes, or texts in an error's message, that mean at the token endpoint that the grant is over,
    /// whatever the status.
    #[serde(default)]
    pub terminal_errors: Vec<String>,
    /// Error codes, or texts in an error's message, that mean at the token endpoint that the service cannot
    /// answer now, whatever the status. They count before `terminal_errors`.
    #[serde(default)]
    pub transient_errors: Vec<String>,
}

const fn default_metadata_ttl_s() -> u32 {
    3600
}

const fn default_scope_separator() -> char {
    ' '
}

const fn default_pkce() -> bool {
    true
}

fn default_account_user() -> String {
    "sub".to_owned()
}

const fn default_refresh_token_grace_s() -> u32 {
    30
}

const fn default_renewal_margin_s() -> u32 {
    60
}

impl OAuth2Config {
    /// Settings with the defaults, for a client with a secret; `base_url` is the API's. The endpoints, or
    /// an issuer, are still missing.
    #[must_use]
    pub fn new(client_id: impl Into<String>, client_secret: Secret, base_url: Url) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: Some(client_secret),
            private_key: None,
            key_id: None,
            token_endpoint_auth_signing_alg: None,
            client_assertion_audience: None,
            token_endpoint_auth_method: None,
            redirect_uri: None,
            grant_type: GrantType::default(),
            base_url,
            allowed_hosts: Vec::new(),
            issuer: None,
            metadata_ttl_s: default_metadata_ttl_s(),
            authorization_endpoint: None,
            token_endpoint: None,
            device_authorization_endpoint: None,
            revocation_endpoint: None,
            introspection_endpoint: None,
            userinfo_endpoint: None,
            authorization_response_iss_parameter_supported: None,
            scopes: Vec::new(),
            scope_separator: default_scope_separator(),
            authorization_params: BTreeMap::new(),
            token_params: BTreeMap::new(),
            pkce: default_pkce(),
            account: None,
            account_user: default_account_user(),
            account_company: None,
            refresh_token_reuse: RefreshTokenReuse::default(),
            refresh_token_grace_s: default_refresh_token_grace_s(),
            renewal_margin_s: default_renewal_margin_s(),
            default_lifetime_s: None,
            refresh_idle_limit_s: None,
            revocation_scope: RevocationScope::default(),
            terminal_errors: Vec::new(),
            transient_errors: Vec::new(),
        }
    }

    /// The issuer whose metadata is to be discovered, if any is.
    pub(crate) fn discovers(&self) -> Option<&str> {
        self.issuer.as_deref().filter(|_| self.token_endpoint.is_none())
    }

    /// Whether somebody asked by name for consents by a code (C-8628-06).
    pub(crate) fn wants_device_code(&self) -> bool {
        self.device_authorization_endpoint.is_some() || self.grant_type == GrantType::DeviceCode
    }

    /// How the grants of a person are kept alive.
    pub(crate) fn policy(&self) -> RefreshPolicy {
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let mut policy = RefreshPolicy::default();
        policy.margin = seconds(self.renewal_margin_s);
        policy.default_lifetime = self.default_lifetime_s.map(seconds);
        policy.idle_limit = self.refresh_idle_limit_s.map(seconds);
        policy.reuse = match self.refresh_token_reuse {
            RefreshTokenReuse::KillsFamily => Reuse::KillsFamily,
            RefreshTokenReuse::RejectSoft => Reuse::RejectSoft,
            RefreshTokenReuse::Grace => Reuse::Grace { window: seconds(self.refresh_token_grace_s) },
        };
        policy.revoke_scope = match self.revocation_scope {
            RevocationScope::Token => RevokeScope::Token,
            RevocationScope::Grant => RevokeScope::Grant,
            RevocationScope::AccountPool => RevokeScope::AccountPool,
        };
        policy
    }

    /// How the application's own grants are kept alive: each renewal mints anew, so nothing is spent.
    pub(crate) fn credentials_policy(&self) -> RefreshPolicy {
        let mut policy = self.policy();
        policy.reuse = Reuse::RejectSoft;
        policy.idle_limit = None;
        policy
    }

    /// Whether the client has nothing to prove itself with.
    pub(crate) fn is_public(&self) -> bool {
        self.client_secret.is_none() && self.private_key.is_none()
    }

    /// The private key, tried.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, Error> {
        let Some(pem) = &self.private_key else { return Ok(None) };
        let mut key = SigningKey::from_pem(pem)?;
        if let Some(algorithm) = self.token_endpoint_auth_signing_alg {
            key = key.algorithm(match algorithm {
                SigningAlg::Rs256 => Algorithm::Rs256,
                SigningAlg::Ps256 => Algorithm::Ps256,
                SigningAlg::Es256 => Algorithm::Es256,
            })?;
        }
        Ok(Some(self.key_id.iter().fold(key, |key, key_id| key.key_id(key_id))))
    }

    /// A key and the settings that go with it.
    fn check_key(&self) -> Result<(), Error> {
        let is_meant =
            matches!(self.token_endpoint_auth_method, None | Some(ClientAuthMethod::PrivateKeyJwt));
        let needs_key = self.token_endpoint_auth_method == Some(ClientAuthMethod::PrivateKeyJwt)
            || self.key_id.is_some()
            || self.token_endpoint_auth_signing_alg.is_some()
            || self.client_assertion_audience.is_some();
        let problem = match &self.private_key {
            None if needs_key => "private_key is missing for private_key_jwt",
            Some(_) if !is_meant => "private_key counts with private_key_jwt only",
            Some(_) if self.client_secret.is_some() => {
                "a client has a client_secret or a private_key, not both"
            }
            _ => {
                let texts = [
                    ("key_id", &self.key_id),
                    ("client_assertion_audience", &self.client_assertion_audience),
                ];
                return texts
                    .into_iter()
                    .try_for_each(|(key, text)| text.as_ref().map_or(Ok(()), |text| check_text(key, text)));
            }
        };
        Err(invalid(problem))
    }

    /// Everything that neither the grants nor the endpoint check by themselves.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_text("client_id", &self.client_id)?;
        if let Some(secret) = &self.client_secret {
            check_text("client_secret", secret.expose())?;
        }
        self.check_key()?;
        if let Some(issuer) = &self.issuer {
            self.check_issuer(issuer)?;
        }
        let urls = [&self.introspection_endpoint, &self.userinfo_endpoint];
        let is_by = |grant_type| self.grant_type == grant_type;
        let problem = match self {
            _ if is_by(GrantType::AuthorizationCode) && self.redirect_uri.is_none() => {
                "redirect_uri is missing for authorization_code"
            }
            _ if is_by(GrantType::ClientCredentials) && self.is_public() => {
                "client_secret, or private_key, is missing for client_credentials"
            }
            Self { token_endpoint: Some(_), device_authorization_endpoint: None, .. }
                if is_by(GrantType::DeviceCode) =>
            {
                return Err(invalid("device_authorization_endpoint is missing for device_code")
                    .hint("Give it as a setting, or an `issuer` alone, whose metadata names it."));
            }
            _ if urls.into_iter().flatten().any(|url| !is_secure(url)) => {
                "an endpoint must be https (plain http is for loopback only)"
            }
            _ if self.authorization_response_iss_parameter_supported == Some(true)
                && self.issuer.is_none() =>
            {
                "an issuer is required but none is named"
            }
            Self { token_endpoint: None, issuer: None, .. } => {
                "token_endpoint is missing, and there is no issuer to discover it from"
            }
            Self { token_endpoint: Some(_), authorization_endpoint: None, redirect_uri: Some(_), .. } => {
                "authorization_endpoint is missing"
            }
            Self { metadata_ttl_s: 0, .. } => "metadata_ttl_s must be at least 1",
            Self { default_lifetime_s: Some(0), .. } => "default_lifetime_s must be at least 1",
            Self { refresh_idle_limit_s: Some(0), .. } => "refresh_idle_limit_s must be at least 1",
            Self { account: Some(AccountSource::Introspection), introspection_endpoint: None, .. }
                if self.discovers().is_none() =>
            {
                "introspection_endpoint is missing for account = \"introspection\""
            }
            Self { account: Some(AccountSource::Userinfo), userinfo_endpoint: None, .. }
                if self.discovers().is_none() =>
            {
                "userinfo_endpoint is missing for account = \"userinfo\""
            }
            _ => return self.check_words(),
        };
        Err(invalid(problem))
    }

    /// An empty word would be found in every message.
    fn check_words(&self) -> Result<(), Error> {
        let words = [&self.terminal_errors, &self.transient_errors];
        match words.into_iter().flatten().any(|word| word.trim().is_empty()) {
            true => Err(invalid("terminal_errors and transient_errors hold no empty text")),
            false => Ok(()),
        }
    }

    fn check_issuer(&self, issuer: &str) -> Result<(), Error> {
        check_text("issuer", issuer)?;
        let url = Url::parse(issuer).ok().filter(is_secure);
        let plain = |url: &Url| {
            url.query().is_none()
                && url.fragment().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        };
        match url {
            Some(url) if !plain(&url) => Err(invalid("issuer has no query, fragment or user information")),
            // Loopback alone is secure without https.
            Some(url) if self.discovers().is_some() && !is_public_host(&url) && !is_loopback(&url) => {
                Err(invalid("nothing is discovered in a network of one's own")
                    .hint("Give `authorization_endpoint` and `token_endpoint` as settings."))
            }
            Some(_) => Ok(()),
            None => Err(invalid("issuer must be an https URL (plain http is for loopback only)")),
        }
    }
}

/// Whether `url` is of this machine.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let mut plain = url.clone();
    // Plain http is secure on loopback and nowhere else.
    plain.set_scheme("http").is_ok() && is_secure(&plain)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::ConfigInvalid, message)
}

/// Refuses what pasting adds: a blank or a line break at either end. The value is not quoted.
fn check_text(key: &str, value: &str) -> Result<(), Error> {
    if value.is_empty() {
        return Err(invalid(format!("{key} is empty")));
    }
    if value.trim() != value || value.chars().any(char::is_control) {
        return Err(invalid(format!(
            "{key} begins or ends with a blank, or holds a line break or another control character"
        )));
    }
    Ok(())
}

impl BuildConnector for OAuth2Config {
    const INFO: ConnectorInfo = ConnectorInfo {
        title: "OAuth 2",
        docs: "https://www.rfc-editor.org/rfc/rfc6749",
        methods: &["authorization_code", "device_code", "client_credentials"],
    };

    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        Ok(Arc::new(OAuth2::new(self.clone())?))
    }
}

trunkline_core::register_connector!("oauth2", OAuth2Config);
