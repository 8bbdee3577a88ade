//! One request, with at most one renewal and one replay, and redirects followed with care.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, LOCATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, StatusCode};
use trunkline_auth::oauth2;
use trunkline_core::permission::Outgoing;
use trunkline_core::{
    Body, Call, Diagnosis, Error, ErrorKind, Exchange, Request, RequestBody, SentSecrets, Verdict, authorize,
    is_secure, transport_failure,
};
use url::Url;

use super::{RequestBuilder, Target};
use crate::connection::Connection;
use crate::keeper::{self, Why};
use crate::live::Live;
use crate::response::Response;
use crate::rights::Refusal;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 5;
/// How much of an error body is read to learn what went wrong.
const MAX_ERROR_BODY: usize = 64 * 1024;
/// How long that may take: an error body that drips is left to the caller.
const ERROR_BODY_TIME: std::time::Duration = std::time::Duration::from_secs(10);

pub(super) fn send<'a>(
    mut builder: RequestBuilder<'a>,
) -> impl Future<Output = Result<Response, Error>> + Send + use<'a> {
    let mistake = builder.mistake.take();
    // The block works on the builder where it lies: an async fn would move it, which costs more than
    // all that is looked at on the way.
    async move {
        if let Some(mistake) = mistake {
            return Err(*mistake);
        }
        let connection = builder.connection;
        let live = match connection.live_now() {
            Some(live) => live,
            None => Box::pin(keeper::renew(&connection.hub, &connection.entry, Why::Expired)).await?,
        };
        let replay = builder.body.replay();
        let request = authorized(&mut builder, &live)?;
        let response = match connection.hub.transport.send(request).await {
            Ok(response) if response.status().is_success() && !may_refuse(connection, &response) => {
                connection.entry.used(connection.hub.clock.coarse());
                return Ok(Response::new(response, None));
            }
            Ok(response) => response,
            Err(error) => return Err(transport_failure(&error)),
        };
        // What is rare is boxed, so that the usual request does not carry its room along.
        Box::pin(unusual(&mut builder, &live, response, replay)).await
    }
}

fn may_refuse(connection: &Connection, response: &http::Response<Body>) -> bool {
    connection.entry.mounted.connector.may_refuse(response.status(), response.headers())
}

/// An answer that is no plain success: a redirect, a refusal, a token that the service rejects.
async fn unusual(
    builder: &mut RequestBuilder<'_>,
    live: &Live,
    response: http::Response<Body>,
    replay: Option<RequestBody>,
) -> Result<Response, Error> {
    let again = replay.as_ref().and_then(RequestBody::replay);
    let response = settle(builder, live, response, replay).await?;
    let Some(diagnosis) = response.diagnosis() else { return Ok(response) };
    if diagnosis.cause().verdict() != Verdict::RenewAccessToken {
        return Ok(response);
    }
    let connection = builder.connection;
    let why = Why::Rejected { generation: live.generation };
    let Some(body) = again else {
        // The stream is spent: renew for the next request, and hand on the refusal.
        keeper::renew(&connection.hub, &connection.entry, why).await?;
        return Ok(response);
    };
    let refusal = response.diagnosis().cloned();
    let live = keeper::renew(&connection.hub, &connection.entry, why)
        .await
        .map_err(|error| with_evidence(error, refusal))?;
    let replay = body.replay();
    builder.body = body;
    let request = authorized(builder, &live)?;
    let sent = connection.hub.transport.send(request).await;
    let response = sent.map_err(|error| transport_failure(&error))?;
    settle(builder, &live, response, replay).await
}

/// Keeps what the service said about the rejected call, where the renewal has nothing of its own.
fn with_evidence(error: Error, refusal: Option<Diagnosis>) -> Error {
    match (error.diagnosis(), refusal) {
        (Some(diagnosis), Some(refusal)) if diagnosis.cause() == refusal.cause() => refusal.into(),
        _ => error,
    }
}

/// The request as it was meant, with entity and credential. Takes the body.
fn authorized(builder: &mut RequestBuilder<'_>, live: &Live) -> Result<Request, Error> {
    let url = builder.target.resolve(&live.endpoint, &builder.query)?;
    let mut request = Request {
        method: builder.method.clone(),
        url,
        // The usual request has none, and a clone of none costs more than the look.
        headers: if builder.headers.is_empty() { HeaderMap::new() } else { builder.headers.clone() },
        body: std::mem::take(&mut builder.body),
        timeout: builder.timeout,
        public_only: false,
    };
    equip(&mut request, builder, live)?;
    Ok(request)
}

/// Puts entity and credential on a request to one of the connection's hosts.
fn equip(request: &mut Request, builder: &RequestBuilder<'_>, live: &Live) -> Result<(), Error> {
    let entity = builder.entity.as_ref().or(builder.connection.entity.as_ref());
    if let Some(entity) = entity.or(live.endpoint.entity()) {
        let name = live.endpoint.entity_header_name().ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                "this connector cannot scope a request to a part of the account",
            )
        })?;
        request.headers.insert(name.clone(), entity.clone());
    }
    authorize(request, &live.endpoint, &live.prepared, &*live.auth, &*builder.connection.hub.clock)
}

