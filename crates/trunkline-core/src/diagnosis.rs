//! What went wrong, who must act, and what to do: one typed value.

mod cause;

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use cause::{Cause, Verdict};

use crate::text::ServiceText;

/// The four kinds of failure that users of an integration know, and the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Family {
    /// The access token's time is over. Renewal handles it.
    ExpiredAccessToken,
    /// The grant, or a token of it, is no longer accepted.
    RevokedOrInvalidToken,
    /// The credentials of the application or of the user are wrong.
    InvalidCredentials,
    /// The credential is good, but does not permit this.
    InsufficientPermissions,
    /// Anything else: limits, outages, configuration, the request itself.
    Other,
}

/// Who can end the failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Actor {
    /// Nobody: Trunkline handles it.
    Nobody,
    /// Whoever runs the application.
    Operator,
    /// The customer's user who gives consent.
    CustomerUser,
    /// The customer's administrator at the service.
    CustomerAdministrator,
    /// The service itself.
    Service,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nobody => "nobody",
            Self::Operator => "the application's operator",
            Self::CustomerUser => "the customer's user",
            Self::CustomerAdministrator => "the customer's administrator",
            Self::Service => "the service",
        })
    }
}

/// Whether and when the same call may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Retry {
    /// Not before the actor has acted.
    Never,
    /// After the access token is renewed.
    AfterRenewal,
    /// After a while; the service's own figure where it named one.
    #[serde(untagged)]
    After {
        /// Seconds to wait.
        after_s: u64,
    },
}

/// What is known about a failure. Never a secret, never a body.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The service's error codes, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<ServiceText>,
    /// What the service wrote, cleaned and shortened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<ServiceText>,
    /// What the service's support asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_id: Option<ServiceText>,
    /// When it happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Which call: `refresh`, `GET /objects/…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
}

/// The typed answer to "what went wrong".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnosis {
    cause: Cause,
    actor: Actor,
    retry: Retry,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
    #[serde(default)]
    evidence: Evidence,
}

impl Diagnosis {
    /// A diagnosis with the cause's usual actor, remedy and retry advice.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self {
            cause,
            actor: cause.actor(),
            retry: cause.retry(),
            remedy: None,
            evidence: Evidence::default(),
        }
    }

    /// Names another actor than the cause's usual one.
    #[must_use]
    pub fn acted_by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Says what to do in the service's own words for its menus and pages.
    #[must_use]
    pub fn remedy_text(mut self, text: impl Into<String>) -> Self {
        self.remedy = Some(text.into());
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry = Retry::After { after_s: wait.as_secs() };
        self
    }

    /// Adds an error code of the service.
    #[must_use]
    pub fn code(mut self, code: &str) -> Self {
        self.evidence.codes.push(ServiceText::new(code));
        self
    }

    /// Adds what the service wrote. Pass only text whose field is meant for people, never a body.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.evidence.message = Some(ServiceText::new(text)).filter(|text| !text.as_str().is_empty());
        self
    }

    /// Adds the service's support id.
    #[must_use]
    pub fn support_id(mut self, id: &str) -> Self {
        self.evidence.support_id = Some(ServiceText::new(id));
        self
    }

    /// Adds the HTTP status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.evidence.status = Some(status.as_u16());
        self
    }

    /// Adds when it happened and during which call; a call named before stays.
    #[must_use]
    pub fn during(mut self, call: impl Into<String>, at: Timestamp) -> Self {
        self.evidence.call.get_or_insert_with(|| call.into());
        self.evidence.at.get_or_insert(at);
        self
    }

    /// Why.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Which of the kinds that users know.
    #[must_use]
    pub fn family(&self) -> Family {
        self.cause.family()
    }

    /// Who can end it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.actor
    }

    /// What that actor does.
    #[must_use]
    pub fn remedy(&self) -> &str {
        self.remedy.as_deref().unwrap_or_else(|| self.cause.remedy())
    }

    /// Whether and when the same call may succeed.
    #[must_use]
    pub fn retry(&self) -> Retry {
        self.retry
    }

    /// What is known.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause, self.cause.summary())?;
        if let Some(code) = self.evidence.codes.first() {
            write!(f, " ({code})")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diagnosis_survives_storage() {
        let diagnosis = Diagnosis::new(Cause::RateLimited)
            .retry_after(Duration::from_secs(60))
            .code("GW-0010")
            .message("API rate limit exceeded")
            .status(StatusCode::TOO_MANY_REQUESTS)
            .support_id("Kxi78%7E");
        let text = serde_json::to_string(&diagnosis).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), diagnosis, "{text}");
        let plain = Diagnosis::new(Cause::GrantRevoked);
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), plain, "{text}");
    }
}
