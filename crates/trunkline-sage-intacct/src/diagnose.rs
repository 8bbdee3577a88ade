//! Why Sage refused: the body first, the status second.
//!
//! Statuses lie: an expired access token has been seen as 401 and as 400, and a refusal that is about
//! permissions as 422. The order of the steps is the order of what is most telling. Texts decide only
//! where Sage gives no number, and only those that have been seen; the body of a 403 that is about
//! permissions is not known, so no word of it is relied on.

use trunkline_core::http::header::CONTENT_TYPE;
use trunkline_core::http::{Method, StatusCode};
use trunkline_core::{Call, Cause, Diagnosis, Exchange, Remedy, Verdict};

use crate::config::GrantMethod;
use crate::envelope::{ErrorEnvelope, ServiceError, Shape};
use crate::evidence::testify;
use crate::pause::requested_pause;
use crate::{gates, gateway, remedy};

/// Reads a failed exchange. `method` is how the grant is held, where that is known. `None` when the
/// general rules say as much.
pub(crate) fn diagnose(exchange: &Exchange<'_>, method: Option<GrantMethod>) -> Option<Diagnosis> {
    let case = Case::read(exchange, method);
    let diagnosis = case.classify()?;
    let diagnosis = match requested_pause(exchange.headers) {
        Some(wait) if diagnosis.cause().verdict() == Verdict::Transient => diagnosis.retry_after(wait),
        _ => diagnosis,
    };
    Some(testify(diagnosis, exchange.status, &case.error))
}

/// Most bytes of a body that are looked at: what the hub shows.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// One failed exchange, with what its body holds.
struct Case {
    call: Call,
    method: Option<GrantMethod>,
    /// Whether the request may have changed something.
    writes: bool,
    /// The status of the answer, or of the operation in a batch that failed.
    status: u16,
    http_status: StatusCode,
    shape: Option<Shape>,
    error: ServiceError,
    /// Some operations of a batch did not fail.
    partly: bool,
    /// A page of the edge in front of the service, or of some proxy: the service did not write it.
    is_page: bool,
}

impl Case {
    fn read(exchange: &Exchange<'_>, method: Option<GrantMethod>) -> Self {
        let body = &exchange.body[..exchange.body.len().min(MAX_BODY_BYTES)];
        let envelope = ErrorEnvelope::parse(body);
        let is_page = envelope.is_none() && is_page(exchange);
        let partly = envelope.as_ref().is_some_and(|envelope| envelope.succeeded > 0);
        let (shape, error) = envelope.map_or_else(Default::default, |envelope| {
            // Of a batch the operation that failed matters, not those that were skipped because of it.
            let mut errors = envelope.errors;
            let at = errors.iter().position(|error| !error.is("unprocessed")).unwrap_or(0);
            (Some(envelope.shape), errors.swap_remove(at))
        });
        Self {
            call: exchange.call,
            method,
            writes: ![Method::GET, Method::HEAD, Method::OPTIONS].contains(exchange.method),
            status: error.status.unwrap_or_else(|| exchange.status.as_u16()),
            http_status: exchange.status,
            shape,
            error,
            partly,
            is_page,
        }
    }

    fn classify(&self) -> Option<Diagnosis> {
        if self.shape.is_none() && !self.is_page && self.http_status.is_success() {
            return None;
        }
        if self.is_page {
            return Some(self.edge());
        }
        if self.partly {
            return Some(Diagnosis::new(Cause::PartiallyDone));
        }
        if self.status == 429 {
            return Some(Diagnosis::new(Cause::RateLimited));
        }
        self.token()
            .or_else(|| self.client_and_user())
            .or_else(|| gateway::judge(&self.error, self.call))
            .or_else(|| gates::judge(&self.error))
            .or_else(|| self.outage())
            .or_else(|| if self.call == Call::Api { self.refusal() } else { None })
    }

    /// Whether the error itself, not one of its details, is `code`.
    fn has(&self, code: &str) -> bool {
        self.error.is(code)
    }

