//! What a rule is played on: one provider, its hostile service, a clock and a leak detector.

mod attempt;
pub(crate) mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Callback, Captures, Connector, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep,
    Cx, Error, Grant, Held, Inputs, Registration, Registry, Reuse, ScopeSet, Secret, Session,
};

use crate::clock::VirtualClock;
use crate::leak::LeakDetector;
use crate::profile::{Ability, Profile};
use crate::rule::Failure;
use crate::service::{HostileService, Line};

pub(crate) use attempt::{Attempt, Fruit, Op};

/// The name under which the provider is configured.
pub(crate) const CONNECTOR: &str = "under_test";

/// One provider and its adversary.
pub(crate) struct Stage {
    pub(crate) profile: Profile,
    pub(crate) leaks: LeakDetector,
    pub(crate) clock: VirtualClock,
    pub(crate) service: HostileService,
    pub(crate) connector: Arc<dyn Connector>,
    /// The settings as TOML, canaries in place.
    pub(crate) settings: String,
    /// What `Debug` says of the settings, where they are a type that is registered.
    pub(crate) settings_debug: Option<String>,
    checks: AtomicUsize,
}

/// A grant in hand, and all that is needed to use it.
pub(crate) struct Connected {
    pub(crate) auth: Arc<dyn AuthProvider>,
    pub(crate) grant: Grant,
    pub(crate) inputs: Inputs,
    pub(crate) session: Session,
    /// With which the captures were asked for that no token answer brought, if there are any.
    pub(crate) first: Option<Session>,
}

impl Connected {
    pub(crate) fn held(&self) -> Held {
        Held {
            credential: self.grant.credential.clone(),
            captures: self.grant.captures.clone(),
            inputs: self.inputs.clone(),
        }
    }
}

/// A consent on its way, to be completed.
pub(crate) struct Consent {
    pub(crate) ask: ConsentAsk,
    pub(crate) begun: Option<Begun>,
    pub(crate) answer: ConsentAnswer,
}

impl Consent {
    /// Where the person is sent to.
    pub(crate) fn url(&self) -> Option<&Url> {
        match self.begun.as_ref().map(|begun| &begun.step) {
            Some(ConsentStep::Redirect { url }) => Some(url),
            _ => None,
        }
    }

    /// As if nothing had been given.
    pub(crate) fn forget_inputs(&mut self) {
        self.answer.inputs = Inputs::default();
        if self.url().is_none() {
            let state = self.answer.callback.state().cloned();
            self.answer.callback =
                state.map_or_else(Callback::default, |state| Callback::from_form(&state, &Inputs::default()));
        }
    }
}

/// Counts one check, and breaks the rule where it fails.
macro_rules! ensure {
    ($stage:expr, $holds:expr, $($why:tt)+) => {{
        $stage.count_check();
        if !$holds {
            return Err($crate::rule::Failure(format!($($why)+)));
        }
    }};
}
pub(crate) use ensure;

impl Stage {
    pub(crate) fn new(profile: &Profile) -> Result<Self, Failure> {
        let (clock, leaks) = (VirtualClock::new(), LeakDetector::new());
        let settings = settings::filled(profile, &leaks);
        let service = HostileService::new(profile, clock.clone(), leaks.clone());
        let (connector, settings_debug) = settings::build(profile, &settings)?;
        if let Some(signing) = &profile.signing {
            let [id, secret] = signing.client_settings.each_ref().map(|key| settings::text(&settings, key));
            if let Some((id, secret)) = id.zip(secret) {
                service.registers(&id, &secret);
            }
        }
        let stage = Self {
            profile: profile.clone(),
            leaks,
            clock,
            service,
            connector,
            settings,
            settings_debug,
            checks: AtomicUsize::new(0),
        };
        if let Some(secret) = stage.setting("client_secret") {
            stage.service.signs_with(&secret);
        }
        Ok(stage)
    }

