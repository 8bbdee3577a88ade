//! One request to a token endpoint, from its parameters to a token or a diagnosis.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use trunkline_core::{Body, Cause, Cx, Diagnosis, Error, Exchange, Request, TransportError, is_public_host};
use url::Url;
use zeroize::Zeroizing;

use super::diagnose::{MAX_JUDGED_BYTES, Refusal};
use super::expiry::Times;
use super::http_date;
use super::purpose::Purpose;
use super::redact::Redactor;
use super::request::{Params, TokenEncoding};
use super::response::{Defect, TokenResponse};
use super::token_endpoint::TokenEndpoint;

/// How long an exchange may take.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(30);

/// Larger answers are no token answers.
const MAX_BODY_BYTES: usize = 1024 * 1024;

impl TokenEndpoint {
    /// Asks for a token: one request, one answer, no redirect, no repetition.
    pub(crate) async fn ask(
        &self,
        cx: &Cx,
        purpose: Purpose,
        params: Params,
    ) -> Result<(TokenResponse, Timestamp), Error> {
        match self.attempt(cx, purpose, params).await? {
            Attempt::Token(token, started) => Ok((*token, started)),
            Attempt::Refused(refused) => Err(self.error(cx, purpose, &refused)),
        }
    }

    /// The same, for who reads a refusal before it is one.
    pub(crate) async fn attempt(
        &self,
        cx: &Cx,
        purpose: Purpose,
        mut params: Params,
    ) -> Result<Attempt, Error> {
        params.omit(&self.omitted);
        for (name, value) in &self.params {
            params.plain(name, value);
        }
        let url = match purpose {
            Purpose::Refresh => self.refresh_url.as_ref().unwrap_or(&self.token_url),
            _ => &self.token_url,
        };
        let request = self.request(cx, url, self.method.clone(), self.encoding, &mut params)?;
        let answer = self.send(cx, purpose, request).await?;
        let times = self.codec.times(answer.started, http_date::offset(&answer.headers, answer.received));
        let defect = match answer.status.is_success() {
            true => match self.read(&answer, &times) {
                Ok(token) => return Ok(Attempt::Token(Box::new(token), answer.started)),
                Err(defect) => Some(defect),
            },
            false => self.refusal(&answer),
        };
        Ok(Attempt::Refused(Box::new(Refused { answer, defect, redactor: params.redactor() })))
    }

    /// The error that a refused attempt is.
    pub(crate) fn error(&self, cx: &Cx, purpose: Purpose, refused: &Refused) -> Error {
        self.refused(cx, purpose, &refused.answer, refused.defect.as_ref(), &refused.redactor)
    }

    pub(crate) fn request(
        &self,
        cx: &Cx,
        url: &Url,
        method: Method,
        encoding: TokenEncoding,
        params: &mut Params,
    ) -> Result<Request, Error> {
        let mut request = Request::new(method, url.clone());
        request.timeout = Some(TIMEOUT);
        request.public_only = self.public_only && is_public_host(url);
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.client.authenticate(params, &mut request.headers, &self.token_url, cx.clock().wall())?;
        params.write(&mut request, encoding, &self.renames)?;
        Ok(request)
    }

    /// Sends `request` once and reads what comes.
    pub(crate) async fn send(&self, cx: &Cx, purpose: Purpose, request: Request) -> Result<Answer, Error> {
        let (method, path) = (request.method.clone(), request.url.path().to_owned());
        // Read before sending: a token's life counts from here, so that it never ends earlier than
        // we believe.
        let started = cx.clock().wall();
        let response = cx.transport().send(request).await.map_err(|error| {
            let cause = match error {
                TransportError::NotSent(_) => Cause::ServiceUnreachable,
                TransportError::Unknown(_) => purpose.unknown(),
            };
            let diagnosis = Diagnosis::new(cause).during(purpose.name(), cx.clock().wall());
            self.with_source(diagnosis.into(), error)
        })?;
        let (head, body) = response.into_parts();
        let received = cx.clock().wall();
        let (body, broken) = collect(body).await;
        Ok(Answer {
            method,
            path,
            started,
            received,
            status: head.status,
            headers: head.headers,
            body,
            broken,
        })
    }

    fn with_source(&self, error: Error, source: TransportError) -> Error {
        // A transport may name the URL, which holds no secret unless the author wanted it there.
        if self.secrets_in_url { error } else { error.caused_by(source) }
    }