/// Follows redirects, and asks what a refusal means.
async fn settle(
    builder: &mut RequestBuilder<'_>,
    live: &Live,
    mut response: http::Response<Body>,
    mut replay: Option<RequestBody>,
) -> Result<Response, Error> {
    let sent = match &replay {
        Some(RequestBody::Bytes(bytes)) => bytes.clone(),
        _ => Bytes::new(),
    };
    let mut from = builder.target.resolve(&live.endpoint, &builder.query)?;
    let mut method = builder.method.clone();
    for _ in 0..MAX_REDIRECTS {
        let Some(next) = redirect(&response, &from, &method, replay.as_ref()) else { break };
        if !next.body {
            replay = Some(RequestBody::Empty);
        }
        let body = replay.as_ref().and_then(RequestBody::replay).unwrap_or_default();
        let mut request = Request {
            method: next.method.clone(),
            url: next.url.clone(),
            headers: next.headers(&builder.headers, &from),
            body,
            timeout: builder.timeout,
            public_only: live.endpoint.is_public_only(&next.url),
        };
        if live.endpoint.allows(&next.url) {
            equip(&mut request, builder, live)?;
        }
        let sent = builder.connection.hub.transport.send(request).await;
        response = sent.map_err(|error| transport_failure(&error))?;
        (from, method) = (next.url, next.method);
    }
    if !may_refuse(builder.connection, &response) && response.status().as_u16() < 400 {
        return Ok(Response::new(response, None));
    }
    diagnosed(builder, &sent, live, response).await
}

/// Where a redirect leads, if it is to be followed.
struct Next {
    url: Url,
    method: Method,
    body: bool,
}

impl Next {
    /// The caller's headers for the next hop: nothing secret leaves the origin it was meant for, and
    /// a body that is dropped takes its description along.
    fn headers(&self, given: &HeaderMap, from: &Url) -> HeaderMap {
        let mut headers = given.clone();
        if self.url.origin() != from.origin() {
            for secret in [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION] {
                headers.remove(secret);
            }
        }
        if !self.body {
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
        }
        headers
    }
}

fn redirect(
    response: &http::Response<Body>,
    from: &Url,
    method: &Method,
    replay: Option<&RequestBody>,
) -> Option<Next> {
    let safe = method == Method::GET || method == Method::HEAD;
    let (method, body) = match response.status() {
        StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT => {
            (method.clone(), replay.is_some().then_some(true)?)
        }
        StatusCode::SEE_OTHER if !safe => (Method::GET, false),
        // A POST is not turned into a GET behind the caller's back.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND | StatusCode::SEE_OTHER if safe => {
            (method.clone(), false)
        }
        _ => return None,
    };
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    let url = from.join(location).ok().filter(is_secure)?;
    Some(Next { url, method, body })
}

/// Reads the start of a body, asks the connector what it means, and puts it back. The connector reads it
/// without the credential, should the service quote it; the caller, whose credential it is, has it as it came.
async fn diagnosed(
    // Mutable, since what can be sent to another thread cannot always be shared with it: a streamed body.
    builder: &mut RequestBuilder<'_>,
    sent: &[u8],
    live: &Live,
    response: http::Response<Body>,
) -> Result<Response, Error> {
    let endpoint = &live.endpoint;
    let RequestBuilder { connection, method, target, query, .. } = builder;
    let (head, mut body) = response.into_parts();
    if tokio::time::timeout(ERROR_BODY_TIME, body.look(MAX_ERROR_BODY)).await.is_err() {
        tracing::debug!(target: "trunkline", connection = %connection.id(), "error body drips; read in part");
    }
    let start = body.seen(MAX_ERROR_BODY);
    let secrets = SentSecrets::of(&live.prepared);
    let cleaned = (secrets.clean(&start), secrets.clean_headers(&head.headers));
    let url = target.resolve(endpoint, "")?;
    let exchange = Exchange {
        call: Call::Api,
        method,
        path: url.path(),
        status: head.status,
        headers: cleaned.1.as_ref().unwrap_or(&head.headers),
        body: cleaned.0.as_deref().unwrap_or(&start),
    };
    let diagnosis = match connection.entry.mounted.connector.diagnose(&exchange) {
        Some(diagnosis) => diagnosis,
        // The general rules are about answers that say by their status that they are errors.
        None if head.status.as_u16() < 400 => {
            connection.entry.used(connection.hub.clock.coarse());
            return Ok(Response::new(http::Response::from_parts(head, body), None));
        }
        None => oauth2::diagnose(&exchange, connection.hub.clock.wall()),
    };
    let call = format!("{} {}", method, path_of(target, &url));
    let diagnosis = diagnosis.during(call, connection.hub.clock.wall());
    let path = target.below(endpoint, query);
    let request = Outgoing { method, path: &path, body: sent };
    let refusal = Refusal::of(connection, &request, diagnosis);
    let diagnosis = &refusal.diagnosis;
    tracing::debug!(
        target: "trunkline",
        connector = %connection.connector(), connection = %connection.id(),
        status = head.status.as_u16(), cause = %diagnosis.cause(), "call refused"
    );
    Ok(Response::new(http::Response::from_parts(head, body), Some(refusal)))
}

fn path_of<'a>(target: &'a Target, url: &'a Url) -> &'a str {
    match target {
        Target::Path(path) => path.split('?').next().unwrap_or(path),
        Target::Url(_) => url.path(),
    }
}
