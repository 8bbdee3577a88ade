//! Any standard OAuth 2 service, by settings alone.
//!
//! ```toml
//! [connectors.acme]
//! provider = "oauth2"
//! client_id = "client-1"
//! client_secret = { env = "ACME_CLIENT_SECRET" }            # none: a public client
//! redirect_uri = "https://app.example.com/connect/acme"     # needed for authorization_code
//! base_url = "https://api.acme.example/v1"                  # the API
//! scopes = ["openid", "offline_access"]
//!
//! issuer = "https://login.acme.example/tenant1"             # its metadata is discovered; or, instead:
//! # authorization_endpoint = "https://login.acme.example/authorize"
//! # token_endpoint = "https://login.acme.example/token"
//! # revocation_endpoint = "https://login.acme.example/revoke"
//! ```
//!
//! [`OAuth2Config`] lists every setting with its default.
//!
//! # Discovery
//!
//! With an `issuer` and without a `token_endpoint`, the endpoints come from the service's own metadata: RFC 8414
//! first, then OpenID Connect Discovery. The hub asks for it ahead of a consent, an exchange, a renewal and a
//! revocation; it is kept in memory for `metadata_ttl_s`, and what was known serves on while a newer look
//! fails. A setting that names an endpoint counts more than the metadata. Metadata is believed only if its
//! issuer is the configured one to the letter, and no endpoint in it may lead into a network of one's own:
//! no private, link-local or loopback address (unless the issuer itself is on loopback), and no name that is
//! reserved for such. Endpoints there are given as settings.
//!
//! # A code on another device
//!
//! With `device_authorization_endpoint`, or with `grant_type = "device_code"`, a person approves by a code that is
//! shown to them (RFC 8628). Without one of the two it is not there, whatever the metadata offers.
//!
//! # Who we are
//!
//! See [`AccountSource`]. Where a service has no way to tell, the account stays unknown.
//!
//! # What went wrong
//!
//! The standards are the judge: [`trunkline_auth::oauth2::diagnose`]. What a service means by codes and
//! texts of its own can be told with `terminal_errors` and `transient_errors`.

mod account;
mod choices;
mod config;
mod connector;
mod discovery;
mod provider;
mod server;
mod service;
mod words;

pub use account::AccountSource;
pub use choices::{ClientAuthMethod, GrantType, RefreshTokenReuse, RevocationScope, SigningAlg};
pub use config::OAuth2Config;
pub use connector::OAuth2;
