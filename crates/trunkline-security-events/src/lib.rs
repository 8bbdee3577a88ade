//! Takes what services push about the grants that Trunkline keeps: Security Event Tokens (RFC 8417), sent by
//! HTTP (RFC 8935), with the event types of CAEP, RISC and OAuth.

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
