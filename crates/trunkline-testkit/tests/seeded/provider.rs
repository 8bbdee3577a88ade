//! A provider for a plain OAuth 2 service, written by hand so that every flaw has a place.

mod auth;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use trunkline_auth::oauth2;
use trunkline_core::bytes::Bytes;
use trunkline_core::http::header::{AUTHORIZATION, CONTENT_TYPE, DATE, LOCATION};
use trunkline_core::http::{HeaderMap, HeaderValue, Method, Response};
use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::permission::PermissionMap;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, Body, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Credential,
    Cx, Diagnosis, Endpoint, Error, ErrorKind, Exchange, Grant, Held, Inputs, Probe, Request, RequestBody,
    ScopeSet, Secret, Session, TransportError, async_trait,
};

use self::auth::PlainAuth;
use crate::flaw::Flaw;
use crate::label;
use crate::map::Map;

const MAX_BODY_BYTES: usize = 64 * 1024;
const API: &str = "https://api.plain.test";
const REDIRECT_URI: &str = "https://app.example.com/connect/plain";

/// Settings; the flaw is one of them.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PlainConfig {
    client_id: String,
    client_secret: Secret,
    login_url: Url,
    #[serde(default)]
    flaw: Flaw,
}

impl fmt::Debug for PlainConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.flaw {
            Flaw::PrintsItsSettings => {
                write!(f, "PlainConfig({}, {})", self.client_id, self.client_secret.expose())
            }
            _ => write!(f, "PlainConfig({})", self.client_id),
        }
    }
}

impl BuildConnector for PlainConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Plain", docs: "https://docs.plain.test", methods: &["authorization_code"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        Ok(Arc::new(Plain(Arc::new(Inner {
            config: self.clone(),
            last: Mutex::default(),
            exchanged: AtomicBool::new(false),
        }))))
    }
}

trunkline_core::register_connector!("plain", PlainConfig);

/// As [`PlainConfig`], but whatever else stands there is ignored.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LaxConfig {
    client_id: String,
    client_secret: Secret,
    login_url: Url,
}

impl BuildConnector for LaxConfig {
    const INFO: ConnectorInfo = PlainConfig::INFO;

    fn build(&self, name: &str) -> Result<Arc<dyn Connector>, Error> {
        let Self { client_id, client_secret, login_url } = self.clone();
        PlainConfig { client_id, client_secret, login_url, flaw: Flaw::Healthy }.build(name)
    }
}

trunkline_core::register_connector!("lax", LaxConfig);

