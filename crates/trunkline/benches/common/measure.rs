//! Clocks, counts and turns.

#![allow(dead_code, reason = "each bench uses a part of it")]

use rustix::time::{ClockId, clock_gettime};
use stats_alloc::Region;

/// Nanoseconds of CPU time of this thread.
pub(crate) fn thread_cpu() -> f64 {
    nanoseconds(ClockId::ThreadCPUTime)
}

/// Nanoseconds of CPU time of this process, all threads.
pub(crate) fn process_cpu() -> f64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

/// Nanoseconds of wall time.
pub(crate) fn wall() -> f64 {
    nanoseconds(ClockId::Monotonic)
}

#[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds fit")]
fn nanoseconds(clock: ClockId) -> f64 {
    let now = clock_gettime(clock);
    now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
}

/// How long `work` takes by `clock`, in nanoseconds.
pub(crate) fn time(clock: fn() -> f64, work: impl FnOnce()) -> f64 {
    let start = clock();
    work();
    clock() - start
}

/// How often `work` asks for memory: allocations and reallocations, of the whole process.
pub(crate) fn allocations(work: impl FnOnce()) -> f64 {
    let region = Region::new(crate::ALLOCATOR);
    work();
    let change = region.change();
    #[expect(clippy::cast_precision_loss, reason = "a count of millions")]
    let count = (change.allocations + change.reallocations) as f64;
    count
}

/// Bytes that `work` leaves allocated.
pub(crate) fn live_bytes(work: impl FnOnce()) -> f64 {
    let region = Region::new(crate::ALLOCATOR);
    work();
    let change = region.change();
    #[expect(clippy::cast_precision_loss, reason = "megabytes")]
    let live = change.bytes_allocated as f64 - change.bytes_deallocated as f64;
    live
}

/// Medians of turns, each a measurement of the reference and one of ours.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) reference: f64,
    pub(crate) ours: f64,
    /// The median of the turns' ratios, which is not the ratio of the medians.
    pub(crate) ratio: f64,
}

/// Lets both take `turns` turns, in alternating order, after one that does not count.
pub(crate) fn turns(turns: usize, mut reference: impl FnMut() -> f64, mut ours: impl FnMut() -> f64) -> Pair {
    let mut taken = Vec::with_capacity(turns);
    for turn in 0..=turns {
        let pair = if turn % 2 == 0 {
            let first = reference();
            (first, ours())
        } else {
            let first = ours();
            (reference(), first)
        };
        if turn > 0 {
            taken.push(pair);
        }
    }
    pair(&taken)
}

/// The medians of (reference, ours).
pub(crate) fn pair(taken: &[(f64, f64)]) -> Pair {
    Pair {
        reference: median(taken.iter().map(|(reference, _)| *reference)),
        ours: median(taken.iter().map(|(_, ours)| *ours)),
        ratio: median(taken.iter().map(|(reference, ours)| ours / reference)),
    }
}

pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The value below which this part of them is.
pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index"
    )]
    let at = (values.len() as f64 * part) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}
