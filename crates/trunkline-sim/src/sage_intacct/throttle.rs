//! Concurrency limits: calls in flight per application and per company.

use std::sync::Arc;
use std::time::Duration;

use super::Inner;
use super::envelope::ApiError;
use super::knobs::{Knobs, RetryAfterSpelling, ThrottleMode};
use super::state::World;
use crate::exchange::{Call, Reply};

/// A call in flight; gives its place back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    inner: Arc<Inner>,
    counted: (String, String),
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut world = self.inner.world();
        if let Some(count) = world.in_flight.get_mut(&self.counted) {
            *count = count.saturating_sub(1);
        }
        drop(world);
        self.inner.slot_freed.notify_waiters();
    }
}

/// Takes a place for the call; `Ok(None)` for calls whose token is not ours, which fail later anyway.
pub(crate) async fn enter(inner: &Arc<Inner>, call: &Call) -> Result<Option<Slot>, ApiError> {
    let Some(counted) = super::session::counted_under(&inner.world(), call) else { return Ok(None) };
    let hold = match inner.world().knobs.throttle_mode {
        ThrottleMode::Refuse => Duration::ZERO,
        ThrottleMode::HoldThenRefuse { hold_ms } => Duration::from_millis(hold_ms),
    };
    let wait = async {
        loop {
            // Registered before the attempt, so that a place freed in between wakes this call.
            let freed = inner.slot_freed.notified();
            if let Some(slot) = try_enter(inner, &counted) {
                return slot;
            }
            freed.await;
        }
    };
    if let Some(slot) = try_enter(inner, &counted) {
        return Ok(Some(slot));
    }
    match tokio::time::timeout(hold, wait).await {
        Ok(slot) => Ok(Some(slot)),
        Err(_) => Err(exceeded(&inner.world(), &counted)),
    }
}

fn try_enter(inner: &Arc<Inner>, counted: &(String, String)) -> Option<Slot> {
    let mut world = inner.world();
    let (application, company) = limits(&world, &counted.1);
    let own = world.in_flight.get(counted).copied().unwrap_or_default();
    if own >= application || total(&world, &counted.1) >= company {
        return None;
    }
    *world.in_flight.entry(counted.clone()).or_default() += 1;
    Some(Slot { inner: Arc::clone(inner), counted: counted.clone() })
}

fn total(world: &World, company: &str) -> u32 {
    world.in_flight.iter().filter(|((_, of), _)| of == company).map(|(_, count)| count).sum()
}

fn limits(world: &World, company: &str) -> (u32, u32) {
    let tier = world
        .companies
        .get(company)
        .map_or((6, 8), |it| (it.application_concurrency, it.company_concurrency));
    let knobs = &world.knobs;
    (knobs.application_concurrency.unwrap_or(tier.0), knobs.company_concurrency.unwrap_or(tier.1))
}

fn exceeded(world: &World, (_, company): &(String, String)) -> ApiError {
    let (limit, _) = limits(world, company);
    let wait = world.knobs.throttle_retry_after_s.to_string();
    let error = ApiError::gateway(429, "GW-0010", "API rate limit exceeded")
        .with_header("X-IA-Throttle-Limit", limit.to_string())
        .with_header("X-IA-Throttle-Limit-Remaining", "-1");
    let spelling = world.knobs.retry_after_spelling;
    let joined = |error: ApiError| error.with_header("X-IA-Throttle-Limit-RetryAfter", wait.clone());
    let hyphenated = |error: ApiError| error.with_header("X-IA-Throttle-Limit-Retry-After", wait.clone());
    match spelling {
        RetryAfterSpelling::Joined => joined(error),
        RetryAfterSpelling::Hyphenated => hyphenated(error),
        RetryAfterSpelling::Both => hyphenated(joined(error)),
    }
}

impl Slot {
    /// Adds the headers of the soft limit to an answer that passed.
    pub(crate) fn annotate(&self, knobs: &Knobs, world: &World, reply: Reply) -> Reply {
        if !knobs.soft_limit_headers {
            return reply;
        }
        let (limit, _) = limits(world, &self.counted.1);
        let used = world.in_flight.get(&self.counted).copied().unwrap_or_default();
        reply
            .with_header("X-IA-Throttle-Limit", limit.to_string())
            .with_header("X-IA-Throttle-Limit-Remaining", limit.saturating_sub(used).to_string())
    }
}
