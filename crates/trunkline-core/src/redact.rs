//! Takes what a request carried out of what a service answers: some quote it, and an answer is shown.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderMap, HeaderValue};
use url::form_urlencoded;

use crate::{Body, Prepared, Secret, TransportError};

const REDACTED: &[u8] = b"[redacted]";

/// Shorter ones would take ordinary words out of a text, and so give themselves away.
const MIN_BYTES: usize = 8;

/// The secrets that a request carried, in each way in which they are likely to be quoted.
///
/// What is shorter than 8 bytes is not looked for.
#[derive(Debug, Clone, Default)]
pub struct SentSecrets(Vec<Secret>);

impl SentSecrets {
    /// Those that requests with this credential carry. Of HTTP Basic that is the pair as well, and its two parts.
    #[must_use]
    pub fn of(prepared: &Prepared) -> Self {
        let mut secrets = Vec::new();
        for (_, value) in prepared.headers() {
            let Ok(value) = value.to_str() else { continue };
            let (scheme, token) = value.split_once(' ').unwrap_or(("", value));
            secrets.push(Secret::new(token));
            let pair = STANDARD.decode(token).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
            if let Some(pair) = pair.and_then(|pair| String::from_utf8(pair).ok()).map(Secret::new) {
                let parts = pair.expose().split(':').map(Secret::new).collect::<Vec<_>>();
                secrets.extend([pair].into_iter().chain(parts));
            }
        }
        // What only signs is sent as well where a signer puts it into the query.
        secrets.extend(prepared.private_values().cloned());
        Self::new(&secrets)
    }

    fn new(secrets: &[Secret]) -> Self {
        let mut all: Vec<Secret> = secrets.iter().flat_map(Secret::spellings).collect();
        all.retain(|secret| secret.expose().len() >= MIN_BYTES);
        // The longest first: one may hold another.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose().len()));
        Self(all)
    }

    /// `text` without them; `None` where none is in it. A text that was cut may end within one: its beginning, of 8
    /// bytes or more, is taken out too.
    #[must_use]
    pub fn clean(&self, text: &[u8]) -> Option<Vec<u8>> {
        let cleaned = self.whole(text);
        let text = cleaned.as_deref().unwrap_or(text);
        let cut = |secret: &Secret| {
            let secret = secret.expose().as_bytes();
            (MIN_BYTES..secret.len()).rev().find(|length| text.ends_with(&secret[..*length]))
        };
        match self.0.iter().filter_map(cut).max() {
            Some(length) => Some([&text[..text.len() - length], REDACTED].concat()),
            None => cleaned,
        }
    }