struct Inner {
    config: PlainConfig,
    last: Mutex<Option<Secret>>,
    /// Whether a code was exchanged in this process.
    exchanged: AtomicBool,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.config.flaw {
            Flaw::PrintsItsClient => write!(f, "Plain({})", self.config.client_secret.expose()),
            _ => f.write_str("Plain"),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Plain(Arc<Inner>);

/// An answer, its body read.
#[derive(Debug)]
struct Answer {
    head: trunkline_core::http::response::Parts,
    body: Vec<u8>,
    broken: Option<TransportError>,
    started: Timestamp,
    received: Timestamp,
    /// What was sent, since services like to quote it.
    sent: Vec<String>,
}

impl Inner {
    fn has(&self, flaw: Flaw) -> bool {
        self.config.flaw == flaw
    }

    fn url(&self, path: &str) -> Url {
        self.config.login_url.join(path).expect("a constant path")
    }

    /// What a failed exchange means: this service's own words, then the standards'.
    fn judge(&self, exchange: &Exchange<'_>, now: Timestamp) -> Diagnosis {
        let status = exchange.status.as_u16();
        let of_tokens = matches!(exchange.call, Call::Refresh | Call::Exchange);
        let words = String::from_utf8_lossy(exchange.body);
        let flawed = match self.config.flaw {
            Flaw::BelievesEvery401 if status == 401 && exchange.call == Call::Api => {
                Some(Cause::GrantRevoked)
            }
            Flaw::Takes503ForRevoked if status == 503 && exchange.call == Call::Refresh => {
                Some(Cause::GrantRevoked)
            }
            Flaw::TakesAPageForRefusal
                if words.starts_with("<!doctype") && exchange.call == Call::Refresh =>
            {
                Some(Cause::GrantRevoked)
            }
            Flaw::BlamesTheGrantForTheClient if words.contains("invalid_client") => Some(Cause::GrantRevoked),
            Flaw::TakesARefusedGrantForAnOutage if words.contains("invalid_grant") => {
                Some(Cause::ServiceUnavailable)
            }
            Flaw::TakesRejectionForACall if exchange.call == Call::Api && status == 401 => {
                Some(Cause::RequestInvalid)
            }
            Flaw::AsksThePersonForNothing if of_tokens && words.contains("invalid_grant") => {
                Some(Cause::InteractionRequired)
            }
            _ => None,
        };
        let mut diagnosis = match flawed {
            Some(cause) => Diagnosis::new(cause).status(exchange.status),
            None => self.of_plain(exchange).unwrap_or_else(|| oauth2::diagnose(exchange, now)),
        };
        if self.has(Flaw::AsksThePersonForNothing) && flawed.is_some() {
            diagnosis = diagnosis.acted_by(trunkline_core::Actor::Service);
        }
        if self.has(Flaw::IgnoresRetryAfter) && diagnosis.cause() == Cause::RateLimited {
            diagnosis = diagnosis.retry_after(Duration::from_secs(30));
        }
        if self.has(Flaw::QuotesTheBody) {
            diagnosis = diagnosis.message(&words);
        }
        diagnosis
    }

    /// The service says `locked` of a user whom an administrator has to unlock.
    fn of_plain(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        if self.has(Flaw::PanicsOnOddBodies) && exchange.body == b"[]" {
            let list: Vec<u8> = Vec::new();
            return Some(Diagnosis::new(Cause::RequestInvalid).code(&list[0].to_string()));
        }
        let body: Value = serde_json::from_slice(exchange.body).ok()?;
        match body.get("code")?.as_str()? {
            "locked" if self.has(Flaw::MisreadsAFixture) => Some(Diagnosis::new(Cause::GrantRevoked)),
            "locked" => Some(Diagnosis::new(Cause::UserDisabled).code("locked").status(exchange.status)),
            _ => None,
        }
    }

    fn lost(&self, call: Call) -> Cause {
        match call {
            Call::Refresh if self.has(Flaw::TakesALostAnswerForRevoked) => Cause::GrantRevoked,
            Call::Refresh => Cause::RefreshOutcomeUnknown,
            Call::Exchange if self.has(Flaw::TakesALostExchangeForRefused) => Cause::ConsentDenied,
            Call::Exchange => Cause::ConsentOutcomeUnknown,
            _ => Cause::OutcomeUnknown,
        }
    }

    async fn post(&self, cx: &Cx, call: Call, path: &str, pairs: &[(&str, &str)]) -> Result<Answer, Error> {
        let mut url = self.url(path);
        let twice = [("client_secret", self.config.client_secret.expose())];
        let more = if self.has(Flaw::AuthenticatesTwice) { &twice[..] } else { &[] };
        let form =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).extend_pairs(more).finish();
        if self.has(Flaw::PutsSecretInTheUrl) {
            url.query_pairs_mut().append_pair("client_secret", self.config.client_secret.expose());
        }
        let form = Bytes::from(form);
        if self.has(Flaw::LogsAToken) {
            tracing::debug!(form = %String::from_utf8_lossy(&form), "asking");
        }
        let started = cx.clock().wall();
        let mut tries = 0;
        let response = loop {
            tries += 1;
            let mut request = Request::new(Method::POST, url.clone());
            request.headers = self.client()?;
            request.body = RequestBody::Bytes(form.clone());
            let answer = cx.transport().send(request).await;
            let again = tries == 1
                && match &answer {
                    Err(TransportError::Unknown(_)) => self.has(Flaw::RepeatsLostRequests),
                    Ok(answer) => match answer.status().as_u16() {
                        503 => self.has(Flaw::RepeatsOutages) || self.has(Flaw::SleepsBeforeItRepeats),
                        400 => self.has(Flaw::RetriesARefusedGrant),
                        _ => false,
                    },
                    Err(_) => false,
                };
            if again && self.has(Flaw::SleepsBeforeItRepeats) {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            let next = answer
                .as_ref()
                .ok()
                .and_then(|answer| answer.headers().get(LOCATION)?.to_str().ok().map(str::to_owned));
            match next.and_then(|next| Url::parse(&next).ok()) {
                Some(next) if tries < 3 && self.has(Flaw::FollowsRedirects) => url = next,
                _ if again => {}
                _ => break answer,
            }
        };
        if self.has(Flaw::ReportsToItsMaker) {
            let mut report =
                Request::new(Method::POST, "https://stats.maker.test/used".parse().expect("a URL"));
            report.body = RequestBody::Bytes(Bytes::from_static(b"used"));
            drop(cx.transport().send(report).await);
        }
        if self.has(Flaw::LeavesATaskRunning) {
            #[expect(clippy::disallowed_methods, reason = "the flaw that is seeded")]
            drop(tokio::spawn(std::future::pending::<()>()));
        }
        let response = response.map_err(|error| self.unanswered(&error, call))?;
        let mut answer = self.read(cx, started, response).await;
        answer.sent = pairs.iter().map(|(_, sent)| (*sent).to_owned()).collect();
        Ok(answer)
    }

    fn unanswered(&self, error: &TransportError, call: Call) -> Error {
        let cause = match error {
            TransportError::NotSent(_) if !self.has(Flaw::MixesUnsentAndLost) => Cause::ServiceUnreachable,
            _ => self.lost(call),
        };
        if self.has(Flaw::FailsWithoutDiagnosis) {
            return Error::new(ErrorKind::Unexpected, "no answer");
        }
        Diagnosis::new(cause).into()
    }

    fn client(&self) -> Result<HeaderMap, Error> {
        let pair = format!("{}:{}", self.config.client_id, self.config.client_secret.expose());
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let mut headers = HeaderMap::new();
        let value = HeaderValue::try_from(basic).map_err(|_| Error::of(Cause::ConfigurationInvalid))?;
        headers.insert(AUTHORIZATION, value);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(headers)
    }

    async fn read(&self, cx: &Cx, started: Timestamp, response: Response<Body>) -> Answer {
        let received = cx.clock().wall();
        let (head, mut body) = response.into_parts();
        let limit = if self.has(Flaw::ReadsBodiesToTheEnd) { usize::MAX } else { MAX_BODY_BYTES };
        let mut read = Vec::new();
        let broken = loop {
            match body.chunk().await {
                Ok(Some(chunk)) => read.extend_from_slice(&chunk),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
            if read.len() > limit {
                break Some(TransportError::Unknown("too large".to_owned()));
            }
        };
        read.truncate(MAX_BODY_BYTES);
        Answer { head, body: read, broken, started, received, sent: Vec::new() }
    }

    fn refused(&self, cx: &Cx, call: Call, path: &str, answer: &Answer) -> Error {
        let (method, status, headers) = (&Method::POST, answer.head.status, &answer.head.headers);
        let mut told = String::from_utf8_lossy(&answer.body).into_owned();
        if !self.has(Flaw::QuotesTheBody) {
            for sent in answer.sent.iter().filter(|sent| sent.len() >= 40) {
                told = told.replace(sent, "[redacted]");
            }
        }
        let exchange = Exchange { call, method, path, status, headers, body: told.as_bytes() };
        let diagnosis = match answer.broken {
            Some(_) => Diagnosis::new(self.lost(call)).status(status),
            None => self.judge(&exchange, cx.clock().wall()),
        };
        diagnosis.into()
    }

    /// A token answer, or what it means that it is none.
    fn grant(
        &self,
        cx: &Cx,
        call: Call,
        answer: &Answer,
        held: Option<&Held>,
        asked: &ScopeSet,
    ) -> Result<Grant, Error> {
        let path = "/token";
        let half = || Error::from(Diagnosis::new(self.lost(call)).status(answer.head.status));
        if self.has(Flaw::PanicsOnHalfABody) && answer.head.status.is_success() {
            let body: Value = serde_json::from_slice(&answer.body).expect("an answer is JSON");
            drop(body);
        }
        if !answer.head.status.is_success() {
            return Err(self.refused(cx, call, path, answer));
        }
        if answer.broken.is_some() {
            return Err(half());
        }
        let body: Value = serde_json::from_slice(&answer.body).map_err(|_| half())?;
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let access = match text("access_token") {
            Some(access) => access.to_owned(),
            None if self.has(Flaw::BelievesStatus200) && body.is_object() => "none".to_owned(),
            None if text("error").is_some() => return Err(self.refused(cx, call, path, answer)),
            None => return Err(half()),
        };
        let known_type = text("token_type").is_none_or(|name| name.eq_ignore_ascii_case("bearer"));
        if !known_type && !self.has(Flaw::TakesAnyTokenType) {
            return Err(half());
        }
        let old = held.and_then(|held| held.credential.refresh_token.clone());
        let new = text("refresh_token").map(Secret::new);
        let refresh = match (old, new) {
            (Some(old), Some(_)) if self.has(Flaw::KeepsOldRefreshToken) => Some(old),
            (Some(_), None) if self.has(Flaw::ForgetsUnrotatedRefreshToken) => None,
            (None, Some(_)) if self.has(Flaw::DropsFirstRefreshToken) => None,
            (old, new) => new.or(old),
        };
        let separator = if self.has(Flaw::JoinsScopesWithSpaces) { ',' } else { ' ' };
        let scopes = text("scope").map(|scope| ScopeSet::parse(scope, separator));
        let credential = Credential {
            access_token: Some(self.remembered(Secret::new(access))),
            refresh_token: refresh,
            issued_at: Some(if self.has(Flaw::TakesTimeFromElsewhere) {
                Timestamp::UNIX_EPOCH
            } else {
                answer.started
            }),
            access_expires_at: self.end(body.get("expires_in").and_then(Value::as_i64), answer),
            scopes: if self.has(Flaw::IgnoresGrantedScopes) { Some(asked.clone()) } else { scopes },
            ..Credential::default()
        };
        let mut captures = held.map(|held| held.captures.clone()).unwrap_or_default();
        if let Some(api) = text("api_url") {
            captures.insert("api_url", api);
        }
        if let Some(region) = label::told(self.config.flaw, &body) {
            captures.insert("region", region);
        }
        if self.has(Flaw::PutsATokenIntoTheCaptures) {
            captures.insert("session", text("access_token").unwrap_or_default());
        }
        Ok(Grant { credential, captures, account: None })
    }

    fn remembered(&self, access: Secret) -> Secret {
        if !self.has(Flaw::RemembersTheLastToken) {
            return access;
        }
        let mut last = self.last.lock().expect("no test panics here");
        last.get_or_insert(access).clone()
    }

    fn end(&self, expires_in: Option<i64>, answer: &Answer) -> Option<Timestamp> {
        let life = expires_in?;
        let life = if self.has(Flaw::CountsMilliseconds) {
            SignedDuration::from_millis(life)
        } else if self.has(Flaw::CountsMinutes) {
            SignedDuration::from_mins(life)
        } else if self.has(Flaw::RenewsIntoThePast) {
            SignedDuration::from_secs(1)
        } else {
            SignedDuration::from_secs(life)
        };
        let told = answer.head.headers.get(DATE).and_then(|date| date.to_str().ok());
        let told = told
            .and_then(|date| trunkline_core::jiff::fmt::rfc2822::parse(date).ok())
            .map(|date| date.timestamp());
        let start = match self.config.flaw {
            Flaw::CountsFromTheAnswer => answer.received,
            Flaw::GoesByTheServicesClock => told.unwrap_or(answer.started),
            _ => answer.started,
        };
        start.checked_add(life).ok()
    }
}

fn invalid(why: &'static str) -> Error {
    Diagnosis::new(Cause::ConsentInvalid).message(why).into()
}

impl Plain {
    async fn ask(&self, cx: &Cx, session: &Session, method: Method, path: &str) -> Result<Vec<u8>, Error> {
        let request = Request::new(method.clone(), session.endpoint().join(path)?);
        let started = cx.clock().wall();
        let response = match session.send(request).await {
            Err(error) if self.0.has(Flaw::MixesUnsentAndLost) || self.0.has(Flaw::FailsWithoutDiagnosis) => {
                return Err(match self.0.config.flaw {
                    Flaw::FailsWithoutDiagnosis => Error::new(ErrorKind::Unexpected, "no answer"),
                    _ => Error::of(Cause::OutcomeUnknown).caused_by(error),
                });
            }
            response => response?,
        };
        let answer = self.0.read(cx, started, response).await;
        let (status, headers) = (answer.head.status, &answer.head.headers);
        if status.is_success() && answer.broken.is_none() {
            return Ok(answer.body);
        }
        let exchange =
            Exchange { call: Call::Api, method: &method, path, status, headers, body: &answer.body };
        Err(match answer.broken {
            Some(_) => Diagnosis::new(Cause::OutcomeUnknown).status(status),
            None => self.0.judge(&exchange, cx.clock().wall()),
        }
        .into())
    }
}

#[derive(Deserialize)]
struct Me {
    company: String,
    user: String,
}

#[async_trait]
impl Connector for Plain {
    fn info(&self) -> &'static ConnectorInfo {
        const INFO: &ConnectorInfo = &PlainConfig::INFO;
        INFO
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        let known = method.is_none_or(|method| method == "authorization_code");
        (known || self.0.has(Flaw::AnswersAnyMethod))
            .then(|| Arc::new(PlainAuth(self.0.clone())) as Arc<dyn AuthProvider>)
    }

    fn capture_endpoint(&self, captures: &Captures) -> Result<Option<Arc<Endpoint>>, Error> {
        let asks = self.0.has(Flaw::CapturesFromMemory) && captures.get("company").is_none();
        asks.then(|| self.endpoint(captures)).transpose()
    }

    /// What only the process knows that made the exchange.
    async fn capture(&self, cx: &Cx, session: &Session, _: &Inputs) -> Result<Captures, Error> {
        drop(self.ask(cx, session, Method::GET, "/me").await?);
        if !self.0.exchanged.load(Ordering::SeqCst) {
            return Err(Error::of(Cause::ResponseInvalid));
        }
        let mut captures = Captures::default();
        captures.insert("company", "acme");
        Ok(captures)
    }

    /// The host that the token answer named, if it is one of the service's.
    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        let of_region = label::api(self.0.config.flaw, captures);
        if let Some(url) = of_region.and_then(|url| Url::parse(&url).ok()) {
            return Endpoint::new(url).map(Arc::new);
        }
        let told = captures.get("api_url").unwrap_or(API);
        let refused = || Error::new(ErrorKind::ConfigInvalid, "the answer names a host that is not Plain's");
        let url = Url::parse(told).map_err(|_| refused())?;
        let is_own = match self.0.config.flaw {
            Flaw::BelievesAnyHost => true,
            Flaw::ChecksHostByItsStart => told.starts_with(API),
            _ => url.origin() == Url::parse(API).map_err(|_| refused())?.origin(),
        };
        if is_own { Endpoint::new(url).map(Arc::new) } else { Err(refused()) }
    }

    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error> {
        let body = self.ask(cx, session, Method::GET, "/me").await?;
        if self.0.has(Flaw::KnowsOneAccount) {
            return Ok(Account::new("acme", "ada"));
        }
        let me: Me = serde_json::from_slice(&body).map_err(|_| Error::of(Cause::ResponseInvalid))?;
        if self.0.has(Flaw::PinsNoAccount) {
            return Ok(Account::default());
        }
        let mut account = Account::new(me.company, me.user);
        if let Some(token) =
            grant.credential.access_token.as_ref().filter(|_| self.0.has(Flaw::PutsATokenIntoTheAccount))
        {
            account.details.insert("session".to_owned(), token.expose().to_owned());
        }
        Ok(account)
    }

    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        if self.0.has(Flaw::ProbesWithoutAsking) {
            return Ok(Probe::Alive);
        }
        if self.0.has(Flaw::ProbesAnOpenPage) {
            drop(self.ask(cx, session, Method::GET, "/me").await);
            return Ok(Probe::Alive);
        }
        let method = if self.0.has(Flaw::ProbesByPost) { Method::POST } else { Method::GET };
        let body = self.ask(cx, session, method, "/me").await?;
        match serde_json::from_slice::<Me>(&body) {
            Ok(_) => Ok(Probe::Alive),
            Err(_) => Err(Error::of(Cause::ResponseInvalid)),
        }
    }

    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        match self.0.config.flaw {
            Flaw::BelievesEvery401 | Flaw::TakesRejectionForACall
                if exchange.call == Call::Api && exchange.status == 401 =>
            {
                Some(self.0.judge(exchange, Timestamp::UNIX_EPOCH))
            }
            _ => self.0.of_plain(exchange),
        }
    }

    fn permissions(&self) -> Option<&dyn PermissionMap> {
        Map::of(self.0.config.flaw)
    }
}
