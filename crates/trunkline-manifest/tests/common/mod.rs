//! A service that is played: what stands at which URL, what was asked, and a clock.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use trunkline_core::bytes::Bytes;
use trunkline_core::http::{self, HeaderMap, HeaderValue, StatusCode};
use trunkline_core::jiff::Timestamp;
use trunkline_core::url::Url;
use trunkline_core::{
    AuthProvider, Begun, Body, Callback, Captures, Clock, Connector, ConsentAnswer, ConsentAsk, ConsentStep,
    Cx, Error, Grant, Held, Inputs, Request, RequestBody, ScopeSet, Secret, Session, Ticks, Transport,
    TransportError, async_trait,
};
use trunkline_manifest::{Manifest, ManifestConfig, ManifestConnector};

pub(crate) const SECRET: &str = "canary-secret";

/// A manifest with nothing but the least.
pub(crate) const ACME: &str = r#"
manifest = 1
name = "acme"
title = "Acme"
docs = "https://docs.acme.example/api"
allowed_hosts = ["login.acme.example", "api.acme.example"]

[source]
urls = ["https://docs.acme.example/oauth"]
checked = "2026-11-25"

[oauth2]
grant_types = ["authorization_code"]
authorization_endpoint = "https://login.acme.example/authorize"
token_endpoint = "https://login.acme.example/token"
scopes = ["read"]

[api]
base_url = "https://api.acme.example/v1"

[identity]
url = "https://api.acme.example/v1/me"
user = "{response.id}"
"#;

/// [`ACME`] with each `from` replaced by its `to`; every one must be there.
pub(crate) fn acme(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(ACME.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the manifest has no `{from}`");
        text.replace(from, to)
    })
}

/// A request as it was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) public_only: bool,
}

impl Sent {
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(&self.body)
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.into_owned())
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Whether `secret` is anywhere in it.
    pub(crate) fn holds(&self, secret: &str) -> bool {
        let headers =
            self.headers.values().any(|value| String::from_utf8_lossy(value.as_bytes()).contains(secret));
        headers || self.url.as_str().contains(secret) || String::from_utf8_lossy(&self.body).contains(secret)
    }
}

#[derive(Clone)]
pub(crate) struct Reply(u16, Vec<(&'static str, String)>, String);

pub(crate) fn json(status: u16, body: impl Into<String>) -> Reply {
    Reply(status, Vec::new(), body.into())
}

impl Reply {
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.1.push((name, value.to_owned()));
        self
    }
}

/// The network and the clock of one test.
#[derive(Default)]
pub(crate) struct Stage {
    replies: Mutex<HashMap<String, Reply>>,
    sent: Mutex<Vec<Sent>>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stage")
    }
}

impl Stage {
    /// What stands at `url`, whatever its query is, from now on.
    pub(crate) fn play(&self, url: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(url.to_owned(), reply);
    }

    /// What was sent since the last look.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    /// The one request since the last look.
    pub(crate) fn one(&self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1);
        sent.remove(0)
    }
}

