//! A transmitter that signs whatever it is told to, a service, and a hub that holds grants of it.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod network;
mod service;
mod signer;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use trunkline::{
    BrowserSession, Callback, Config, Connect, Connection, ConsentStep, KeyRing, MemoryStore, Store,
    Trunkline,
};
use trunkline_core::jiff::Timestamp;
use trunkline_core::{Clock, Ticks};
use trunkline_security_events::{Keys, Receiver, Transmitter};

#[allow(unused_imports, reason = "each test binary uses its own part")]
pub(crate) use network::{Network, token};
pub(crate) use service::ServiceConfig;
#[allow(unused_imports, reason = "each test binary uses its own part")]
pub(crate) use signer::{Signer, base64url};

pub(crate) const ISSUER: &str = "https://idp.example.com/";
pub(crate) const AUDIENCE: &str = "636C69656E745F6964";
pub(crate) const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
pub(crate) const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
pub(crate) const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";
pub(crate) const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";
pub(crate) const SET: &str = "application/secevent+jwt";
/// When every test begins, in seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

/// A clock that a test moves.
#[derive(Debug, Clone)]
pub(crate) struct Hands(Arc<AtomicI64>);

impl Hands {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW * 1_000)))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000, Ordering::SeqCst);
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        self.0.load(Ordering::SeqCst) / 1_000
    }
}

impl Clock for Hands {
    fn wall(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0.load(Ordering::SeqCst)).unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(u64::try_from(self.0.load(Ordering::SeqCst)).unwrap() - 1_000_000_000)
    }
}

/// The claims of a good token with one event; a test changes what it is about.
pub(crate) fn claims(event: &str, subject: &Value) -> Value {
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "jti": "756E69717565206964656E746966696572",
        "sub_id": subject, "events": { event: {} },
    })
}

pub(crate) fn ada() -> Value {
    json!({ "format": "iss_sub", "iss": ISSUER, "sub": "ada" })
}

/// One process: a hub on a store, and what it talks to.
pub(crate) struct Stage {
    pub(crate) trunkline: Trunkline,
    pub(crate) clock: Hands,
    pub(crate) network: Network,
    pub(crate) signer: Arc<Signer>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(MemoryStore::new(), Hands::new()).await
    }

    pub(crate) async fn on(store: impl Store + 'static, clock: Hands) -> Self {
        let network = Network::default();
        let trunkline = Trunkline::builder()
            .config(Config::new().connector("service", ServiceConfig::default()).unwrap())
            .store(store)
            .keys(KeyRing::new([7; 32]))
            .clock(clock.clone())
            .transport(network.clone())
            .token_transport(network.clone())
            .upkeep(None)
            .build()
            .await
            .unwrap();
        Self { trunkline, clock, network, signer: Arc::new(Signer::es256("key-1")) }
    }

    pub(crate) fn transmitter(&self) -> Transmitter {
        let keys = Keys::from_document(&self.signer.key_set().to_string()).unwrap();
        Transmitter::new(ISSUER, keys).audience(AUDIENCE, "service")
    }

    pub(crate) fn receiver(&self) -> Receiver {
        self.receiver_of(self.transmitter())
    }

    pub(crate) fn receiver_of(&self, transmitter: Transmitter) -> Receiver {
        let builder = Receiver::builder(&self.trunkline).transmitter(transmitter);
        builder.clock(self.clock.clone()).transport(self.network.clone()).build().unwrap()
    }

    /// A connection of a tenant, whose account at the service is `user`.
    pub(crate) async fn connected(&self, tenant: &str, user: &str) -> Connection {
        let browser = BrowserSession::random().unwrap();
        let Connect::NeedsConsent(request) = self.trunkline.tenant(tenant).connect("service").await.unwrap()
        else {
            panic!("connected before")
        };
        let ConsentStep::Redirect { url } = request.begin(&browser).await.unwrap() else {
            panic!("no redirect")
        };
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        self.network.is(user);
        let callback = Callback::from_query(&format!("code=c&state={state}")).unwrap();
        self.trunkline.complete(callback, &browser).await.unwrap().connection
    }
}
