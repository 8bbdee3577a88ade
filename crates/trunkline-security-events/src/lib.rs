//! Takes what services push about the grants that Trunkline keeps: Security Event Tokens (RFC 8417), sent by
//! HTTP (RFC 8935), with the event types of CAEP, RISC and OAuth.
//!
//! ```no_run
//! use axum::{body::Bytes, extract::State, http::HeaderMap, http::header::CONTENT_TYPE, response::Response};
//! use trunkline_security_events::{Keys, Receiver, Transmitter};
//!
//! # fn example(trunkline: trunkline::Trunkline) -> Result<(), Box<dyn std::error::Error>> {
//! let keys = Keys::published_at("https://idp.example.com/keys".parse()?)?;
//! let service = Transmitter::new("https://idp.example.com/", keys).audience("our-client-id", "acme_crm");
//! let receiver = Receiver::builder(&trunkline).transmitter(service).build()?;
//! let app: axum::Router =
//!     axum::Router::new().route("/security-events", axum::routing::post(push)).with_state(receiver);
//!
//! async fn push(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
//!     let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
//!     receiver.receive(content_type, &body).await.into_http().map(axum::body::Body::from)
//! }
//! # Ok(()) }
//! ```
//!
//! A token is believed only if its signature is by a key of the issuer that is configured, its audience is
//! ours and it is not stale. What it says becomes a [`Signal`](trunkline::Signal), which the hub applies once and
//! never against a newer consent.

mod claims;
mod event;
mod json;
mod keys;
mod notice;
mod poll;
mod receiver;
mod refusal;
mod subject;
mod token;
mod transmitter;

pub use keys::Keys;
pub use notice::Notice;
pub use poll::Poll;
pub use receiver::{Receiver, ReceiverBuilder};
pub use refusal::{Answer, Refusal, RefusalCode, Rejected};
pub use subject::Subject;
pub use transmitter::{StreamUpdate, Transmitter};

pub use trunkline::{HintKind, SignalSubject, TokenHint};
