//! Catches what is logged.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::script::lock;

/// Everything that this thread logs by `tracing` from its start until it is dropped: events and spans of all levels.
///
/// In a runtime of one thread that is what all tasks log.
#[derive(Debug)]
pub struct Logs {
    written: Written,
    _guard: DefaultGuard,
}

#[derive(Debug, Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Logs {
    /// Catches from now on.
    #[must_use]
    pub fn catch() -> Self {
        let written = Written::default();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(written.clone())
            .finish();
        Self { written, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// What was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&lock(&self.written.0)).into_owned()
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Written {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_spans_of_all_levels_are_caught_until_it_is_dropped() {
        let logs = Logs::catch();
        let span = tracing::trace_span!("renewal", token = "in-a-span");
        span.in_scope(|| tracing::trace!(token = "in-an-event", "sent"));
        let text = logs.text();
        assert!(text.contains("in-a-span") && text.contains("in-an-event"), "{text}");
        drop(logs);
        let later = Logs::catch();
        assert_eq!(later.text(), "");
    }
}
