//! Keeps what a service publishes about itself, for a while.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::lock::Mutex;
use trunkline_core::{Cause, Cx, Diagnosis, Endpoint, Error, Ticks};

use crate::config::OAuth2Config;
use crate::discovery::{self, Metadata};
use crate::server::{self, Server};

/// How long the issuer is left alone after it could not be asked.
const PAUSE: Duration = Duration::from_secs(10);

/// One configured service.
pub(crate) struct Service {
    pub(crate) config: OAuth2Config,
    /// Where requests go as long as nothing is discovered.
    endpoint: Arc<Endpoint>,
    known: RwLock<Known>,
    /// One question at a time; everyone else waits for its answer.
    turn: Mutex<()>,
}

/// What is known, and until when it is good.
#[derive(Default)]
struct Known {
    server: Option<Arc<Server>>,
    until: Option<Ticks>,
    failure: Option<Error>,
}

impl Service {
    /// Checks the settings together. What needs no discovery is there at once.
    pub(crate) fn new(config: OAuth2Config) -> Result<Self, Error> {
        config.check()?;
        // Also where endpoints are still to be discovered: a key that signs nothing is told now.
        config.signing_key()?;
        let endpoint = server::endpoint(&config, config.userinfo_endpoint.as_ref())?;
        let server = match config.discovers() {
            Some(_) => None,
            None => Some(Arc::new(Server::new(&config, &Metadata::default())?)),
        };
        let until = server.is_some().then_some(Ticks::NEVER);
        let known = RwLock::new(Known { server, until, failure: None });
        Ok(Self { config, endpoint: Arc::new(endpoint), known, turn: Mutex::new(()) })
    }

    /// Where requests go.
    pub(crate) fn endpoint(&self) -> Arc<Endpoint> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.server.as_ref().map_or(&self.endpoint, |server| &server.endpoint).clone()
    }

    /// The service as it is known.
    ///
    /// # Errors
    ///
    /// [`Cause::ServiceUnavailable`] when nothing was discovered yet.
    pub(crate) fn server(&self) -> Result<Arc<Server>, Error> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.server.clone().ok_or_else(|| {
            Diagnosis::new(Cause::ServiceUnavailable).message("the endpoints are not discovered yet").into()
        })
    }

    /// Discovers, if that is due. A failure leaves what was known, which serves on.
    pub(crate) async fn ready(&self, cx: &Cx) -> Result<(), Error> {
        let Some(issuer) = self.config.discovers() else { return Ok(()) };
        if let Some(answer) = self.answer(cx) {
            return answer;
        }
        let _turn = self.turn.lock().await;
        // Whoever had the turn before has asked.
        if let Some(answer) = self.answer(cx) {
            return answer;
        }
        let found = discovery::discover(cx, issuer).await.and_then(|metadata| {
            let server = Server::new(&self.config, &metadata);
            server.map_err(|error| {
                let said = error.to_string();
                Error::from(Diagnosis::new(Cause::ConfigurationInvalid).message(&said)).caused_by(error)
            })
        });
        let now = cx.clock().coarse();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match found {
            Ok(mut server) => {
                // Connections share one endpoint, whatever else has changed.
                if let Some(before) = known.server.as_ref().filter(|it| it.endpoint == server.endpoint) {
                    server.endpoint = Arc::clone(&before.endpoint);
                }
                let ttl = Duration::from_secs(self.config.metadata_ttl_s.into());
                *known = Known { server: Some(Arc::new(server)), until: Some(now.plus(ttl)), failure: None };
                Ok(())
            }
            Err(error) => {
                known.until = Some(now.plus(PAUSE));
                known.failure = known.server.is_none().then(|| error.share());
                if known.server.is_some() { Ok(()) } else { Err(error) }
            }
        }
    }

    /// The answer without asking, if it is too early to ask.
    fn answer(&self, cx: &Cx) -> Option<Result<(), Error>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.until.filter(|until| cx.clock().coarse() < *until)?;
        Some(known.failure.as_ref().map_or(Ok(()), |error| Err(error.share())))
    }
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("config", &self.config).finish_non_exhaustive()
    }
}
