//! How a command ends: a code for programs, and an error line with a hint for people.

use std::error::Error as StdError;
use std::process::ExitCode;

use trunkline_core::{Diagnosis, Error, ErrorKind, Verdict};

/// The codes, as the long help lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// It was done.
    Done,
    /// Something failed.
    Failed,
    /// Arguments, settings or keys cannot be used. Nothing was done.
    Usage,
    /// A person has to consent.
    NeedsConsent,
    /// Someone at the customer has to act; a consent would not help.
    Suspended,
    /// There is no such connection.
    NotFound,
    /// Ctrl-C.
    Interrupted,
}

/// What the long help says about them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done; for `status`: the connection serves
  1    something failed
  2    arguments, settings or keys cannot be used; nothing was done
  3    a person has to consent
  4    someone at the customer has to act; a new consent would not help
  5    there is no such connection
  130  stopped with Ctrl-C";

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::NeedsConsent => 3,
            Exit::Suspended => 4,
            Exit::NotFound => 5,
            Exit::Interrupted => 130,
        })
    }
}

/// Why a command could not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// One line: the error and what is behind it.
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) diagnosis: Option<Box<Diagnosis>>,
    /// The reader of our output went away: nothing is left to be said.
    pub(crate) is_unheard: bool,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: None, diagnosis: None, is_unheard: false }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(Exit::Interrupted, "stopped").hint("No connection was made or changed.")
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let verdict = error.cause().map(trunkline_core::Cause::verdict);
        let exit = match (verdict, error.kind()) {
            (Some(Verdict::Suspended), _) | (_, ErrorKind::Suspended) => Exit::Suspended,
            (_, ErrorKind::Unauthenticated | ErrorKind::ConsentFailed) => Exit::NeedsConsent,
            (Some(_), _) => Exit::Failed,
            (
                None,
                ErrorKind::UnknownProvider
                | ErrorKind::NotConfigured
                | ErrorKind::ConfigInvalid
                | ErrorKind::InvalidInput,
            ) => Exit::Usage,
            (None, _) => Exit::Failed,
        };
        let help = (exit == Exit::Usage).then_some("`trunkline help` tells what can be written.");
        let hint = error.hint_text().or(help.map(Into::into)).map(Into::into);
        let diagnosis = error.diagnosis().cloned().map(Box::new);
        Self { exit, message: chain(&error), hint, diagnosis, is_unheard: false }
    }
}

impl From<trunkline_store::StoreError> for Failure {
    fn from(error: trunkline_store::StoreError) -> Self {
        Error::from(error).into()
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let is_unheard = error.kind() == std::io::ErrorKind::BrokenPipe;
        Self { is_unheard, ..Self::new(Exit::Failed, chain(&error)) }
    }
}

/// The error and everything behind it, each layer once.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        text.push_str(": ");
        text.push_str(&error.to_string());
        next = error.source();
    }
    text
}
