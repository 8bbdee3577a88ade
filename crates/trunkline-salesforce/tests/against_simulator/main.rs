//! Grants, identity and probes against the simulated service, over real HTTP.

mod rig;
mod unattended;
mod web_server;
