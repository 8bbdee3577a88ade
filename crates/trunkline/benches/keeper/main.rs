//! What keeping grants costs: the figures of renewals, each measured beside its reference in the same run.
//!
//! `cargo bench -p trunkline --bench keeper`, with names of figures behind `--` to run only those:
//! `crowd rate due warm commit during reseal`. Loopback only, under five minutes. The PostgreSQL server is that
//! of `TRUNKLINE_TEST_POSTGRES`, or the one on this machine; its figures are made in a schema of their own,
//! which is dropped afterwards.
//!
//! Ours and the reference take turns, and the ratio is the median over the turns: a noisy neighbour disturbs
//! both alike.

mod commit;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod due;
mod during;
#[path = "../common/measure.rs"]
mod measure;
mod place;
mod rate;
mod reseal;
#[path = "../common/row.rs"]
mod row;
mod waiters;
mod warm;

use std::alloc::System;

pub(crate) use row::Row;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FIGURES: &[row::Figure] = &[
    ("crowd", crowd::figure),
    ("rate", rate::figure),
    ("due", due::figure),
    ("warm", warm::figure),
    ("commit", commit::figure),
    ("during", during::figure),
    ("reseal", reseal::figure),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == "child-waiters") {
        return waiters::run();
    }
    row::print_table(FIGURES, &arguments);
}
