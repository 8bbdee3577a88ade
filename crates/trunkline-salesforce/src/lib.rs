//! The Salesforce connector: how a grant is held, where its org is, who it is for, and why Salesforce refused.
//!
//! ```toml
//! [connectors.salesforce]
//! provider = "salesforce"
//! client_id = "3MVG9…"                                       # Consumer Key
//! client_secret = { env = "SALESFORCE_CLIENT_SECRET" }       # Consumer Secret; a public client has none
//! redirect_uri = "https://app.example.com/connect/callback"  # byte for byte as it is registered
//!
//! # All of these are optional:
//! login_url = "https://login.salesforce.com"  # or https://test.salesforce.com, or a My Domain
//! grant = "authorization_code"                # or "jwt_bearer", or "client_credentials"
//! private_key = { file = "salesforce.pem" }   # of the app's certificate, for jwt_bearer
//! audience = "production"                     # or "sandbox": what assertions are addressed to
//! api_version = 65                            # paths are joined to /services/data/v65.0
//! scopes = ["api", "id", "refresh_token"]     # of a consent
//! default_lifetime_s = 7200                   # of an access token; without it, it is learned
//! refresh_idle_limit_s = 2592000              # an unused grant is renewed well before; 0: it is left alone
//! ```
//!
//! # Ways to hold a grant
//!
//! * `authorization_code`: the web server flow with PKCE (S256). Where the app rotates refresh tokens, each
//!   renewal replaces the stored one; where it does not, the stored one stays.
//! * `jwt_bearer`: nobody is asked. The input `username` names the user, who has approved the app before or is
//!   pre-authorised by an administrator.
//! * `client_credentials`: nobody is asked. The app's Run As user acts, at a My Domain only.
//!
//! All that the settings suffice for are available at once; `grant` is the default.
//!
//! # Hosts
//!
//! Users sign in at `login_url`, or where the input [`INPUT_LOGIN_URL`] of their connection says: sandboxes and
//! My Domains of different customers work side by side. A grant is renewed and revoked where it was made. Data is
//! elsewhere: each token answer names the org's own address, renewals included, which is checked, kept as the
//! capture [`CAPTURE_INSTANCE_URL`] and made into the connection's endpoint, together with the version of the API.
//! A path such as `/sobjects/Account` is joined to that; for anything else of the org, pass a whole URL of the same
//! host (`nextRecordsUrl` of a query is such a path).
//!
//! # Life of a token
//!
//! Salesforce does not say how long an access token lives. The hub renews one when it is refused, and learns from
//! that. The header that counts an org's calls is read by [`ApiUsage`].
//!
//! # Who we are
//!
//! The org is the account's company, the user its user, both by their ids in the long form. A token answer names
//! them, signed with the Consumer Secret; `userinfo` confirms them.
//!
//! # Permissions
//!
//! What the connected user may do is known before the call: operations are spelt `update:Account`,
//! `update:Account.Industry` for a field and `update:Account/001xx000003DGb2AAG` for a record
//! ([`Connector::permissions`](trunkline_core::Connector::permissions)). Names of common objects stand in [`objects`].
//!
//! # What went wrong
//!
//! The body decides, since statuses say little: two renewals at once are answered as a revocation is, a missing
//! scope as an expired token is, an app that is not installed as a wrong secret is. Each has a remedy in the words
//! of Salesforce's menus ([`REMEDIES`]).

mod api;
mod assertion;
mod body;
mod config;
mod connector;
mod diagnose;
mod evidence;
mod host;
mod identity;
mod limits;
mod oauth;
pub mod objects;
mod permission;
mod policy;
mod provider;
mod remedy;
mod token;

pub use config::{Audience, GrantMethod, SalesforceConfig};
pub use connector::Salesforce;
pub use limits::ApiUsage;
pub use provider::{
    CAPTURE_INSTANCE_URL, CAPTURE_LOGIN_URL, CAPTURE_ORGANIZATION_ID, CAPTURE_USER_ID, INPUT_LOGIN_URL,
    INPUT_USERNAME,
};
pub use remedy::REMEDIES;
