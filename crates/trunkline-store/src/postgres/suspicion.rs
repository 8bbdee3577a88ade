//! Connections that lie idle while the database goes away are found out together.
//!
//! No connection is asked whether it works before it is used: that would double the cost of every read. But
//! once one turns out to be broken, those that have been idle since before then are asked, each once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::time::{Instant, timeout};

/// A connection that takes longer to answer nothing is taken for a broken one.
const PATIENCE: Duration = Duration::from_secs(1);

/// When a connection was last found broken.
#[derive(Debug, Clone, Default)]
pub(super) struct Suspicion(Arc<Mutex<Option<Instant>>>);

impl Suspicion {
    pub(super) fn note(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    fn falls_on(&self, idle_for: Duration) -> bool {
        let since = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| idle_for >= since.elapsed())
    }

    /// Whether a connection may be used that has been idle for that long.
    pub(super) async fn clears(&self, connection: &mut PgConnection, idle_for: Duration) -> bool {
        !self.falls_on(idle_for) || matches!(timeout(PATIENCE, connection.ping()).await, Ok(Ok(())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspicion_falls_on_what_was_idle_before_it_arose() {
        let suspicion = Suspicion::default();
        assert!(!suspicion.falls_on(Duration::from_secs(3_600)));
        suspicion.note();
        assert!(suspicion.falls_on(Duration::from_secs(3_600)));
        assert!(!suspicion.falls_on(Duration::ZERO), "it was used since");
    }
}
