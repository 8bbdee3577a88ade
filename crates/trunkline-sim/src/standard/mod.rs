//! A service that speaks OAuth 2 as the standards say and nothing else: discovery (RFC 8414), the code with
//! PKCE and an issuer (RFC 7636, 9207), rotating refresh tokens, revocation (RFC 7009), introspection
//! (RFC 7662), UserInfo, and an API with one resource, `/api/hello`.
//!
//! One person, `ada`, uses it, and approves every consent without a page. It keeps its word about refresh tokens: one that comes twice ends its grant.

mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request, Response};
use url::Url;

use crate::exchange::{Call, Outcome, Reply};
use crate::server::Server;
use state::Service;

/// The simulated service, listening on loopback until it is dropped.
#[derive(Debug)]
pub struct Standard {
    server: Server,
    service: Arc<Mutex<Service>>,
}

impl Standard {
    /// Starts it on a free port.
    ///
    /// # Errors
    ///
    /// No port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        Self::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts it on this address; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// The address cannot be bound.
    pub async fn listen(address: SocketAddr) -> std::io::Result<Self> {
        let (listener, address) = Server::bind(address).await?;
        let service = Arc::new(Mutex::new(Service::new(format!("http://{address}"))));
        let router = Router::new().fallback(answer).with_state(service.clone());
        Ok(Self { server: Server::run(listener, address, router), service })
    }

    /// The issuer identifier. Everything else is published under it.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.service().issuer()
    }

    /// Where everything is: `/authorize`, `/token`, `/revoke`, `/introspect`, `/userinfo` and the API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The base URL of the API.
    #[must_use]
    pub fn api_url(&self) -> String {
        format!("{}/api", self.url())
    }

    /// The registered client.
    #[must_use]
    pub fn client_id(&self) -> &'static str {
        state::CLIENT_ID
    }

    /// Its secret.
    #[must_use]
    pub fn client_secret(&self) -> String {
        self.service().client_secret().to_owned()
    }

    /// What `ada`'s browser does with an authorization URL when she approves: the URL it is sent back to.
    /// `None` for a request that the service refuses without a redirect.
    #[must_use]
    pub fn approve(&self, authorize: &Url) -> Option<Url> {
        self.service().approve(authorize)
    }

    /// Access tokens stop serving; refresh tokens live on.
    pub fn expire_access_tokens(&self) {
        self.service().expire_access_tokens();
    }

    /// Every grant is gone, as if `ada` had removed the application.
    pub fn revoke_grants(&self) {
        self.service().revoke_grants();
    }

    /// Whether metadata is answered with 503 from now on.
    pub fn hide_metadata(&self, hidden: bool) {
        self.service().hidden = hidden;
    }

    /// The requests since the start, as `POST /token refresh_token`.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.service().log.clone()
    }

    fn service(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(service): State<Arc<Mutex<Service>>>, request: Request<Body>) -> Response<Body> {
    let reply = match Call::read(request).await {
        Some(call) => service.lock().unwrap_or_else(PoisonError::into_inner).answer(&call),
        None => Reply::empty(413),
    };
    Outcome::Answer(reply).into_response()
}
