//! What a transmitter is told.

/// Why a token was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It never will be.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Something here, or the transmitter's keys, could not be reached: the same token may be taken later.
    #[error("not now")]
    NotNow,
}

/// A token that is refused. Nothing of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: {description}", code.code())]
pub struct Refusal {
    /// The code for the transmitter.
    pub code: RefusalCode,
    /// What is wrong, for people.
    pub description: &'static str,
}

impl Refusal {
    pub(crate) const fn new(code: RefusalCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// The token is not what RFC 8417 and the event's definition ask for.
    pub(crate) const fn malformed(description: &'static str) -> Self {
        Self::new(RefusalCode::InvalidRequest, description)
    }
}

/// The codes of RFC 8935, 2.4, that a receiver here answers with, and the one of SSF 1.0, 8.1.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalCode {
    /// It cannot be parsed as a token, or an event in it is not as it is defined.
    InvalidRequest,
    /// The key that it names is not one of the transmitter's, or not for this.
    InvalidKey,
    /// Nobody is configured who issues it.
    InvalidIssuer,
    /// It is for somebody else.
    InvalidAudience,
    /// The signature is not the transmitter's.
    AuthenticationFailed,
    /// The state of a verification is not the one that was asked for.
    InvalidState,
}

impl RefusalCode {
    /// The code as it is sent.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidKey => "invalid_key",
            Self::InvalidIssuer => "invalid_issuer",
            Self::InvalidAudience => "invalid_audience",
            Self::AuthenticationFailed => "authentication_failed",
            Self::InvalidState => "invalid_state",
        }
    }
}
