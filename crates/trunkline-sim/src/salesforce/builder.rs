//! Settings of a simulator, and its start.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use tokio::net::TcpListener;

use super::gateway::Door;
use super::host::{Host, Hosts};
use super::knobs::Knobs;
use super::seed;
use super::simulator::{Inner, Salesforce};
use super::state::World;
use crate::clock::SimClock;
use crate::front::{self, Front};
use crate::random;
use crate::server::Server;

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
            violations: Vec::new(),
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
