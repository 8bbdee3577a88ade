//! A diagnosis as data for a program, a page or a command line.

use serde::Serialize;

use super::{Actor, Cause, Diagnosis, Evidence, Family, Retry, Texts};

/// What there is to say about a failure, flat: what the command line prints with `--json`.
///
/// A store keeps the [`Diagnosis`] itself, which leaves out what follows from the cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report<'a> {
    /// Why.
    pub cause: Cause,
    /// Which of the kinds that users know.
    pub family: Family,
    /// Who can end it.
    pub actor: Actor,
    /// `"never"`, `"after_renewal"`, or `{"after_s": 60}`.
    pub retry: Retry,
    /// What the actor does, in steps.
    pub remedy: Vec<String>,
    /// Where that is described, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<&'a str>,
    /// What is known.
    pub evidence: &'a Evidence,
}

impl Diagnosis {
    /// Everything as data, in English.
    #[must_use]
    pub fn report(&self) -> Report<'_> {
        self.report_in("en", &Texts::new())
    }

    /// Everything as data, in the language of `locale`.
    #[must_use]
    pub fn report_in(&self, locale: &str, texts: &Texts) -> Report<'_> {
        Report {
            cause: self.cause(),
            family: self.family(),
            actor: self.actor(),
            retry: self.retry(),
            remedy: texts.steps(locale, self),
            link: self.remedy().link(),
            evidence: self.evidence(),
        }
    }
}
