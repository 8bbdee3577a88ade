//! The figures that the project promises, each measured beside its reference in the same run.
//!
//! `cargo bench -p trunkline --bench figures`, with names of rows behind `--` to run only those:
//! `token cores connect sqlite request storm memory registry`. Loopback only; a few minutes at most.
//!
//! Ours and the reference take turns, and the ratio is the median over the turns: a noisy neighbour
//! disturbs both alike. What a single thread does is measured in its own CPU time.

#![expect(clippy::print_stdout, reason = "a bench prints its table")]

#[path = "../common/mod.rs"]
mod common;
mod connect;
mod measure;
mod memory;
mod registry;
mod request;
mod sqlite;
mod storm;
mod token;

use std::alloc::System;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One line of the table.
pub(crate) struct Row {
    figure: String,
    reference: String,
    ours: String,
    result: String,
    target: String,
    met: bool,
}

impl Row {
    fn new(figure: impl Into<String>) -> Self {
        let none = String::new;
        let met = true;
        Self { figure: figure.into(), reference: none(), ours: none(), result: none(), target: none(), met }
    }

    fn reference(self, reference: impl Into<String>) -> Self {
        Self { reference: reference.into(), ..self }
    }

    fn ours(self, ours: impl Into<String>) -> Self {
        Self { ours: ours.into(), ..self }
    }

    fn result(self, result: impl Into<String>, target: impl Into<String>, met: bool) -> Self {
        Self { result: result.into(), target: target.into(), met, ..self }
    }

    /// The median of the turns' ratios, which may be at most `target`.
    fn ratio(self, pair: &measure::Pair, target: f64) -> Self {
        let met = pair.ratio <= target;
        self.result(format!("{:.3} x", pair.ratio), format!("<= {target} x"), met)
    }

    /// A count that may be at most `target`.
    fn at_most(self, value: f64, target: f64, unit: &str) -> Self {
        self.result(format!("{value:.2} {unit}"), format!("<= {target} {unit}"), value <= target)
    }

    fn print(&self) {
        let met = if self.met { "yes" } else { "NO" };
        let Self { figure, reference, ours, result, target, .. } = self;
        println!("| {figure} | {reference} | {ours} | {result} | {target} | {met} |");
    }
}

type Figure = (&'static str, fn() -> Vec<Row>);

const FIGURES: &[Figure] = &[
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
    println!("| figure | reference | ours | result | target | met |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for (name, figure) in FIGURES {
        if arguments.is_empty() || arguments.iter().any(|argument| argument == name) {
            figure().iter().for_each(Row::print);
        }
    }
}
