//! The network that one renewal gets: one request, in time or not at all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use trunkline_core::{Body, Clock, Request, Ticks, Transport, TransportError, async_trait};

/// Lets one request through, if no more than the slack has passed since the lease was asked for. Whoever
/// was paused for longer may have a successor already, and sends nothing.
pub(super) struct OneRequest {
    inner: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    since: Ticks,
    slack: Duration,
    used: AtomicBool,
}

impl OneRequest {
    pub(super) fn new(
        inner: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        since: Ticks,
        slack: Duration,
    ) -> Arc<Self> {
        Arc::new(Self { inner, clock, since, slack, used: AtomicBool::new(false) })
    }

    /// Whether a request was handed to the network.
    pub(super) fn was_used(&self) -> bool {
        self.used.load(Ordering::Acquire)
    }
}

impl fmt::Debug for OneRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OneRequest")
    }
}

#[async_trait]
impl Transport for OneRequest {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        if self.clock.coarse().since(self.since) > self.slack && !self.was_used() {
            return Err(TransportError::NotSent("paused for too long before sending".to_owned()));
        }
        if self.used.swap(true, Ordering::AcqRel) {
            // A defect of the provider: what was sent first may have spent the credential.
            return Err(TransportError::Unknown("a second request in one renewal".to_owned()));
        }
        self.inner.send(request).await
    }
}
