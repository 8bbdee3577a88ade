//! How long a revocation goes unnoticed, in virtual time: the figures of `docs/performance.md`.
//!
//! `cargo bench -p trunkline --bench detection`; about two minutes, most of it sealing and unsealing.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod simulation;

use std::time::Duration;

use simulation::{Outcome, Scene, play};
use trunkline::Probes;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn main() {
    let mut probes = Probes::default();
    probes.per_second = 200;
    let idle = Scene {
        connections: 100_000,
        span: HOUR * 3,
        revocations: 5_000,
        outages: Vec::new(),
        probes,
        seed: 1,
    };
    let outages = Scene {
        connections: 10_000,
        span: HOUR * 12,
        revocations: 500,
        outages: vec![(HOUR, HOUR / 6), (HOUR * 3, HOUR * 6)],
        probes,
        seed: 2,
    };
    println!(
        "| scene | revoked | found | p50 | p95 | max | bound | false verdicts | probes per connection and day | renewals |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    print("100,000 idle connections, 3 hours", &idle);
    print("10,000, 12 hours with outages of 10 minutes and 6 hours", &outages);
}

fn print(name: &str, scene: &Scene) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    let outcome = runtime.block_on(play(scene));
    let Outcome { latencies, unfound, false_verdicts, probes_per_day, renewals_per_day } = &outcome;
    let seconds = |part| outcome.quantile(part).as_secs();
    println!(
        "| {name} | {} | {} | {} s | {} s | {} s | {} s | {false_verdicts} | {probes_per_day:.1} | {renewals_per_day:.1} |",
        latencies.len() + unfound,
        latencies.len(),
        seconds(0.5),
        seconds(0.95),
        seconds(1.0),
        scene.probes.within.as_secs(),
    );
}
