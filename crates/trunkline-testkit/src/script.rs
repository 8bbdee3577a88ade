//! A network that answers as a test says.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::{StreamExt as _, stream};
use trunkline_core::bytes::Bytes;
use trunkline_core::http::header::AUTHORIZATION;
use trunkline_core::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use trunkline_core::url::Url;
use trunkline_core::{Body, Request, RequestBody, Transport, TransportError, async_trait};

/// Most bytes of a streamed request that are kept.
const MAX_SENT_BYTES: usize = 1 << 20;

/// What was sent. `Debug` shows the method and the URL without its query: the rest holds secrets.
#[derive(Clone)]
pub struct Sent {
    /// The method.
    pub method: String,
    /// The whole URL.
    pub url: Url,
    /// The `Authorization` value.
    pub authorization: Option<String>,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, as text; what is not UTF-8 is replaced.
    pub body: String,
    /// Whether it may go to the public Internet only.
    pub public_only: bool,
}

impl Sent {
    /// Reads a request, its body too.
    pub(crate) async fn of(request: Request) -> Self {
        let body = match request.body {
            RequestBody::Bytes(bytes) => bytes,
            RequestBody::Empty => Bytes::new(),
            RequestBody::Stream(stream) => {
                let mut body = Body::stream(stream);
                body.look(MAX_SENT_BYTES).await;
                body.seen(MAX_SENT_BYTES)
            }
        };
        let authorization = request.headers.get(AUTHORIZATION);
        Self {
            method: request.method.to_string(),
            url: request.url,
            authorization: authorization.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
            body: String::from_utf8_lossy(&body).into_owned(),
            headers: request.headers,
            public_only: request.public_only,
        }
    }

    /// Everything that it says, in one text.
    pub(crate) fn whole(&self) -> String {
        let headers = self.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()));
        headers.fold(format!("{} {}", self.url, self.body), |text, value| text + " " + &value)
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.method, self.url.origin().ascii_serialization(), self.url.path())
    }
}

/// What becomes of one request.
pub enum Answer {
    /// A status, headers and a body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// No answer.
    Fail(TransportError),
    /// This status and these chunks: large, broken off, of any bytes. Counts those that were read.
    Chunks(u16, Vec<Result<Bytes, TransportError>>, Arc<AtomicU64>),
    /// This status, a first chunk, and then silence.
    Drip(u16, &'static str),
    /// Never answers.
    Hang,
    /// Waits for a permit, then answers as the next does.
    Hold(Arc<tokio::sync::Semaphore>, Box<Answer>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(status, ..) | Self::Chunks(status, ..) | Self::Drip(status, _) => {
                write!(f, "Answer({status})")
            }
            Self::Fail(error) => write!(f, "Answer({error})"),
            Self::Hang => f.write_str("Answer(never)"),
            Self::Hold(_, answer) => write!(f, "Answer(held, {answer:?})"),
        }
    }
}

/// An answer in JSON.
#[must_use]
pub fn json(status: u16, body: &str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

/// A token answer by RFC 6749; the life is in seconds.
#[must_use]
pub fn token(access: &str, refresh: &str, expires_in: u64) -> Answer {
    json(
        200,
        &format!(
            r#"{{"access_token":"{access}","refresh_token":"{refresh}","token_type":"Bearer","expires_in":{expires_in}}}"#
        ),
    )
}

/// A whole body of any bytes, in chunks.
pub fn chunks(status: u16, chunks: impl IntoIterator<Item = &'static [u8]>) -> Answer {
    let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
    Answer::Chunks(status, chunks, Arc::default())
}

/// Plays a queue of answers. Clones share it.
#[derive(Clone, Default)]
pub struct ScriptedTransport {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl fmt::Debug for ScriptedTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptedTransport")
    }
}

impl ScriptedTransport {
    /// Adds what becomes of the next request that nothing answers yet.
    pub fn will(&self, answer: Answer) {
        lock(&self.answers).push_back(answer);
    }

    /// What was sent, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        lock(&self.sent).clone()
    }

    /// How many requests were sent.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.sent).len()
    }
}

/// A test that panicked while it held the lock has failed already.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A response; a header that is none is left out.
pub(crate) fn response<'a>(
    status: u16,
    headers: impl IntoIterator<Item = (&'a str, &'a str)>,
    body: Body,
) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

#[async_trait]
impl Transport for ScriptedTransport {
    /// # Panics
    ///
    /// Nothing answers the request: a test that meets one that it did not expect has failed.
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let path = request.url.path().to_owned();
        let sent = Sent::of(request).await;
        lock(&self.sent).push(sent);
        let mut answer = lock(&self.answers).pop_front();
        while let Some(Answer::Hold(gate, next)) = answer {
            // The gate is never closed.
            if let Ok(permit) = gate.acquire().await {
                permit.forget();
            }
            answer = Some(*next);
        }
        match answer {
            Some(Answer::Http(status, headers, body)) => {
                let headers = headers.iter().map(|(name, value)| (*name, value.as_str()));
                Ok(response(status, headers, Body::from(Bytes::from(body))))
            }
            Some(Answer::Fail(error)) => Err(error),
            Some(Answer::Chunks(status, chunks, read)) => {
                let chunks = chunks.into_iter().inspect(move |_| {
                    read.fetch_add(1, Ordering::SeqCst);
                });
                Ok(response(status, [], Body::stream(Box::pin(stream::iter(chunks)))))
            }
            Some(Answer::Drip(status, first)) => {
                let first = stream::iter([Ok(Bytes::from_static(first.as_bytes()))]);
                Ok(response(status, [], Body::stream(Box::pin(first.chain(stream::pending())))))
            }
            Some(Answer::Hang) => std::future::pending().await,
            Some(Answer::Hold(..)) | None => panic!("nothing answers {path}"),
        }
    }
}
