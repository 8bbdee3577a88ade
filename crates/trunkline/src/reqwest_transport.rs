//! The transport made of reqwest.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::TryStreamExt;
use trunkline_core::{Body, Error, ErrorKind, Request, RequestBody, Transport, TransportError};

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an API may be silent while it answers.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a token endpoint may take, from the first byte sent to the last received.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Sends through a [`reqwest::Client`] that follows no redirect and repeats nothing.
#[derive(Debug, Clone)]
pub struct ReqwestTransport(reqwest::Client);

impl ReqwestTransport {
    /// For a service's API: pooled connections, 10 s to connect, 60 s of silence at most.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when the TLS library cannot be set up.
    pub fn api() -> Result<Self, Error> {
        Self::build(reqwest::Client::builder().read_timeout(READ_TIMEOUT))
    }

    /// For token endpoints: a fresh connection for each request, since a pooled one that the server
    /// just closed would yield an unknown outcome for nothing; 30 s in all.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unexpected`] when the TLS library cannot be set up.
    pub fn token_endpoint() -> Result<Self, Error> {
        Self::build(reqwest::Client::builder().timeout(TOKEN_TIMEOUT).pool_max_idle_per_host(0))
    }

    fn build(builder: reqwest::ClientBuilder) -> Result<Self, Error> {
        builder
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("trunkline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map(Self)
            .map_err(|error| {
                Error::new(ErrorKind::Unexpected, "the HTTP client cannot be set up")
                    .caused_by(error.without_url())
            })
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let mut sent = reqwest::Request::new(request.method, request.url);
        *sent.headers_mut() = request.headers;
        // Only where there is one: making room for it costs allocations.
        if request.timeout.is_some() {
            *sent.timeout_mut() = request.timeout;
        }
        *sent.body_mut() = match request.body {
            RequestBody::Empty => None,
            RequestBody::Bytes(bytes) => Some(bytes.into()),
            RequestBody::Stream(stream) => Some(reqwest::Body::wrap_stream(stream)),
        };
        let mut received = self.0.execute(sent).await.map_err(failure)?;
        let mut response = http::Response::new(Body::empty());
        *response.status_mut() = received.status();
        *response.version_mut() = received.version();
        *response.headers_mut() = std::mem::take(received.headers_mut());
        *response.body_mut() = Body::stream(Box::pin(received.bytes_stream().map_err(failure)));
        Ok(response)
    }
}

/// Only a failure before the first byte counts as not sent. The URL is left out: its query may hold
/// what must not be shown.
fn failure(error: reqwest::Error) -> TransportError {
    let not_sent = error.is_connect() || error.is_builder();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    if not_sent { TransportError::NotSent(text) } else { TransportError::Unknown(text) }
}
