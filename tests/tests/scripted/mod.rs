//! A hub whose time and network are played: nothing here waits and nothing leaves the process.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]
#![expect(clippy::unwrap_used, reason = "a helper of tests fails by panicking")]

mod connector;
mod service;
mod world;

use trunkline::{
    BrowserSession, Callback, Completed, Config, Connect, Connection, ConsentRequest, ConsentStep, Error,
    KeyRing, MemoryStore, Store, Timings, Trunkline,
};

pub(crate) use connector::PlayedConfig;
pub(crate) use service::{Fate, PlayedService};
pub(crate) use trunkline_testkit::{
    Answer, ScriptedTransport as PlayedTransport, Sent, VirtualClock as PlayedClock, chunks, json, token,
};
pub(crate) use world::{Faults, HOUR, Process, When, World, asking, settled};

pub(crate) struct Stage {
    pub(crate) trunkline: Trunkline,
    pub(crate) clock: PlayedClock,
    pub(crate) api: PlayedTransport,
    pub(crate) tokens: PlayedTransport,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::on(MemoryStore::new()).await
    }

    pub(crate) async fn on(store: impl Store + 'static) -> Self {
        Self::with(store, PlayedClock::new(), Timings::default()).await
    }

    /// Another process on the same store and at the same time has the same clock.
    pub(crate) async fn with(store: impl Store + 'static, clock: PlayedClock, timings: Timings) -> Self {
        Self::of(PlayedConfig::default(), store, clock, timings).await
    }

    pub(crate) async fn of(
        settings: PlayedConfig,
        store: impl Store + 'static,
        clock: PlayedClock,
        timings: Timings,
    ) -> Self {
        let (api, tokens) = (PlayedTransport::default(), PlayedTransport::default());
        let trunkline = Trunkline::builder()
            .config(Config::new().connector("played", settings).unwrap())
            .store(store)
            .keys(KeyRing::new([7; 32]))
            .clock(clock.clone())
            .transport(api.clone())
            .token_transport(tokens.clone())
            .timings(timings)
            .upkeep(None)
            .probes(None)
            .build()
            .await
            .unwrap();
        Self { trunkline, clock, api, tokens }
    }

    pub(crate) async fn request(&self) -> ConsentRequest {
        match self.trunkline.tenant("acme").connect("played").await.unwrap() {
            Connect::NeedsConsent(request) => request,
            other => panic!("{other:?}"),
        }
    }

    /// Begins a consent and answers with the query of the callback.
    pub(crate) async fn begin(&self, request: &ConsentRequest, browser: &BrowserSession) -> String {
        let ConsentStep::Redirect { url } = request.begin(browser).await.unwrap() else {
            panic!("a redirect")
        };
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        format!("code=canary-code&state={state}")
    }

    pub(crate) async fn complete(&self, query: &str, browser: &BrowserSession) -> Result<Completed, Error> {
        self.trunkline.complete(Callback::from_query(query)?, browser).await
    }

    /// A connection of user `ada`, with the token `canary-a1` that lives an hour.
    pub(crate) async fn connected(&self) -> Connection {
        let browser = BrowserSession::random().unwrap();
        let query = self.begin(&self.request().await, &browser).await;
        self.tokens.will(token("canary-a1", "canary-r1", 3600));
        self.api.will(Answer::Http(200, vec![], "ada".to_owned()));
        self.complete(&query, &browser).await.unwrap().connection
    }
}
