//! A client that proves itself with a key (RFC 7523, 2.2; OpenID Connect Core, 9).

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};
use trunkline_core::{Error, ErrorKind, Secret};
use url::Url;

use super::pkce::random_token;
use crate::jwt::SigningKey;

/// `client_assertion_type` of a JWT (RFC 7523, 2.2).
pub(super) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The claims that belong to the statement itself.
const OURS: [&str; 6] = ["iss", "sub", "aud", "iat", "exp", "jti"];

/// A key that proves who the client is: each request has a statement of its own, good once and for a short time.
#[derive(Debug, Clone)]
pub struct PrivateKeyJwt {
    key: SigningKey,
    audience: Option<String>,
    lifetime: Duration,
    claims: BTreeMap<String, String>,
}

impl PrivateKeyJwt {
    /// Proves with `key`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self { key, audience: None, lifetime: Duration::from_secs(60), claims: BTreeMap::new() }
    }

    /// Whom the statements are meant for (`aud`). Default: the token endpoint, also for revocations; for an
    /// introspection, its own endpoint.
    ///
    /// The service's issuer is better wherever it is taken (RFC 7523bis), and the only one that FAPI 2.0 takes
    /// (5.3.2.1): a statement for an endpoint that a hostile service names is good at another service, too.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long a statement is good: 1 second to an hour. Default 60 s.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// States `name`, too, for services that want more than the standard does.
    #[must_use]
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// A text that changes whenever the key does.
    pub(super) fn identity(&self) -> Secret {
        self.key.identity()
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let problem = if self.claims.keys().any(|name| OURS.contains(&name.as_str())) {
            "a claim of the client's statement is set by the standard"
        } else if !(1..=3600).contains(&self.lifetime.as_secs()) {
            "a client's statement is good for 1 second to an hour"
        } else if self.audience.as_ref().is_some_and(String::is_empty) {
            "the audience of the client's statement is empty"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::ConfigInvalid, problem))
    }

    /// The statement of one request: `iss` and `sub` are the client, `jti` never comes twice.
    pub(super) fn assertion(&self, client_id: &str, endpoint: &Url, now: Timestamp) -> Result<Secret, Error> {
        let issued = now.as_second();
        let lifetime = i64::try_from(self.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = self.claims.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        let mut claims: Map<String, Value> = claims.collect();
        let audience = self.audience.as_deref().unwrap_or(endpoint.as_str());
        let ours: [Value; OURS.len()] = [
            client_id.into(),
            client_id.into(),
            audience.into(),
            issued.into(),
            issued.saturating_add(lifetime).into(),
            random_token().expose().into(),
        ];
        claims.extend(OURS.into_iter().map(str::to_owned).zip(ours));
        self.key.sign(&claims)
    }
}
