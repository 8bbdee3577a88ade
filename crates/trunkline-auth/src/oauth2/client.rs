//! The application's own client at a service, and how it shows who it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use form_urlencoded::byte_serialize;
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use trunkline_core::{Error, ErrorKind, Prepared, Secret};
use url::Url;
use zeroize::Zeroizing;

use super::private_key_jwt::{ASSERTION_TYPE, PrivateKeyJwt};
use super::request::Params;

/// How the client shows who it is at the token and revocation endpoints (RFC 6749, 2.3). A request
/// uses exactly one way.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ClientAuth {
    /// `client_id` and `client_secret` in the body.
    Body,
    /// HTTP Basic; id and secret are form-encoded first, as the standard wants it.
    Basic,
    /// HTTP Basic without that encoding, for services that do not decode it.
    BasicRaw,
    /// `client_id` in the body, and the secret in `Authorization` after a scheme of the service's own, such as `Client`.
    Scheme(String),
    /// A public client: `client_id` in the body, no secret.
    None,
    /// A statement that the client's private key signs, beside `client_id` (RFC 7523, 2.2). The client has no secret.
    PrivateKeyJwt(PrivateKeyJwt),
    /// Not at all: the request itself says who the client is, as an assertion does (RFC 7521, 4.1). A secret
    /// is not sent; it only tells one client from another.
    Unstated,
}

/// The application's client at one service. `Debug` does not show the secret.
#[derive(Debug, Clone)]
pub struct Client {
    id: String,
    secret: Option<Secret>,
    auth: ClientAuth,
}

impl Client {
    /// A client that authenticates with [`ClientAuth::Basic`], or as [`ClientAuth::None`] when it has
    /// no secret.
    #[must_use]
    pub fn new(id: impl Into<String>, secret: Option<Secret>) -> Self {
        let auth = if secret.is_some() { ClientAuth::Basic } else { ClientAuth::None };
        Self { id: id.into(), secret, auth }
    }

    /// Authenticates another way.
    #[must_use]
    pub fn auth(mut self, auth: ClientAuth) -> Self {
        self.auth = auth;
        self
    }

    /// The client id; no secret.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The secret, where there is one that can sign.
    pub(super) fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref().filter(|secret| !secret.is_empty())
    }

    /// Whether a request says who the client is.
    pub(crate) fn is_stated(&self) -> bool {
        !matches!(self.auth, ClientAuth::Unstated)
    }

    /// A text that changes whenever id or secret does: what an
    /// [`AuthProvider`](trunkline_core::AuthProvider::client_identity) answers.
    #[must_use]
    pub fn identity(&self) -> Secret {
        let key = match &self.auth {
            ClientAuth::PrivateKeyJwt(jwt) => Some(jwt.identity()),
            _ => None,
        };
        let secret = key.as_ref().or(self.secret.as_ref()).map_or("", Secret::expose);
        // The length keeps ("a", "b c") and ("a b", "c") apart.
        Secret::new(format!("{} {} {secret}", self.id.len(), self.id))
    }

    /// Checks that id, secret and way fit together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let has_secret = self.secret.as_ref().is_some_and(|secret| !secret.is_empty());
        let problem = match &self.auth {
            _ if self.id.is_empty() => "the client id is empty",
            ClientAuth::None if has_secret => "a public client has no secret",
            ClientAuth::PrivateKeyJwt(_) if has_secret => {
                "a client that proves itself with a key has no secret"
            }
            ClientAuth::PrivateKeyJwt(jwt) => return jwt.check(),
            ClientAuth::Body | ClientAuth::Basic | ClientAuth::BasicRaw | ClientAuth::Scheme(_)
                if !has_secret =>
            {
                "the client has no secret"
            }
            // RFC 9110, 11.1: a word. `Basic` and `Bearer` have a form of their own.
            ClientAuth::Scheme(scheme)
                if scheme.is_empty()
                    || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    || ["basic", "bearer"].contains(&scheme.to_ascii_lowercase().as_str()) =>
            {
                "the client's scheme is one word of the service's own"
            }
            ClientAuth::BasicRaw if self.id.contains(':') => "the client id holds a colon",
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::ConfigInvalid, problem))
    }

    /// Adds what shows who the client is, to the parameters or to the headers of a request that is meant for `endpoint`
    /// and sent `now`.
    pub(crate) fn authenticate(
        &self,
        params: &mut Params,
        headers: &mut HeaderMap,
        endpoint: &Url,
        now: Timestamp,
    ) -> Result<(), Error> {
        let secret = self.secret.as_ref().map_or("", Secret::expose);
        match &self.auth {
            ClientAuth::Body => {
                params.plain("client_id", &self.id);
                params.secret("client_secret", secret);
            }
            ClientAuth::Scheme(scheme) => {
                params.plain("client_id", &self.id);
                headers.insert(header::AUTHORIZATION, authorization(scheme, &Secret::new(secret))?);
                params.redact(secret);
            }
            ClientAuth::None => params.plain("client_id", &self.id),
            ClientAuth::PrivateKeyJwt(jwt) => {
                let assertion = jwt.assertion(&self.id, endpoint, now)?;
                params.plain("client_id", &self.id);
                params.plain("client_assertion_type", ASSERTION_TYPE);
                params.secret("client_assertion", assertion.expose());
            }
            ClientAuth::Unstated => {}
            ClientAuth::Basic => {
                // Sized once: a text that grows leaves copies behind.
                let mut encoded = Zeroizing::new(String::with_capacity(3 * secret.len()));
                encoded.extend(byte_serialize(secret.as_bytes()));
                let id: String = byte_serialize(self.id.as_bytes()).collect();
                headers.insert(header::AUTHORIZATION, basic(&id, &encoded)?);
                params.redact(secret);
            }
            ClientAuth::BasicRaw => {
                headers.insert(header::AUTHORIZATION, basic(&self.id, secret)?);
                params.redact(secret);
            }
        }
        Ok(())
    }
}

fn basic(id: &str, secret: &str) -> Result<HeaderValue, Error> {
    let pair = Zeroizing::new(format!("{id}:{secret}"));
    let mut encoded = String::with_capacity(pair.len().div_ceil(3) * 4);
    STANDARD.encode_string(pair.as_bytes(), &mut encoded);
    authorization("Basic", &Secret::new(encoded))
}

/// A value of `Authorization` that is not shown.
fn authorization(scheme: &str, secret: &Secret) -> Result<HeaderValue, Error> {
    let prepared = Prepared::authorization(scheme, secret).ok();
    let value = prepared.as_ref().and_then(Prepared::authorization_value).cloned();
    value.ok_or_else(|| Error::new(ErrorKind::ConfigInvalid, "the client id or secret fits no header"))
}
