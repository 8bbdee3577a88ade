//! Starting the simulator, its seeded names, and the person who answers a consent.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use tokio::net::TcpListener;
use url::Url;

use super::authorize::Consent;
use super::gateway::Door;
use super::host::{Host, Hosts};
use super::knobs::Knobs;
use super::policy::App;
use super::state::{Who, World};
use super::{Control, seed};
use crate::clock::SimClock;
use crate::front::{self, Front};
use crate::random;
use crate::server::Server;

/// What the requests and the control API share.
#[derive(Debug)]
pub struct Inner {
    pub(crate) front: Arc<Front>,
    world: Mutex<World>,
    /// Origins and what is served there.
    hosts: Vec<(String, Host)>,
}

impl Inner {
    /// The state; never held across an await, so a panic elsewhere is the only way to poison it.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn control(self: &Arc<Self>) -> Control {
        Control { front: Arc::clone(&self.front), inner: Arc::clone(self) }
    }

    /// The seeded user, who answers consents unless another is named.
    pub(crate) fn default_user(&self, world: &World) -> Option<Who> {
        world.by_username(seed::USER)
    }

    /// The other of an org's two addresses.
    pub(crate) fn other_address(&self, org: &str, current: &str) -> Option<String> {
        self.hosts.iter().find_map(|(url, host)| match host {
            Host::MyDomain { org: own, .. } if own == org && url != current => Some(url.clone()),
            _ => None,
        })
    }

    /// A person's decision on an authorise URL: who allows, or `None` to deny.
    pub(crate) fn decide(&self, url: &Url, allows: Option<&str>) -> Result<Url, ConsentRefused> {
        let origin = url.origin().ascii_serialization();
        let host = self.hosts.iter().find(|(known, _)| *known == origin).map(|(_, host)| host);
        let host = host.filter(|_| url.path().trim_end_matches('/') == "/services/oauth2/authorize");
        let host = host.ok_or(ConsentRefused::WrongUrl)?;
        let mut world = self.world();
        let consent = Consent::parse(&world, url.query().unwrap_or_default())?;
        let Some(username) = allows else { return Ok(consent.deny(&world)) };
        let who = world.by_username(username).ok_or(ConsentRefused::UnknownUser)?;
        consent.approve(&mut world, host, &who)
    }
}

/// Why the browser does not come back to the callback.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentRefused {
    /// The URL is not that of an authorise endpoint of this simulator.
    #[error("not an authorise URL")]
    WrongUrl,
    /// `client_id` is missing or unknown.
    #[error("client_id is missing or unknown")]
    UnknownClient,
    /// `redirect_uri` is not registered, byte for byte.
    #[error("redirect_uri is not registered")]
    UnregisteredRedirectUri,
    /// There is no user of that name.
    #[error("there is no such user")]
    UnknownUser,
    /// The user signs in at another host: login, test or a My Domain.
    #[error("the user does not sign in at this host")]
    WrongHost,
    /// `RemoteAccessErrorPage`: the app is blocked, not installed, or not approved for the user.
    #[error("the browser stays on an error page: {error}, {description}")]
    ErrorPage {
        /// `error` of the page.
        error: String,
        /// Its `error_description`.
        description: String,
    },
}

/// A running simulator; dropping it closes its ports and every connection.
#[derive(Debug)]
pub struct Salesforce {
    inner: Arc<Inner>,
    servers: Vec<Server>,
    app: App,
    password: String,
    security_token: String,
}

impl Salesforce {
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

    /// The origin where users of production orgs sign in, `http://127.0.0.1:<port>/`. With [`Hosts::One`] it
    /// is everything else too.
    #[must_use]
    pub fn url(&self) -> Url {
        self.address_url("/")
    }

    /// The origin where users of sandboxes sign in.
    #[must_use]
    pub fn test_url(&self) -> Url {
        parsed(&self.inner.world().test_url)
    }

    /// The origin of an org's My Domain, by the org's id or the My Domain's name: its `instance_url`.
    #[must_use]
    pub fn my_domain_url(&self, org: &str) -> Option<Url> {
        self.inner.world().org(org).map(|org| parsed(&org.instance_url))
    }

    /// Where the control API lives; ends with a slash.
    #[must_use]
    pub fn control_url(&self) -> Url {
        self.address_url("/control/")
    }

    fn address_url(&self, path: &str) -> Url {
        let address = self.servers.first().map(Server::address);
        let address = address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        parsed(&format!("http://{address}{path}"))
    }

