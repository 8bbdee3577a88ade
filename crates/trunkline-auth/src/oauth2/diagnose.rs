//! What a refused exchange means by the standards alone: one judge, for every call.
//!
//! The body counts first and the status second. A code that no standard knows is kept as evidence, and the
//! status decides: nothing is guessed.

use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use trunkline_core::{Call, Cause, Diagnosis, Exchange, Verdict};

use super::codec::TokenCodec;
use super::purpose::Purpose;
use super::redact::Redactor;
use super::response::Defect;
use super::service_error::{MAX_CODES, ServiceError};
use super::{challenge, http_date};

/// What of a body is looked at, in bytes.
pub(crate) const MAX_JUDGED_BYTES: usize = 64 * 1024;

const PAGE: &str = "a page for people came instead of an answer";

/// Judges a refused exchange by the standards: RFC 6749 and OpenID Connect for token endpoint, revocation
/// and callback, RFC 6750 and 9470 for an API. `now` is when the answer came; a `Retry-After` that is a date
/// is measured from the answer's own `Date`, or else from it.
///
/// The hub asks this where a connector has nothing to add; a connector may ask it before it decides on its
/// own. Codes and message of the answer become evidence, without markup and without what looks like a token.
#[must_use]
pub fn diagnose(exchange: &Exchange<'_>, now: Timestamp) -> Diagnosis {
    let body = &exchange.body[..exchange.body.len().min(MAX_JUDGED_BYTES)];
    let defect = TokenCodec::new().refusal(exchange.status, body);
    let redactor = Redactor::new(&[]);
    let refusal = Refusal {
        status: exchange.status,
        headers: exchange.headers,
        defect: defect.as_ref(),
        redactor: &redactor,
        now,
    };
    match exchange.call {
        Call::Authorize => refusal.at(Purpose::Authorize),
        Call::Exchange => refusal.at(Purpose::Code).status(exchange.status),
        Call::Refresh => refusal.at(Purpose::Refresh).status(exchange.status),
        Call::Revoke => refusal.at(Purpose::Revoke).status(exchange.status),
        _ => refusal.of_api(),
    }
}

/// A refused answer, its body read.
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) defect: Option<&'a Defect>,
    pub(crate) redactor: &'a Redactor,
    pub(crate) now: Timestamp,
}

impl Refusal<'_> {
    /// What it means at one of the authorization server's own endpoints.
    pub(crate) fn at(&self, purpose: Purpose) -> Diagnosis {
        let diagnosis = Diagnosis::new(purpose.classify(self.status, self.defect));
        let diagnosis = match self.defect {
            Some(Defect::Service(error)) => self.testify(diagnosis, error),
            Some(Defect::Markup) => diagnosis.message(PAGE),
            Some(Defect::Unreadable) => diagnosis.message("the answer cannot be read"),
            Some(Defect::TokenMissing) => diagnosis.message("the answer holds no access token"),
            Some(Defect::TokenTypeUnknown) => diagnosis.message("the token is of an unknown type"),
            None => diagnosis,
        };
        self.pause(diagnosis)
    }

    /// What it means as an answer of an API: by the challenge's code, then the body's, then the status.
    fn of_api(&self) -> Diagnosis {
        let challenged = if self.status.is_client_error() { challenge::stated(self.headers) } else { None };
        let body = match self.defect {
            Some(Defect::Service(error)) => Some(error.clone()),
            _ => None,
        };
        let stated = [challenged, body].into_iter().flatten().reduce(ServiceError::followed_by);
        let known = stated.as_ref().and_then(challenge::cause);
        let cause = match (self.status.as_u16(), known) {
            (429, _) => Cause::RateLimited,
            (408 | 425 | 501..=599, _) | (500, None) => Cause::ServiceUnavailable,
            (_, Some(cause)) => cause,
            (401 | 403, None) if self.defect == Some(&Defect::Markup) => self.of_page(),
            (401, None) => Cause::AccessTokenRejected,
            (403, None) => Cause::PermissionMissing,
            (404 | 410, None) => Cause::NotFound,
            (409 | 412, None) => Cause::Conflict,
            (422, None) => Cause::BusinessRule,
            (200..=299, None) if stated.is_none() => Cause::ResponseInvalid,
            (_, None) => Cause::RequestInvalid,
        };
        let diagnosis = match &stated {
            Some(error) => self.testify(challenge::advise(cause, error), error),
            None if self.defect == Some(&Defect::Markup) => Diagnosis::new(cause).message(PAGE),
            None => Diagnosis::new(cause),
        };
        self.pause(diagnosis).status(self.status)
    }

    /// A page is a firewall's rather than the service's, unless the service's own challenge is with it.
    fn of_page(&self) -> Cause {
        let is_bearer = challenge::parse(self.headers).iter().any(|challenge| challenge.is("Bearer"));
        match self.status {
            StatusCode::UNAUTHORIZED if is_bearer => Cause::AccessTokenRejected,
            StatusCode::FORBIDDEN if is_bearer => Cause::PermissionMissing,
            _ => Cause::ServiceUnavailable,
        }
    }

    /// Adds what the service wrote.
    fn testify(&self, diagnosis: Diagnosis, error: &ServiceError) -> Diagnosis {
        let codes = error.codes.iter().take(MAX_CODES);
        let diagnosis = codes.fold(diagnosis, |diagnosis, code| diagnosis.code(&self.redactor.clean(code)));
        let text = error.message.as_ref().map(|text| self.redactor.clean(text));
        text.iter().fold(diagnosis, |diagnosis, text| diagnosis.message(text))
    }

    /// Adds how long the service asks to wait, where waiting helps.
    pub(crate) fn pause(&self, diagnosis: Diagnosis) -> Diagnosis {
        if diagnosis.cause().verdict() != Verdict::Transient || diagnosis.retry() != diagnosis.cause().retry()
        {
            return diagnosis;
        }
        let pause = http_date::retry_after(self.headers, self.now);
        pause.into_iter().fold(diagnosis, Diagnosis::retry_after)
    }
}
