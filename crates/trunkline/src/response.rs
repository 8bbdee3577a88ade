//! What the service answered.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use trunkline_core::{
    Body, Cause, CollectError, Diagnosis, Error, ErrorKind, TransportError, transport_failure,
};

use crate::rights::Refusal;

/// The most that [`Response::bytes`], [`Response::text`] and [`Response::json`] collect: 32 MiB.
/// Larger bodies are read chunk by chunk.
pub const MAX_COLLECTED: usize = 32 * 1024 * 1024;

/// A final HTTP answer, of whatever status. Its body can be read once, whole or in chunks.
pub struct Response {
    response: http::Response<Body>,
    /// Boxed: most responses have none, and all are moved about.
    refusal: Option<Box<Refusal>>,
}

impl Response {
    #[inline]
    pub(crate) fn new(response: http::Response<Body>, refusal: Option<Refusal>) -> Self {
        Self { response, refusal: refusal.map(Box::new) }
    }

    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_deref()
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// What went wrong, who must act and what to do, for a status of 400 and above, and for a refusal that comes
    /// with another one where the connector [knows of such](trunkline_core::Connector::may_refuse). The body can still
    /// be read.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&Diagnosis> {
        self.refusal.as_ref().map(|refusal| &refusal.diagnosis)
    }

    /// The response itself, or the diagnosis as an error.
    ///
    /// # Errors
    ///
    /// As [`diagnosis`](Self::diagnosis).
    pub fn error_for_status(self) -> Result<Self, Error> {
        match self.refusal {
            Some(refusal) => Err(refusal.diagnosis.into()),
            None => Ok(self),
        }
    }

    /// The next chunk of the body, `None` at its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when the body breaks off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        self.response.body_mut().chunk().await.map_err(|error| transport_failure(&error))
    }

    /// The body as a stream of chunks.
    #[must_use]
    pub fn bytes_stream(self) -> BytesStream {
        BytesStream(self.response.into_body())
    }

    /// The whole body, at most [`MAX_COLLECTED`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ResponseInvalid`] when it is larger, [`ErrorKind::Unavailable`] when it breaks off.
    pub fn bytes(self) -> impl Future<Output = Result<Bytes, Error>> + Send {
        // The future holds the body alone.
        let body = self.response.into_body();
        async move {
            body.collect(MAX_COLLECTED).await.map_err(|error| match error {
                CollectError::Transport(error) => transport_failure(&error),
                error @ CollectError::TooLarge { .. } => {
                    Error::new(ErrorKind::ResponseInvalid, "the body is too large to be collected")
                        .caused_by(error)
                }
            })
        }
    }

    /// The whole body as text.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes); [`ErrorKind::ResponseInvalid`] when it is not UTF-8.
    pub async fn text(self) -> Result<String, Error> {
        String::from_utf8(self.bytes().await?.into())
            .map_err(|_| Error::new(ErrorKind::ResponseInvalid, "the body is not UTF-8"))
    }

    /// The whole body, read as JSON. It does not look at the status.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes); [`Cause::ResponseInvalid`] when it is not the JSON that `T` needs.
    /// The error says where, and quotes nothing of the body.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            Diagnosis::new(Cause::ResponseInvalid)
                .message(&format!("not the expected JSON at {place}"))
                .into()
        })
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status().as_u16())
            .field("diagnosis", &self.diagnosis())
            .finish_non_exhaustive()
    }
}

/// The chunks of a response's body.
#[derive(Debug)]
pub struct BytesStream(Body);

impl Stream for BytesStream {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0).poll_next(cx)
    }
}
