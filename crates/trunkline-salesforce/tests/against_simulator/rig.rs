//! A network and a clock for tests, and what the hub does between a connector and its provider.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_core::http::{Method, Response};
use trunkline_core::jiff::{SignedDuration, Timestamp};
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Body, BuildConnector, Call, Callback, Captures, Cause, Clock, Connector,
    ConsentAnswer, ConsentAsk, ConsentStep, Cx, Diagnosis, Error, Exchange, Grant, Held, Inputs, Request,
    RequestBody, ScopeSet, Secret, Session, Ticks, Transport, TransportError, async_trait,
};
use trunkline_salesforce::SalesforceConfig;
use trunkline_sim::salesforce::{Builder, Hosts, Salesforce};

pub(super) const CODE: &str = "authorization_code";

/// reqwest behind the contract, without redirects; keeps what was sent.
#[derive(Debug)]
struct Network {
    client: reqwest::Client,
    sent: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let unknown = |error: reqwest::Error| TransportError::Unknown(error.without_url().to_string());
        let mut builder = self.client.request(request.method, request.url).headers(request.headers);
        if let RequestBody::Bytes(bytes) = request.body {
            self.sent.lock().unwrap().push(String::from_utf8_lossy(&bytes).into_owned());
            builder = builder.body(bytes);
        }
        let mut answer = builder.send().await.map_err(unknown)?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        *response.body_mut() = answer.bytes().await.map_err(unknown)?.into();
        Ok(response)
    }
}

/// The simulator starts at this machine's time, and assertions end by it.
#[derive(Debug, Default)]
struct Machine {
    ahead_s: AtomicI64,
}

impl Clock for Machine {
    fn wall(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_secs(self.ahead_s.load(Ordering::Relaxed))
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0)
    }
}

/// A connector against a simulator whose hosts are apart, with one way to hold a grant.
pub(super) struct Rig {
    pub(super) simulator: Salesforce,
    pub(super) connector: Arc<dyn Connector>,
    pub(super) auth: Arc<dyn AuthProvider>,
    pub(super) cx: Cx,
    network: Arc<Network>,
    clock: Arc<Machine>,
}

impl Rig {
    /// Starts a simulator, and a connector whose grants are held by a person's consent.
    pub(super) async fn start() -> Self {
        Self::with(CODE, Salesforce::builder(), |config, _| config).await
    }

    /// Starts a simulator, and a connector whose grants are held by the method `method`.
    pub(super) async fn with(
        method: &str,
        builder: Builder,
        settings: impl FnOnce(SalesforceConfig, &Salesforce) -> SalesforceConfig,
    ) -> Self {
        let simulator = builder.hosts(Hosts::Separate).start().await.unwrap();
        let config = SalesforceConfig::new(simulator.client_id())
            .client_secret(Secret::new(simulator.client_secret()))
            .login_url(simulator.url())
            .redirect_uri("https://app.example.com/connect/callback");
        let connector = settings(config, &simulator).build("salesforce").unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let network = Arc::new(Network { client, sent: Mutex::default() });
        let clock = Arc::new(Machine::default());
        let cx = Cx::new("salesforce", network.clone(), clock.clone());
        let auth = connector.auth(Some(method)).unwrap();
        Self { simulator, connector, auth, cx, network, clock }
    }

    /// Lets time pass, here and at the service.
    pub(super) fn wait(&self, seconds: u32) {
        self.clock.ahead_s.fetch_add(seconds.into(), Ordering::Relaxed);
        self.simulator.control().knobs(|knobs| knobs.date_offset_s = Some(0));
        self.simulator.control().advance_clock(Duration::from_secs(seconds.into()));
    }

    /// The bodies that left.
    pub(super) fn sent(&self) -> Vec<String> {
        self.network.sent.lock().unwrap().clone()
    }

    /// Starts a consent; answers what is kept and the URL to show.
    pub(super) async fn begin(&self, inputs: Inputs) -> (Begun, Url) {
        let scopes = ScopeSet::default();
        let ask = ConsentAsk { state: Secret::new("st4te"), scopes, inputs, loopback_port: None };
        let begun = self.auth.begin(&self.cx, &ask).await.unwrap();
        let ConsentStep::Redirect { url } = begun.step.clone() else { panic!("no redirect") };
        (begun, url)
    }

