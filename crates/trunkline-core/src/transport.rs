//! The network, injected.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, Method};
use url::Url;

use crate::body::{Body, RequestBody};

/// One HTTP request.
///
/// `Debug` shows the method and the URL without its query; headers and body may hold secrets.
pub struct Request {
    /// The method.
    pub method: Method,
    /// An absolute URL.
    pub url: Url,
    /// The headers, in full: a transport adds only what HTTP itself needs.
    pub headers: HeaderMap,
    /// The body.
    pub body: RequestBody,
    /// How long the exchange may take, from the call of `send` to the end of the response's body.
    /// `None` leaves it to the transport.
    pub timeout: Option<Duration>,
    /// Whether it may go to the public Internet only. For a URL that somebody else wrote, such as a discovered
    /// endpoint: its host's name may lead into a network of one's own. Default false.
    pub public_only: bool,
}

impl Request {
    /// A request without headers or body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: RequestBody::Empty,
            timeout: None,
            public_only: false,
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({} {}{})", self.method, self.url.host_str().unwrap_or(""), self.url.path())
    }
}

/// Sends requests.
///
/// # Contract
///
/// A transport sends what it is given, once: it follows no redirect, repeats nothing, stores no
/// cookie, and never prints a header or a body. A request that is `public_only` it sends to an address of which
/// [`is_public_address`](crate::is_public_address) is true, or not at all. Connectors and [`AuthProvider`](crate::AuthProvider)s
/// get theirs from the hub and hold none of their own.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends `request` and answers when the response's head has arrived.
    ///
    /// # Errors
    ///
    /// [`TransportError::NotSent`] only when no byte of the request left this machine.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may or may not have sent the request: the outcome is unknown.
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError>;
}

const _: fn(&dyn Transport) = |_| {};

/// Why there is no (whole) response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The request never left: name resolution, connection or TLS failed. Safe to repeat, even a write.
    #[error("request not sent: {0}")]
    NotSent(String),
    /// The request may have been carried out: a timeout, a reset, a cut or unreadable answer.
    #[error("outcome unknown: {0}")]
    Unknown(String),
}
