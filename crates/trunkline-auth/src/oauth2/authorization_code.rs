//! The authorization code grant (RFC 6749, 4.1) with PKCE and the checks of RFC 9207.

use async_trait::async_trait;
use http::Method;
use trunkline_core::{
    Account, AuthProvider, Begun, Callback, Cause, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep,
    Credential, Cx, Diagnosis, Error, ErrorKind, Exchange, Grant, Held, Prepared, RefreshPolicy, Revoked,
    ScopeSet, Secret, is_secure,
};
use url::Url;

use super::builder::token_endpoint_setters;
use super::client::Client;
use super::codec::{TokenCodec, TokenResponse};
use super::errors::Purpose;
use super::pkce::Pkce;
use super::redact::Redactor;
use super::request::{Params, TokenEncoding, repeated};
use super::token_endpoint::{TokenEndpoint, check_url};

const VERIFIER: &str = "code_verifier";
const REDIRECT_URI: &str = "redirect_uri";

/// A grant that a person gives at the service's own page.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
    endpoint: TokenEndpoint,
    authorize_url: Url,
    redirect_uri: String,
    scopes: ScopeSet,
    scope_separator: char,
    authorize_params: Vec<(String, String)>,
    pkce: bool,
    issuer: Option<String>,
    require_iss: bool,
}

impl AuthorizationCode {
    /// Starts with what every service needs. `redirect_uri` is sent byte for byte as it is given;
    /// give each service one of its own unless it answers with an issuer.
    #[must_use]
    pub fn builder(
        client: Client,
        authorize_url: Url,
        token_url: Url,
        redirect_uri: impl Into<String>,
    ) -> AuthorizationCodeBuilder {
        AuthorizationCodeBuilder {
            endpoint: TokenEndpoint::new(client, token_url),
            authorize_url,
            redirect_uri: redirect_uri.into(),
            scopes: ScopeSet::default(),
            scope_separator: ' ',
            authorize_params: Vec::new(),
            pkce: true,
            issuer: None,
            require_iss: false,
        }
    }

    /// The URL to send the browser to.
    fn authorize_url(&self, ask: &ConsentAsk, scopes: &ScopeSet, pkce: Option<&Pkce>) -> Url {
        let scope = (!scopes.is_empty()).then(|| scopes.join(self.scope_separator));
        let challenge = pkce.map(Pkce::challenge);
        let ours = [
            ("response_type", Some("code")),
            ("client_id", Some(self.endpoint.client.id())),
            (REDIRECT_URI, Some(self.redirect_uri.as_str())),
            ("scope", scope.as_deref()),
            ("state", Some(ask.state.expose())),
            ("code_challenge", challenge.as_deref()),
            ("code_challenge_method", challenge.as_ref().map(|_| "S256")),
        ];
        let mut url = self.authorize_url.clone();
        let mut query = url.query_pairs_mut();
        for (name, value) in ours.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            query.append_pair(self.renamed(name), value);
        }
        query.extend_pairs(&self.authorize_params);
        drop(query);
        url
    }

    fn renamed<'a>(&'a self, name: &'a str) -> &'a str {
        self.endpoint.renames.get(name).map_or(name, String::as_str)
    }

    /// RFC 9207: before anything else of the answer is believed, an error included.
    fn check_issuer(&self, callback: &Callback) -> Result<(), Diagnosis> {
        let wrong = match (callback.get("iss"), &self.issuer) {
            (Some(iss), Some(expected)) => iss.expose() != expected,
            (Some(_), None) => false,
            (None, _) => self.require_iss,
        };
        if wrong {
            return Err(Diagnosis::new(Cause::ConsentInvalid).message("the answer is from another issuer"));
        }
        Ok(())
    }

    /// What the token request needs from the answer and from what was kept.
    fn code_params(&self, answer: &ConsentAnswer) -> Result<Params, Diagnosis> {
        let callback = &answer.callback;
        self.check_issuer(callback)?;
        if let Some(error) = callback.get("error") {
            return Err(callback_error(error.expose(), answer));
        }
        let invalid = |why| Diagnosis::new(Cause::ConsentInvalid).message(why);
        let given = |secret: &&Secret| !secret.is_empty();
        let code = callback.get("code").filter(given).ok_or_else(|| invalid("the answer has no code"))?;
        let redirect_uri =
            answer.pending.get(REDIRECT_URI).ok_or_else(|| invalid("the consent has no redirect URI"))?;
        let verifier = answer.pending.get(VERIFIER).filter(given);
        if self.pkce && verifier.is_none() {
            // Without it the exchange would silently lose its protection (RFC 9700, 4.8).
            return Err(invalid("the consent has no PKCE verifier"));
        }
        let mut params = Params::default();
        params.plain("grant_type", "authorization_code");
        params.secret("code", code.expose());
        params.plain(REDIRECT_URI, redirect_uri.expose());
        if let Some(verifier) = verifier {
            params.secret(VERIFIER, verifier.expose());
        }
        Ok(params)
    }
}

