//! OAuth 1.0a (RFC 5849): requests that are signed one by one, with secrets that never travel.
//!
//! [`ThreeLegged`] asks a person at the service; [`TokenBased`] takes consumer and token as a customer pastes them.
//! Both sign with a [`Signer`], for coded grants of another kind. A credential holds the token as its access token and
//! the token's secret as [`TOKEN_SECRET`]; it has no end and cannot be renewed.
//!
//! The time of a signature is our clock's: services accept a few minutes of difference (3.3), so the clock must be
//! right. Each request has a nonce of its own, also one that is sent again.

mod base_string;
mod consumer;
mod diagnose;
mod signature_method;
mod signer;
mod three_legged;
mod token_based;

pub use consumer::Consumer;
pub use diagnose::{diagnose, problem, unsaid};
pub use signature_method::SignatureMethod;
pub use signer::{Signer, Token};
pub use three_legged::{ThreeLegged, ThreeLeggedBuilder};
pub use token_based::TokenBased;

/// The name of the token's secret in a credential.
pub const TOKEN_SECRET: &str = "token_secret";
/// The name of the consumer key in a credential, where each customer has a consumer of its own.
pub const CONSUMER_KEY: &str = "consumer_key";
/// The same of its secret.
pub const CONSUMER_SECRET: &str = "consumer_secret";
/// The name of the realm in a credential, where each customer has one of its own. It is no secret.
pub const REALM: &str = "realm";
