//! The authorization code grant (RFC 6749, 4.1) with PKCE and the checks of RFC 9207.

use async_trait::async_trait;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use trunkline_core::{
    AuthProvider, Begun, Call, Callback, Cause, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep,
    Credential, Cx, Diagnosis, Error, ErrorKind, Exchange, Grant, Held, Prepared, RefreshPolicy, Revoked,
    ScopeSet, Secret,
};
use url::{Host, Url};

use super::authorization_code_builder::AuthorizationCodeBuilder;
use super::callback_hmac::is_signed;
use super::client::Client;
use super::diagnose::Refusal;
use super::grant::bearer;
use super::pkce::Pkce;
use super::purpose::Purpose;
use super::redact::Redactor;
use super::request::Params;
use super::token_endpoint::TokenEndpoint;

const VERIFIER: &str = "code_verifier";
pub(super) const REDIRECT_URI: &str = "redirect_uri";

/// A grant that a person gives at the service's own page.
///
/// # Cancel safety
///
/// A dropped `complete` or `refresh` may have spent the code or the refresh token: its outcome is
/// unknown.
#[derive(Debug, Clone)]
pub struct AuthorizationCode {
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
            callback_hmac: None,
        }
    }

    /// Where the answer is to arrive: byte for byte as it was given, but for the port of a listener.
    fn redirect_uri(&self, ask: &ConsentAsk) -> Result<Secret, Error> {
        match ask.loopback_port {
            None => Ok(Secret::new(&self.redirect_uri)),
            Some(port) => at_port(&self.redirect_uri, port).map(Secret::new),
        }
    }

    /// The URL to send the browser to.
    fn authorize_url(
        &self,
        ask: &ConsentAsk,
        redirect_uri: &Secret,
        scopes: &ScopeSet,
        pkce: Option<&Pkce>,
    ) -> Url {
        let scope = (!scopes.is_empty()).then(|| scopes.join(self.scope_separator));
        let challenge = pkce.map(Pkce::challenge);
        let ours = [
            ("response_type", Some("code")),
            ("client_id", Some(self.endpoint.client.id())),
            (REDIRECT_URI, Some(redirect_uri.expose())),
            ("scope", scope.as_deref()),
            ("state", Some(ask.state.expose())),
            ("code_challenge", challenge.as_deref()),
            ("code_challenge_method", challenge.as_ref().map(|_| "S256")),
        ];
        let mut url = self.authorize_url.clone();
        let mut query = url.query_pairs_mut();
        for (name, value) in ours.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            query.append_pair(self.endpoint.renamed(name), value);
        }
        query.extend_pairs(&self.authorize_params);
        drop(query);
        url
    }

    /// RFC 9207: before anything else of the answer is believed, an error included.
    fn check_issuer(&self, callback: &Callback) -> Result<(), Error> {
        let wrong = match (callback.get("iss"), &self.issuer) {
            (Some(iss), Some(expected)) => iss.expose() != expected,
            (Some(_), None) => false,
            (None, _) => self.require_iss,
        };
        if wrong {
            return Err(invalid("the answer is from another issuer"));
        }
        Ok(())
    }

    /// Where the service signs its answers. A refusal needs no signature: it spends nothing.
    fn check_hmac(&self, callback: &Callback) -> Result<(), Error> {
        let Some(parameter) = &self.callback_hmac else { return Ok(()) };
        match self.endpoint.client.secret() {
            Some(secret) if is_signed(callback, parameter, secret) => Ok(()),
            _ => Err(invalid("the answer is not signed with the client secret")),
        }
    }

    /// RFC 9700, 4.4.2.2: where services have redirect URIs of their own, an answer at another's is
    /// one that an attacker's service sent there.
    fn check_redirect_uri(callback: &Callback, redirect_uri: &Secret) -> Result<(), Error> {
        let Some(path) = callback.path() else { return Ok(()) };
        match Url::parse(redirect_uri.expose()) {
            Ok(expected) if expected.path() == path => Ok(()),
            _ => Err(invalid("the answer arrived at another redirect URI")),
        }
    }

    /// What the token request needs from the answer and from what was kept.
    fn code_params(&self, answer: &ConsentAnswer, now: Timestamp) -> Result<Params, Error> {
        let callback = &answer.callback;
        let redirect_uri =
            answer.pending.get(REDIRECT_URI).ok_or_else(|| invalid("the consent has no redirect URI"))?;
        Self::check_redirect_uri(callback, redirect_uri)?;
        self.check_issuer(callback)?;
        if callback.get("error").is_some() {
            return Err(self.denied(answer, redirect_uri, now).into());
        }
        self.check_hmac(callback)?;
        let given = |secret: &&Secret| !secret.is_empty();
        let code = callback.get("code").filter(given).ok_or_else(|| invalid("the answer has no code"))?;
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

    /// Why the service sent the browser back with an error.
    fn denied(&self, answer: &ConsentAnswer, redirect_uri: &Secret, now: Timestamp) -> Diagnosis {
        let callback = &answer.callback;
        let told = callback.iter().filter(|(name, _)| *name != "state");
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(told.map(|(name, value)| (name, value.expose())));
        let body = body.finish();
        let path = path_of(redirect_uri.expose());
        let (status, headers) = (StatusCode::FOUND, HeaderMap::new());
        let exchange = Exchange {
            call: Call::Authorize,
            method: &Method::GET,
            path: &path,
            status,
            headers: &headers,
            body: body.as_bytes(),
        };
        let secrets = [callback.state(), answer.pending.get(VERIFIER)].into_iter().flatten();
        let redactor = Redactor::new(&secrets.cloned().collect::<Vec<_>>());
        let defect = self.endpoint.codec.refusal(status, exchange.body);
        let refusal =
            Refusal { status, headers: &headers, defect: defect.as_ref(), redactor: &redactor, now };
        self.endpoint.judged(Purpose::Authorize, &exchange, &refusal)
    }
}