    /// The connector of an operator whose secrets are others.
    pub(crate) fn with_other_secrets(&self) -> Result<Arc<dyn Connector>, Failure> {
        let settings = settings::filled(&self.profile, &self.leaks);
        settings::build(&self.profile, &settings).map(|(connector, _)| connector)
    }

    pub(crate) fn count_check(&self) {
        self.checks.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn checks(&self) -> usize {
        self.checks.load(Ordering::SeqCst)
    }

    pub(crate) fn registration(&self) -> Option<&'static Registration> {
        Registry::global().get(&self.profile.provider)
    }

    /// The ways to hold a grant that the settings allow, or those that the profile names.
    pub(crate) fn methods(&self) -> Result<Vec<&'static str>, Failure> {
        let listed = self.connector.info().methods.iter().copied();
        let named = |method: &&str| {
            self.profile.methods.is_empty() || self.profile.methods.iter().any(|m| m == method)
        };
        let methods: Vec<_> =
            listed.filter(named).filter(|method| self.connector.auth(Some(method)).is_some()).collect();
        if methods.is_empty() {
            return Err("with these settings there is no way to hold a grant".into());
        }
        Ok(methods)
    }

    pub(crate) fn auth(&self, method: &str) -> Result<Arc<dyn AuthProvider>, Failure> {
        let auth = self.connector.auth(Some(method));
        auth.ok_or_else(|| Failure(format!("there is no way to hold a grant called {method}")))
    }

    /// The ways to hold a grant whose consent has this shape.
    pub(crate) fn methods_by(&self, kind: ConsentKind) -> Result<Vec<&'static str>, Failure> {
        let methods = self.methods()?.into_iter();
        methods
            .filter_map(|method| {
                self.auth(method).map(|auth| (auth.consent() == kind).then_some(method)).transpose()
            })
            .collect()
    }

    /// Whether the service gives grants that are held so a refresh token.
    pub(crate) fn gives_refresh_token(&self, method: &str) -> Result<bool, Failure> {
        let by_person = matches!(self.auth(method)?.consent(), ConsentKind::Redirect | ConsentKind::Device);
        Ok(self.profile.refresh_tokens.get(method).copied().unwrap_or(by_person))
    }

    /// What a spent refresh token does: as the profile states it, or the connector.
    pub(crate) fn reuse(&self, method: &str) -> Result<Reuse, Failure> {
        Ok(self.profile.facts.reuse.unwrap_or(self.auth(method)?.policy().reuse))
    }

    /// The ways to hold a grant that come with a refresh token, or why there is none.
    pub(crate) fn methods_with_refresh_token(&self) -> Result<Result<Vec<&'static str>, String>, Failure> {
        if let Some(why) = self.profile.lack(Ability::Renewal) {
            return Ok(Err(why));
        }
        let mut with = Vec::new();
        for method in self.methods()? {
            if self.gives_refresh_token(method)? {
                with.push(method);
            }
        }
        Ok(if with.is_empty() { Err("the service gives no refresh token".to_owned()) } else { Ok(with) })
    }

    pub(crate) fn token_cx(&self) -> Cx {
        Cx::new(CONNECTOR, Arc::new(self.service.line(Line::Token)), Arc::new(self.clock.clone()))
    }

    pub(crate) fn api_cx(&self) -> Cx {
        Cx::new(CONNECTOR, Arc::new(self.service.line(Line::Api)), Arc::new(self.clock.clone()))
    }

    /// What the application or the tenant gives, for the account that signs in; keys are accepted by the API.
    pub(crate) fn inputs(&self, account: usize) -> Inputs {
        let mut inputs = Inputs::default();
        for (name, value) in &self.profile.inputs {
            let mut value = self.profile.filled(value, &self.profile.accounts[account]);
            for (secret, text) in &self.profile.secrets {
                let placeholder = format!("{{{secret}}}");
                if value.contains(&placeholder) {
                    if self.leaks.find(text).is_empty() {
                        self.leaks.know(&format!("input {name}"), text);
                    }
                    self.service.signs_in(account);
                    self.service.accepts(text);
                    value = value.replace(&placeholder, text);
                }
            }
            if value.contains("{canary}") {
                let canary = self.leaks.canary(&format!("input {name}"));
                self.service.signs_in(account);
                self.service.accepts(&canary);
                value = value.replace("{canary}", &canary);
            }
            inputs.insert(name, Secret::new(value));
        }
        self.sign_with(&inputs, account);
        inputs
    }

    /// Tells the service what is signed with, where that is given.
    fn sign_with(&self, inputs: &Inputs, account: usize) {
        let Some(signing) = &self.profile.signing else { return };
        let given = |names: &Option<[String; 2]>| {
            let [one, other] = names.as_ref()?;
            Some((inputs.get(one)?.clone(), inputs.get(other)?.clone()))
        };
        if let Some((id, secret)) = given(&signing.client_inputs) {
            self.service.registers(id.expose(), secret.expose());
        }
        if let Some((token, secret)) = given(&signing.token_inputs) {
            self.service.signs_in(account);
            self.service.issues(token.expose(), secret.expose());
        }
    }

    /// Begins a consent and has the person approve it: the answer is ready to be completed.
    pub(crate) async fn consent(&self, auth: &dyn AuthProvider, account: usize) -> Result<Consent, Failure> {
        self.consent_for(auth, account, ScopeSet::default()).await
    }

    /// The same for an application that asks for `scopes` besides.
    pub(crate) async fn consent_for(
        &self,
        auth: &dyn AuthProvider,
        account: usize,
        scopes: ScopeSet,
    ) -> Result<Consent, Failure> {
        self.service.signs_in(account);
        let inputs = self.inputs(account);
        let ask = ConsentAsk {
            state: Secret::new(self.leaks.canary("state")),
            scopes,
            inputs: inputs.clone(),
            loopback_port: None,
        };
        if auth.consent() == ConsentKind::Unattended {
            let answer = ConsentAnswer { inputs, ..ConsentAnswer::default() };
            return Ok(Consent { ask, begun: None, answer });
        }
        self.learn().await?;
        self.service.shows_codes(auth.consent() == ConsentKind::Device);
        let begun = auth.begin(&self.token_cx(), &ask).await.map_err(|error| failed("begin", &error))?;
        self.know_pending(&begun);
        let callback = match &begun.step {
            ConsentStep::Redirect { url } => {
                let query = self.service.approves(url);
                Callback::from_query(&query).map_err(|error| failed("the callback", &error))?
            }
            ConsentStep::Form { state, .. } => Callback::from_form(state, &inputs),
            ConsentStep::Device { state, user_code, .. } => {
                self.service.enters(user_code);
                Callback::from_form(state, &Inputs::default())
            }
            _ => return Err("a consent step that this kit does not know".into()),
        };
        let answer = ConsentAnswer {
            callback,
            inputs,
            pending: begun.pending.clone(),
            requested: begun.requested.clone(),
        };
        Ok(Consent { ask, begun: Some(begun), answer })
    }

    /// What has to be kept until the callback is a secret, but for where the callback arrives.
    fn know_pending(&self, begun: &Begun) {
        // RFC 5849, 1.1: an identifier, which the person's browser carries to the service.
        let is_shown = |name: &str| self.profile.signing.is_some() && name == "oauth_token";
        for (name, value) in begun.pending.iter().filter(|(name, _)| !is_shown(name)) {
            if Url::parse(value.expose()).is_err() {
                self.leaks.know(&format!("pending {name}"), value.expose());
            }
        }
    }

    /// Lets the connector learn what the service publishes.
    pub(crate) async fn learn(&self) -> Result<(), Failure> {
        self.connector.ready(&self.api_cx()).await.map_err(|error| failed("ready", &error))
    }

    /// A grant of this account, made as it should be.
    pub(crate) async fn connected_as(&self, method: &str, account: usize) -> Result<Connected, Failure> {
        let auth = self.auth(method)?;
        self.service.gives_refresh_token(self.gives_refresh_token(method)?);
        let consent = self.consent(&*auth, account).await?;
        self.learn().await?;
        let grant = auth.complete(&self.token_cx(), &consent.answer).await;
        let grant = grant.map_err(|error| failed("complete", &error))?;
        self.use_grant(auth, grant, consent.answer.inputs).await
    }

    pub(crate) async fn connected(&self, method: &str) -> Result<Connected, Failure> {
        self.connected_as(method, 0).await
    }

    /// A session with a grant, after what the hub asks first.
    pub(crate) async fn use_grant(
        &self,
        auth: Arc<dyn AuthProvider>,
        mut grant: Grant,
        inputs: Inputs,
    ) -> Result<Connected, Failure> {
        let prepared = auth.prepare(&grant.credential).map_err(|error| failed("prepare", &error))?;
        let session = |endpoint, captures: &Captures| {
            let transport = Arc::new(self.service.line(Line::Api));
            let clock = Arc::new(self.clock.clone());
            Session::new(transport, clock, Arc::clone(&auth), endpoint, prepared.clone(), captures.clone())
        };
        let missing = self.connector.capture_endpoint(&grant.captures);
        let mut first = None;
        if let Some(endpoint) = missing.map_err(|error| failed("capture_endpoint", &error))? {
            let asks = session(endpoint, &grant.captures);
            let told = self.connector.capture(&self.api_cx(), &asks, &inputs).await;
            grant.captures.extend(&told.map_err(|error| failed("capture", &error))?);
            if self.connector.capture_endpoint(&grant.captures).is_ok_and(|missing| missing.is_some()) {
                return Err("capture does not bring the captures that it is asked for".into());
            }
            first = Some(asks);
        }
        let endpoint =
            self.connector.endpoint(&grant.captures).map_err(|error| failed("endpoint", &error))?;
        let session = session(endpoint, &grant.captures);
        Ok(Connected { auth, grant, inputs, session, first })
    }

    /// The origins that requests may go to: those of the URLs in the settings, in the token answers, and named besides.
    pub(crate) fn origins(&self) -> Vec<trunkline_core::url::Origin> {
        let profile = &self.profile;
        let members = profile.token_members.iter().filter_map(|(_, value)| value.as_str());
        let members = members.flat_map(|text| profile.accounts.iter().map(|who| profile.filled(text, who)));
        let urls =
            settings::urls(&self.settings).into_iter().chain(members).chain(profile.hosts.iter().cloned());
        urls.filter_map(|url| Url::parse(&url).ok()).filter(Url::has_host).map(|url| url.origin()).collect()
    }

    /// A text of the settings.
    pub(crate) fn setting(&self, key: &str) -> Option<String> {
        settings::text(&self.settings, key)
    }

    /// Whether a request with this method and path changes nothing at the service.
    pub(crate) fn is_read(&self, method: &str, path: &str) -> bool {
        matches!(method, "GET" | "HEAD" | "OPTIONS")
            || (method == "POST" && self.profile.reads_by_post.iter().any(|known| path.ends_with(known)))
    }

    /// Fails if a secret is in `text`.
    pub(crate) fn hides(&self, what: &str, text: &str) -> Result<(), Failure> {
        self.count_check();
        match self.leaks.find(text).first() {
            None => Ok(()),
            Some(leak) => Err(Failure(format!("{what}: {leak}"))),
        }
    }
}

/// A step failed that no fault stood in the way of.
pub(crate) fn failed(what: &str, error: &Error) -> Failure {
    Failure(format!("{what} failed though the service did its part: {error}"))
}