#[async_trait]
impl Transport for Stage {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let body = match request.body {
            RequestBody::Bytes(bytes) => bytes,
            _ => Bytes::new(),
        };
        let mut bare = request.url.clone();
        bare.set_query(None);
        self.sent.lock().unwrap().push(Sent {
            method: request.method.to_string(),
            url: request.url,
            headers: request.headers,
            body,
            public_only: request.public_only,
        });
        let reply = self.replies.lock().unwrap().get(bare.as_str()).cloned();
        let Reply(status, headers, body) = reply.unwrap_or_else(|| json(404, "<html>nothing here</html>"));
        let mut response = http::Response::new(Body::from(Bytes::from(body)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        for (name, value) in headers {
            response.headers_mut().append(name, HeaderValue::try_from(value).unwrap());
        }
        Ok(response)
    }
}

impl Clock for Stage {
    fn wall(&self) -> Timestamp {
        "2026-01-02T03:04:05Z".parse().unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(0)
    }
}

pub(crate) const LATER: fn(u64) -> Timestamp = |seconds| {
    let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    start.checked_add(Duration::from_secs(seconds)).unwrap()
};

pub(crate) fn stage() -> (Cx, Arc<Stage>) {
    let stage = Arc::new(Stage::default());
    (Cx::new("acme", stage.clone(), stage.clone()), stage)
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

pub(crate) fn manifest(text: &str) -> Arc<Manifest> {
    Manifest::parse("acme.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

/// Settings with a client and a redirect URI.
pub(crate) fn config(text: &str) -> ManifestConfig {
    let mut config = ManifestConfig::new(manifest(text));
    config.client_id = Some("client-1".to_owned());
    config.client_secret = Some(Secret::new(SECRET));
    config.redirect_uri = Some("https://app.example.com/cb".to_owned());
    config
}

pub(crate) fn connector(text: &str) -> ManifestConnector {
    let config = config(text);
    ManifestConnector::new(config.manifest.clone().unwrap(), &config).unwrap()
}

pub(crate) fn inputs(given: &[(&str, &str)]) -> Inputs {
    let mut inputs = Inputs::default();
    given.iter().for_each(|(name, value)| inputs.insert(*name, Secret::new(*value)));
    inputs
}

pub(crate) async fn begin(connector: &ManifestConnector, cx: &Cx, inputs: &Inputs) -> Result<Begun, Error> {
    connector.auth(None).unwrap().begin(cx, &ask(inputs)).await
}

pub(crate) fn ask(inputs: &Inputs) -> ConsentAsk {
    ConsentAsk {
        state: Secret::new("state"),
        scopes: ScopeSet::default(),
        inputs: inputs.clone(),
        loopback_port: None,
    }
}

/// The URL that the browser goes to.
pub(crate) async fn asked(connector: &ManifestConnector, cx: &Cx, inputs: &Inputs) -> Url {
    match begin(connector, cx, inputs).await.unwrap().step {
        ConsentStep::Redirect { url } => url,
        step => panic!("{step:?}"),
    }
}

pub(crate) fn of_query(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// A whole consent whose callback has `query`.
pub(crate) async fn consent(
    connector: &ManifestConnector,
    cx: &Cx,
    inputs: &Inputs,
    query: &str,
) -> Result<Grant, Error> {
    let begun = begin(connector, cx, inputs).await?;
    let answer = ConsentAnswer {
        callback: Callback::from_query(query).unwrap(),
        inputs: inputs.clone(),
        pending: begun.pending,
        requested: begun.requested,
    };
    connector.auth(None).unwrap().complete(cx, &answer).await
}

/// A grant of `method` that nobody is asked for, or whose form was filled in.
pub(crate) async fn mint(
    connector: &ManifestConnector,
    cx: &Cx,
    method: Option<&str>,
    inputs: &Inputs,
) -> Result<Grant, Error> {
    let answer = ConsentAnswer { inputs: inputs.clone(), ..ConsentAnswer::default() };
    connector.auth(method).unwrap().complete(cx, &answer).await
}

pub(crate) fn held(grant: &Grant, inputs: &Inputs) -> Held {
    Held { credential: grant.credential.clone(), captures: grant.captures.clone(), inputs: inputs.clone() }
}

pub(crate) fn session(
    connector: &ManifestConnector,
    stage: &Arc<Stage>,
    method: Option<&str>,
    grant: &Grant,
) -> Session {
    let auth: Arc<dyn AuthProvider> = connector.auth(method).unwrap();
    let prepared = auth.prepare(&grant.credential).unwrap();
    let endpoint = connector.endpoint(&grant.captures).unwrap();
    Session::new(stage.clone(), stage.clone(), auth, endpoint, prepared, grant.captures.clone())
}

/// Asks for the captures that no token answer brings, as the hub does, and adds them to the grant.
pub(crate) async fn capture(
    connector: &ManifestConnector,
    cx: &Cx,
    stage: &Arc<Stage>,
    grant: &mut Grant,
    given: &Inputs,
) -> Result<(), Error> {
    let Some(endpoint) = connector.capture_endpoint(&grant.captures)? else { return Ok(()) };
    let auth: Arc<dyn AuthProvider> = connector.auth(None).unwrap();
    let prepared = auth.prepare(&grant.credential).unwrap();
    let session =
        Session::new(stage.clone(), stage.clone(), auth, endpoint, prepared, grant.captures.clone());
    let told = connector.capture(cx, &session, given).await?;
    grant.captures.extend(&told);
    Ok(())
}

/// Sends one API request with the grant, and answers what was sent.
pub(crate) async fn call(
    connector: &ManifestConnector,
    stage: &Arc<Stage>,
    method: Option<&str>,
    grant: &Grant,
    path: &str,
) -> Sent {
    let session = session(connector, stage, method, grant);
    let url = session.endpoint().join(path).unwrap();
    session.send(Request::new(http::Method::GET, url)).await.unwrap();
    stage.one()
}

pub(crate) fn captures(known: &[(&str, &str)]) -> Captures {
    let mut captures = Captures::default();
    known.iter().for_each(|(name, value)| captures.insert(*name, *value));
    captures
}
