//! Connectors written as data: a provider is one TOML file.
//!
//! ```toml
//! manifest = 1
//! name = "acme"
//! title = "Acme"
//! docs = "https://docs.acme.example/api"
//! allowed_hosts = ["login.acme.example", "api.acme.example"]
//!
//! [source]
//! urls = ["https://docs.acme.example/api/oauth"]
//! checked = "2026-11-25"
//!
//! [oauth2]
//! grant_types = ["authorization_code"]
//! authorization_endpoint = "https://login.acme.example/authorize"
//! token_endpoint = "https://login.acme.example/token"
//! scopes = ["contacts.read"]
//!
//! [api]
//! base_url = "https://api.acme.example/v1"
//!
//! [identity]
//! url = "https://api.acme.example/v1/me"
//! user = "{response.id}"
//! ```
//!
//! [`Manifest::parse`] reads one, [`Folder::load`] a folder of them, and [`Catalogue::builtin`] has those of this
//! crate. Whatever is wrong is an error with file, line, column and a hint: unknown keys, values that are never
//! used, URLs that could lead to a host that the manifest does not list, and secrets in clear.
//!
//! [`ManifestConfig`] (`provider = "manifest"`) makes a connector of one. `docs/guides/write-a-manifest.md` describes
//! every key.
//!
//! # What a manifest can do
//!
//! It sends secrets to the hosts that it lists in `allowed_hosts`, and nowhere else, whatever a tenant gives and
//! whatever a service answers: expressions fill a label of a host or a segment of a path and are checked against
//! their patterns each time, and every URL is compared with the list after it is filled in. It runs no code.

mod after;
mod at;
mod catalogue;
mod config;
mod connector;
mod folder;
mod format;
mod host;
mod identity;
mod injection;
mod intern;
mod judge;
mod load;
mod manifest;
#[cfg(feature = "mirror")]
pub mod mirror;
mod pages;
mod pattern;
mod permission;
mod problem;
mod provider;
mod reload;
#[cfg(feature = "schema")]
mod schema;
mod suffix;
mod template;
mod trial;
mod values;

pub use catalogue::Catalogue;
pub use config::ManifestConfig;
pub use connector::ManifestConnector;
pub use folder::Folder;
pub use load::{MAX_FILE_BYTES, MAX_FILES};
pub use manifest::Manifest;
pub use pages::{Page, Pages};
pub use problem::{Problem, Problems};
pub use reload::Reload;
#[cfg(feature = "schema")]
pub use schema::schema;