    fn has_any(&self, codes: &[&str]) -> bool {
        codes.iter().any(|code| self.has(code))
    }

    /// The edge answers in HTML, and nobody knows how far the request came.
    fn edge(&self) -> Diagnosis {
        match self.status {
            429 => Diagnosis::new(Cause::RateLimited),
            500.. => self.broken_off(Cause::EdgeFailure),
            // A firewall's page, or the one of a captive portal, is no refusal by the service: it says
            // nothing about token or permission.
            300..=399 | 401 | 403 | 408 => Diagnosis::new(Cause::EdgeFailure),
            // The token endpoint was not reached, so nothing was spent.
            400..=499 if self.call != Call::Api => Diagnosis::new(Cause::EdgeFailure),
            _ => Diagnosis::new(Cause::ResponseInvalid),
        }
    }

    fn outage(&self) -> Option<Diagnosis> {
        match self.status {
            500.. => Some(self.broken_off(Cause::ServiceUnavailable)),
            // RFC 9110, 15.5.9, and RFC 8470, 5.2: the request was not taken, and may be sent again.
            408 | 425 => Some(Diagnosis::new(Cause::ServiceUnavailable)),
            _ => None,
        }
    }

    /// A 5xx. Where it was cut off, the service may have acted: a refresh token may be spent.
    fn broken_off(&self, else_: Cause) -> Diagnosis {
        // 504 and 524: the edge gave up waiting while the service may still be at work. 502 and 520: the
        // service closed the connection without an answer that makes sense.
        let spends = self.method != Some(GrantMethod::ClientCredentials);
        Diagnosis::new(match (self.call, self.status) {
            (Call::Refresh, 502 | 504 | 520 | 524) if spends => Cause::RefreshOutcomeUnknown,
            (Call::Exchange, 502 | 504 | 520 | 524) if spends => Cause::ConsentOutcomeUnknown,
            // At the edge of Sage, whatever the method: its queries are posted, too.
            (Call::Api | Call::Revoke, 524) => Cause::OutcomeUnknown,
            (Call::Api | Call::Revoke, 504) if self.writes => Cause::OutcomeUnknown,
            _ => else_,
        })
    }

    /// A token that no longer serves, whatever the status.
    fn token(&self) -> Option<Diagnosis> {
        let expired = self.has("GW-0040") || self.says(&["expired token"]);
        let dead = expired
            || self.has_any(&["REST-2102", "REST-1206", "tokenInvalid", "IA.TOKEN_IS_INVALID", "GW-0031"])
            || self.says(&["invalid token", "token is not valid", "token not valid"]);
        // A broken service says much; a grant does not die of it.
        if !dead || (self.call != Call::Api && self.status >= 500) {
            return None;
        }
        Some(match self.call {
            Call::Refresh if self.method == Some(GrantMethod::ClientCredentials) => {
                // Nothing was sent that could be a dead token.
                Diagnosis::new(Cause::ResponseInvalid)
            }
            Call::Refresh => with(Cause::GrantRevoked, remedy::RECONNECT),
            Call::Exchange => with(Cause::ConsentExpired, remedy::CODE_SPENT),
            _ if expired => Diagnosis::new(Cause::AccessTokenExpired),
            _ => Diagnosis::new(Cause::AccessTokenRejected),
        })
    }

    /// Whether the error is nothing but one of these texts. An error with a number or details of its own
    /// is about something else: "token" is also a word for things that a request may hold.
    fn says(&self, texts: &[&str]) -> bool {
        if !matches!(self.status, 400 | 401)
            || self.error.error_id.is_some()
            || !self.error.details.is_empty()
        {
            return false;
        }
        let Some(message) = &self.error.message else { return false };
        let message = message.as_str().to_ascii_lowercase();
        let message = message.trim_end_matches('.');
        texts.contains(&message.strip_prefix("the ").unwrap_or(message))
    }