    /// Consumer key of the app.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.app.client_id
    }

    /// Its consumer secret, random per start unless the builder named one.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.app.client_secret
    }

    /// Long id of the seeded org, whose My Domain is `acme`.
    #[must_use]
    pub fn org_id(&self) -> &str {
        seed::ORG
    }

    /// Long id of the seeded user.
    #[must_use]
    pub fn user_id(&self) -> &str {
        seed::USER_ID
    }

    /// The seeded user, `integration@acme.example`.
    #[must_use]
    pub fn username(&self) -> &str {
        seed::USER
    }

    /// The password of every seeded user.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The security token of every seeded user, to be appended to the password where there is no person.
    #[must_use]
    pub fn security_token(&self) -> &str {
        &self.security_token
    }

    /// The control API.
    #[must_use]
    pub fn control(&self) -> Control {
        self.inner.control()
    }

    /// What the seeded user does in the browser: signs in, presses Allow, and is sent to the callback URL,
    /// which is returned and not visited.
    ///
    /// # Errors
    ///
    /// [`ConsentRefused`] if the browser would not come back.
    pub async fn approve(&self, authorize_url: &Url) -> Result<Url, ConsentRefused> {
        self.approve_as(authorize_url, seed::USER).await
    }

    /// The same as another user, by its username.
    ///
    /// # Errors
    ///
    /// As [`approve`](Self::approve).
    pub async fn approve_as(&self, authorize_url: &Url, username: &str) -> Result<Url, ConsentRefused> {
        self.inner.decide(authorize_url, Some(username))
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

fn parsed(url: &str) -> Url {
    Url::parse(url).expect("a socket address makes a URL")
}

/// Settings of a simulator before it starts.
#[derive(Debug, Default)]
pub struct Builder {
    listen: Option<SocketAddr>,
    hosts: Hosts,
    knobs: Knobs,
    client_secret: Option<String>,
    redirect_uris: Option<Vec<String>>,
    certificate: Option<String>,
}

impl Builder {
    /// Address to serve on. Default: a free port of 127.0.0.1. With [`Hosts::Separate`] it is that of the
    /// login host; the others take free ports beside it.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = Some(address);
        self
    }

    /// How the service's hosts are laid out. Default [`Hosts::One`].
    #[must_use]
    pub fn hosts(mut self, hosts: Hosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Switches. Default: [`Knobs::default`].
    #[must_use]
    pub fn knobs(mut self, knobs: Knobs) -> Self {
        self.knobs = knobs;
        self
    }

    /// Consumer secret of the app. Default: random per start.
    #[must_use]
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Callback URLs of the app. Default: `https://app.example.com/connect/callback`.
    #[must_use]
    pub fn redirect_uris<T: Into<String>>(mut self, uris: impl IntoIterator<Item = T>) -> Self {
        self.redirect_uris = Some(uris.into_iter().map(Into::into).collect());
        self
    }

    /// PEM of the RSA certificate or public key for the JWT bearer flow. Default: none, so that no assertion
    /// is valid.
    #[must_use]
    pub fn certificate(mut self, pem: impl Into<String>) -> Self {
        self.certificate = Some(pem.into());
        self
    }

    /// Binds the addresses and serves.
    ///
    /// # Errors
    ///
    /// Fails if an address cannot be bound.
    pub async fn start(self) -> std::io::Result<Salesforce> {
        let listen = self.listen.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        let mut bound = Bound::default();
        let login = bound.bind(listen, Host::Any).await?;
        let password = random::text::<12>();
        let security_token = random::text::<18>();
        let clock = SimClock::default();
        let mut orgs = seed::orgs(&password, &security_token, clock.now_s());
        let mut test = login.clone();
        if self.hosts == Hosts::Separate {
            bound.play(&login, Host::Login);
            test = bound.bind_beside(listen.ip(), Host::Test).await?;
            for org in &mut orgs {
                let host = |url: &str| Host::MyDomain { org: org.id.clone(), url: url.to_owned() };
                let (current, spare) = (
                    bound.bind_beside(listen.ip(), Host::Any).await?,
                    bound.bind_beside(listen.ip(), Host::Any).await?,
                );
                bound.play(&current, host(&current));
                bound.play(&spare, host(&spare));
                org.instance_url = current;
            }
        } else {
            orgs.iter_mut().for_each(|org| login.clone_into(&mut org.instance_url));
        }
        let redirect_uris = self.redirect_uris.unwrap_or_else(|| vec![seed::CALLBACK.to_owned()]);
        let app = seed::app(self.client_secret, redirect_uris, self.certificate);
        let world = World {
            clock: clock.clone(),
            knobs: self.knobs,
            login_url: login,
            test_url: test,
            apps: vec![app.clone()],
            orgs,
            codes: HashMap::new(),
            grants: Vec::new(),
            refresh_tokens: HashMap::new(),
            sessions: HashMap::new(),
            cursors: HashMap::new(),
            locks: HashSet::new(),
            in_flight: HashMap::new(),
            app_calls: HashMap::new(),
        };
        let (front, world) = (Arc::new(Front::new(clock)), Mutex::new(world));
        let inner = Arc::new(Inner { front, world, hosts: bound.hosts });
        let servers =
            bound.listeners.into_iter().zip(&inner.hosts).map(|((listener, address), (_, host))| {
                let door = Arc::new(Door { inner: Arc::clone(&inner), host: host.clone() });
                let router = Router::new().fallback(front::serve::<Door>).with_state(door);
                Server::run(listener, address, router)
            });
        let servers = servers.collect();
        Ok(Salesforce { inner, servers, app, password, security_token })
    }
}

/// Addresses that are bound but not yet served, and what each will play.
#[derive(Debug, Default)]
struct Bound {
    listeners: Vec<(TcpListener, SocketAddr)>,
    hosts: Vec<(String, Host)>,
}

impl Bound {
    /// Binds an address and returns its origin.
    async fn bind(&mut self, listen: SocketAddr, host: Host) -> std::io::Result<String> {
        let (listener, address) = Server::bind(listen).await?;
        let origin = format!("http://{address}");
        self.listeners.push((listener, address));
        self.hosts.push((origin.clone(), host));
        Ok(origin)
    }

    async fn bind_beside(&mut self, ip: IpAddr, host: Host) -> std::io::Result<String> {
        self.bind(SocketAddr::from((ip, 0)), host).await
    }

    fn play(&mut self, origin: &str, host: Host) {
        if let Some(entry) = self.hosts.iter_mut().find(|(known, _)| known == origin) {
            entry.1 = host;
        }
    }
}
