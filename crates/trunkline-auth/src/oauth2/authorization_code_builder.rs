//! Collects and checks the settings of an authorization code grant.

use http::Method;
use trunkline_core::{Account, Diagnosis, Error, ErrorKind, Exchange, RefreshPolicy, ScopeSet, is_secure};
use url::Url;

use super::authorization_code::{AuthorizationCode, REDIRECT_URI};
use super::builder::token_endpoint_setters;
use super::codec::TokenCodec;
use super::request::{TokenEncoding, repeated};
use super::response::TokenResponse;
use super::token_endpoint::{TokenEndpoint, check_url};

/// Collects the settings of an [`AuthorizationCode`].
#[derive(Debug, Clone)]
pub struct AuthorizationCodeBuilder {
    pub(super) endpoint: TokenEndpoint,
    pub(super) authorize_url: Url,
    pub(super) redirect_uri: String,
    pub(super) scopes: ScopeSet,
    pub(super) scope_separator: char,
    pub(super) authorize_params: Vec<(String, String)>,
    pub(super) pkce: bool,
    pub(super) issuer: Option<String>,
    pub(super) require_iss: bool,
    pub(super) callback_hmac: Option<String>,
}

impl AuthorizationCodeBuilder {
    token_endpoint_setters!();

    /// Where renewals are sent, if not to the token URL.
    #[must_use]
    pub fn refresh_url(mut self, url: Url) -> Self {
        self.endpoint.refresh_url = Some(url);
        self
    }

    /// Sends a parameter with the authorization URL; the grant's own cannot be set.
    #[must_use]
    pub fn authorize_param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.authorize_params.push((name.into(), value.into()));
        self
    }

    /// Whether PKCE is used, with S256. Default true; false only for services that reject it.
    #[must_use]
    pub fn pkce(mut self, pkce: bool) -> Self {
        self.pkce = pkce;
        self
    }

    /// The issuer whose answers are accepted (RFC 9207). Default: any.
    #[must_use]
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Whether an answer without an issuer is refused; needs [`issuer`](Self::issuer). For services
    /// whose metadata says `authorization_response_iss_parameter_supported`. Default false.
    #[must_use]
    pub fn require_iss(mut self, require: bool) -> Self {
        self.require_iss = require;
        self
    }

    /// The parameter of the callback by which the service signs it: the HMAC-SHA256 of all others by the client secret,
    /// in hexadecimal digits, as Shopify sends it. A callback that is not signed so is refused before its code is sent.
    /// Default: the service signs none.
    #[must_use]
    pub fn callback_hmac(mut self, parameter: impl Into<String>) -> Self {
        self.callback_hmac = Some(parameter.into());
        self
    }

    /// Checks all settings together.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::ConfigInvalid`]: a URL that is neither https nor loopback, a parameter that
    /// would be sent twice, a client without what its way of authentication needs, secrets in a URL
    /// that were not allowed by name, a signature without a client secret.
    pub fn build(self) -> Result<AuthorizationCode, Error> {
        self.endpoint.check()?;
        check_url(&self.authorize_url)?;
        check_redirect_uri(&self.redirect_uri)?;
        if self.require_iss && self.issuer.is_none() {
            return Err(Error::new(ErrorKind::ConfigInvalid, "an issuer is required but none is named"));
        }
        if self.callback_hmac.is_some() && self.endpoint.client.secret().is_none() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "callbacks are signed with the client secret, and the client has none",
            ));
        }
        let mut endpoint = self.endpoint;
        endpoint.codec.scope_separator.get_or_insert(self.scope_separator);
        let built = AuthorizationCode {
            endpoint,
            authorize_url: self.authorize_url,
            redirect_uri: self.redirect_uri,
            scopes: self.scopes,
            scope_separator: self.scope_separator,
            authorize_params: self.authorize_params,
            pkce: self.pkce,
            issuer: self.issuer,
            require_iss: self.require_iss,
            callback_hmac: self.callback_hmac,
        };
        built.check_authorize_params()?;
        Ok(built)
    }
}

impl AuthorizationCode {
    /// RFC 6749, 3.1: no parameter twice, whether it stands in the endpoint's URL, comes from the
    /// author, or is ours.
    fn check_authorize_params(&self) -> Result<(), Error> {
        const OURS: [&str; 7] = [
            "response_type",
            "client_id",
            REDIRECT_URI,
            "scope",
            "state",
            "code_challenge",
            "code_challenge_method",
        ];
        let present: Vec<String> =
            self.authorize_url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        let names = OURS.iter().map(|name| self.endpoint.renamed(name));
        let names = names.chain(self.authorize_params.iter().map(|(name, _)| name.as_str()));
        let secret = self.authorize_params.iter().any(|(name, _)| name == "client_secret");
        match repeated(names.chain(present.iter().map(String::as_str))) {
            Some(name) => {
                let message = format!("the parameter `{name}` would stand twice in the authorization URL");
                Err(Error::new(ErrorKind::ConfigInvalid, message))
            }
            None if secret => Err(Error::new(
                ErrorKind::ConfigInvalid,
                "the client secret may not be in the authorization URL",
            )),
            None => Ok(()),
        }
    }
}

/// https, http on loopback, or an application's own scheme, which has a dot (RFC 8252, 7.1).
pub(crate) fn check_redirect_uri(text: &str) -> Result<(), Error> {
    let url = Url::parse(text).ok().filter(|url| url.fragment().is_none());
    match url {
        Some(url) if is_secure(&url) || url.scheme().contains('.') => Ok(()),
        _ => Err(Error::new(
            ErrorKind::ConfigInvalid,
            "the redirect URI must be an absolute https URL without fragment",
        )),
    }
}
