//! Bodies of requests and responses: streams of bytes, bounded where they are collected.

use std::collections::VecDeque;
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
#[derive(Default)]
pub struct Body {
    /// What was read for a look, and is still to be read by the body's owner.
    seen: VecDeque<Bytes>,
    rest: Option<ByteStream>,
}

impl Body {
    /// A body without content.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A body that streams.
    #[must_use]
    pub fn stream(stream: ByteStream) -> Self {
        Self { seen: VecDeque::new(), rest: Some(stream) }
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
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let within =
            |length: usize| if length > limit { Err(CollectError::TooLarge { limit }) } else { Ok(()) };
        within(first.len())?;
        // A body of one chunk, the usual case, is not copied.
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            within(whole.len() + chunk.len())?;
            whole.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }

    /// Reads until at least `limit` bytes are there, for a look with [`seen`](Self::seen): the body
    /// can still be read from its start. A body that breaks off says so to whoever reads that far.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing: what was read stays to be seen and read.
    pub async fn look(&mut self, limit: usize) {
        while self.seen.iter().map(Bytes::len).sum::<usize>() < limit {
            let Some(rest) = &mut self.rest else { return };
            match poll_fn(|cx| rest.as_mut().poll_next(cx)).await {
                Some(Ok(chunk)) => self.seen.push_back(chunk),
                Some(Err(error)) => {
                    self.rest = Some(Box::pin(Broken(Some(error))));
                    return;
                }
                None => self.rest = None,
            }
        }
    }

    /// What [`look`](Self::look) read, at most `limit` bytes of it.
    #[must_use]
    pub fn seen(&self, limit: usize) -> Bytes {
        match self.seen.iter().collect::<Vec<_>>()[..] {
            [] => Bytes::new(),
            [one] => one.slice(..one.len().min(limit)),
            _ => self.seen.iter().flatten().copied().take(limit).collect(),
        }
    }
}

impl Stream for Body {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(chunk) = self.seen.pop_front() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        self.rest.as_mut().map_or(Poll::Ready(None), |rest| rest.as_mut().poll_next(cx))
    }
}

/// The end of a body that broke off while it was looked at.
struct Broken(Option<TransportError>);

impl Stream for Broken {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Err))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { seen: VecDeque::from([bytes]), rest: None }
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
            now(body.look(limit));
            assert_eq!(body.seen(limit), "abcdef".as_bytes()[..limit.min(6)], "limit {limit}");
            assert_eq!(now(body.collect(100)).unwrap(), "abcdef", "limit {limit}");
        }
    }

    #[test]
    fn a_body_that_breaks_off_or_waits_keeps_what_was_seen() {
        let broken = Broken(Some(TransportError::Unknown("reset".to_owned())));
        let mut body = Body { seen: [Bytes::from_static(b"abc")].into(), rest: Some(Box::pin(broken)) };
        now(body.look(100));
        assert_eq!(body.seen(100), "abc");
        assert!(matches!(now(body.collect(100)), Err(CollectError::Transport(_))));

        let mut body = Body { seen: [Bytes::from_static(b"abc")].into(), rest: Some(Box::pin(Silent)) };
        let waits = std::pin::pin!(body.look(100)).poll(&mut Context::from_waker(std::task::Waker::noop()));
        assert!(waits.is_pending());
        assert_eq!(body.seen(2), "ab");
    }

    struct Silent;

    impl Stream for Silent {
        type Item = Result<Bytes, TransportError>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    #[test]
    fn a_body_past_the_limit_is_not_collected() {
        assert_eq!(now(body(&["abc", "def"]).collect(5)), Err(CollectError::TooLarge { limit: 5 }));
        assert_eq!(now(body(&["abc", "def"]).collect(6)).unwrap(), "abcdef");
    }
}
