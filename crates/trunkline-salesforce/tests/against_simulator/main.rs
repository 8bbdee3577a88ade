//! Grants, identity and probes against the simulated service, over real HTTP.

mod permissions;
mod rig;
mod unattended;
mod web_server;
