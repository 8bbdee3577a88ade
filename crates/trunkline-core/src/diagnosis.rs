//! What went wrong, who must act, and what to do: one typed value.

mod cause;
mod english;
mod remedy;
mod report;
mod texts;

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use cause::{Cause, Verdict};
pub use remedy::Remedy;
pub use report::Report;
pub use texts::{Language, Texts};

use crate::name::ConnectionId;
use crate::permission::Lack;
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// The connection that took the place of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<Box<Successor>>,
    /// Which operations were refused for want of which permissions, where that could be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Lack>,
}

/// A connection whose newer consent ended an older one's grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Successor {
    /// Which.
    pub connection: ConnectionId,
    /// Which of the tenant's it is; `None` for a connection of another tenant, whose names are not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

impl Successor {
    /// The connection `id`; with its label if it is of the same tenant.
    #[must_use]
    pub const fn new(connection: ConnectionId, label: Option<String>) -> Self {
        Self { connection, label }
    }
}

/// The typed answer to "what went wrong".
///
/// It can be stored: what follows from the cause is left out and comes from the table again. For
/// programs and pages, [`report`](Self::report) has everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Diagnosis {
    cause: Cause,
    actor: Actor,
    retry: Retry,
    #[serde(skip_serializing_if = "Remedy::is_usual")]
    remedy: Remedy,
    evidence: Evidence,
}

/// A diagnosis as it rests in a store.
#[derive(Deserialize)]
struct Stored {
    cause: Cause,
    actor: Actor,
    retry: Retry,
    #[serde(default)]
    remedy: Option<Remedy>,
    #[serde(default)]
    evidence: Evidence,
}

impl From<Stored> for Diagnosis {
    fn from(stored: Stored) -> Self {
        let Stored { cause, actor, retry, remedy, evidence } = stored;
        let remedy = remedy.unwrap_or_else(|| usual(cause, actor));
        Self { cause, actor, retry, remedy, evidence }
    }
}

/// What the cause's table tells `actor`, or the usual actor where it has nothing for this one.
fn usual(cause: Cause, actor: Actor) -> Remedy {
    cause.advice(actor).unwrap_or_else(|| cause.usual_advice())
}

