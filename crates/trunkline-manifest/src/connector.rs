//! The service: where requests go, who we are, why something failed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use trunkline_auth::{oauth1, oauth2};
use trunkline_core::bytes::Bytes;
use trunkline_core::http::header::{ACCEPT, CONTENT_TYPE};
use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Method as HttpMethod, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::permission::PermissionMap;
use trunkline_core::{
    Account, AuthProvider, Call, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis, Endpoint, Error,
    ErrorKind, Exchange, Grant, Inputs, Probe, Request, RequestBody, Session, Verdict, async_trait,
    is_public_host,
};

use crate::after;
use crate::at::At;
use crate::config::ManifestConfig;
use crate::format::{BasicPair, ErrorMatcher, Format, Identity, Injection, MatchedCall, Method, RequestKind};
use crate::identity::{account, at};
use crate::injection::{Injector, header};
use crate::intern;
use crate::judge::judge;
use crate::manifest::Manifest;
use crate::permission::ScopeMap;
use crate::provider::{Carrier, Grants, KeyProvider, RequestSigner, Shared, TokenProvider, introspection};
use crate::template::Template;
use crate::values::Values;

/// How long a request of the manifest's own may take, to the end of its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer that are read here.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The connector of one manifest, with an operator's settings.
#[derive(Debug)]
pub struct ManifestConnector {
    shared: Arc<Shared>,
    info: &'static ConnectorInfo,
    default: Method,
    providers: Vec<(Method, Arc<dyn AuthProvider>)>,
    /// The endpoint of every connection, where no value of theirs is in it.
    endpoint: Option<Arc<Endpoint>>,
    permissions: Option<ScopeMap>,
}

impl ManifestConnector {
    /// Checks the settings against the manifest; sends nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`]: something is missing, or does not fit the manifest.
    pub fn new(manifest: Arc<Manifest>, config: &ManifestConfig) -> Result<Self, Error> {
        let operator = config.resolve(&manifest.format)?;
        let default = operator.method.unwrap_or_else(|| manifest.default_method());
        let shared = Arc::new(Shared { manifest, operator });
        let format = &shared.manifest.format;
        let methods = format.methods().into_iter().filter(|method| shared.operator.allows(format, *method));
        let providers = methods.map(|method| Ok((method, provider(&shared, method)?)));
        let providers = providers.collect::<Result<_, Error>>()?;
        let is_fixed = urls(format)
            .all(|url| url.expressions().all(|(_, name)| shared.operator.inputs.contains_key(name)))
            && format.api.entity.is_none();
        let permissions = format.permissions.as_ref().map(|permissions| ScopeMap::new(permissions));
        let fixed = is_fixed.then(|| endpoint(shared.values(None, None))).transpose()?;
        Ok(Self {
            info: info(&shared.manifest),
            default,
            providers,
            endpoint: fixed.map(Arc::new),
            permissions,
            shared,
        })
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.shared.manifest
    }

    /// The ways to hold a grant that the settings allow.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &'static str> {
        self.providers.iter().map(|(method, _)| method.name())
    }

    fn format(&self) -> &Format {
        &self.shared.manifest.format
    }

    /// Sends a request of the manifest's own and reads what comes.
    async fn ask(
        &self,
        cx: &Cx,
        session: &Session,
        url: &Template,
        kind: RequestKind,
        body: Option<&str>,
    ) -> Result<Value, Error> {
        let url = self.values(session.captures()).url(url)?;
        let (method, path) = (http_method(kind), url.path().to_owned());
        let public_only = is_public_host(&url);
        let mut request = Request::new(method.clone(), url);
        request.timeout = Some(TIMEOUT);
        // Whoever wrote the manifest could point a name of his into a network of ours.
        request.public_only = public_only;
        request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(body) = body {
            request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            request.body = RequestBody::Bytes(Bytes::copy_from_slice(body.as_bytes()));
        }
        let (head, mut body) = session.send(request).await?.into_parts();
        body.look(MAX_BODY_BYTES).await;
        let body = body.seen(MAX_BODY_BYTES);
        let exchange = Exchange {
            call: Call::Api,
            method: &method,
            path: &path,
            status: head.status,
            headers: &head.headers,
            body: &body,
        };
        let refused = |exchange: &Exchange<'_>| {
            let judged = self.diagnose(exchange);
            Error::from(judged.unwrap_or_else(|| oauth2::diagnose(exchange, cx.clock().wall())))
        };
        if !head.status.is_success() {
            return Err(refused(&exchange));
        }
        // Some services say with 200 what others say with 401.
        if let Some(judged) = self.diagnose(&exchange) {
            return Err(judged.into());
        }
        // What stands before a service answers as it likes, and proves nothing.
        if is_page(&head.headers, &body) {
            return Err(oauth2::diagnose(&exchange, cx.clock().wall()).into());
        }
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    fn values<'a>(&'a self, captures: &'a Captures) -> Values<'a> {
        self.shared.values(None, Some(captures))
    }

    /// What the introspection endpoint says of the access token, as far as the manifest asks for it.
    async fn introspected(
        &self,
        cx: &Cx,
        session: &Session,
        grant: &Grant,
        identity: &Identity,
    ) -> Result<Option<Account>, Error> {
        let grants = Grants { operator: &self.shared.operator, manifest: Some(&self.shared.manifest) };
        let values = self.values(session.captures());
        let Some(oauth2) = &self.format().oauth2 else { return Ok(None) };
        let Some(asked) = introspection(&grants, oauth2, values)? else { return Ok(None) };
        let Some(token) = &grant.credential.access_token else {
            return Err(Error::of(Cause::AccessTokenExpired));
        };
        let told = asked.ask(cx, token).await?;
        if !told.active {
            return Err(Error::of(Cause::AccessTokenRejected));
        }
        Ok(account(identity, values, &|path| told.member(path).map(|value| value.expose().to_owned())))
    }
}

