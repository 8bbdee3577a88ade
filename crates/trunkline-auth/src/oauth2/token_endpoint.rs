//! The settings of a token endpoint, and their checks.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::Method;
use trunkline_core::{Account, Diagnosis, Error, ErrorKind, Exchange, RefreshPolicy, is_secure};
use url::Url;

use super::client::Client;
use super::codec::TokenCodec;
use super::nested::Nested;
use super::request::{TokenEncoding, in_one_place, repeated};
use super::response::TokenResponse;
use super::revocation::RevocationRequest;

/// Reads a failed exchange in a service's own way, before the general rules do. `None` leaves it to
/// them. For terminal errors that come as 500 and transient ones that come as 400.
///
/// It is asked about whole answers only. Status, time and call are added to what it answers, secrets
/// that were sent are taken out of its message; its codes and remedy stay, so they must quote no body.
pub type Judge = Arc<dyn Fn(&Exchange<'_>) -> Option<Diagnosis> + Send + Sync>;

/// Reads from a token answer who the service seems to say we are.
pub type AccountHint = Arc<dyn Fn(&TokenResponse) -> Option<Account> + Send + Sync>;

/// The settings of a token endpoint and its neighbour for revocation.
#[derive(Clone)]
pub(crate) struct TokenEndpoint {
    pub(crate) client: Client,
    pub(crate) token_url: Url,
    pub(crate) refresh_url: Option<Url>,
    pub(crate) revoke_url: Option<Url>,
    pub(crate) revoke_hint: bool,
    pub(crate) revoke_done_codes: Vec<String>,
    pub(crate) revocation: RevocationRequest,
    pub(crate) method: Method,
    pub(crate) encoding: TokenEncoding,
    pub(crate) secrets_in_url: bool,
    pub(crate) public_only: bool,
    pub(crate) renames: BTreeMap<String, String>,
    pub(crate) omitted: Vec<String>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) codec: TokenCodec,
    pub(crate) judge: Option<Judge>,
    pub(crate) account_hint: Option<AccountHint>,
    pub(crate) policy: RefreshPolicy,
    /// The parameters that this grant has beside those of all grants.
    pub(crate) own: &'static [&'static str],
}

impl TokenEndpoint {
    pub(crate) fn new(client: Client, token_url: Url) -> Self {
        Self {
            client,
            token_url,
            refresh_url: None,
            revoke_url: None,
            revoke_hint: false,
            revoke_done_codes: vec!["invalid_token".to_owned()],
            revocation: RevocationRequest::new(),
            method: Method::POST,
            encoding: TokenEncoding::Form,
            secrets_in_url: false,
            public_only: false,
            renames: BTreeMap::new(),
            omitted: Vec::new(),
            params: Vec::new(),
            codec: TokenCodec::new(),
            judge: None,
            account_hint: None,
            policy: RefreshPolicy::default(),
            own: &["code", "code_verifier", "redirect_uri"],
        }
    }

    /// Checks the settings together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.client.check()?;
        self.codec.check()?;
        self.check_revocation()?;
        let urls = [Some(&self.token_url), self.refresh_url.as_ref(), self.revoke_url.as_ref()];
        urls.into_iter().flatten().try_for_each(check_url)?;
        let in_url = self.encoding == TokenEncoding::Query;
        // Everything else proves something: the code, the verifier, the client, the token.
        let can_go = |name: &String| ["grant_type", "redirect_uri", "scope"].contains(&name.as_str());
        let problem = match &self.method {
            _ if !self.omitted.iter().all(can_go) => "a token request has its proofs; none can be left out",
            _ if in_url && !self.secrets_in_url => "secrets in a URL must be allowed by name",
            method if *method != Method::POST && *method != Method::GET => "a token request is POST or GET",
            method if *method == Method::GET && !in_url => "a GET request has its parameters in the URL",
            _ => return self.check_params(),
        };
        Err(Error::new(ErrorKind::ConfigInvalid, problem))
    }

    fn check_params(&self) -> Result<(), Error> {
        self.check_names(self.params.iter().map(|(name, _)| name.as_str()))
    }

    /// Refuses names that belong to the grant itself, and names that would be sent twice.
    pub(crate) fn check_names<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        // An author who could set these could turn the grant into another one.
        const OURS: [&str; 8] = [
            "grant_type",
            "client_id",
            "client_secret",
            "client_assertion",
            "client_assertion_type",
            "refresh_token",
            "scope",
            "token",
        ];
        // Where the client is not stated, neither of its two is sent: a login may call its own so.
        let of_grant = OURS.iter().chain(self.own).copied();
        let ours: Vec<&str> =
            of_grant.filter(|name| self.client.is_stated() || !name.starts_with("client_")).collect();
        let names: Vec<&str> = names.collect();
        let nests = || Nested::of(names.iter().map(|name| (self.renamed(name), ""))).is_some();
        if self.encoding == TokenEncoding::NestedJson && !nests() {
            return Err(in_one_place());
        }
        let all = ours.iter().chain(&names).map(|name| self.renamed(name));
        let message = match (names.iter().find(|name| ours.contains(name)), repeated(all)) {
            (Some(name), _) => format!("the parameter `{name}` is set by the grant"),
            (None, Some(name)) => format!("the parameter `{name}` would be sent twice"),
            (None, None) => return Ok(()),
        };
        Err(Error::new(ErrorKind::ConfigInvalid, message))
    }

    /// The service's name for the standard's parameter `name`.
    pub(crate) fn renamed<'a>(&'a self, name: &'a str) -> &'a str {
        self.renames.get(name).map_or(name, String::as_str)
    }
}

/// A service's own word for a grant must not be the standard's for one that spends something else, or that RFC 9700
/// forbids.
pub(crate) fn check_grant_type(word: &str) -> Result<(), Error> {
    const OTHERS: [&str; 4] = ["authorization_code", "refresh_token", "password", "implicit"];
    let problem = match word {
        "" => "a grant type has a name".to_owned(),
        word if OTHERS.contains(&word) => format!("`{word}` is another grant"),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::ConfigInvalid, problem))
}

pub(crate) fn check_url(url: &Url) -> Result<(), Error> {
    let problem = if !is_secure(url) {
        "an OAuth endpoint must be https (plain http is for loopback only)"
    } else if url.fragment().is_some() {
        "an OAuth endpoint has no fragment"
    } else if !url.username().is_empty() || url.password().is_some() {
        "an OAuth endpoint has no user information"
    } else if url.query_pairs().any(|(name, _)| name == "client_secret") {
        "the client secret may not be in a URL"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::ConfigInvalid, problem))
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("client", &self.client)
            .field("host", &self.token_url.host_str())
            .field("path", &self.token_url.path())
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