impl Diagnosis {
    /// A diagnosis with the cause's usual actor, remedy and retry advice.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self {
            cause,
            actor: cause.actor(),
            retry: cause.retry(),
            remedy: cause.usual_advice(),
            evidence: Evidence::default(),
        }
    }

    /// Names another actor than the cause's usual one. A remedy of one's own stays.
    #[must_use]
    pub fn acted_by(mut self, actor: Actor) -> Self {
        self.actor = actor;
        if self.remedy.is_usual() {
            self.remedy = usual(self.cause, actor);
        }
        self
    }

    /// Says what the actor does in the service's own words for its menus and pages.
    #[must_use]
    pub fn remedied(mut self, remedy: Remedy) -> Self {
        self.remedy = remedy;
        self
    }

    /// As [`remedied`](Self::remedied), with steps that are known when the program is compiled. `key`
    /// is stable and in the connector's namespace: `acme.role_missing`.
    #[must_use]
    pub fn remedy_text(self, key: &'static str, steps: &'static [&'static str]) -> Self {
        self.remedied(Remedy::fixed(key, steps))
    }

    /// Says when to try again, in whole seconds, rounded up: who waits so long is not too early.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        let begun = u64::from(wait.subsec_nanos() > 0);
        self.retry = Retry::After { after_s: wait.as_secs().saturating_add(begun) };
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

    /// Says that the grant ended because of a newer consent, and whose that was. What the service said stays.
    #[must_use]
    pub fn superseded_by(self, successor: Successor) -> Self {
        let evidence = Evidence { successor: Some(Box::new(successor)), ..self.evidence };
        Self { evidence, ..Self::new(Cause::GrantSuperseded) }
    }

    /// Says which operations were refused for want of which permissions; the remedy names each permission.
    #[must_use]
    pub fn lacking(mut self, lacks: Vec<Lack>) -> Self {
        for lack in &lacks {
            for permission in &lack.missing {
                self.remedy = self
                    .remedy
                    .value("operation", &lack.operation.to_string())
                    .value("permission", &permission.name)
                    .value("where", &permission.set_at)
                    .step("Missing for {operation}: {permission}, set in {where}.");
            }
        }
        self.evidence.lacks = lacks;
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
    pub fn remedy(&self) -> &Remedy {
        &self.remedy
    }

    /// What `actor` does, or is told: somebody else than the one who can end it often meets it first.
    /// `None` for one who cannot meet it.
    #[must_use]
    pub fn remedy_for(&self, actor: Actor) -> Option<Remedy> {
        if actor == self.actor { Some(self.remedy.clone()) } else { self.cause.advice(actor) }
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

/// One line: cause, what happened, and the service's first code.
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
    use crate::permission::{Kind, Operation, Permission};

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
        let plain = Diagnosis::new(Cause::GrantRevoked).acted_by(Actor::Operator);
        let text = serde_json::to_string(&plain).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), plain, "{text}");
        assert!(!text.contains("remedy"), "the table knows it: {text}");
        let own = plain.remedied(Remedy::new("acme.a").value("x", "1").step("Do {x}."));
        let text = serde_json::to_string(&own).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), own, "{text}");
    }

    #[test]
    fn a_remedy_names_what_is_missing() {
        let permission = Permission {
            kind: Kind::Action,
            name: "bills: add".into(),
            set_at: "Roles > {where}".into(),
            set_by: "an administrator".into(),
        };
        let lack =
            Lack { operation: Operation::create("bill"), not_requested: false, missing: vec![permission] };
        let diagnosis = Diagnosis::new(Cause::PermissionMissing).lacking(vec![lack]);
        let last = diagnosis.remedy().steps().last().unwrap().to_owned();
        assert_eq!(last, "Missing for create:bill: bills: add, set in Roles > {where}.");
        let text = serde_json::to_string(&diagnosis).unwrap();
        assert_eq!(serde_json::from_str::<Diagnosis>(&text).unwrap(), diagnosis, "{text}");
    }

    #[test]
    fn a_wait_is_rounded_up_to_seconds() {
        for (wait, after_s) in [
            (Duration::ZERO, 0),
            (Duration::from_millis(1), 1),
            (Duration::from_secs(60), 60),
            (Duration::from_millis(60_001), 61),
            (Duration::MAX, u64::MAX),
        ] {
            let diagnosis = Diagnosis::new(Cause::RateLimited).retry_after(wait);
            assert_eq!(diagnosis.retry(), Retry::After { after_s }, "{wait:?}");
        }
    }

    #[test]
    fn what_older_versions_stored_is_read() {
        let with_text = r#"{"cause":"grant_revoked","actor":"customer_user","retry":"never",
            "remedy":"Connect again at Acme.","evidence":{"status":401,"codes":["invalid_grant"]}}"#;
        let read: Diagnosis = serde_json::from_str(with_text).unwrap();
        assert_eq!(read.remedy().steps().collect::<Vec<_>>(), ["Connect again at Acme."]);
        assert_eq!((read.remedy().key(), read.evidence().status), (Remedy::UNKEYED, Some(401)));
        let german = Language::new().advice("grant_revoked", Actor::CustomerUser, ["Anders."]);
        let texts = Texts::new().language("de", german);
        assert_eq!(texts.steps("de", &read), ["Connect again at Acme."], "a text of its own stays its own");

        let without = r#"{"cause":"rate_limited","actor":"nobody","retry":{"after_s":60}}"#;
        let expected = Diagnosis::new(Cause::RateLimited).retry_after(Duration::from_secs(60));
        assert_eq!(serde_json::from_str::<Diagnosis>(without).unwrap(), expected);
    }

    #[test]
    fn another_actor_gets_another_text_unless_the_connector_said_its_own() {
        let plain = Diagnosis::new(Cause::GrantRevoked);
        let of = |diagnosis: &Diagnosis| diagnosis.remedy().to_string();
        assert_ne!(of(&plain), of(&plain.clone().acted_by(Actor::Operator)));
        // Nothing is written for the service here: the usual actor's text is what there is.
        assert_eq!(of(&plain), of(&plain.clone().acted_by(Actor::Service)));
        let own = plain.remedy_text("acme.a", &["Do it."]).acted_by(Actor::Operator);
        assert_eq!(
            (of(&own), own.remedy_for(Actor::Operator)),
            ("Do it.".to_owned(), Some(own.remedy().clone()))
        );
        assert_eq!(own.remedy_for(Actor::CustomerUser), Cause::GrantRevoked.advice(Actor::CustomerUser));
        assert_eq!(own.remedy_for(Actor::Service), None);
    }

    #[test]
    fn a_report_has_everything_and_a_diagnosis_is_one_line() {
        let diagnosis = Diagnosis::new(Cause::RateLimited)
            .retry_after(Duration::from_secs(60))
            .status(StatusCode::TOO_MANY_REQUESTS)
            .code("a\r\nb\u{2028}c");
        assert_eq!(diagnosis.to_string(), "rate_limited: the service asks for a pause (a  b c)");
        assert_eq!(
            serde_json::to_value(diagnosis.report()).unwrap(),
            serde_json::json!({
                "cause": "rate_limited", "family": "other", "actor": "nobody", "retry": { "after_s": 60 },
                "remedy": ["Nothing: wait as long as the service says."],
                "evidence": { "status": 429, "codes": ["a  b c"] },
            })
        );
        let never = Diagnosis::new(Cause::GrantRevoked).remedied(Remedy::documented(
            "k",
            &["S."],
            "https://a.example/",
        ));
        let never = serde_json::to_value(never.report()).unwrap();
        assert_eq!(
            (never["retry"].as_str(), never["link"].as_str()),
            (Some("never"), Some("https://a.example/"))
        );
    }
}
