//! A network that answers as a test says.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use trunkline_core::bytes::Bytes;
use trunkline_core::http::{Response, StatusCode};
use trunkline_core::url::Url;
use trunkline_core::{Body, Request, RequestBody, Transport, TransportError, async_trait};

/// What was sent: the method, the URL, the `Authorization` value, the entity and the body.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) authorization: Option<String>,
    pub(crate) headers: trunkline_core::http::HeaderMap,
    pub(crate) body: String,
}

pub(crate) enum Answer {
    Http(u16, Vec<(&'static str, String)>, String),
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

pub(crate) fn json(status: u16, body: &str) -> Answer {
    Answer::Http(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
}

pub(crate) fn token(access: &str, refresh: &str, expires_in: u64) -> Answer {
    json(
        200,
        &format!(
            r#"{{"access_token":"{access}","refresh_token":"{refresh}","token_type":"Bearer","expires_in":{expires_in}}}"#
        ),
    )
}

/// A whole body of any bytes, in chunks.
pub(crate) fn chunks(status: u16, chunks: impl IntoIterator<Item = &'static [u8]>) -> Answer {
    let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk))).collect();
    Answer::Chunks(status, chunks, Arc::default())
}

/// Plays a queue of answers; a request that nothing answers fails the test.
#[derive(Clone, Default)]
pub(crate) struct PlayedTransport {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl std::fmt::Debug for PlayedTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PlayedTransport")
    }
}

impl PlayedTransport {
    pub(crate) fn will(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.sent.lock().unwrap().len()
    }
}

#[async_trait]
impl Transport for PlayedTransport {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let authorization =
            request.headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let body = match request.body {
            RequestBody::Bytes(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            RequestBody::Empty => String::new(),
            RequestBody::Stream(stream) => {
                String::from_utf8(Body::stream(stream).collect(1 << 20).await.unwrap().to_vec()).unwrap()
            }
        };
        let (method, url, headers) = (request.method.to_string(), request.url.clone(), request.headers);
        self.sent.lock().unwrap().push(Sent { method, url, authorization, headers, body });
        let mut answer = self.answers.lock().unwrap().pop_front();
        while let Some(Answer::Hold(gate, next)) = answer {
            gate.acquire().await.unwrap().forget();
            answer = Some(*next);
        }
        match answer {
            Some(Answer::Http(status, headers, body)) => {
                let mut response = Response::builder().status(StatusCode::from_u16(status).unwrap());
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(Body::from(Bytes::from(body))).unwrap())
            }
            Some(Answer::Fail(error)) => Err(error),
            Some(Answer::Chunks(status, chunks, read)) => {
                let chunks = chunks.into_iter().inspect(move |_| {
                    read.fetch_add(1, Ordering::SeqCst);
                });
                let body = Body::stream(Box::pin(futures_util::stream::iter(chunks)));
                Ok(Response::builder().status(status).body(body).unwrap())
            }
            Some(Answer::Drip(status, first)) => {
                let first = futures_util::stream::iter([Ok(Bytes::from_static(first.as_bytes()))]);
                let drip = futures_util::StreamExt::chain(first, futures_util::stream::pending());
                let response = Response::builder().status(status);
                Ok(response.body(Body::stream(Box::pin(drip))).unwrap())
            }
            Some(Answer::Hang) => std::future::pending().await,
            Some(Answer::Hold(..)) => unreachable!("held answers were unwrapped"),
            None => panic!("nothing answers {}", request.url.path()),
        }
    }
}
