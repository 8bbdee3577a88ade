//! One request and its answer as plain values, so that everything behind the door is a pure function.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use serde_json::Value;

use crate::server::{HangUp, HungUp};

/// Larger bodies are refused before they are read to their end.
pub(crate) const MAX_BODY: usize = 4 * 1024 * 1024;

/// A request, read completely.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// Reads a request; `None` for one whose body was too large or broke off.
    pub(crate) async fn read(request: Request<Body>) -> Option<Self> {
        let (parts, body) = request.into_parts();
        Some(Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers,
            body: axum::body::to_bytes(body, MAX_BODY).await.ok()?,
        })
    }

    /// The header's text, or `None` if it is missing or not visible ASCII.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The first query parameter of that name.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        form_value(self.query.as_bytes(), name)
    }

    /// The first field of that name in a form body.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_value(&self.body, name)
    }
}

/// The first value of that name in form-encoded text.
pub(crate) fn form_value(form: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(form).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// Text for HTML and XML, attributes included.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An answer, whole or not, or the decision to give none.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    Answer(Reply),
    /// Head and half of the body, then the connection closes.
    Cut(Reply),
    HangUp,
}

impl Outcome {
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(reply) | Self::Cut(reply) => Some(reply.status),
            Self::HangUp => None,
        }
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        match self {
            Self::Answer(reply) => reply.into_response(),
            Self::Cut(reply) => {
                let body = CutBody::half_of(&reply.body);
                reply.into_response().map(|_whole| Body::new(body))
            }
            Self::HangUp => {
                let mut response = Response::new(Body::empty());
                response.extensions_mut().insert(HangUp);
                response
            }
        }
    }
}

/// An HTTP answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new() }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self { status, headers, body: body.to_string() }
    }

    pub(crate) fn html(status: u16, body: impl Into<String>) -> Self {
        let headers = vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
        Self { status, headers, body: body.into() }
    }

    pub(crate) fn redirect(location: &str) -> Self {
        Self::empty(302).with_header("location", location)
    }

    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        for (name, value) in self.headers {
            // Names and values of injected fixtures come from outside; what HTTP forbids is left out.
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name.as_str()), HeaderValue::from_str(&value))
            {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}

/// A body that announces its whole length and breaks off in the middle.
struct CutBody {
    length: u64,
    half: Option<Bytes>,
    flushed: bool,
}

impl CutBody {
    fn half_of(body: &str) -> Self {
        let whole = Bytes::copy_from_slice(body.as_bytes());
        Self { length: whole.len() as u64, half: Some(whole.slice(..whole.len() / 2)), flushed: false }
    }
}

impl HttpBody for CutBody {
    type Data = Bytes;
    type Error = HungUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HungUp>>> {
        if let Some(half) = self.half.take() {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.flushed {
            // The server writes out what it has when a body makes it wait, not when it fails.
            self.flushed = true;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(HungUp)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}
