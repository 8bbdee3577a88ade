//! How long it takes to load 1,000 manifests, what they keep, and how long it takes to find one.
//!
//! `cargo bench -p trunkline-manifest --bench loading`, and `-- --figures` for the figures alone: at most 300 ms and
//! 20 MiB for 1,000 manifests.

use std::alloc::System;
use std::hint::black_box;
use std::time::{Duration, Instant};

use divan::Bencher;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use trunkline_manifest::Catalogue;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const LIMIT_MS: f64 = 300.0;
const LIMIT_MIB: f64 = 20.0;

/// A manifest with something of everything.
const TEXT: &str = include_str!("manifest.toml");

fn files(count: usize) -> Vec<(String, String)> {
    (0..count)
        .map(|number| {
            let name = format!("service_{number}");
            (format!("{name}.toml"), TEXT.replace("service_0", &name))
        })
        .collect()
}

fn load(files: &[(String, String)]) -> Catalogue {
    let texts = files.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    Catalogue::parse(texts).unwrap_or_else(|problems| panic!("{problems}"))
}

#[divan::bench(args = [1, 10, 100, 1000], sample_count = 10)]
fn parse(bencher: Bencher<'_, '_>, count: usize) {
    let files = files(count);
    bencher.bench_local(|| load(black_box(&files)));
}

#[divan::bench(args = [1, 10, 100, 1000])]
fn find(bencher: Bencher<'_, '_>, count: usize) {
    let catalogue = load(&files(count));
    let name = format!("service_{}", count / 2);
    bencher.bench_local(|| black_box(catalogue.get(black_box(&name))).is_some());
}

/// The best of some runs: what the machine does beside is not ours.
#[expect(clippy::print_stdout, reason = "this is what it is for")]
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn figures() -> bool {
    let files = files(1000);
    let region = Region::new(ALLOCATOR);
    let kept = load(&files);
    let change = region.change();
    let bytes = change.bytes_allocated.saturating_sub(change.bytes_deallocated);
    let mib = bytes as f64 / (1024.0 * 1024.0);
    let took = (0..7).map(|_| {
        let start = Instant::now();
        black_box(load(&files));
        start.elapsed()
    });
    let best = took.min().unwrap_or(Duration::MAX).as_secs_f64() * 1e3;
    let look = |catalogue: &Catalogue, name: &str| {
        let start = Instant::now();
        for _ in 0..100_000 {
            assert!(black_box(catalogue.get(black_box(name))).is_some());
        }
        start.elapsed().as_secs_f64() * 1e9 / 1e5
    };
    let few = load(&files[..10]);
    println!(
        "1,000 manifests: {best:.0} ms (at most {LIMIT_MS:.0}), {mib:.1} MiB kept (at most {LIMIT_MIB:.0})"
    );
    println!(
        "one by name: {:.0} ns among 1,000, {:.0} ns among 10",
        look(&kept, "service_500"),
        look(&few, "service_5")
    );
    best <= LIMIT_MS && mib <= LIMIT_MIB
}

fn main() {
    if std::env::args().any(|argument| argument == "--figures") {
        assert!(figures(), "a figure is over its limit");
    } else {
        divan::main();
    }
}
