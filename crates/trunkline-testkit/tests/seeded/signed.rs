//! A provider for a service of OAuth 1.0a, made of the ready-made grant with a flaw around it.

use std::sync::{Arc, Mutex};

use serde::Deserialize;
use trunkline_auth::oauth1::{
    Consumer, SignatureMethod, Signer, TOKEN_SECRET, ThreeLegged, diagnose, unsaid,
};
use trunkline_core::http::HeaderValue;
use trunkline_core::http::header::AUTHORIZATION;
use trunkline_core::jiff::Timestamp;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, BuildConnector, Clock, Connector, ConnectorInfo, ConsentAnswer, ConsentAsk,
    ConsentKind, Credential, Cx, Error, Grant, Held, Prepared, Request, RequestBody, Revoked, Secret, Ticks,
    async_trait,
};

use crate::flaw::Flaw;
use crate::flawless::Flawless;

/// Settings; the flaw is one of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignedConfig {
    client_id: String,
    client_secret: Secret,
    redirect_uri: String,
    service_url: Url,
    #[serde(default)]
    flaw: Flaw,
}

impl BuildConnector for SignedConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Signed", docs: "https://docs.plain.test", methods: &["oauth1"] };

    fn build(&self, _: &str) -> Result<Arc<dyn Connector>, Error> {
        let consumer = Consumer::new(&self.client_id, self.client_secret.clone());
        let url = |path: &str| self.service_url.join(path).expect("a constant path");
        let urls = [url("/request_token"), url("/authorize"), url("/access_token")];
        let signer = Signer::new(SignatureMethod::HmacSha1);
        let ready = ThreeLegged::builder(signer, consumer, urls, &self.redirect_uri).build()?;
        let auth = Flawed { ready, flaw: self.flaw, last: Mutex::default() };
        Flawless::around(&Self::INFO, auth, &self.service_url, |status| unsaid().status(status), diagnose)
    }
}

trunkline_core::register_connector!("signed", SignedConfig);

/// Time that does not pass.
#[derive(Debug)]
struct Stopped(Timestamp);

impl Clock for Stopped {
    fn wall(&self) -> Timestamp {
        self.0
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0)
    }
}

#[derive(Debug)]
struct Flawed {
    ready: ThreeLegged,
    flaw: Flaw,
    /// The last signature, or when it was made.
    last: Mutex<Option<(HeaderValue, Timestamp)>>,
}

#[async_trait]
impl AuthProvider for Flawed {
    fn method(&self) -> &'static str {
        "oauth1"
    }

    fn consent(&self) -> ConsentKind {
        self.ready.consent()
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        self.ready.begin(cx, ask).await
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        self.ready.complete(cx, answer).await
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        self.ready.refresh(cx, held).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.ready.revoke(cx, held).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        self.ready.prepare(credential)
    }

    fn sign(&self, request: &mut Request, prepared: &Prepared, clock: &dyn Clock) -> Result<(), Error> {
        let mut last = self.last.lock().expect("nobody panicked");
        let sign = |request: &mut Request| self.ready.sign(request, prepared, clock);
        match (self.flaw, &*last) {
            (Flaw::SignsWithoutTheQuery, _) => {
                let url = request.url.clone();
                request.url.set_query(None);
                sign(request)?;
                request.url = url;
            }
            (Flaw::SignsWithoutTheForm, _) => {
                let body = std::mem::replace(&mut request.body, RequestBody::Empty);
                sign(request)?;
                request.body = body;
            }
            (Flaw::SendsASignatureTwice, Some((signature, _))) => {
                request.headers.insert(AUTHORIZATION, signature.clone());
            }
            (Flaw::DatesByItsOwnClock, Some((_, time))) => {
                self.ready.sign(request, prepared, &Stopped(*time))?;
            }
            (Flaw::SendsWhatSigns, _) => {
                sign(request)?;
                let secret = prepared.private_value(TOKEN_SECRET).expect("it signs");
                let secret = HeaderValue::from_str(secret.expose()).expect("a canary fits");
                request.headers.insert("x-token-secret", secret);
            }
            _ => sign(request)?,
        }
        let signature = request.headers.get(AUTHORIZATION).cloned();
        last.get_or_insert((signature.expect("it is signed"), clock.wall()));
        Ok(())
    }
}
