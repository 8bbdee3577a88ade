//! Live connections to your customers' accounts at other services.
//!
//! An application asks for [`connect`](Tenant::connect) on behalf of one of its customers and gets a
//! live, authorised [`Connection`], or a typed statement of what is missing and who can fix it:
//!
//! ```no_run
//! # async fn example() -> Result<(), trunkline::Error> {
//! use trunkline::{BrowserSession, Config, Connect, KeyRing, SqliteStore, Trunkline};
//!
//! let trunkline = Trunkline::builder()
//!     .config(Config::from_file("trunkline.toml")?)
//!     .store(SqliteStore::open("trunkline.db").await?)
//!     .keys(KeyRing::from_env("TRUNKLINE_KEY")?)
//!     .build()
//!     .await?;
//!
//! # let browser = BrowserSession::random()?;
//! match trunkline.tenant("acme").connect("sage_intacct").await? {
//!     Connect::Ready(sage) => {
//!         let vendors = sage.get("/objects/accounts-payable/vendor").send().await?;
//!         println!("{}", vendors.status());
//!     }
//!     Connect::NeedsConsent(request) => println!("{:?}", request.begin(&browser).await?),
//!     Connect::Suspended(diagnosis) => println!("{diagnosis}"),
//!     _ => {}
//! }
//! # Ok(()) }
//! ```
//!
//! The contract for authors of connectors is in `trunkline-core`, ready-made ways to hold a grant
//! are in `trunkline-auth`. A connector's crate that nothing names is not linked: the features of
//! this crate name those it brings, the application names the others with `use the_crate as _;`.

mod clock;
mod config;
mod connect;
mod connection;
mod consent;
mod disconnect;
mod events;
mod hub;
mod keeper;
mod live;
mod request;
#[cfg(feature = "reqwest")]
mod reqwest_transport;
mod reseal;
mod response;
mod rights;
mod shutdown;
mod signal;
mod token;

// A crate that nothing names is not linked, and what is not linked does not register itself.
#[cfg(feature = "manifest")]
pub use trunkline_manifest as manifest;
#[cfg(feature = "oauth2")]
pub use trunkline_oauth2 as oauth2;
#[cfg(feature = "sage-intacct")]
pub use trunkline_sage_intacct as sage_intacct;
#[cfg(feature = "salesforce")]
pub use trunkline_salesforce as salesforce;

pub use clock::SystemClock;
pub use config::Config;
pub use connect::{Connect, ConnectBuilder, Connecting, Tenant};
pub use connection::Connection;
pub use consent::{AtRisk, BrowserSession, Completed, ConsentRequest};
pub use disconnect::Revocation;
pub use events::{Cursor, Event, Events};
pub use hub::{Builder, Trunkline};
pub use keeper::{BrokenClient, Incident, Incidents, Probes, Timings, Upkeep};
pub use request::{IntoTarget, RequestBuilder};
#[cfg(feature = "reqwest")]
pub use reqwest_transport::ReqwestTransport;
pub use response::{BytesStream, MAX_COLLECTED, Response};
pub use shutdown::Unfinished;
pub use signal::{HintKind, Signal, SignalKind, SignalOrigin, SignalSubject, Signalled, TokenHint};
pub use token::{AccessToken, TokenGuard};

pub use trunkline_core::permission::{self, Operation};
pub use trunkline_core::{
    Account, Actor, Callback, Cause, ConnectionId, ConsentStep, Diagnosis, Error, ErrorKind, Evidence,
    Family, InputSpec, Inputs, Language, Registry, Remedy, Report, Retry, ScopeSet, Secret, Successor, Texts,
    TransportError, Verdict,
};
#[cfg(feature = "sqlite")]
pub use trunkline_store::SqliteStore;
pub use trunkline_store::{EventKind, KeyId, KeyRing, MemoryStore, Record, Resealed, State, Status, Store};
#[cfg(feature = "postgres")]
pub use trunkline_store::{PostgresOptions, PostgresStore};
