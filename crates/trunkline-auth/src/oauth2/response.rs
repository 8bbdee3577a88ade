//! What a token answer holds, or why it is none.

use std::fmt;

use jiff::Timestamp;
use trunkline_core::{Captures, ScopeSet, Secret};

use super::json::Members;
use super::service_error::ServiceError;

/// A token answer that was read. `Debug` shows names only.
pub struct TokenResponse {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) scopes: Option<ScopeSet>,
    pub(crate) access_expires_at: Option<Timestamp>,
    pub(crate) refresh_expires_at: Option<Timestamp>,
    pub(crate) grant_expires_at: Option<Timestamp>,
    pub(crate) captures: Captures,
    pub(super) members: Members,
}

impl TokenResponse {
    /// The access token.
    #[must_use]
    pub fn access_token(&self) -> &Secret {
        &self.access_token
    }

    /// The refresh token, if one came.
    #[must_use]
    pub fn refresh_token(&self) -> Option<&Secret> {
        self.refresh_token.as_ref()
    }

    /// The scopes the service named.
    #[must_use]
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.scopes.as_ref()
    }

    /// The captures that the codec was told to keep.
    #[must_use]
    pub fn captures(&self) -> &Captures {
        &self.captures
    }

    /// Any member that is a text, number or boolean, known to the standard or not; dots in `name` lead into
    /// objects. It may be a secret.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Secret> {
        self.members.at(name)?.scalar()
    }
}

impl fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TokenResponse").field(&self.members).finish()
    }
}

/// Why a body is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Defect {
    /// The service states an error.
    Service(ServiceError),
    /// A page for people: a proxy, a firewall, a captive portal.
    Markup,
    /// No UTF-8, no known format, or a repeated member.
    Unreadable,
    /// No error, and no access token.
    TokenMissing,
    /// A token of a type that we do not know how to use (RFC 6749, 7.1).
    TokenTypeUnknown,
}