    /// Who asks: the application's client, or the user it names.
    fn client_and_user(&self) -> Option<Diagnosis> {
        if self.has("REST-1216") {
            return Some(with(Cause::ClientNotAuthorized, remedy::CLIENT_NOT_LISTED));
        }
        if self.call == Call::Api {
            return None;
        }
        if self.shape == Some(Shape::OAuth) {
            return self.oauth();
        }
        self.is_about_username().then(|| with(Cause::UserCredentialsInvalid, remedy::USERNAME))
    }

    fn oauth(&self) -> Option<Diagnosis> {
        let unattended = self.method == Some(GrantMethod::ClientCredentials);
        if self.has("invalid_client") {
            let text = if self.call == Call::Refresh && !unattended {
                remedy::CLIENT_AT_RENEWAL
            } else {
                remedy::CLIENT
            };
            return Some(with(Cause::ClientCredentialsInvalid, text));
        }
        if !self.has("invalid_grant") || self.status >= 500 {
            return None;
        }
        match self.call {
            // No grant was sent, only a name.
            Call::Exchange | Call::Refresh if unattended => {
                Some(with(Cause::UserCredentialsInvalid, remedy::USERNAME))
            }
            Call::Exchange => Some(with(Cause::ConsentExpired, remedy::CODE_SPENT)),
            Call::Refresh => Some(with(Cause::GrantRevoked, remedy::RECONNECT)),
            _ => None,
        }
    }

    /// The refusal of a username without its company has no number that is known.
    fn is_about_username(&self) -> bool {
        let message = self.error.message.as_ref().map(|text| text.as_str().to_ascii_lowercase());
        self.status == 400
            && message.is_some_and(|text| text.contains("username") && text.contains("user@company"))
    }

    /// A call of the API that reached the service with a token that serves.
    fn refusal(&self) -> Option<Diagnosis> {
        if self.has("notFound") {
            return Some(Diagnosis::new(Cause::NotFound));
        }
        Some(match self.status {
            401 => Diagnosis::new(Cause::AccessTokenRejected),
            403 => with(Cause::PermissionMissing, remedy::PERMISSION),
            404 | 410 => Diagnosis::new(Cause::NotFound),
            409 | 412 => Diagnosis::new(Cause::Conflict),
            422 => self.business(),
            400 if self.has_any(&["operationFailed", "REST-7001"]) => self.business(),
            400..=499 => Diagnosis::new(Cause::RequestInvalid),
            // An error in the guise of a success: its class is all there is.
            200..=299 if self.has("operationFailed") => self.business(),
            200..=299 if self.has("invalidRequest") => Diagnosis::new(Cause::RequestInvalid),
            200..=299 => Diagnosis::new(Cause::ResponseInvalid),
            _ => return None,
        })
    }

    /// A rule of the service, or a refusal about permissions that is dressed as one.
    fn business(&self) -> Diagnosis {
        let is_denied = |error: &ServiceError| {
            let text = error.message.as_ref().map(|text| text.as_str().to_ascii_lowercase());
            error.is("AR-0279")
                || text.is_some_and(|text| {
                    text.contains("configuration change") && text.contains("user permission")
                })
        };
        if self.error.chain().any(is_denied) {
            with(Cause::FeatureDenied, remedy::FEATURE)
        } else {
            Diagnosis::new(Cause::BusinessRule)
        }
    }
}

fn with(cause: Cause, remedy: Remedy) -> Diagnosis {
    Diagnosis::new(cause).remedied(remedy)
}

/// Whether the body is a page for people rather than an answer of the API.
fn is_page(exchange: &Exchange<'_>) -> bool {
    let text = exchange.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(exchange.body).trim_ascii_start();
    let html = exchange.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    match text.first() {
        // Sage's older gateway answers in XML: no page, and nothing that is read here.
        Some(b'<') => !text.starts_with(b"<?xml") && !text.starts_with(b"<response"),
        // Labelled wrongly, or cut off: still the service's own.
        Some(b'{' | b'[') | None => false,
        Some(_) => html.is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/html")),
    }
}