    pub(crate) fn read(&self, answer: &Answer, times: &Times) -> Result<TokenResponse, Defect> {
        if answer.broken.is_some() {
            return Err(Defect::Unreadable);
        }
        let says_empty = answer.headers.get(header::CONTENT_LENGTH).is_some_and(|length| length == "0");
        let is_empty = answer.body.is_empty() && (answer.status == StatusCode::NO_CONTENT || says_empty);
        self.codec.read(&answer.headers, is_empty, &answer.body, times, self.policy.default_lifetime)
    }

    pub(crate) fn refusal(&self, answer: &Answer) -> Option<Defect> {
        match &answer.broken {
            Some(_) => Some(Defect::Unreadable),
            None => self.codec.refusal(answer.status, &answer.body),
        }
    }

    /// The error for an answer that is no success.
    pub(crate) fn refused(
        &self,
        cx: &Cx,
        purpose: Purpose,
        answer: &Answer,
        defect: Option<&Defect>,
        redactor: &Redactor,
    ) -> Error {
        let refusal = answer.refusal(defect, redactor);
        // Half an answer proves nothing, in whatever way it is read.
        let diagnosis = match &answer.broken {
            None => self.judged(purpose, &answer.exchange(purpose), &refusal),
            Some(_) => refusal.at(purpose),
        };
        let error = Error::from(diagnosis.status(answer.status).during(purpose.name(), cx.clock().wall()));
        match &answer.broken {
            Some(source) => self.with_source(error, source.clone()),
            None => error,
        }
    }

    /// What the service's own judge says, or else the standards'.
    pub(crate) fn judged(
        &self,
        purpose: Purpose,
        exchange: &Exchange<'_>,
        refusal: &Refusal<'_>,
    ) -> Diagnosis {
        let Some(judged) = self.judge.as_ref().and_then(|judge| judge(exchange)) else {
            return refusal.at(purpose);
        };
        let message = judged.evidence().message.as_ref();
        let message = message.map(|text| refusal.redactor.clean(text.as_str()));
        refusal.pause(message.iter().fold(judged, |diagnosis, text| diagnosis.message(text)))
    }
}

/// What came of one token request.
pub(crate) enum Attempt {
    /// A token, and when it was asked for.
    Token(Box<TokenResponse>, Timestamp),
    /// None.
    Refused(Box<Refused>),
}

/// An answer without a token.
pub(crate) struct Refused {
    answer: Answer,
    defect: Option<Defect>,
    redactor: Redactor,
}

impl Refused {
    /// The standard's code that the service gives as its reason. Whoever is overloaded gives none.
    pub(crate) fn code(&self) -> Option<&str> {
        match &self.defect {
            Some(Defect::Service(error)) if !self.answer.status.is_server_error() => {
                error.codes.first().map(String::as_str)
            }
            _ => None,
        }
    }
}

/// How far the service's clock is from ours, by its answer.
pub(crate) fn http_date_offset(answer: &Answer) -> jiff::SignedDuration {
    http_date::offset(&answer.headers, answer.received)
}

/// An answer, its body in memory that is overwritten on drop.
pub(crate) struct Answer {
    method: Method,
    path: String,
    pub(crate) started: Timestamp,
    pub(crate) received: Timestamp,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) broken: Option<TransportError>,
}

impl Answer {
    fn refusal<'a>(&'a self, defect: Option<&'a Defect>, redactor: &'a Redactor) -> Refusal<'a> {
        Refusal { status: self.status, headers: &self.headers, defect, redactor, now: self.received }
    }

    fn exchange(&self, purpose: Purpose) -> Exchange<'_> {
        Exchange {
            call: purpose.call(),
            method: &self.method,
            path: &self.path,
            status: self.status,
            headers: &self.headers,
            body: &self.body[..self.body.len().min(MAX_JUDGED_BYTES)],
        }
    }
}

/// Reads a body up to the limit; what breaks off or is too large comes with an error.
async fn collect(mut body: Body) -> (Zeroizing<Vec<u8>>, Option<TransportError>) {
    let mut read = Zeroizing::new(Vec::with_capacity(4096));
    loop {
        let chunk = match body.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return (read, None),
            Err(error) => return (read, Some(error)),
        };
        if read.len() + chunk.len() > MAX_BODY_BYTES {
            return (read, Some(TransportError::Unknown("the answer is too large".to_owned())));
        }
        if read.len() + chunk.len() > read.capacity() {
            // Grown by hand: a vector that grows by itself leaves its old memory as it was.
            let mut larger =
                Zeroizing::new(Vec::with_capacity((read.len() + chunk.len()).next_power_of_two()));
            larger.extend_from_slice(&read);
            read = larger;
        }
        read.extend_from_slice(&chunk);
    }
}
