//! Requests through a connection.

mod send;
mod target;

use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::future::Either;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use serde::Serialize;
use tracing::Instrument;
use trunkline_core::{Error, ErrorKind, RequestBody, TransportError};
use url::form_urlencoded;

use crate::connection::Connection;
use crate::response::Response;

pub use target::IntoTarget;
pub(crate) use target::Target;

/// A request before it is sent, in the manner of reqwest. The first mistake made while building it
/// is what [`send`](Self::send) answers.
#[must_use = "nothing is sent before `send` is awaited"]
pub struct RequestBuilder<'a> {
    connection: &'a Connection,
    method: Method,
    target: Target,
    headers: HeaderMap,
    query: String,
    body: RequestBody,
    timeout: Option<Duration>,
    entity: Option<HeaderValue>,
    /// Boxed: every builder is moved about, and few have one.
    mistake: Option<Box<Error>>,
}

impl<'a> RequestBuilder<'a> {
    pub(crate) fn new(connection: &'a Connection, method: Method, target: impl IntoTarget) -> Self {
        Self {
            connection,
            method,
            target: target.into_target(),
            headers: HeaderMap::new(),
            query: String::new(),
            body: RequestBody::Empty,
            timeout: None,
            entity: None,
            mistake: None,
        }
    }

    /// Sets a header. The credential's own headers cannot be set: they are replaced.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        match (name.try_into(), value.try_into()) {
            (Ok(name), Ok(value)) => drop(self.headers.insert(name, value)),
            _ => self.mistake("a header's name or value is not allowed"),
        }
        self
    }

    /// Appends to the query.
    pub fn query<N: AsRef<str>, V: AsRef<str>>(mut self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut query = form_urlencoded::Serializer::new(std::mem::take(&mut self.query));
        query.extend_pairs(pairs);
        self.query = query.finish();
        self
    }

    /// Sends a JSON body. It can be sent again after a renewal.
    pub fn json<T: Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => {
                self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
                self.body = RequestBody::Bytes(json.into());
            }
            Err(_) => self.mistake("the body cannot be written as JSON"),
        }
        self
    }

    /// Sends bytes. They can be sent again after a renewal.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = RequestBody::Bytes(body.into());
        self
    }

    /// Sends a stream. It can be sent once: when the token turns out to be dead, the answer is the
    /// service's refusal, and the token is renewed for the next request.
    pub fn body_stream<S>(mut self, stream: S) -> Self
    where
        S: Stream<Item = Result<Bytes, TransportError>> + Send + 'static,
    {
        self.body = RequestBody::Stream(Box::pin(stream));
        self
    }

    /// How long the exchange may take, to the end of the response's body. Default: 60 s of silence.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Scopes this request to a part of the account.
    pub fn entity(mut self, entity: &str) -> Self {
        match HeaderValue::from_str(entity) {
            Ok(entity) => self.entity = Some(entity),
            Err(_) => self.mistake("this entity cannot stand in a header"),
        }
        self
    }

    /// Sends the request with the connection's credential.
    ///
    /// A token that the service rejects is renewed once, and a request whose body can be sent again
    /// is sent once more. Redirects are followed up to five times, for GET and HEAD and where the
    /// body can be sent again (307, 308); the credential goes along only to the connection's hosts.
    ///
    /// # Errors
    ///
    /// `Ok` is every final HTTP answer, of whatever status. `Err` is: no usable token (the
    /// diagnosis says why), nothing was sent, or the outcome is unknown.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future after the request left makes its outcome unknown; a renewal goes on.
    pub fn send(self) -> impl Future<Output = Result<Response, Error>> + Send + use<'a> {
        let (connector, connection) = (self.connection.connector(), self.connection.id());
        let span =
            tracing::debug_span!(target: "trunkline", "call", connector, %connection, method = %self.method);
        // The usual request does not carry the room for a span that nobody watches.
        if span.is_disabled() {
            Either::Left(send::send(self))
        } else {
            Either::Right(Box::pin(send::send(self).instrument(span)))
        }
    }

    fn mistake(&mut self, message: &'static str) {
        self.mistake.get_or_insert_with(|| Box::new(Error::new(ErrorKind::InvalidInput, message)));
    }
}

impl std::fmt::Debug for RequestBuilder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestBuilder")
            .field("method", &self.method)
            .field("body", &self.body)
            .finish_non_exhaustive()
    }
}
