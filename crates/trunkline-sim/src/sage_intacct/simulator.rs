//! Starting the simulator, its seeded names, and the person who answers a consent.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::sync::Notify;
use url::Url;

use super::authorize::{Consent, Untrusted};
use super::knobs::Knobs;
use super::state::{App, World};
use super::{API_ROOT, Control, seed};
use crate::clock::SimClock;
use crate::front::{self, Front};
use crate::random;
use crate::server::Server;

/// What the requests and the control API share.
#[derive(Debug)]
pub struct Inner {
    pub(crate) front: Arc<Front>,
    world: Mutex<World>,
    pub(crate) slot_freed: Notify,
}

impl Inner {
    /// The state; never held across an await, so a panic elsewhere is the only way to poison it.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn control(self: &Arc<Self>) -> Control {
        Control { front: Arc::clone(&self.front), inner: Arc::clone(self) }
    }

    /// A person's decision on an authorise URL: who accepts, or `None` to deny.
    pub(crate) fn decide(
        &self,
        authorize_url: &Url,
        accepts: Option<(String, String)>,
    ) -> Result<Url, ConsentRefused> {
        if authorize_url.path() != format!("{API_ROOT}/oauth2/authorize") {
            return Err(ConsentRefused::WrongUrl);
        }
        let now_s = self.front.clock.now_s();
        let mut world = self.world();
        let consent = Consent::parse(&world, authorize_url.query().unwrap_or_default())?;
        Ok(match accepts {
            Some((user, company)) => consent.approve(&mut world, &user, &company, now_s),
            None => consent.deny(),
        })
    }
}

/// Why the authorise endpoint shows an error page instead of redirecting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentRefused {
    /// The URL is not that of the authorise endpoint.
    #[error("not an authorise URL")]
    WrongUrl,
    /// `client_id` is missing or unknown.
    #[error("client_id is missing or unknown")]
    UnknownClient,
    /// `redirect_uri` is not registered, byte for byte.
    #[error("redirect_uri is not registered")]
    UnregisteredRedirectUri,
}

impl From<Untrusted> for ConsentRefused {
    fn from(untrusted: Untrusted) -> Self {
        match untrusted {
            Untrusted::Client => Self::UnknownClient,
            Untrusted::RedirectUri => Self::UnregisteredRedirectUri,
        }
    }
}

/// A running simulator; dropping it closes its port and every connection.
#[derive(Debug)]
pub struct SageIntacct {
    inner: Arc<Inner>,
    server: Server,
    app: App,
    nonproduction: App,
    password: String,
}

impl SageIntacct {
    /// Starts on a free port of 127.0.0.1.
    ///
    /// # Errors
    ///
    /// Fails if no port can be bound.
    pub async fn start() -> std::io::Result<Self> {
        Self::builder().start().await
    }

    /// Settings before the start.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The origin, `http://127.0.0.1:<port>/`; the API lives beneath `/ia/api/v1`.
    #[must_use]
    pub fn url(&self) -> Url {
        self.address_url("/")
    }

    /// Where the control API lives; ends with a slash.
    #[must_use]
    pub fn control_url(&self) -> Url {
        self.address_url("/control/")
    }

    fn address_url(&self, path: &str) -> Url {
        let text = format!("http://{}{path}", self.server.address());
        Url::parse(&text).expect("a socket address makes a URL")
    }

