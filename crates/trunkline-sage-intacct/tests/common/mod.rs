//! A network and a clock for tests, and what the hub does between a connector and its provider.
#![expect(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

use std::sync::Arc;

use trunkline_core::http::{Method, Response};
use trunkline_core::jiff::Timestamp;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Body, BuildConnector, Call, Callback, Captures, Cause, Clock, Connector,
    ConsentAnswer, ConsentAsk, ConsentStep, Cx, Diagnosis, Error, Exchange, Grant, Held, Inputs, Request,
    RequestBody, ScopeSet, Secret, Session, Ticks, Transport, TransportError, async_trait,
};
use trunkline_sage_intacct::{CAPTURE_ENTITY, SageIntacctConfig};
use trunkline_sim::sage_intacct::SageIntacct;

/// reqwest behind the contract, without redirects.
#[derive(Debug)]
struct Network(reqwest::Client);

#[async_trait]
impl Transport for Network {
    async fn send(&self, request: Request) -> Result<Response<Body>, TransportError> {
        let unknown = |error: reqwest::Error| TransportError::Unknown(error.without_url().to_string());
        let mut builder = self.0.request(request.method, request.url).headers(request.headers);
        if let RequestBody::Bytes(bytes) = request.body {
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

/// The moment at which every test takes place.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_000_000, 0);

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn wall(&self) -> Timestamp {
        NOW
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0)
    }
}

/// A connector against a simulator, with one way to hold a grant.
pub(crate) struct Rig {
    pub(crate) simulator: SageIntacct,
    pub(crate) connector: Arc<dyn Connector>,
    pub(crate) auth: Arc<dyn AuthProvider>,
    pub(crate) cx: Cx,
    pub(crate) transport: Arc<dyn Transport>,
}

impl Rig {
    /// Starts a simulator and a connector whose grants are held by the method `method`.
    pub(crate) async fn start(
        method: &str,
        settings: impl FnOnce(SageIntacctConfig) -> SageIntacctConfig,
    ) -> Self {
        let simulator = SageIntacct::start().await.unwrap();
        let config = SageIntacctConfig::new(simulator.client_id(), Secret::new(simulator.client_secret()))
            .base_url(simulator.url())
            .redirect_uri("https://app.example.com/connect/callback");
        let connector = settings(config).build("sage_intacct").unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let transport: Arc<dyn Transport> = Arc::new(Network(client));
        let cx = Cx::new("sage_intacct", Arc::clone(&transport), Arc::new(Still));
        let auth = connector.auth(Some(method)).unwrap();
        Self { simulator, connector, auth, cx, transport }
    }

    /// Starts a consent; answers what is kept and the URL to show.
    pub(crate) async fn begin(&self, inputs: Inputs) -> (Begun, Url) {
        let ask = ConsentAsk {
            state: Secret::new("st4te"),
            scopes: ScopeSet::default(),
            inputs,
            loopback_port: None,
        };
        let begun = self.auth.begin(&self.cx, &ask).await.unwrap();
        let ConsentStep::Redirect { url } = begun.step.clone() else { panic!("no redirect") };
        (begun, url)
    }

    /// Finishes a consent with what the browser brought.
    pub(crate) async fn complete(&self, begun: Begun, url: &Url, inputs: Inputs) -> Result<Grant, Error> {
        let callback = Callback::from_url(url).unwrap();
        let answer = ConsentAnswer { callback, inputs, pending: begun.pending, requested: begun.requested };
        self.auth.complete(&self.cx, &answer).await
    }

    /// A whole consent of the seeded user.
    pub(crate) async fn consent(&self) -> Grant {
        let (begun, url) = self.begin(Inputs::default()).await;
        let back = self.simulator.approve(&url).await.unwrap();
        self.complete(begun, &back, Inputs::default()).await.unwrap()
    }

    /// A grant without a person.
    pub(crate) async fn mint(&self, inputs: &Inputs) -> Result<Grant, Error> {
        let answer = ConsentAnswer { inputs: inputs.clone(), ..ConsentAnswer::default() };
        self.auth.complete(&self.cx, &answer).await
    }

    /// What is held of a grant.
    pub(crate) fn held(grant: &Grant) -> Held {
        Held { credential: grant.credential.clone(), captures: grant.captures.clone(), ..Held::default() }
    }

    /// What requests of a grant go through.
    pub(crate) fn session(&self, grant: &Grant) -> Session {
        let prepared = self.auth.prepare(&grant.credential).unwrap();
        let captures: Captures = grant.captures.clone();
        let endpoint = self.connector.endpoint(&captures).unwrap();
        let clock = self.cx.shared_clock();
        Session::new(Arc::clone(&self.transport), clock, Arc::clone(&self.auth), endpoint, prepared, captures)
    }

    /// A GET in the connection's entity; answers the body, or what the connector makes of a refusal.
    pub(crate) async fn get(&self, grant: &Grant, path: &str) -> Result<String, Box<Diagnosis>> {
        let session = self.session(grant);
        let mut request = Request::new(Method::GET, session.endpoint().join(path).unwrap());
        if let (Some(name), Some(entity)) =
            (session.endpoint().entity_header_name(), session.captures().get(CAPTURE_ENTITY))
        {
            request.headers.insert(name.clone(), entity.parse().unwrap());
        }
        let (head, body) = session.send(request).await.unwrap().into_parts();
        let body = body.collect(1024 * 1024).await.unwrap();
        if head.status.is_success() {
            return Ok(String::from_utf8(body.to_vec()).unwrap());
        }
        let exchange = Exchange {
            call: Call::Api,
            method: &Method::GET,
            path,
            status: head.status,
            headers: &head.headers,
            body: &body,
        };
        Err(Box::new(self.connector.diagnose(&exchange).unwrap()))
    }

    /// The cause of a refused call, and its status.
    pub(crate) async fn refused(&self, grant: &Grant) -> (Cause, Option<u16>) {
        let diagnosis = self.get(grant, "/objects/accounts-payable/vendor").await.unwrap_err();
        (diagnosis.cause(), diagnosis.evidence().status)
    }
}

/// Inputs with these values.
pub(crate) fn inputs(pairs: &[(&str, &str)]) -> Inputs {
    let mut inputs = Inputs::default();
    for (name, value) in pairs {
        inputs.insert(*name, Secret::new(*value));
    }
    inputs
}
