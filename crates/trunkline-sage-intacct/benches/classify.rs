//! How long it takes to say what an answer means: each line of the table, at most 2 µs.
//!
//! `cargo bench -p trunkline-sage-intacct --bench classify`, with a part of a row's name to see that one, and
//! `-- --figures` for the slowest alone. Rows of the table that are bad input (10 MiB, 10,000 brackets) are no
//! fixtures, and are left out of the figure.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use divan::Bencher;
use trunkline_core::{BuildConnector, Call, Connector, Secret};
use trunkline_sage_intacct::{GrantMethod, SageIntacctConfig};

#[allow(dead_code, reason = "the bench asks less of a row")]
#[path = "../../../tests/tests/answers/table.rs"]
mod table;

/// The rows that a connector judges by itself, as the hub asks it.
fn rows() -> &'static [table::Row] {
    static ROWS: OnceLock<Vec<table::Row>> = OnceLock::new();
    ROWS.get_or_init(|| {
        let rows = table::read(include_str!("../../../tests/answers/sage_intacct.txt"));
        rows.into_iter().filter(|row| row.call != Call::Authorize).collect()
    })
}

fn connector() -> Arc<dyn Connector> {
    SageIntacctConfig::new("0a1b.app.sage.com", Secret::new("s3cr3t"))
        .grant(GrantMethod::ClientCredentials)
        .build("sage_intacct")
        .expect("the settings are whole")
}

fn names() -> impl Iterator<Item = &'static str> {
    rows().iter().map(|row| row.id.as_str())
}

#[divan::bench(args = names())]
fn classify(bencher: Bencher<'_, '_>, name: &str) {
    let connector = connector();
    let row = rows().iter().find(|row| row.id == name).expect("a row of the table");
    let exchange = row.exchange();
    bencher.bench_local(|| black_box(connector.diagnose(black_box(&exchange))));
}

/// The best of many short runs of each fixture: what the machine does beside is not ours.
#[expect(clippy::print_stdout, reason = "this is what it is for")]
#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn figures() {
    const LARGEST_FIXTURE_BYTES: usize = 2048;
    let connector = connector();
    let mut took: Vec<(u128, &str)> = Vec::new();
    for row in rows().iter().filter(|row| row.body.len() <= LARGEST_FIXTURE_BYTES) {
        let exchange = row.exchange();
        let runs = (0..50).map(|_| {
            let start = Instant::now();
            for _ in 0..200 {
                black_box(connector.diagnose(black_box(&exchange)));
            }
            start.elapsed().as_nanos() / 200
        });
        took.push((runs.min().unwrap_or(0), &row.id));
    }
    took.sort_unstable();
    let (median, slowest) = (took[took.len() / 2], took[took.len() - 1]);
    let above = took.iter().filter(|(nanoseconds, _)| *nanoseconds > 2_000).count();
    println!(
        "{} fixtures, median {} ns, slowest {} ns ({}), {above} above 2 us",
        took.len(),
        median.0,
        slowest.0,
        slowest.1
    );
    for (nanoseconds, name) in took.iter().rev().take(10) {
        println!("{nanoseconds:>8} ns  {name}");
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--figures") {
        figures();
    } else {
        divan::main();
    }
}
