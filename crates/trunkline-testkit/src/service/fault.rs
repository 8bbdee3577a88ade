//! What a request can meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream;
use trunkline_core::bytes::Bytes;
use trunkline_core::{Body, TransportError};

use crate::script::Sent;

/// An endless body ends after so many bytes all the same, so that a test of who reads it ends, too.
pub(crate) const ENDLESS_BYTES: u64 = 24 << 20;

const CHUNK_BYTES: usize = 64 << 10;

/// What becomes of one request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// It is not sent, and that is known.
    NotSent,
    /// It is lost on its way: nobody knows.
    LostRequest,
    /// The service acts, and its answer is lost.
    LostAnswer,
    /// No answer ever comes.
    Hangs,
    /// The service acts, and its answer takes so long.
    Late(Duration),
    /// The service, or something before it, answers this and does nothing.
    Answer {
        /// The status; it may lie.
        status: u16,
        /// The headers.
        headers: Vec<(&'static str, String)>,
        /// The body.
        body: String,
    },
    /// The service acts, and a part of its answer comes.
    Cut {
        /// How much, in hundredths.
        share: u8,
        /// The body ends there as if it were whole; otherwise the connection breaks.
        is_clean: bool,
    },
    /// A body that is far too large.
    Endless {
        /// The status.
        status: u16,
    },
    /// The answer repeats all that was sent in an error's description, with line breaks and markup.
    Echo {
        /// The status.
        status: u16,
    },
}

impl Fault {
    /// An answer in JSON.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer { status, headers, body: body.to_owned() }
    }

    /// A page for people.
    #[must_use]
    pub fn page(status: u16) -> Self {
        let headers = vec![("content-type", "text/html".to_owned())];
        let body = "<!doctype html><html><title>Sign in to the network</title><p>Please wait.</html>";
        Self::Answer { status, headers, body: body.to_owned() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_owned()));
        }
        self
    }
}

/// A share of a body, broken off or ended.
pub(super) fn cut(body: &str, share: u8, is_clean: bool) -> Body {
    let bytes = body.as_bytes();
    // Never the whole: then nothing would be cut.
    let kept = (bytes.len() * usize::from(share) / 100).min(bytes.len().saturating_sub(1));
    let part = Bytes::copy_from_slice(&bytes[..kept]);
    let end = (!is_clean).then(|| Err(TransportError::Unknown("the connection broke".to_owned())));
    Body::stream(Box::pin(stream::iter([Ok(part)].into_iter().chain(end))))
}

/// Opening brackets without an end; counts what is read of them.
pub(super) fn endless(swallowed: Arc<AtomicU64>) -> Body {
    let chunk = Bytes::from(vec![b'['; CHUNK_BYTES]);
    let chunks = std::iter::repeat_n(chunk, usize::try_from(ENDLESS_BYTES).unwrap_or(0) / CHUNK_BYTES);
    Body::stream(Box::pin(stream::iter(chunks.map(move |chunk| {
        swallowed.fetch_add(chunk.len() as u64, Ordering::SeqCst);
        Ok(chunk)
    }))))
}

/// An error that quotes the request: its body, its query and the values of its headers.
pub(super) fn echo(sent: &Sent) -> String {
    let headers = sent.headers.values().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let query = sent.url.query().unwrap_or_default().to_owned();
    let decoded = form_urlencoded::parse(sent.body.as_bytes()).map(|(_, value)| value.into_owned());
    let told: Vec<String> = headers.chain(decoded).chain([query]).filter(|text| !text.is_empty()).collect();
    let description = format!("<b>refused</b>\r\n{}", told.join(" "));
    serde_json::json!({ "error": "invalid_request", "error_description": description }).to_string()
}