/// The standard's codes for a consent that did not happen (RFC 6749, 4.1.2.1; OIDC Core, 3.1.2.6).
fn callback_error(code: &str, answer: &ConsentAnswer) -> Diagnosis {
    let cause = match code {
        "invalid_request" | "invalid_scope" | "invalid_target" | "unsupported_response_type" => {
            Cause::ConfigurationInvalid
        }
        "unauthorized_client" | "invalid_client" => Cause::ClientCredentialsInvalid,
        "server_error" | "temporarily_unavailable" => Cause::ServiceUnavailable,
        // `access_denied`, and what a service made up: nobody approved.
        _ => Cause::ConsentDenied,
    };
    let state = answer.callback.state().into_iter().cloned();
    let redactor = Redactor::new(state.chain(answer.pending.get(VERIFIER).cloned()).collect());
    let diagnosis = Diagnosis::new(cause).code(&redactor.clean(code));
    match answer.callback.get("error_description") {
        Some(text) => diagnosis.message(&redactor.clean(text.expose())),
        None => diagnosis,
    }
}

#[async_trait]
impl AuthProvider for AuthorizationCode {
    fn method(&self) -> &'static str {
        "authorization_code"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Redirect
    }

    fn policy(&self) -> RefreshPolicy {
        self.endpoint.policy
    }

    async fn begin(&self, _: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let requested = self.scopes.union(&ask.scopes);
        let pkce = self.pkce.then(Pkce::generate);
        let url = self.authorize_url(ask, &requested, pkce.as_ref());
        let verifier = pkce.map(|pkce| (VERIFIER.to_owned(), pkce.verifier().clone()));
        let redirect_uri = (REDIRECT_URI.to_owned(), Secret::new(&self.redirect_uri));
        let pending = verifier.into_iter().chain([redirect_uri]).collect();
        Ok(Begun { step: ConsentStep::Redirect { url }, pending, requested })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let params =
            self.code_params(answer).map_err(|diagnosis| diagnosis.during("consent", cx.clock().wall()))?;
        let (token, started) = self.endpoint.ask(cx, Purpose::Code, params).await?;
        Ok(self.endpoint.grant(token, started, &answer.requested, None))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let refresh_token = held.credential.refresh_token.as_ref().filter(|token| !token.is_empty());
        let Some(refresh_token) = refresh_token else {
            let diagnosis = Diagnosis::new(Cause::RefreshTokenMissing);
            return Err(diagnosis.during(Purpose::Refresh.name(), cx.clock().wall()).into());
        };
        // No scope: the grant's own is meant, and more than that must not be asked for.
        let mut params = Params::default();
        params.plain("grant_type", "refresh_token");
        params.secret("refresh_token", refresh_token.expose());
        let (token, started) = self.endpoint.ask(cx, Purpose::Refresh, params).await?;
        Ok(self.endpoint.grant(token, started, &ScopeSet::default(), Some(held)))
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.endpoint.revoke(cx, &held.credential).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        super::token_endpoint::bearer(credential)
    }
}

/// Collects the settings of an [`AuthorizationCode`].
#[derive(Debug, Clone)]
pub struct AuthorizationCodeBuilder {
    endpoint: TokenEndpoint,
    authorize_url: Url,
    redirect_uri: String,
    scopes: ScopeSet,
    scope_separator: char,
    authorize_params: Vec<(String, String)>,
    pkce: bool,
    issuer: Option<String>,
    require_iss: bool,
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

    /// Checks all settings together.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::ConfigInvalid`]: a URL that is neither https nor loopback, a parameter that
    /// would be sent twice, a client without what its way of authentication needs, secrets in a URL
    /// that were not allowed by name.
    pub fn build(self) -> Result<AuthorizationCode, Error> {
        self.endpoint.check()?;
        check_url(&self.authorize_url)?;
        check_redirect_uri(&self.redirect_uri)?;
        if self.require_iss && self.issuer.is_none() {
            return Err(Error::new(ErrorKind::ConfigInvalid, "an issuer is required but none is named"));
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
        let names = OURS.iter().map(|name| self.renamed(name));
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
fn check_redirect_uri(text: &str) -> Result<(), Error> {
    let url = Url::parse(text).ok().filter(|url| url.fragment().is_none());
    match url {
        Some(url) if is_secure(&url) || url.scheme().contains('.') => Ok(()),
        _ => Err(Error::new(
            ErrorKind::ConfigInvalid,
            "the redirect URI must be an absolute https URL without fragment",
        )),
    }
}
