//! Simulators of the services that Trunkline connects to, on loopback.
//!
//! A simulator answers as the service does, error bodies included, and can be driven into the states
//! that a real account is hard to bring into: expired and superseded tokens, lost answers, missing
//! permissions. It has its own clock, so that twelve hours pass in a call. It is for tests and
//! demonstrations: it authenticates nobody and keeps nothing.
//!
//! Start with [`sage_intacct::SageIntacct::start`] or [`salesforce::Salesforce::start`], or with the program:
//! `trunkline-sim sage-intacct --listen 127.0.0.1:4010`, `trunkline-sim salesforce --listen 127.0.0.1:4020`.

mod clock;
pub mod control;
mod exchange;
mod fault;
mod front;
mod ledger;
mod log;
pub mod program;
mod random;
mod redirect_uri;
pub mod sage_intacct;
pub mod salesforce;
mod server;
pub mod standard;
