//! What a transmitter is told.

use http::{HeaderValue, StatusCode, header};
use serde::Serialize;

/// What to send back to a transmitter (RFC 8935, 2.2 to 2.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 202 when the event is applied durably, 400 when the token is refused, 503 when it is to be sent again.
    pub status: StatusCode,
    /// The media type of the body, if it has one.
    pub content_type: Option<&'static str>,
    /// JSON with `err` and `description` for a refusal; otherwise empty.
    pub body: String,
}

impl Answer {
    /// The value of the `Content-Language` header, which goes with every description.
    #[must_use]
    pub fn content_language(&self) -> Option<&'static str> {
        self.content_type.map(|_| "en")
    }

    /// The response, for web frameworks that speak [`http`].
    #[must_use]
    pub fn into_http(self) -> http::Response<String> {
        let headers =
            [(header::CONTENT_TYPE, self.content_type), (header::CONTENT_LANGUAGE, self.content_language())];
        let mut response = http::Response::new(self.body);
        *response.status_mut() = self.status;
        for (name, value) in headers {
            response.headers_mut().extend(value.map(|value| (name, HeaderValue::from_static(value))));
        }
        response
    }

    pub(crate) fn of(outcome: &Result<(), Rejected>) -> Self {
        let plain = |status| Self { status, content_type: None, body: String::new() };
        match outcome {
            Ok(()) => plain(StatusCode::ACCEPTED),
            Err(Rejected::NotNow) => plain(StatusCode::SERVICE_UNAVAILABLE),
            Err(Rejected::Refused(refusal)) => Self {
                status: StatusCode::BAD_REQUEST,
                content_type: Some("application/json"),
                body: serde_json::json!(refusal).to_string(),
            },
        }
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{}: {description}", code.code())]
pub struct Refusal {
    /// The code for the transmitter.
    #[serde(rename = "err")]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
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
