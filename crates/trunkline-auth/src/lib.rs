//! Ready-made ways to hold a grant, for authors of connectors.
//!
//! An [`AuthProvider`](trunkline_core::AuthProvider) says how a grant is asked for, renewed, carried
//! and revoked. Here are the ones that many services share, so that a connector's author states only
//! what is special about a service. Nothing here caches, stores, locks, retries or sleeps, and there
//! is no HTTP client: time and network come in through [`Cx`](trunkline_core::Cx).
//!
//! Start with [`oauth2::AuthorizationCode`]; [`oauth1`] is for services that have nothing newer, and [`jwt`] signs statements.

pub mod jwt;
pub mod oauth1;
pub mod oauth2;
