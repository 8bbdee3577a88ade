//! A connector for Acme, an imagined service, written outside Trunkline's repository.
//!
//! It depends on `trunkline-core` and `serde` alone and brings its own way to hold a grant,
//! [`ApiKey`]. An application links it with `use acme_connector as _;`.

mod api_key;
mod config;
mod connector;

pub use api_key::ApiKey;
pub use config::AcmeConfig;
pub use connector::Acme;

trunkline_core::register_connector!("acme", AcmeConfig);
