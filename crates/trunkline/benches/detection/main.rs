//! How long a revocation goes unnoticed, in virtual time: the figures of `docs/performance.md`.
//!
//! `cargo bench -p trunkline --bench detection`; about two minutes, most of it sealing and unsealing. With
//! `-- plays`, 100 plays of a small fleet with the outages instead, which show what is left undecided afterwards.
#![expect(clippy::print_stdout, reason = "a bench prints its table")]

mod simulation;

use std::time::Duration;

use simulation::{Outcome, Scene, play};
use trunkline::Probes;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn main() {
    if std::env::args().any(|arg| arg == "plays") {
        return plays();
    }
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
    let down =
        Scene { connections: 10_000, span: HOUR * 12, revocations: 500, outages: outages(), probes, seed: 2 };
    println!(
        "| scene | revoked | found | p50 | p95 | max | bound | false verdicts | probes per connection and day | renewals |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    print("100,000 idle connections, 3 hours", &idle);
    print("10,000, 12 hours with outages of 10 minutes and 6 hours", &down);
}

/// Ten minutes, and six hours.
fn outages() -> Vec<(Duration, Duration)> {
    vec![(HOUR, HOUR / 6), (HOUR * 3, HOUR * 6)]
}

/// 1,000 connections with 100 revocations, again and again: few renewals come to tell what the refusals are worth.
fn plays() {
    const PLAYS: u64 = 100;
    let (mut false_verdicts, mut left, mut late) = (0, Vec::new(), Vec::new());
    for seed in 1..=PLAYS {
        let probes = Probes::default();
        let scene = Scene {
            connections: 1_000,
            span: HOUR * 12,
            revocations: 100,
            outages: outages(),
            probes,
            seed: seed * 2 + 1,
        };
        let outcome = played(&scene);
        false_verdicts += outcome.false_verdicts;
        left.push(outcome.unfound);
        late.push(outcome.quantile(1.0).as_secs());
    }
    left.sort_unstable();
    late.sort_unstable();
    let many = left.iter().filter(|left| **left >= 5).count();
    println!(
        "{PLAYS} plays: {false_verdicts} false verdicts, {many} with 5 or more undecided three hours after the outage"
    );
    println!("undecided: {left:?}");
    println!("the longest of each, in s: {late:?}");
}

fn played(scene: &Scene) -> Outcome {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(play(scene))
}

fn print(name: &str, scene: &Scene) {
    let outcome = played(scene);
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
