//! The service, played by a transport, so that the application needs no network.

use trunkline_core::http::{Response, StatusCode};
use trunkline_core::{Body, Request, Transport, TransportError, async_trait, bytes::Bytes};

/// The one key that is accepted.
pub const KEY: &str = "acme_canary_0123456789";

/// Knows one user, by their key.
#[derive(Debug)]
pub struct Acme;

#[async_trait]
impl Transport for Acme {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let known = request.headers.get("x-api-key").is_some_and(|key| key.as_bytes() == KEY.as_bytes());
        let (status, body) = match (known, request.url.path()) {
            (false, _) => (StatusCode::UNAUTHORIZED, ""),
            (true, "/whoami") => (StatusCode::OK, "ada@example"),
            (true, "/invoices") => (StatusCode::OK, "none"),
            (true, _) => (StatusCode::NOT_FOUND, ""),
        };
        let mut response = Response::new(Body::from(Bytes::from_static(body.as_bytes())));
        *response.status_mut() = status;
        Ok(response)
    }
}
