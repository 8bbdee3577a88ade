//! The Sage Intacct connector: how a grant is held, who it is for, and why Sage refused.
//!
//! ```toml
//! [connectors.sage_intacct]
//! provider = "sage_intacct"
//! client_id = "0a1b2c3d4e5f60718293.app.sage.com"
//! client_secret = { env = "SAGE_INTACCT_CLIENT_SECRET" }    # or { file = "…" }
//! redirect_uri = "https://app.example.com/connect/callback" # byte for byte as it is registered
//!
//! # All of these are optional:
//! base_url = "https://api.intacct.com"  # https; plain http on loopback, for the simulator
//! grant = "authorization_code"          # or "client_credentials", which needs no redirect_uri
//! entity = "E100"                       # the entity to work in, unless a connection names another
//! default_lifetime_s = 21600            # of an access token that does not say how long it lives
//! refresh_idle_limit_s = 2592000        # an unused grant is renewed well before; 0: it is left alone
//! ```
//!
//! # Ways to hold a grant
//!
//! * `authorization_code`: a person signs in at Sage and presses Accept. PKCE (S256) and
//!   `offline_access`, without which Sage gives nothing to renew with.
//! * `client_credentials`: nobody is asked. The input `username` names a Web Services user as
//!   `user@company`, or `user@company|entity`. Both are available at once; `grant` is the default.
//!
//! Sage ties a grant to one user of one company. A second consent for the same pair, or a sign-in to the
//! web pages as that user, has been seen to end it, and a revocation ends every grant of the pair. Give
//! each connection a Web Services user of its own.
//!
//! # Entities
//!
//! Requests are scoped by one header, [`ENTITY_HEADER`], whose name comes with the endpoint. A
//! connection's own entity is its capture [`CAPTURE_ENTITY`]: the optional input `entity`, else the
//! entity of `username`, else the setting. A request may name another.
//!
//! # Who we are
//!
//! Sage has no call that says who the caller is. The account is what the token's claims say (company,
//! and the user where there is such a claim) or what `username` says, and a real call proves that the
//! token works. The claims are hints: nobody but Sage can verify them. The session id that tokens and
//! that call carry is a credential of the XML gateway, so it is neither kept nor shown, not even in part.
//!
//! # What went wrong
//!
//! All four error shapes are read ([`ErrorEnvelope`]), and an access token that no longer serves is
//! recognised whether Sage answers 401 or 400.

mod claims;
mod config;
mod connector;
mod diagnose;
mod entity;
mod envelope;
mod evidence;
mod gates;
mod gateway;
mod oauth;
pub mod objects;
mod pause;
mod permission;
mod provider;
mod remedy;
mod username;

pub use config::{GrantMethod, SageIntacctConfig};
pub use connector::SageIntacct;
pub use entity::ENTITY_HEADER;
pub use envelope::{ErrorEnvelope, MAX_DETAILS, MAX_ERRORS, ServiceError, Shape};
pub use provider::{CAPTURE_COMPANY, CAPTURE_ENTITY, CAPTURE_USER, INPUT_ENTITY, INPUT_USERNAME};
pub use remedy::REMEDIES;