    /// Finishes a consent with what the browser brought.
    pub(super) async fn complete(&self, begun: Begun, url: &Url) -> Result<Grant, Error> {
        let callback = Callback::from_url(url).unwrap();
        let (pending, requested) = (begun.pending, begun.requested);
        let answer = ConsentAnswer { callback, inputs: Inputs::default(), pending, requested };
        self.auth.complete(&self.cx, &answer).await
    }

    /// A whole consent of `username`, at the host that `inputs` name.
    pub(super) async fn consent_of(&self, username: &str, inputs: Inputs) -> Grant {
        let (begun, url) = self.begin(inputs).await;
        let back = self.simulator.approve_as(&url, username).await.unwrap();
        self.complete(begun, &back).await.unwrap()
    }

    /// A whole consent of the seeded user.
    pub(super) async fn consent(&self) -> Grant {
        self.consent_of(self.simulator.username(), Inputs::default()).await
    }

    /// A grant without a person.
    pub(super) async fn mint(&self, inputs: &Inputs) -> Result<Grant, Error> {
        let answer = ConsentAnswer { inputs: inputs.clone(), ..ConsentAnswer::default() };
        self.auth.complete(&self.cx, &answer).await
    }

    /// What is held of a grant.
    pub(super) fn held(grant: &Grant) -> Held {
        Held { credential: grant.credential.clone(), captures: grant.captures.clone(), ..Held::default() }
    }

    pub(super) async fn refresh(&self, grant: &Grant) -> Result<Grant, Error> {
        self.auth.refresh(&self.cx, &Self::held(grant)).await
    }

    /// Why a renewal is refused: the cause and the key of its remedy.
    pub(super) async fn refresh_refused(&self, grant: &Grant) -> (Cause, String) {
        told(&self.refresh(grant).await.unwrap_err())
    }

    /// What requests of a grant go through.
    pub(super) fn session(&self, grant: &Grant) -> Session {
        let prepared = self.auth.prepare(&grant.credential).unwrap();
        let captures: Captures = grant.captures.clone();
        let endpoint = self.connector.endpoint(&captures).unwrap();
        Session::new(
            self.network.clone(),
            self.clock.clone(),
            Arc::clone(&self.auth),
            endpoint,
            prepared,
            captures,
        )
    }

    /// A GET; answers the body, or what the connector makes of a refusal.
    pub(super) async fn get(&self, grant: &Grant, path: &str) -> Result<String, Box<Diagnosis>> {
        self.send(grant, Method::GET, path, None).await
    }

    /// A call; answers the body, or what the connector makes of a refusal.
    pub(super) async fn send(
        &self,
        grant: &Grant,
        method: Method,
        path: &str,
        json: Option<&serde_json::Value>,
    ) -> Result<String, Box<Diagnosis>> {
        let session = self.session(grant);
        let mut request = Request::new(method.clone(), session.endpoint().join(path).unwrap());
        if let Some(json) = json {
            request.body = RequestBody::Bytes(json.to_string().into());
        }
        let (head, body) = session.send(request).await.unwrap().into_parts();
        let body = body.collect(1024 * 1024).await.unwrap();
        if head.status.is_success() {
            return Ok(String::from_utf8(body.to_vec()).unwrap());
        }
        let (status, headers) = (head.status, &head.headers);
        let exchange = Exchange { call: Call::Api, method: &method, path, status, headers, body: &body };
        Err(Box::new(self.connector.diagnose(&exchange).unwrap()))
    }

    /// The cause of a refused call.
    pub(super) async fn refused(&self, grant: &Grant) -> Cause {
        self.get(grant, "/sobjects/Account").await.unwrap_err().cause()
    }
}

/// The cause of an error, and the key of its remedy.
pub(super) fn told(error: &Error) -> (Cause, String) {
    let diagnosis = error.diagnosis().unwrap();
    (diagnosis.cause(), diagnosis.remedy().key().to_owned())
}

/// Inputs with these values.
pub(super) fn inputs(pairs: &[(&str, &str)]) -> Inputs {
    let mut inputs = Inputs::default();
    for (name, value) in pairs {
        inputs.insert(*name, Secret::new(*value));
    }
    inputs
}
