//! Bodies of requests and responses: streams of bytes, bounded where they are collected.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use crate::transport::TransportError;

/// A boxed stream of chunks.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, TransportError>> + Send>>;

/// What a request carries.
#[derive(Default)]
pub enum RequestBody {
    /// Nothing.
    #[default]
    Empty,
    /// Bytes in memory: can be sent again.
    Bytes(Bytes),
    /// A stream: can be sent once.
    Stream(ByteStream),
}

impl RequestBody {
    /// A second body with the same content; `None` for a stream.
    #[must_use]
    pub fn replay(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(_) => None,
        }
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// What a response carries: read chunk by chunk, or collected up to a limit.
pub struct Body(Inner);

enum Inner {
    Bytes(Option<Bytes>),
    Stream(ByteStream),
    /// A prefix that was read already, put back in front of the rest.
    Rewound(Option<Bytes>, Option<ByteStream>),
}

impl Body {
    /// A body without content.
    #[must_use]
    pub fn empty() -> Self {
        Self(Inner::Bytes(None))
    }

    /// A body that streams.
    #[must_use]
    pub fn stream(stream: ByteStream) -> Self {
        Self(Inner::Stream(stream))
    }

    /// The next chunk, `None` at the end.
    ///
    /// # Errors
    ///
    /// [`TransportError::Unknown`] when the body was cut off or took too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await.transpose()
    }

    /// The whole body, at most `limit` bytes of it.
    ///
    /// # Errors
    ///
    /// [`CollectError::TooLarge`] past the limit; the rest is not read.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, CollectError> {
        let (prefix, whole) = self.read_prefix(limit).await?;
        if whole { Ok(prefix) } else { Err(CollectError::TooLarge { limit }) }
    }

    /// Reads at most `limit` bytes for a look and puts them back, so that the body can still be read
    /// from its start. Answers what was read and whether that was all.
    ///
    /// # Errors
    ///
    /// [`TransportError`] when the body broke off; what was read before is put back too.
    pub async fn peek(&mut self, limit: usize) -> Result<(Bytes, bool), TransportError> {
        let (prefix, whole) = self.read_prefix(limit).await?;
        let rest = match std::mem::replace(&mut self.0, Inner::Bytes(None)) {
            Inner::Bytes(bytes) => bytes.map(|bytes| Box::pin(Once(Some(bytes))) as ByteStream),
            Inner::Stream(stream) => Some(stream),
            Inner::Rewound(pushed, stream) => match pushed {
                // More than `limit` came in one chunk: the tail goes back in front of the rest.
                Some(tail) => Some(Box::pin(Chain(Some(tail), stream)) as ByteStream),
                None => stream,
            },
        };
        self.0 = Inner::Rewound(Some(prefix.clone()), if whole { None } else { rest });
        Ok((prefix, whole))
    }

    async fn read_prefix(&mut self, limit: usize) -> Result<(Bytes, bool), TransportError> {
        let mut read = BytesMut::new();
        let mut first: Option<Bytes> = None;
        loop {
            let Some(mut chunk) = self.chunk().await? else {
                return Ok((first.unwrap_or_else(|| read.freeze()), true));
            };
            let so_far = first.as_ref().map_or(read.len(), Bytes::len);
            if so_far + chunk.len() > limit {
                let tail = chunk.split_off(limit - so_far);
                self.push_back(tail);
                gather(&mut first, &mut read, chunk);
                return Ok((first.unwrap_or_else(|| read.freeze()), false));
            }
            gather(&mut first, &mut read, chunk);
        }
    }

    fn push_back(&mut self, tail: Bytes) {
        let rest = match std::mem::replace(&mut self.0, Inner::Bytes(None)) {
            Inner::Stream(stream) => Some(stream),
            Inner::Rewound(_, stream) => stream,
            Inner::Bytes(_) => None,
        };
        self.0 = Inner::Rewound(Some(tail), rest);
    }
}

/// Keeps a body of one chunk, the usual case, without copying it.
fn gather(first: &mut Option<Bytes>, read: &mut BytesMut, chunk: Bytes) {
    match first.take() {
        None if read.is_empty() => *first = Some(chunk),
        Some(head) => {
            read.extend_from_slice(&head);
            read.extend_from_slice(&chunk);
        }
        None => read.extend_from_slice(&chunk),
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut self.0 {
            Inner::Bytes(bytes) => Poll::Ready(bytes.take().map(Ok)),
            Inner::Stream(stream) => stream.as_mut().poll_next(cx),
            Inner::Rewound(prefix, rest) => match (prefix.take(), rest) {
                (Some(prefix), _) => Poll::Ready(Some(Ok(prefix))),
                (None, Some(rest)) => rest.as_mut().poll_next(cx),
                (None, None) => Poll::Ready(None),
            },
        }
    }
}

struct Once(Option<Bytes>);

impl Stream for Once {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

struct Chain(Option<Bytes>, Option<ByteStream>);

impl Stream for Chain {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(head) = self.0.take() {
            return Poll::Ready(Some(Ok(head)));
        }
        self.1.as_mut().map_or(Poll::Ready(None), |rest| rest.as_mut().poll_next(cx))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self(Inner::Bytes(Some(bytes)))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Body")
    }
}

/// Why a body could not be collected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CollectError {
    /// It is larger than the reader accepts.
    #[error("body larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// It broke off.
    #[error(transparent)]
    Transport(#[from] TransportError),
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chunks(Vec<Bytes>);

    impl Stream for Chunks {
        type Item = Result<Bytes, TransportError>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(if self.0.is_empty() { None } else { Some(Ok(self.0.remove(0))) })
        }
    }

    fn body(chunks: &[&'static str]) -> Body {
        Body::stream(Box::pin(Chunks(
            chunks.iter().map(|text| Bytes::from_static(text.as_bytes())).collect(),
        )))
    }

    fn now<F: Future>(future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        match future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(output) => output,
            Poll::Pending => panic!("the future waits"),
        }
    }

    #[test]
    fn a_body_that_was_looked_at_still_reads_from_its_start() {
        for limit in [0, 1, 3, 4, 6, 100] {
            let mut body = body(&["abc", "def"]);
            let (seen, whole) = now(body.peek(limit)).unwrap();
            assert_eq!(seen, "abcdef".as_bytes()[..limit.min(6)], "limit {limit}");
            assert_eq!(whole, limit >= 6, "limit {limit}");
            assert_eq!(now(body.collect(100)).unwrap(), "abcdef", "limit {limit}");
        }
    }

    #[test]
    fn a_body_past_the_limit_is_not_collected() {
        assert_eq!(now(body(&["abc", "def"]).collect(5)), Err(CollectError::TooLarge { limit: 5 }));
        assert_eq!(now(body(&["abc", "def"]).collect(6)).unwrap(), "abcdef");
    }
}
