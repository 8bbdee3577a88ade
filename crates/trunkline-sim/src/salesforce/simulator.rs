//! A running simulator, its seeded names, and the person who answers a consent.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use url::Url;

use super::authorize::Consent;
use super::builder::Builder;
use super::host::Host;
use super::policy::App;
use super::state::{Who, World};
use super::{Control, seed};
use crate::front::Front;
use crate::server::Server;

/// What the requests and the control API share.
#[derive(Debug)]
pub struct Inner {
    pub(crate) front: Arc<Front>,
    pub(crate) world: Mutex<World>,
    /// Origins and what is served there.
    pub(crate) hosts: Vec<(String, Host)>,
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
    pub(crate) inner: Arc<Inner>,
    pub(crate) servers: Vec<Server>,
    pub(crate) app: App,
    pub(crate) password: String,
    pub(crate) security_token: String,
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

    /// The origin where users of production orgs sign in, `http://127.0.0.1:<port>/`. With
    /// [`Hosts::One`](super::Hosts::One) it is everything else too.
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
