//! The contract between Trunkline, its connectors and its stores.
//!
//! Here are the traits that a provider implements ([`Connector`], [`AuthProvider`],
//! [`BuildConnector`]), the values that pass between it and the hub, the two things that are
//! injected ([`Transport`], [`Clock`]), and the registry behind [`register_connector!`]. There is no
//! HTTP client, no database, no runtime and no reading of the environment here: a provider that
//! depends on this crate alone can be tested without any of them.
//!
//! Start with [`Connector`].

mod account;
mod address;
mod auth;
mod body;
mod captures;
mod clock;
mod connector;
mod consent;
mod credential;
pub mod diagnosis;
mod endpoint;
mod error;
mod name;
pub mod permission;
mod redact;
mod registry;
mod scope;
mod secret;
mod session;
pub mod settings;
mod text;
mod transport;

pub use account::Account;
pub use address::{is_public_address, is_public_host};
pub use auth::{AuthProvider, Cx, Held, NewConsent, RefreshPolicy, Reuse, RevokeScope, Revoked};
pub use body::{Body, ByteStream, CollectError, RequestBody};
pub use captures::Captures;
pub use clock::{Clock, Ticks};
pub use connector::{Call, Connector, ConnectorInfo, Exchange, Probe};
pub use consent::{
    Begun, Callback, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep, InputSpec, Inputs, Poll,
};
pub use credential::{Credential, Grant, Prepared};
pub use diagnosis::{
    Actor, Cause, Diagnosis, Evidence, Family, Language, Remedy, Report, Retry, Successor, Texts, Verdict,
};
pub use endpoint::{Endpoint, is_secure};
pub use error::{Error, ErrorKind};
pub use name::{ConnectionId, ConnectionKey, DEFAULT_LABEL, MAX_NAME_BYTES};
pub use redact::SentSecrets;
pub use registry::{BuildConnector, ConnectorConfig, Registration, Registry, nearest, printable};
pub use scope::ScopeSet;
pub use secret::Secret;
pub use session::{Session, authorize, transport_failure};
pub use text::{MAX_SERVICE_TEXT, ServiceText};
pub use transport::{Request, Transport, TransportError};

#[cfg(feature = "mock")]
pub use {auth::MockAuthProvider, clock::MockClock, connector::MockConnector, transport::MockTransport};

pub use {async_trait::async_trait, bytes, http, jiff, url};

#[doc(hidden)]
pub mod __private {
    //! What `register_connector!` needs in a crate that depends on neither.
    pub use {inventory, typetag};
}
