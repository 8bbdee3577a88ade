//! One request to a token endpoint, from its parameters to a token or a diagnosis.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use jiff::Timestamp;
use trunkline_core::{
    Account, Body, Cause, Credential, Cx, Diagnosis, Error, ErrorKind, Exchange, Grant, Held, Prepared,
    RefreshPolicy, Request, ScopeSet, TransportError, Verdict, is_secure,
};
use url::Url;
use zeroize::Zeroizing;

use super::client::Client;
use super::codec::{Defect, TokenCodec, TokenResponse};
use super::errors::Purpose;
use super::http_date;
use super::redact::Redactor;
use super::request::{Params, TokenEncoding};

/// How long an exchange may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Larger answers are no token answers.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What of a body a judge sees.
const MAX_JUDGED_BYTES: usize = 64 * 1024;

/// Reads a failed exchange in a service's own way, before the general rules do. `None` leaves it to
/// them. For terminal errors that come as 500 and transient ones that come as 400.
pub type Judge = Arc<dyn Fn(&Exchange<'_>) -> Option<Diagnosis> + Send + Sync>;

/// Reads from a token answer who the service seems to say we are.
pub type AccountHint = Arc<dyn Fn(&TokenResponse) -> Option<Account> + Send + Sync>;

/// The settings of a token endpoint and its neighbour for revocation.
#[derive(Clone)]
pub(crate) struct TokenEndpoint {
    pub(crate) client: Client,
    pub(crate) token_url: Url,
    pub(crate) refresh_url: Option<Url>,
    pub(crate) revoke_url: Option<Url>,
    pub(crate) revoke_hint: bool,
    pub(crate) revoke_done_codes: Vec<String>,
    pub(crate) method: Method,
    pub(crate) encoding: TokenEncoding,
    pub(crate) secrets_in_url: bool,
    pub(crate) renames: BTreeMap<String, String>,
    pub(crate) params: Vec<(String, String)>,
    pub(crate) codec: TokenCodec,
    pub(crate) judge: Option<Judge>,
    pub(crate) account_hint: Option<AccountHint>,
    pub(crate) policy: RefreshPolicy,
}

impl TokenEndpoint {
    pub(crate) fn new(client: Client, token_url: Url) -> Self {
        Self {
            client,
            token_url,
            refresh_url: None,
            revoke_url: None,
            revoke_hint: false,
            revoke_done_codes: vec!["invalid_token".to_owned()],
            method: Method::POST,
            encoding: TokenEncoding::Form,
            secrets_in_url: false,
            renames: BTreeMap::new(),
            params: Vec::new(),
            codec: TokenCodec::new(),
            judge: None,
            account_hint: None,
            policy: RefreshPolicy::default(),
        }
    }

    /// Checks the settings together.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.client.check()?;
        self.codec.check()?;
        let urls = [Some(&self.token_url), self.refresh_url.as_ref(), self.revoke_url.as_ref()];
        urls.into_iter().flatten().try_for_each(check_url)?;
        let in_url = self.encoding == TokenEncoding::Query;
        let problem = match &self.method {
            _ if in_url && !self.secrets_in_url => "secrets in a URL must be allowed by name",
            method if *method != Method::POST && *method != Method::GET => "a token request is POST or GET",
            method if *method == Method::GET && !in_url => "a GET request has its parameters in the URL",
            _ => return self.check_params(),
        };
        Err(Error::new(ErrorKind::ConfigInvalid, problem))
    }

    fn check_params(&self) -> Result<(), Error> {
        self.check_names(self.params.iter().map(|(name, _)| name.as_str()))
    }

    /// Refuses names that belong to the grant itself.
    pub(crate) fn check_names<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> Result<(), Error> {
        // An author who could set these could turn the grant into another one.
        const OURS: [&str; 9] = [
            "grant_type",
            "code",
            "code_verifier",
            "redirect_uri",
            "client_id",
            "client_secret",
            "refresh_token",
            "scope",
            "token",
        ];
        let is_ours =
            |name: &&str| OURS.contains(name) || self.renames.values().any(|renamed| renamed == name);
        match names.find(is_ours) {
            Some(name) => {
                let message = format!("the parameter `{name}` is set by the grant");
                Err(Error::new(ErrorKind::ConfigInvalid, message))
            }
            None => Ok(()),
        }
    }

    /// Asks for a token: one request, one answer, no redirect, no repetition.
    pub(crate) async fn ask(
        &self,
        cx: &Cx,
        purpose: Purpose,
        mut params: Params,
    ) -> Result<(TokenResponse, Timestamp), Error> {
        for (name, value) in &self.params {
            params.plain(name, value);
        }
        let url = match purpose {
            Purpose::Refresh => self.refresh_url.as_ref().unwrap_or(&self.token_url),
            _ => &self.token_url,
        };
        let request = self.request(url, self.method.clone(), self.encoding, &mut params)?;
        let answer = self.send(cx, purpose, request).await?;
        let times = self.codec.times(answer.started, http_date::offset(&answer.headers, answer.received));
        let read = self.read(&answer, &times);
        match read {
            Ok(token) if answer.status.is_success() => Ok((token, answer.started)),
            read => Err(self.refused(cx, purpose, &answer, read.err().as_ref(), &params.redactor())),
        }
    }

    pub(crate) fn request(
        &self,
        url: &Url,
        method: Method,
        encoding: TokenEncoding,
        params: &mut Params,
    ) -> Result<Request, Error> {
        let mut request = Request::new(method, url.clone());
        request.timeout = Some(TIMEOUT);
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        self.client.authenticate(params, &mut request.headers)?;
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

    fn read(&self, answer: &Answer, times: &super::expiry::Times) -> Result<TokenResponse, Defect> {
        if answer.broken.is_some() {
            return Err(Defect::Unreadable);
        }
        self.codec.read(&answer.body, times, self.policy.default_lifetime)
    }

    /// What a token answer makes of a grant. At a renewal, what the answer leaves out stays as `held`
    /// has it; a refresh token that came replaces the old one.
    pub(crate) fn grant(
        &self,
        token: TokenResponse,
        started: Timestamp,
        requested: &ScopeSet,
        held: Option<&Held>,
    ) -> Grant {
        let account = self.account_hint.as_ref().and_then(|hint| hint(&token));
        let mut credential = held.map(|held| held.credential.clone()).unwrap_or_default();
        let mut captures = held.map(|held| held.captures.clone()).unwrap_or_default();
        for (name, value) in token.captures.iter() {
            captures.insert(name, value);
        }
        let rotated = token.refresh_token.is_some() && token.refresh_token != credential.refresh_token;
        if rotated {
            credential.refresh_token = token.refresh_token;
        }
        if rotated || token.refresh_expires_at.is_some() {
            // The old token's end says nothing about the new one.
            credential.refresh_expires_at = token.refresh_expires_at;
        }
        credential.grant_expires_at = token.grant_expires_at.or(credential.grant_expires_at);
        let unsaid = || if requested.is_empty() { None } else { Some(requested.clone()) };
        credential.scopes = token.scopes.or(credential.scopes).or_else(unsaid);
        credential.access_token = Some(token.access_token);
        credential.issued_at = Some(started);
        credential.access_expires_at = token.access_expires_at;
        Grant { credential, captures, account }
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
        let judged = self.judge.as_ref().and_then(|judge| judge(&answer.exchange(purpose)));
        let mut diagnosis = match judged {
            Some(judged) => {
                let message = judged.evidence().message.as_ref().map(|text| redactor.clean(text.as_str()));
                message.iter().fold(judged, |diagnosis, text| diagnosis.message(text))
            }
            None => general(purpose, answer.status, defect, redactor),
        };
        let waits = diagnosis.cause().verdict() == Verdict::Transient;
        if waits && diagnosis.retry() == diagnosis.cause().retry() {
            let pause = http_date::retry_after(&answer.headers, answer.received);
            diagnosis = pause.into_iter().fold(diagnosis, Diagnosis::retry_after);
        }
        let error = Error::from(diagnosis.status(answer.status).during(purpose.name(), cx.clock().wall()));
        match &answer.broken {
            Some(source) => self.with_source(error, source.clone()),
            None => error,
        }
    }
}

fn general(purpose: Purpose, status: StatusCode, defect: Option<&Defect>, redactor: &Redactor) -> Diagnosis {
    let mut diagnosis = Diagnosis::new(purpose.classify(status, defect));
    match defect {
        Some(Defect::Service(error)) => {
            for code in error.codes.iter().take(8) {
                diagnosis = diagnosis.code(&redactor.clean(code));
            }
            if let Some(text) = &error.message {
                diagnosis = diagnosis.message(&redactor.clean(text));
            }
        }
        Some(Defect::Markup) => diagnosis = diagnosis.message("a page for people came instead of an answer"),
        Some(Defect::Unreadable) => diagnosis = diagnosis.message("the answer cannot be read"),
        Some(Defect::TokenMissing) => diagnosis = diagnosis.message("the answer holds no access token"),
        Some(Defect::TokenTypeUnknown) => diagnosis = diagnosis.message("the token is of an unknown type"),
        None => {}
    }
    diagnosis
}

/// What requests carry: the token in the `Authorization` header (RFC 6750, 2.1), nowhere else.
pub(crate) fn bearer(credential: &Credential) -> Result<Prepared, Error> {
    let Some(token) = credential.access_token.as_ref().filter(|token| !token.is_empty()) else {
        return Err(Error::of(Cause::AccessTokenExpired));
    };
    Prepared::authorization("Bearer", token)
        .map_err(|_| Diagnosis::new(Cause::ResponseInvalid).message("the access token fits no header").into())
}

pub(crate) fn check_url(url: &Url) -> Result<(), Error> {
    let problem = if !is_secure(url) {
        "an OAuth endpoint must be https (plain http is for loopback only)"
    } else if url.fragment().is_some() {
        "an OAuth endpoint has no fragment"
    } else if !url.username().is_empty() || url.password().is_some() {
        "an OAuth endpoint has no user information"
    } else {
        return Ok(());
    };
    Err(Error::new(ErrorKind::ConfigInvalid, problem))
}

impl fmt::Debug for TokenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenEndpoint")
            .field("client", &self.client)
            .field("host", &self.token_url.host_str())
            .field("path", &self.token_url.path())
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// An answer, its body in memory that is overwritten on drop.
pub(crate) struct Answer {
    method: Method,
    path: String,
    started: Timestamp,
    received: Timestamp,
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Zeroizing<Vec<u8>>,
    pub(crate) broken: Option<TransportError>,
}

impl Answer {
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