    /// Client id of the production application.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.app.client_id
    }

    /// Its secret, random per start unless the builder named one.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.app.client_secret
    }

    /// The non-production application, which only `acme-corp-sandbox` accepts.
    #[must_use]
    pub fn nonproduction_app(&self) -> &App {
        &self.nonproduction
    }

    /// The seeded company, `acme-corp`.
    #[must_use]
    pub fn company_id(&self) -> &str {
        seed::COMPANY
    }

    /// The seeded Web Services user, `integration`.
    #[must_use]
    pub fn user_id(&self) -> &str {
        seed::USER
    }

    /// `user@company`, as client credentials want it.
    #[must_use]
    pub fn username(&self) -> String {
        format!("{}@{}", seed::USER, seed::COMPANY)
    }

    /// The password of every seeded user, for the consent page.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The control API.
    #[must_use]
    pub fn control(&self) -> Control {
        self.inner.control()
    }

    /// What the seeded user does in the browser: signs in, presses Accept, and is sent to the
    /// callback URL, which is returned and not visited. The service's own refusals arrive there as
    /// `error=…`.
    ///
    /// # Errors
    ///
    /// [`ConsentRefused`] if the service would show an error page instead of redirecting.
    pub async fn approve(&self, authorize_url: &Url) -> Result<Url, ConsentRefused> {
        self.approve_as(authorize_url, seed::USER, seed::COMPANY).await
    }

    /// The same as another user.
    ///
    /// # Errors
    ///
    /// As [`approve`](Self::approve).
    pub async fn approve_as(
        &self,
        authorize_url: &Url,
        user: &str,
        company: &str,
    ) -> Result<Url, ConsentRefused> {
        self.inner.decide(authorize_url, Some((user.to_owned(), company.to_owned())))
    }

    /// Presses Deny.
    ///
    /// # Errors
    ///
    /// As [`approve`](Self::approve).
    pub async fn deny(&self, authorize_url: &Url) -> Result<Url, ConsentRefused> {
        self.inner.decide(authorize_url, None)
    }
}

/// Settings of a simulator before it starts.
#[derive(Debug, Default)]
pub struct Builder {
    listen: Option<SocketAddr>,
    knobs: Knobs,
    client_secret: Option<String>,
    redirect_uris: Option<Vec<String>>,
}

impl Builder {
    /// Address to serve on. Default: a free port of 127.0.0.1.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// Switches. Default: [`Knobs::default`].
    #[must_use]
    pub fn knobs(mut self, knobs: Knobs) -> Self {
        self.knobs = knobs;
        self
    }

    /// Secret of the production application. Default: random per start.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Redirect URIs of both applications. Default: `https://app.example.com/connect/callback` and
    /// `http://127.0.0.1/connect/callback`, the latter with any port.
    #[must_use]
    pub fn redirect_uris<T: Into<String>>(mut self, uris: impl IntoIterator<Item = T>) -> Self {
        self.redirect_uris = Some(uris.into_iter().map(Into::into).collect());
        self
    }

    /// Binds the address and serves.
    ///
    /// # Errors
    ///
    /// Fails if the address cannot be bound.
    pub async fn start(self) -> std::io::Result<SageIntacct> {
        let listen = self.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let (listener, address) = Server::bind(listen).await?;
        let redirect_uris = self.redirect_uris.unwrap_or_else(|| {
            ["https://app.example.com/connect/callback", "http://127.0.0.1/connect/callback"]
                .map(str::to_owned)
                .to_vec()
        });
        let app = |client_secret: Option<String>, production| App {
            client_id: format!("{}.app.sage.com", random::hex::<10>()),
            client_secret: client_secret.unwrap_or_else(random::hex::<32>),
            redirect_uris: redirect_uris.clone(),
            production,
        };
        let (app, nonproduction) = (app(self.client_secret, true), app(None, false));
        let password = random::text::<12>();
        let clock = SimClock::default();
        let world = world(clock.clone(), self.knobs, &app, &nonproduction, &password);
        let inner = Arc::new(Inner {
            front: Arc::new(Front::new(clock)),
            world: Mutex::new(world),
            slot_freed: Notify::new(),
        });
        let router = Router::new().fallback(front::serve::<Inner>).with_state(Arc::clone(&inner));
        let server = Server::run(listener, address, router);
        Ok(SageIntacct { inner, server, app, nonproduction, password })
    }
}

fn world(clock: SimClock, knobs: Knobs, app: &App, nonproduction: &App, password: &str) -> World {
    let companies = seed::companies(password, &app.client_id, &nonproduction.client_id);
    World {
        clock,
        knobs,
        apps: vec![app.clone(), nonproduction.clone()],
        companies: companies.into_iter().map(|company| (company.id.clone(), company)).collect(),
        codes: HashMap::new(),
        grants: Vec::new(),
        refresh_tokens: HashMap::new(),
        sessions: HashMap::new(),
        signing_key: random::hex::<32>().into_bytes(),
        default_user: (seed::USER.to_owned(), seed::COMPANY.to_owned()),
        remembered: HashMap::new(),
        in_flight: HashMap::new(),
        expired_answers: 0,
    }
}