/// A way to hold a grant, with what its requests carry.
fn provider(shared: &Arc<Shared>, method: Method) -> Result<Arc<dyn AuthProvider>, Error> {
    let format = &shared.manifest.format;
    let fixed = fixed_headers(shared)?;
    let injection: Option<&At<Injection>> = match method {
        Method::AuthorizationCode | Method::DeviceCode | Method::ClientCredentials => {
            format.oauth2.as_ref().and_then(|oauth2| oauth2.injection.as_ref())
        }
        Method::ApiKey => format.api_key.as_ref().map(|key| &key.injection),
        Method::SessionLogin => format.session_login.as_ref().and_then(|login| login.injection.as_ref()),
        Method::JwtBearer => format.jwt_bearer.as_ref().and_then(|jwt| jwt.injection.as_ref()),
        Method::Basic | Method::OAuth1 | Method::OAuth1Token => None,
    };
    let shared = Arc::clone(shared);
    let basic = shared.manifest.format.basic.as_ref().filter(|_| method == Method::Basic);
    let injector = match basic {
        Some(basic) => {
            let pair = BasicPair { username: basic.username.clone(), password: basic.password.clone() };
            Injector::basic(pair, fixed)
        }
        None => match shared.manifest.format.session_cookie(method) {
            Some(cookie) => Injector::cookie(cookie, fixed)?,
            None => Injector::new(injection.map(|injection| &**injection), fixed)?,
        },
    };
    if let Method::ApiKey | Method::Basic = method {
        return Ok(Arc::new(KeyProvider::new(shared, method, injector)));
    }
    let signer = RequestSigner::of(&shared.manifest.format, method, &shared.operator, injector.clone());
    let carrier = signer.map_or(Carrier::Injects(injector), Carrier::Signs);
    Ok(Arc::new(TokenProvider::new(shared, method, carrier)))
}

/// The headers that are the same on every request.
fn fixed_headers(shared: &Shared) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let values = shared.values(None, None);
    let headers = shared.manifest.format.api.headers.iter();
    headers
        .map(|(name, value)| {
            let value = values.text(value)?;
            let value = HeaderValue::from_str(&value).map_err(|_| {
                Error::new(ErrorKind::ConfigInvalid, format!("the header `{name}` has an unfit value"))
            })?;
            Ok((header(name)?, value))
        })
        .collect()
}

/// Every URL that sees the credential.
fn urls(format: &Format) -> impl Iterator<Item = &At<Template>> {
    let identity = format.identity.as_ref().and_then(|identity| identity.url.as_ref());
    let probe = format.probe.as_ref().map(|probe| &probe.url);
    [&format.api.base_url].into_iter().chain(&format.api.further_urls).chain(identity).chain(probe)
}

/// Where the requests of a connection go.
pub(crate) fn endpoint(values: Values<'_>) -> Result<Endpoint, Error> {
    let format = values.format;
    let mut endpoint = Endpoint::new(values.url(&format.api.base_url)?)?;
    for url in urls(format).skip(1) {
        endpoint = endpoint.allow(&values.url(url)?)?;
    }
    // Whoever wrote the manifest, or gave a host, could point a name of his into a network of ours.
    endpoint = endpoint.public_only();
    if let Some(name) = &format.api.entity_header {
        endpoint = endpoint.entity_header(header(name)?);
        if let Some(entity) = &format.api.entity {
            let value = HeaderValue::from_str(&values.text(entity)?);
            endpoint = endpoint.scoped_to(value.map_err(|_| Error::of(Cause::ConfigurationInvalid))?);
        }
    }
    Ok(endpoint)
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

/// Whether an answer is a page for people. There are services that call JSON a page.
fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes().to_ascii_lowercase());
    let is_html = kind.is_some_and(|kind| kind.starts_with(b"text/html"));
    let body = body.trim_ascii_start();
    let start = body.iter().take(14).map(u8::to_ascii_lowercase).collect::<Vec<_>>();
    (is_html && body.first() == Some(&b'<'))
        || start.starts_with(b"<html")
        || start.starts_with(b"<!doctype html")
}

fn http_method(kind: RequestKind) -> HttpMethod {
    match kind {
        RequestKind::Get => HttpMethod::GET,
        RequestKind::Post => HttpMethod::POST,
    }
}

