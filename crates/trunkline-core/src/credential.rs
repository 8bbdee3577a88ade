//! Credentials, grants, and what requests carry of them.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue, InvalidHeaderValue};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::{Account, Captures, ScopeSet, Secret};

/// The secrets of a grant, and until when they serve.
///
/// A provider fills in what its scheme has. Every deadline is wall time, already corrected for the
/// difference between our clock and the service's; `None` means that none is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// What requests carry.
    pub access_token: Option<Secret>,
    /// What renews it.
    pub refresh_token: Option<Secret>,
    /// Other secrets of the scheme, by name: an API key, a session id.
    pub other: BTreeMap<String, Secret>,
    /// When the access token was asked for.
    pub issued_at: Option<Timestamp>,
    /// When the access token stops serving.
    pub access_expires_at: Option<Timestamp>,
    /// When the refresh token stops serving if it is not used.
    pub refresh_expires_at: Option<Timestamp>,
    /// When the whole grant ends, whatever is done.
    pub grant_expires_at: Option<Timestamp>,
    /// The scopes the service said it granted.
    pub scopes: Option<ScopeSet>,
}

impl Credential {
    /// How long the access token was meant to serve.
    #[must_use]
    pub fn lifetime(&self) -> Option<Duration> {
        let span = self.access_expires_at?.duration_since(self.issued_at?);
        Duration::try_from(span).ok()
    }
}

/// What consent or a renewal produced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grant {
    /// The secrets.
    pub credential: Credential,
    /// What else the service returned that belongs to the connection.
    pub captures: Captures,
    /// Who the service seems to say we are: a hint, confirmed by
    /// [`Connector::identify`](crate::Connector::identify).
    pub account: Option<Account>,
}

/// What requests carry: made once per generation of a credential, then attached to each request.
///
/// The values are marked sensitive, live in memory once, and are overwritten when the last copy is
/// dropped.
#[derive(Clone, Default)]
pub struct Prepared {
    authorization: Option<HeaderValue>,
    // Boxed: few schemes have any, and every connection in memory has one of these.
    further: Option<Box<Further>>,
}

#[derive(Clone, Default)]
struct Further {
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the one who signs, and never sent as it is.
    private: Vec<(String, Secret)>,
}

impl Prepared {
    /// Requests carry nothing: the provider signs each one.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Requests carry `Authorization: {scheme} {token}`.
    ///
    /// # Errors
    ///
    /// The token holds a byte that no header may hold; the error does not show it.
    pub fn authorization(scheme: &str, token: &Secret) -> Result<Self, InvalidHeaderValue> {
        let mut line = Zeroizing::new(Vec::with_capacity(scheme.len() + 1 + token.expose().len()));
        line.extend_from_slice(scheme.as_bytes());
        line.push(b' ');
        line.extend_from_slice(token.expose().as_bytes());
        Ok(Self { authorization: Some(sensitive(line)?), ..Self::default() })
    }

    /// Requests carry `name: secret`.
    ///
    /// # Errors
    ///
    /// The secret holds a byte that no header may hold; the error does not show it.
    pub fn header(mut self, name: HeaderName, secret: &Secret) -> Result<Self, InvalidHeaderValue> {
        let value = sensitive(Zeroizing::new(secret.expose().as_bytes().to_vec()))?;
        self.further.get_or_insert_default().headers.push((name, value));
        Ok(self)
    }

    /// Keeps `secret` for [`AuthProvider::sign`](crate::AuthProvider::sign), under `name`. No request carries it as it
    /// is.
    #[must_use]
    pub fn private(mut self, name: impl Into<String>, secret: Secret) -> Self {
        self.further.get_or_insert_default().private.push((name.into(), secret));
        self
    }

    /// What was kept under `name` for the one who signs.
    #[must_use]
    pub fn private_value(&self, name: &str) -> Option<&Secret> {
        self.private_pairs().find(|(known, _)| known == name).map(|(_, secret)| secret)
    }

    /// All that was kept for the one who signs.
    pub(crate) fn private_values(&self) -> impl Iterator<Item = &Secret> {
        self.private_pairs().map(|(_, secret)| secret)
    }

    fn private_pairs(&self) -> impl Iterator<Item = &(String, Secret)> {
        self.further.iter().flat_map(|further| &further.private)
    }

    /// The `Authorization` value, if requests carry one.
    #[must_use]
    pub fn authorization_value(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Puts every header that requests carry into `headers`, in place of what is there.
    pub(crate) fn put_on(&self, headers: &mut HeaderMap) {
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        for (name, value) in self.further.iter().flat_map(|further| &further.headers) {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// Every header that requests carry.
    pub fn headers(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        let authorization = self.authorization.as_ref().map(|value| (&AUTHORIZATION, value));
        let further = self.further.iter().flat_map(|further| &further.headers);
        authorization.into_iter().chain(further.map(|(name, value)| (name, value)))
    }
}

/// Zeroises the buffer when the last clone of the header value is dropped; nothing is copied.
fn sensitive(buffer: Zeroizing<Vec<u8>>) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_maybe_shared(Bytes::from_owner(Owner(buffer)))?;
    value.set_sensitive(true);
    Ok(value)
}

struct Owner(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.headers().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prepared_headers_are_sensitive_and_debug_names_them_only() {
        let prepared = Prepared::authorization("Bearer", &Secret::new("t0k3n"))
            .unwrap()
            .header(HeaderName::from_static("x-api-key"), &Secret::new("k3y"))
            .unwrap();
        assert!(prepared.headers().all(|(_, value)| value.is_sensitive()));
        assert_eq!(prepared.authorization_value().unwrap().as_bytes(), b"Bearer t0k3n");
        assert_eq!(format!("{prepared:?}"), r#"["authorization", "x-api-key"]"#);
    }

    #[test]
    fn what_is_private_is_for_the_one_who_signs_and_on_no_request() {
        let prepared = Prepared::authorization("Bearer", &Secret::new("t0k3n"))
            .unwrap()
            .private("token_secret", Secret::new("canary"))
            .private("other", Secret::new("canary-2"));
        assert_eq!(prepared.private_value("token_secret").unwrap().expose(), "canary");
        assert!(prepared.private_value("token").is_none());
        let mut headers = HeaderMap::new();
        prepared.put_on(&mut headers);
        assert_eq!((headers.len(), prepared.headers().count()), (1, 1));
        assert_eq!(format!("{prepared:?}"), r#"["authorization"]"#);
    }

    #[test]
    fn a_token_with_a_line_break_is_refused_without_showing_it() {
        let error = Prepared::authorization("Bearer", &Secret::new("t0k\r\n3n")).unwrap_err();
        assert!(!format!("{error:?}{error}").contains("t0k"));
    }

    #[test]
    fn debug_of_a_credential_shows_no_secret() {
        let credential = Credential {
            access_token: Some(Secret::new("canary-a")),
            refresh_token: Some(Secret::new("canary-r")),
            other: [("key".to_owned(), Secret::new("canary-k"))].into(),
            ..Credential::default()
        };
        assert!(!format!("{credential:?}").contains("canary"));
    }
}
