//! The figures that the project promises, each measured beside its reference in the same run.
//!
//! `cargo bench -p trunkline --bench figures`, with names of rows behind `--` to run only those:
//! `token cores connect sqlite request storm memory registry`. Loopback only; a few minutes at most.
//!
//! Ours and the reference take turns, and the ratio is the median over the turns: a noisy neighbour
//! disturbs both alike. What a single thread does is measured in its own CPU time.

#![expect(clippy::print_stdout, reason = "a parent reads what its children measure")]

#[path = "../common/mod.rs"]
mod common;
mod connect;
#[path = "../common/measure.rs"]
mod measure;
mod memory;
mod registry;
mod request;
#[path = "../common/row.rs"]
mod row;
mod sqlite;
mod storm;
mod token;

use std::alloc::System;

pub(crate) use row::Row;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FIGURES: &[row::Figure] = &[
    ("registry", registry::figure),
    ("memory", memory::figure),
    ("token", token::figure),
    ("cores", token::cores),
    ("connect", connect::figure),
    ("sqlite", sqlite::figure),
    ("request", request::figure),
    ("storm", storm::figure),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("child-server") => return request::serve(),
        Some("child-registry") => return registry::cold(),
        Some("child-walk") => return registry::cold_reference(),
        _ => {}
    }
    row::print_table(FIGURES, &arguments);
}
