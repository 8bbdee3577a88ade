//! What administrators and developers set: apps, orgs and users.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// An app that asks for access: a connected app or an external client app.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its name, as it stands in the limits header and in `OauthToken`.
    pub name: String,
    /// The consumer key.
    pub client_id: String,
    /// The consumer secret.
    pub client_secret: String,
    /// Connected app or external client app.
    pub kind: AppKind,
    /// Callback URLs, byte for byte.
    pub redirect_uris: Vec<String>,
    /// Scopes that may be asked for; what is asked for without a `scope` parameter.
    pub scopes: Vec<String>,
    /// Whether the web server and refresh flows want the secret.
    pub secret_required: bool,
    /// Whether the web server flow wants PKCE. It is checked wherever it is used.
    pub pkce_required: bool,
    /// The web server flow.
    pub web_server: bool,
    /// The JWT bearer flow, by the key in `certificate`.
    pub jwt_bearer: bool,
    /// PEM of the certificate or public key (RSA) that signs assertions.
    pub certificate: Option<String>,
    /// The client credentials flow, as the user `run_as`.
    pub client_credentials: bool,
    /// Username of the user that client credentials run as.
    pub run_as: Option<String>,
    /// Whether each refresh replaces the refresh token, and the use of an old one ends the grant.
    pub rotates: bool,
    /// How long refresh tokens live.
    pub refresh_policy: RefreshPolicy,
    /// Whether refresh and code exchange come from an address that the app's allowlist lacks.
    pub address_refused: bool,
    /// Session timeout in seconds, ahead of the profile's and the org's.
    pub session_timeout_s: Option<u64>,
    /// Who may authorise it.
    pub permitted: Permitted,
    /// Ids of orgs in which it is not installed.
    pub uninstalled_in: BTreeSet<String>,
    /// Whether administrators have blocked it.
    pub blocked: bool,
}

/// Connected app or external client app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppKind {
    /// The older kind: refused as `app must be installed into org`.
    ConnectedApp,
    /// The newer kind: refused as `app_not_found`.
    ExternalClientApp,
}

/// How long a refresh token lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshPolicy {
    /// Until it is revoked.
    UntilRevoked,
    /// Not at all.
    Immediately,
    /// Until it was not used for so many seconds.
    IdleS(u64),
    /// So many seconds.
    AfterS(u64),
}

/// Who may authorise an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permitted {
    /// All users may self-authorize.
    SelfAuthorize,
    /// Users with one of these profiles or permission sets, by name.
    AdminApproved(BTreeSet<String>),
}

/// What an administrator sets for an org.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrgPolicy {
    /// Name of its My Domain.
    pub my_domain: String,
    /// Whether it is a sandbox, which signs in at the test host.
    pub sandbox: bool,
    /// Whether it can be used.
    pub status: OrgStatus,
    /// Whether its edition has the API.
    pub api_enabled: bool,
    /// Session timeout in seconds, behind the app's and the profile's. Default 7200.
    pub session_timeout_s: u64,
    /// API calls in 24 hours. Default 100,000.
    pub daily_calls: u64,
    /// How many of them other integrations have used.
    pub used_elsewhere: u64,
}

/// Whether an org can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrgStatus {
    /// It can.
    Active,
    /// Locked, closed or suspended.
    Locked,
    /// In maintenance.
    Maintenance,
}

/// What an administrator sets for a user, beside permissions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserPolicy {
    /// Active users can sign in.
    pub active: bool,
    /// Frozen users cannot, for now.
    pub frozen: bool,
    /// Whether the address and the hour allow sign-ins.
    pub login_allowed: bool,
    /// Whether the password has expired.
    pub password_expired: bool,
    /// Session timeout in seconds of the user's profile, behind the app's.
    pub session_timeout_s: Option<u64>,
}

impl Default for UserPolicy {
    fn default() -> Self {
        Self {
            active: true,
            frozen: false,
            login_allowed: true,
            password_expired: false,
            session_timeout_s: None,
        }
    }
}