/// RFC 8252, 7.3: a program on the user's machine learns its port only when it listens. The address is a
/// literal: a name could be resolved to somewhere else (8.3).
pub(crate) fn at_port(redirect_uri: &str, port: u16) -> Result<String, Error> {
    let url = Url::parse(redirect_uri).ok().filter(|url| {
        url.scheme() == "http"
            && match url.host() {
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
                _ => false,
            }
    });
    let moved = url.and_then(|mut url| url.set_port(Some(port)).is_ok().then(|| url.into()));
    moved.ok_or_else(|| {
        Error::new(
            ErrorKind::ConfigInvalid,
            "the redirect URI is not on a loopback address, so its port is fixed",
        )
        .hint("Configure a redirect URI such as http://127.0.0.1/callback, registered at the service.")
    })
}

/// The path of a redirect URI.
pub(crate) fn path_of(redirect_uri: &str) -> String {
    Url::parse(redirect_uri).map_or_else(|_| String::new(), |url| url.path().to_owned())
}

fn invalid(why: &'static str) -> Error {
    Diagnosis::new(Cause::ConsentInvalid).message(why).into()
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

    fn client_identity(&self) -> Option<Secret> {
        Some(self.endpoint.client.identity())
    }

    async fn begin(&self, _: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let requested = self.scopes.union(&ask.scopes);
        let pkce = self.pkce.then(Pkce::generate);
        let redirect_uri = self.redirect_uri(ask)?;
        let url = self.authorize_url(ask, &redirect_uri, &requested, pkce.as_ref());
        let verifier = pkce.map(|pkce| (VERIFIER.to_owned(), pkce.verifier().clone()));
        let redirect_uri = (REDIRECT_URI.to_owned(), redirect_uri);
        let pending = verifier.into_iter().chain([redirect_uri]).collect();
        Ok(Begun { step: ConsentStep::Redirect { url }, pending, requested })
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let at = cx.clock().wall();
        let params = self
            .code_params(answer, at)
            .map_err(|error| error.map_diagnosis(|diagnosis| diagnosis.during("consent", at)))?;
        let (token, started) = self.endpoint.ask(cx, Purpose::Code, params).await?;
        Ok(self.endpoint.grant(token, started, &answer.requested, None))
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        self.endpoint.refresh(cx, held).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.endpoint.revoke(cx, &held.credential).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        bearer(credential)
    }
}