    /// Headers without them; `None` where none is in one.
    #[must_use]
    pub fn clean_headers(&self, headers: &HeaderMap) -> Option<HeaderMap> {
        let mut cleaned = None;
        for value in headers.values() {
            if self.whole(value.as_bytes()).is_some() {
                cleaned = Some(headers.clone());
                break;
            }
        }
        let mut headers = cleaned?;
        for value in headers.values_mut() {
            if let Some(text) = self.whole(value.as_bytes()) {
                *value = HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("[redacted]"));
            }
        }
        Some(headers)
    }

    /// A body without them, cleaned while it is read.
    #[must_use]
    pub fn clean_body(self, body: Body) -> Body {
        if self.0.is_empty() {
            return body;
        }
        Body::stream(Box::pin(Cleaned { secrets: self, body, held: Vec::new(), ended: false }))
    }

    fn whole(&self, text: &[u8]) -> Option<Vec<u8>> {
        let mut cleaned: Option<Vec<u8>> = None;
        for secret in &self.0 {
            let secret = secret.expose().as_bytes();
            let text = cleaned.as_deref().unwrap_or(text);
            if find(text, secret).is_some() {
                cleaned = Some(replaced(text, secret));
            }
        }
        cleaned
    }

    fn longest(&self) -> usize {
        self.0.first().map_or(0, |secret| secret.expose().len())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

fn replaced(mut text: &[u8], secret: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    while let Some(at) = find(text, secret) {
        out.extend_from_slice(&text[..at]);
        out.extend_from_slice(REDACTED);
        text = &text[at + secret.len()..];
    }
    out.extend_from_slice(text);
    out
}

impl Secret {
    /// The ways in which others write it: as it is, percent-encoded, and with slashes escaped as JSON may have them.
    pub fn spellings(&self) -> impl Iterator<Item = Self> + use<> {
        let plain = self.expose();
        let encoded: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
        let lower = encoded.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d");
        let escaped = plain.replace('/', "\\/");
        let mut all = vec![self.clone()];
        for text in [encoded, lower, escaped].map(Self::new) {
            if !all.contains(&text) {
                all.push(text);
            }
        }
        all.into_iter()
    }
}

/// Holds back as many bytes as a secret that is not whole yet can have.
struct Cleaned {
    secrets: SentSecrets,
    body: Body,
    held: Vec<u8>,
    ended: bool,
}

impl Stream for Cleaned {
    type Item = Result<Bytes, TransportError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        while !this.ended {
            let Some(chunk) = ready!(Pin::new(&mut this.body).poll_next(cx)).transpose()? else {
                this.ended = true;
                break;
            };
            this.held.extend_from_slice(&chunk);
            if let Some(cleaned) = this.secrets.whole(&this.held) {
                this.held = cleaned;
            }
            let ready = (this.held.len() + 1).saturating_sub(this.secrets.longest());
            if ready > 0 {
                let rest = this.held.split_off(ready);
                return Poll::Ready(Some(Ok(std::mem::replace(&mut this.held, rest).into())));
            }
        }
        let rest = std::mem::take(&mut this.held);
        Poll::Ready((!rest.is_empty()).then(|| Ok(this.secrets.clean(&rest).unwrap_or(rest).into())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use http::HeaderName;

    use super::*;

    const TOKEN: &str = "ab/cd+ef==12";

    fn sent() -> SentSecrets {
        SentSecrets::of(&Prepared::authorization("Bearer", &Secret::new(TOKEN)).unwrap())
    }

    fn cleaned(secrets: &SentSecrets, text: &str) -> String {
        let cleaned = secrets.clean(text.as_bytes()).unwrap_or_else(|| text.as_bytes().to_vec());
        String::from_utf8(cleaned).unwrap()
    }

    #[test]
    fn what_was_sent_is_taken_out_however_it_is_written() {
        for text in ["ab/cd+ef==12", "ab%2Fcd%2Bef%3D%3D12", "ab%2fcd%2bef%3d%3d12", "ab\\/cd+ef==12"] {
            assert_eq!(
                cleaned(&sent(), &format!("a {text} b {text}")),
                "a [redacted] b [redacted]",
                "{text}"
            );
        }
        assert_eq!(cleaned(&sent(), "it ends in ab/cd+ef"), "it ends in [redacted]");
        assert_eq!(sent().clean(b"ab/cd is no secret"), None);
    }

    #[test]
    fn of_basic_the_pair_and_its_parts_are_taken_out() {
        // "name-of-a-user:pass-word-1"
        let line = Secret::new("bmFtZS1vZi1hLXVzZXI6cGFzcy13b3JkLTE=");
        let secrets = SentSecrets::of(&Prepared::authorization("Basic", &line).unwrap());
        for text in [line.expose(), "name-of-a-user:pass-word-1", "pass-word-1", "name-of-a-user"] {
            assert_eq!(cleaned(&secrets, text), "[redacted]");
        }
    }

    #[test]
    fn a_word_is_no_secret() {
        let prepared =
            Prepared::none().header(HeaderName::from_static("x-key"), &Secret::new("invalid")).unwrap();
        assert_eq!(SentSecrets::of(&prepared).clean(b"the key is invalid"), None);
    }

    #[test]
    fn a_body_is_cleaned_wherever_its_chunks_end() {
        struct Chunks(VecDeque<Bytes>);

        impl Stream for Chunks {
            type Item = Result<Bytes, TransportError>;

            fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
                Poll::Ready(self.0.pop_front().map(Ok))
            }
        }

        let text = format!("{{\"token\":\"{TOKEN}\",\"again\":\"{TOKEN}\"}}");
        for size in 1..text.len() {
            let chunks = text.as_bytes().chunks(size).map(Bytes::copy_from_slice).collect();
            let body = sent().clean_body(Body::stream(Box::pin(Chunks(chunks))));
            let collect = std::pin::pin!(body.collect(1_000));
            let Poll::Ready(read) = collect.poll(&mut Context::from_waker(std::task::Waker::noop())) else {
                panic!("nothing waits")
            };
            assert_eq!(read.unwrap(), r#"{"token":"[redacted]","again":"[redacted]"}"#, "{size}");
        }
    }
}
