//! The one error type of the public API.

use std::borrow::Cow;
use std::fmt;

use crate::diagnosis::{Cause, Diagnosis};

/// What the caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No linked crate provides the provider that the settings name.
    UnknownProvider,
    /// No connector is configured under this name.
    NotConfigured,
    /// A setting is missing or malformed; nothing was sent.
    ConfigInvalid,
    /// A value the caller passed cannot be used; nothing was sent.
    InvalidInput,
    /// There is no usable grant; a person must connect again.
    Unauthenticated,
    /// Someone at the customer must act; a new consent would not help.
    Suspended,
    /// A consent was refused, is not valid here, or failed.
    ConsentFailed,
    /// The application's own client is not accepted by the service.
    ClientBroken,
    /// The credential is good, but does not permit this.
    PermissionDenied,
    /// There is no such thing.
    NotFound,
    /// It clashes with what is there.
    Conflict,
    /// The service asks for a pause.
    RateLimited,
    /// The request never left this machine: even a write may be repeated.
    NotSent,
    /// No whole answer came in time: a write may have taken effect.
    Unavailable,
    /// The service's answer makes no sense.
    ResponseInvalid,
    /// The connector cannot do this.
    Unsupported,
    /// The store failed, or what it holds cannot be opened.
    StoreFailed,
    /// A defect, here or in a connector.
    Unexpected,
}

impl ErrorKind {
    /// Whether the same call may succeed later with nobody acting.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited | Self::NotSent | Self::Unavailable => true,
            Self::UnknownProvider
            | Self::NotConfigured
            | Self::ConfigInvalid
            | Self::InvalidInput
            | Self::Unauthenticated
            | Self::Suspended
            | Self::ConsentFailed
            | Self::ClientBroken
            | Self::PermissionDenied
            | Self::NotFound
            | Self::Conflict
            | Self::ResponseInvalid
            | Self::Unsupported
            | Self::StoreFailed
            | Self::Unexpected => false,
        }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Failure of one operation.
///
/// `Display` prints this layer only; [`source`](std::error::Error::source) carries the rest. Neither
/// holds a secret, a body or the query of a URL.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    hint: Option<String>,
    diagnosis: Option<Diagnosis>,
    source: Option<BoxError>,
}

impl Error {
    /// An error of `kind`; `message` is lower case, without a full stop.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), hint: None, diagnosis: None, source: None }))
    }

    /// An error with the cause's usual diagnosis.
    #[must_use]
    pub fn of(cause: Cause) -> Self {
        Diagnosis::new(cause).into()
    }

    /// Adds what to try, one sentence for a person.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the error behind this one. It must hold no secret.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Rewrites the diagnosis, if there is one.
    #[must_use]
    pub fn map_diagnosis(mut self, change: impl FnOnce(Diagnosis) -> Diagnosis) -> Self {
        self.0.diagnosis = self.0.diagnosis.map(change);
        if let Some(diagnosis) = &self.0.diagnosis {
            self.0.kind = diagnosis.cause().kind();
        }
        self
    }

    /// The same error for another waiter, without the error behind it.
    #[must_use]
    pub fn share(&self) -> Self {
        Self(Box::new(Inner {
            kind: self.0.kind,
            message: self.0.message.clone(),
            hint: self.0.hint.clone(),
            diagnosis: self.0.diagnosis.clone(),
            source: None,
        }))
    }

    /// What the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Why, who must act and what to do, where the failure is about a connection.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.0.diagnosis.as_ref()
    }

    /// The cause, where there is a diagnosis.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.0.diagnosis.as_ref().map(Diagnosis::cause)
    }

    /// What to try, on one line: the hint, or the remedy of the diagnosis.
    #[must_use]
    pub fn hint_text(&self) -> Option<Cow<'_, str>> {
        let remedy = || self.0.diagnosis.as_ref().map(|diagnosis| diagnosis.remedy().to_string().into());
        self.0.hint.as_deref().map(Cow::Borrowed).or_else(remedy)
    }
}

impl From<Diagnosis> for Error {
    fn from(diagnosis: Diagnosis) -> Self {
        let kind = diagnosis.cause().kind();
        let message = Cow::Borrowed(diagnosis.cause().summary());
        Self(Box::new(Inner { kind, message, hint: None, diagnosis: Some(diagnosis), source: None }))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.diagnosis {
            Some(diagnosis) => diagnosis.fmt(f),
            None => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(hint) = &self.0.hint {
            out.field("hint", hint);
        }
        if let Some(diagnosis) = &self.0.diagnosis {
            out.field("diagnosis", diagnosis);
        }
        if let Some(source) = &self.0.source {
            out.field("source", source);
        }
        out.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}