/// What an API that is signed for says. Nothing renews a token of OAuth 1.0a: a word that would ask for a renewal would
/// end the grant, although it may mean the clock, the signature or the client (RFC 5849, 3.2).
fn of_oauth1(exchange: &Exchange<'_>) -> Option<Diagnosis> {
    let told = oauth1::diagnose(exchange);
    let judged = told.clone().unwrap_or_else(|| oauth2::diagnose(exchange, Timestamp::UNIX_EPOCH));
    if exchange.call != Call::Api || judged.cause().verdict() != Verdict::RenewAccessToken {
        return told;
    }
    let codes = judged.evidence().codes.iter();
    let unsaid = codes.fold(oauth1::unsaid(), |diagnosis, code| diagnosis.code(code.as_str()));
    Some(unsaid.status(exchange.status))
}

/// The static facts of a manifest, kept once for all that are equal.
fn info(manifest: &Manifest) -> &'static ConnectorInfo {
    let methods = intern::slice(&manifest.methods());
    intern::info(ConnectorInfo {
        title: intern::intern(manifest.title()),
        docs: intern::intern(manifest.docs()),
        methods,
    })
}

#[async_trait]
impl Connector for ManifestConnector {
    fn info(&self) -> &'static ConnectorInfo {
        self.info
    }

    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        let wanted = match method {
            Some(name) => Method::named(name)?,
            None => self.default,
        };
        self.providers.iter().find(|(method, _)| *method == wanted).map(|(_, provider)| Arc::clone(provider))
    }

    fn capture_endpoint(&self, captures: &Captures) -> Result<Option<Arc<Endpoint>>, Error> {
        let asks =
            self.format().after_consent.as_ref().filter(|_| !after::is_answered(self.format(), captures));
        asks.map(|asks| after::endpoint(asks, self.values(captures)).map(Arc::new)).transpose()
    }

    /// By the manifest's request after consent.
    async fn capture(&self, cx: &Cx, session: &Session, inputs: &Inputs) -> Result<Captures, Error> {
        let Some(asks) = &self.format().after_consent else { return Ok(Captures::default()) };
        let body = asks.body.as_ref().map(|body| body.as_str());
        let answer = self.ask(cx, session, &asks.url, asks.method, body).await?;
        after::captured(asks, self.shared.values(Some(inputs), Some(session.captures())), &answer)
    }

    fn endpoint(&self, captures: &Captures) -> Result<Arc<Endpoint>, Error> {
        match &self.endpoint {
            Some(endpoint) => Ok(Arc::clone(endpoint)),
            None => endpoint(self.values(captures)).map(Arc::new),
        }
    }

    /// Asks where the manifest says. Without a place to ask, the account is what the token answer named.
    async fn identify(&self, cx: &Cx, session: &Session, grant: &Grant) -> Result<Account, Error> {
        let Some(identity) = &self.format().identity else { return Ok(Account::default()) };
        let named = match &identity.url {
            Some(url) => {
                let body = identity.body.as_ref().map(|body| body.as_str());
                let answer = self.ask(cx, session, url, identity.method, body).await?;
                account(identity, self.values(session.captures()), &|path| at(&answer, path))
            }
            None if identity.introspection => self.introspected(cx, session, grant, identity).await?,
            // What was asked for after the consent may belong to it.
            None => account(identity, self.values(session.captures()), &|_| None)
                .or_else(|| grant.account.clone()),
        };
        named.ok_or_else(|| {
            Diagnosis::new(Cause::ResponseInvalid).message("the answer does not say who we are").into()
        })
    }

    /// By the manifest's probe, or else by the question who we are.
    async fn probe(&self, cx: &Cx, session: &Session) -> Result<Probe, Error> {
        let format = self.format();
        let own = format.probe.as_ref().map(|probe| (&probe.url, probe.method, probe.body.as_ref()));
        let identity = format.identity.as_ref();
        let who = || identity.and_then(|it| Some((it.url.as_ref()?, it.method, it.body.as_ref())));
        let Some((url, method, body)) = own.or_else(who) else { return Ok(Probe::NotSupported) };
        self.ask(cx, session, url, method, body.map(|body| body.as_str())).await.map(|_| Probe::Alive)
    }

    /// JSON of a status that a matcher names for the API may be a refusal, whatever the status.
    fn may_refuse(&self, status: StatusCode, headers: &HeaderMap) -> bool {
        let named = |matcher: &At<ErrorMatcher>| {
            (matcher.calls.is_empty() || matcher.calls.contains(&MatchedCall::Api))
                && matcher.status.contains(&status.as_u16())
        };
        status.as_u16() >= 400 || (is_json(headers) && self.format().errors.iter().any(named))
    }

    /// By the manifest's own words. For the rest, the standards are the judge.
    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        let own = judge(self.format(), exchange);
        let signed = self.format().is_oauth1() && exchange.status.as_u16() >= 400;
        own.or_else(|| signed.then(|| of_oauth1(exchange)).flatten())
    }

    /// By scopes alone, where the manifest says which an operation needs.
    fn permissions(&self) -> Option<&dyn PermissionMap> {
        self.permissions.as_ref().map(|map| map as _)
    }
}
