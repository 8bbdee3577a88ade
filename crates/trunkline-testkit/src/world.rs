//! The provider in a hub, on a store in memory.

use std::sync::Arc;
use std::time::Duration;

use trunkline::{
    BrowserSession, Callback, Connect, Connection, ConsentRequest, ConsentStep, Error, KeyRing, MemoryStore,
    Trunkline,
};
use trunkline_core::{ConsentKind, Inputs};

use crate::crash::{CrashPoints, watched};
use crate::profile::Ability;
use crate::rule::Failure;
use crate::service::Line;
use crate::stage::{CONNECTOR, Stage, settings};

/// Longer than any access token of the hostile service lives, unless a rule says otherwise.
pub(crate) const LONG: Duration = Duration::from_secs(2 * 3_600);

/// A hub and the store below it, which another hub may share.
pub(crate) struct World<'a> {
    stage: &'a Stage,
    pub(crate) trunkline: Trunkline,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) method: &'static str,
}

impl<'a> World<'a> {
    pub(crate) async fn new(stage: &'a Stage) -> Result<Self, Failure> {
        let store = Arc::new(MemoryStore::with_clock(Arc::new(stage.clock.clone())));
        Self::on(stage, store, None).await
    }

    /// A process of its own on a store that may be there already.
    pub(crate) async fn on(
        stage: &'a Stage,
        store: Arc<MemoryStore>,
        points: Option<Arc<CrashPoints>>,
    ) -> Result<Self, Failure> {
        let config = (stage.profile.configured)(&settings::file(&stage.profile, &stage.settings));
        let config = config.map_err(|error| error.to_string())?;
        let trunkline = Trunkline::builder()
            .config(config)
            .store(watched(store.clone(), points))
            .keys(KeyRing::new([7; 32]))
            .clock(stage.clock.clone())
            .transport(stage.service.line(Line::Api))
            .token_transport(stage.service.line(Line::Token))
            .upkeep(None)
            .probes(None)
            .build()
            .await
            .map_err(|error| format!("the hub is not built: {error}"))?;
        let method = Self::method(stage)?;
        stage.service.on_reuse(stage.reuse(method)?);
        stage.service.shows_codes(stage.auth(method)?.consent() == ConsentKind::Device);
        stage.service.gives_refresh_token(stage.gives_refresh_token(method)?);
        Ok(Self { stage, trunkline, store, method })
    }

    /// The way to hold a grant that is tried: one with a refresh token, if there is any.
    fn method(stage: &Stage) -> Result<&'static str, Failure> {
        let methods = stage.methods()?;
        let with = stage.methods_with_refresh_token()?.ok().and_then(|methods| methods.first().copied());
        Ok(with.unwrap_or(methods[0]))
    }

    /// A path that the hostile API answers to whoever has a living token.
    pub(crate) fn path(&self) -> &str {
        &self.stage.profile.api_path
    }

    async fn asks(&self, tenant: &str, account: usize) -> Result<(Connect, Inputs), Failure> {
        self.stage.service.signs_in(account);
        let inputs = self.stage.inputs(account);
        let mut connect = self.trunkline.tenant(tenant).connect(CONNECTOR).method(self.method);
        for (name, value) in inputs.iter() {
            connect = connect.input(name, value.expose());
        }
        let connect = connect.await.map_err(|error| format!("connect failed: {error}"))?;
        Ok((connect, inputs))
    }

    /// Connects the first account for a tenant, with a consent if one is needed.
    pub(crate) async fn connect(&self, tenant: &str) -> Result<Connection, Failure> {
        self.connect_as(tenant, 0).await?.map_err(|error| Failure(format!("the consent failed: {error}")))
    }

    pub(crate) async fn connect_as(
        &self,
        tenant: &str,
        account: usize,
    ) -> Result<Result<Connection, Error>, Failure> {
        let (connect, inputs) = self.asks(tenant, account).await?;
        match connect {
            Connect::Ready(connection) => Ok(Ok(connection)),
            Connect::NeedsConsent(request) => self.consents(&request, &inputs).await,
            other => Err(Failure(format!("connect answers {other:?}"))),
        }
    }

    /// What `connect` says without giving a consent.
    pub(crate) async fn looks(&self, tenant: &str) -> Result<Connect, Failure> {
        Ok(self.asks(tenant, 0).await?.0)
    }

    async fn consents(
        &self,
        request: &ConsentRequest,
        inputs: &Inputs,
    ) -> Result<Result<Connection, Error>, Failure> {
        let browser = BrowserSession::random().map_err(|error| error.to_string())?;
        let step =
            request.begin(&browser).await.map_err(|error| format!("the consent did not begin: {error}"))?;
        let callback = match &step {
            ConsentStep::Redirect { url } => {
                let query = self.stage.service.approves(url);
                Callback::from_query(&query).map_err(|error| error.to_string())?
            }
            ConsentStep::Form { state, .. } => Callback::from_form(state, inputs),
            ConsentStep::Device { state, user_code, .. } => {
                self.stage.service.enters(user_code);
                Callback::from_form(state, &Inputs::default())
            }
            _ => return Err("a consent step that this kit does not know".into()),
        };
        Ok(self.trunkline.complete(callback, &browser).await.map(|completed| completed.connection))
    }

    /// Every way through the hub that a connection takes in its life.
    pub(crate) async fn tour(&self) -> Result<(), Failure> {
        let connection = self.connect("acme").await?;
        // What comes of each call is other rules' matter.
        drop(connection.get(self.path()).send().await);
        self.stage.service.rejects_access_tokens();
        drop(connection.get(self.path()).send().await);
        self.stage.clock.advance(LONG);
        drop(connection.access_token().await);
        self.stage.service.revokes_all();
        self.stage.clock.advance(LONG);
        drop(connection.get(self.path()).send().await);
        drop(self.looks("acme").await?);
        drop(connection.disconnect().await);
        drop(self.trunkline.shutdown(Duration::from_secs(30)).await);
        Ok(())
    }

    /// Why there is no renewal to watch, if there is none.
    pub(crate) fn without_renewal(&self) -> Option<String> {
        self.stage.profile.lack(Ability::Renewal)
    }

    /// Whether a person gives the consent on a page of the service.
    pub(crate) fn is_on_a_page(&self) -> Result<bool, Failure> {
        Ok(matches!(self.stage.auth(self.method)?.consent(), ConsentKind::Redirect | ConsentKind::Device))
    }
}
