//! OAuth 2: the authorization code with PKCE, device codes, client credentials, JWT bearer, renewal and
//! revocation.
//!
//! The parts are strict towards what we send (RFC 6749, 7636, 9207, 9700) and tolerant towards what
//! services answer: [`TokenCodec`] reads what real token endpoints send, and never takes an error for
//! a token. There is no implicit grant, no password grant, and no PKCE method but S256.
//!
//! ```
//! use trunkline_auth::oauth2::{AuthorizationCode, Client, ClientAuth};
//! use trunkline_core::Secret;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("client-1", Some(Secret::new("s3cr3t"))).auth(ClientAuth::Body);
//! let auth = AuthorizationCode::builder(
//!     client,
//!     "https://service.example/oauth2/authorize".parse()?,
//!     "https://service.example/oauth2/token".parse()?,
//!     "https://app.example/connect/callback",
//! )
//! .revoke_url("https://service.example/oauth2/revoke".parse()?)
//! .scope("offline_access")
//! .build()?;
//! # Ok(())
//! # }
//! ```
//!
//! Start with [`AuthorizationCode::builder`].

mod assertion;
mod authorization_code;
mod authorization_code_builder;
mod builder;
mod callback_hmac;
pub mod challenge;
mod claims;
mod client;
mod client_credentials;
mod codec;
mod cookie;
mod device_code;
mod device_code_builder;
mod device_response;
mod diagnose;
mod exchange;
mod expiry;
mod grant;
mod http_date;
mod introspect;
mod json;
mod nested;
mod pkce;
mod private_key_jwt;
mod purpose;
mod redact;
mod request;
mod response;
mod revocation;
mod revoke;
mod service_error;
mod token_endpoint;

// What OAuth 1.0a's requests for credentials have in common with token requests.
pub(crate) use authorization_code::{at_port, path_of};
pub(crate) use authorization_code_builder::check_redirect_uri;
pub(crate) use exchange::{TIMEOUT, http_date_offset};
pub(crate) use purpose::Purpose;
pub(crate) use redact::Redactor;
pub(crate) use request::{owned, repeated};
pub(crate) use token_endpoint::{TokenEndpoint, check_url};

pub use assertion::{JwtBearer, JwtBearerBuilder};
pub use authorization_code::AuthorizationCode;
pub use authorization_code_builder::AuthorizationCodeBuilder;
pub use claims::{id_token_claims, unverified_claims};
pub use client::{Client, ClientAuth};
pub use client_credentials::{ClientCredentials, ClientCredentialsBuilder};
pub use codec::TokenCodec;
pub use device_code::{DEVICE_CODE_GRANT, DeviceCode};
pub use device_code_builder::DeviceCodeBuilder;
pub use diagnose::diagnose;
pub use expiry::{TimeUnit, ZeroExpiry};
pub use grant::bearer;
pub use http_date::retry_after;
pub use introspect::{Introspected, Introspection};
pub use pkce::{Pkce, random_token};
pub use private_key_jwt::PrivateKeyJwt;
pub use request::TokenEncoding;
pub use response::TokenResponse;
pub use revocation::RevocationRequest;
pub use token_endpoint::{AccountHint, Judge};
