//! How a revocation is asked for, where that is otherwise than RFC 7009 has it.

use std::collections::BTreeMap;

use http::Method;
use trunkline_core::{Error, ErrorKind};

use super::client::ClientAuth;
use super::request::{TokenEncoding, repeated};
use super::token_endpoint::TokenEndpoint;

/// What a service wants of a revocation request. By default that is what RFC 7009 says: a form, sent by POST, with the
/// refresh token in `token`, or the access token if there is no other, and the client as in token requests.
#[derive(Debug, Clone)]
pub struct RevocationRequest {
    pub(super) method: Method,
    auth: Option<ClientAuth>,
    pub(super) is_bearer: bool,
    pub(super) access_token: bool,
    pub(super) encoding: TokenEncoding,
    renames: BTreeMap<String, String>,
    pub(super) params: Vec<(String, String)>,
}

impl Default for RevocationRequest {
    fn default() -> Self {
        Self {
            method: Method::POST,
            auth: None,
            is_bearer: false,
            access_token: false,
            encoding: TokenEncoding::Form,
            renames: BTreeMap::new(),
            params: Vec::new(),
        }
    }
}

impl RevocationRequest {
    /// RFC 7009.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The method: POST, or DELETE.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// How the client shows who it is here. Default: as in token requests.
    #[must_use]
    pub fn auth(mut self, auth: ClientAuth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Sends the access token as `Authorization: Bearer`, in the place of the client and of `token`; where no parameter is
    /// left, the request has no body.
    #[must_use]
    pub fn bearer(mut self) -> Self {
        self.is_bearer = true;
        self.access_token = true;
        self
    }

    /// Sends the access token, for services that take no refresh token. Default: the refresh token, if there is one.
    #[must_use]
    pub fn access_token(mut self) -> Self {
        self.access_token = true;
        self
    }

    /// How the parameters are written: a form, or JSON.
    #[must_use]
    pub fn encoding(mut self, encoding: TokenEncoding) -> Self {
        self.encoding = encoding;
        self
    }

    /// Sends the standard's parameter `standard` as `name`. Default: as in token requests.
    #[must_use]
    pub fn rename(mut self, standard: impl Into<String>, name: impl Into<String>) -> Self {
        self.renames.insert(standard.into(), name.into());
        self
    }

    /// Sends another parameter; those of the client and the token cannot be set.
    #[must_use]
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.params.push((name.into(), value.into()));
        self
    }
}

impl TokenEndpoint {
    /// The endpoint as revocations see it.
    pub(super) fn for_revocation(&self) -> Self {
        let asks = &self.revocation;
        let mut endpoint = self.clone();
        if asks.is_bearer {
            endpoint.client = endpoint.client.auth(ClientAuth::Unstated);
        } else if let Some(auth) = &asks.auth {
            endpoint.client = endpoint.client.auth(auth.clone());
        }
        endpoint.renames.extend(asks.renames.clone());
        endpoint
    }

    pub(super) fn check_revocation(&self) -> Result<(), Error> {
        // The client, the token, and what may be said of it.
        const OURS: [&str; 5] =
            ["token", "client_id", "client_secret", "client_assertion", "client_assertion_type"];
        let asks = &self.revocation;
        let endpoint = self.for_revocation();
        endpoint.client.check()?;
        let names = || asks.params.iter().map(|(name, _)| name.as_str());
        let all = OURS.into_iter().chain(names()).map(|name| endpoint.renamed(name));
        let problem = match repeated(all) {
            Some(name) => format!("the parameter `{name}` would be sent twice with a revocation"),
            None if asks.encoding == TokenEncoding::Query => {
                "a token that is revoked does not stand in a URL".to_owned()
            }
            None if asks.method != Method::POST && asks.method != Method::DELETE => {
                "a revocation is POST or DELETE".to_owned()
            }
            None => return Ok(()),
        };
        Err(Error::new(ErrorKind::ConfigInvalid, problem))
    }
}
