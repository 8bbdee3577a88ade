//! A valid token from a held connection.

use std::hint::black_box;
use std::sync::Barrier;

use trunkline::Connection;

use crate::Row;
use crate::common::{self, BareToken};
use crate::measure::{self, allocations, thread_cpu, time, turns};

const READS: u32 = 300_000;
const TURNS: usize = 31;

pub(crate) fn figure() -> Vec<Row> {
    [1, 100_000].into_iter().flat_map(among).collect()
}

fn among(connections: usize) -> Vec<Row> {
    let runtime = common::runtime();
    let (hub, tenants) = runtime.block_on(common::filled(connections));
    let held = runtime.block_on(common::connect(&hub, &tenants[connections / 2]));
    let bare = BareToken::new();
    let per_read = |total: f64| total / f64::from(READS);
    let reference = || per_read(time(thread_cpu, || read_bare(&bare)));

    let now = turns(TURNS, reference, || per_read(time(thread_cpu, || read(&held))));
    let wait = |held: &Connection| {
        runtime.block_on(async {
            for _ in 0..READS {
                black_box(held.access_token().await).expect("a token");
            }
        });
    };
    let awaited = turns(TURNS, reference, || per_read(time(thread_cpu, || wait(&held))));
    let allocated = allocations(|| read(&held)) + allocations(|| wait(&held));
    let reference =
        |pair: &measure::Pair| format!("pointer guard and coarse clock, {:.1} ns", pair.reference);
    vec![
        Row::new(format!("`token_now()`, {connections} in memory"))
            .reference(reference(&now))
            .ours(format!("{:.1} ns", now.ours))
            .ratio(&now, 1.6),
        Row::new(format!("`access_token().await`, {connections} in memory"))
            .reference(reference(&awaited))
            .ours(format!("{:.1} ns", awaited.ours))
            .ratio(&awaited, 2.2),
        Row::new(format!("allocations of {READS} of each, {connections} in memory"))
            .at_most(allocated, 0.0, "in all"),
    ]
}

fn read(held: &Connection) {
    for _ in 0..READS {
        black_box(held.token_now()).expect("a token");
    }
}

fn read_bare(bare: &BareToken) {
    for _ in 0..READS {
        black_box(bare.load()).expect("a token");
    }
}

/// How much more two threads read than one, of the same connection. A turn counts only if its
/// threads had a core each for as long as it took.
pub(crate) fn cores() -> Vec<Row> {
    const WANTED: usize = 15;
    const MOST: usize = 600;
    let runtime = common::runtime();
    let (hub, tenants) = runtime.block_on(common::filled(1));
    let held = runtime.block_on(common::connect(&hub, &tenants[0]));
    let mut taken = Vec::new();
    let mut turn = 0;
    while turn < MOST && taken.len() < WANTED {
        turn += 1;
        if let (Some(one), Some(two)) = (throughput(&held, 1), throughput(&held, 2)) {
            taken.push((one, two));
        }
    }
    let pair = measure::pair(&taken);
    vec![
        Row::new(format!("`token_now()` on two cores ({} of {turn} turns undisturbed)", taken.len()))
            .reference(format!("one core, {:.0} M/s", pair.reference * 1e3))
            .ours(format!("{:.0} M/s", pair.ours * 1e3))
            .result(format!("{:.2} x", pair.ratio), ">= 1.8 x", pair.ratio >= 1.8),
    ]
}

/// Reads per nanosecond; `None` if a thread had to wait for its core.
fn throughput(held: &Connection, threads: u32) -> Option<f64> {
    let barrier = Barrier::new(threads as usize);
    let work = || {
        barrier.wait();
        let (wall, cpu) = (measure::wall(), thread_cpu());
        read(held);
        (measure::wall() - wall, thread_cpu() - cpu)
    };
    let spans: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let undisturbed = spans.iter().all(|(wall, cpu)| cpu / wall > 0.96);
    let longest = spans.iter().map(|(wall, _)| *wall).fold(0.0, f64::max);
    undisturbed.then(|| f64::from(READS * threads) / longest)
}
