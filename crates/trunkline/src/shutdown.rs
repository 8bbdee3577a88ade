//! An orderly end: nothing that a service gave is lost with the process.

use std::fmt;
use std::time::Duration;

use trunkline_core::{Error, ErrorKind};

use crate::hub::Trunkline;
use crate::keeper::journal;

/// What was not finished when a shutdown's time was over.
pub struct Unfinished {
    credentials: usize,
    journal: Vec<u8>,
    is_written: bool,
    source: Option<Error>,
}

impl Unfinished {
    /// How many credentials the services gave that the store does not have.
    #[must_use]
    pub fn credentials(&self) -> usize {
        self.credentials
    }

    /// Those credentials, sealed, in the form of a journal. Unless they are in the journal's file already,
    /// keep these bytes in a file that is readable by its owner only, and name it to
    /// [`Builder::journal`](crate::Builder::journal) at the next start.
    #[must_use]
    pub fn sealed(&self) -> &[u8] {
        &self.journal
    }

    /// Whether those credentials are in the journal's file.
    #[must_use]
    pub fn is_in_journal(&self) -> bool {
        self.is_written
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.credentials, self.is_written) {
            (0, _) => f.write_str("a renewal, exchange or revocation is still under way"),
            (count, true) => write!(f, "{count} credentials could not be stored and are in the journal"),
            (count, false) => write!(f, "{count} credentials could not be stored and are in no file"),
        }
    }
}

impl fmt::Debug for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Unfinished({self})")
    }
}

impl std::error::Error for Unfinished {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

impl From<Unfinished> for Error {
    fn from(unfinished: Unfinished) -> Self {
        Error::new(ErrorKind::Unavailable, "the shutdown is not finished").caused_by(unfinished)
    }
}

impl Trunkline {
    /// Ends the upkeep and waits until every renewal, exchange and revocation that is under way has been
    /// finished and stored, at most `deadline` long. Connections stay usable, but call it last.
    ///
    /// # Errors
    ///
    /// [`Unfinished`] when something is still under way at the deadline. What the services gave and the store
    /// did not take is then in the journal, or, sealed, in the error.
    pub async fn shutdown(&self, deadline: Duration) -> Result<(), Unfinished> {
        let hub = &self.0;
        hub.stopping.cancel();
        hub.tasks.close();
        let drained = tokio::time::timeout(deadline, hub.tasks.wait()).await;
        hub.tasks.reopen();
        if drained.is_ok() {
            return Ok(());
        }
        let unwritten = hub.unwritten.all();
        let mut unfinished =
            Unfinished { credentials: unwritten.len(), journal: Vec::new(), is_written: false, source: None };
        match journal::lines(&unwritten) {
            Ok(lines) => unfinished.journal = lines,
            Err(error) => unfinished.source = Some(error),
        }
        if let (Some(path), false) = (&hub.journal, unfinished.journal.is_empty()) {
            match journal::append(path, &unfinished.journal) {
                Ok(()) => unfinished.is_written = true,
                Err(error) => unfinished.source = Some(error),
            }
        }
        tracing::error!(target: "trunkline", unfinished = %unfinished, "shutdown is not finished");
        Err(unfinished)
    }
}
