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
    Account, AuthProvider, Begun, Body, Callback, Captures, Clock, Connector, ConsentAnswer, ConsentAsk,
    ConsentStep, Cx, Error, Grant, Held, Inputs, Request, RequestBody, ScopeSet, Secret, Session, Ticks,
    Transport, TransportError, async_trait,
};
use trunkline_oauth2::{OAuth2, OAuth2Config};

pub(crate) const ISSUER: &str = "https://login.example.com/tenant1";
pub(crate) const INSERTED: &str = "https://login.example.com/.well-known/oauth-authorization-server/tenant1";
pub(crate) const APPENDED: &str = "https://login.example.com/tenant1/.well-known/openid-configuration";
pub(crate) const AUTHORIZE: &str = "https://login.example.com/authorize";
pub(crate) const TOKEN: &str = "https://login.example.com/token";
pub(crate) const DEVICE: &str = "https://login.example.com/device/code";
pub(crate) const REVOKE: &str = "https://login.example.com/revoke";
pub(crate) const USERINFO: &str = "https://id.example.com/userinfo";
pub(crate) const INTROSPECT: &str = "https://login.example.com/introspect";
pub(crate) const SECRET: &str = "canary-secret";

/// A request as it was sent.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) form: Vec<(String, String)>,
    pub(crate) public_only: bool,
}

impl Sent {
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization").map(|value| value.to_str().unwrap())
    }
}

#[derive(Clone)]
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    NotSent,
    Lost,
}

pub(crate) fn json(status: u16, body: impl Into<String>) -> Reply {
    Reply::Answer(status, Vec::new(), body.into().into_bytes())
}

/// The network and the clock of one test.
#[derive(Default)]
pub(crate) struct Stage {
    replies: Mutex<HashMap<String, Reply>>,
    sent: Mutex<Vec<Sent>>,
    now_s: Mutex<u64>,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stage")
    }
}

impl Stage {
    /// What stands at `url` from now on.
    pub(crate) fn play(&self, url: &str, reply: Reply) {
        self.replies.lock().unwrap().insert(url.to_owned(), reply);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        *self.now_s.lock().unwrap() += seconds;
    }

    /// What was sent since the last look.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut *self.sent.lock().unwrap())
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.url).collect()
    }
}

#[async_trait]
impl Transport for Stage {
    async fn send(&self, request: Request) -> Result<http::Response<Body>, TransportError> {
        let body = match request.body {
            RequestBody::Bytes(bytes) => bytes,
            _ => Bytes::new(),
        };
        let form = form_urlencoded::parse(&body).into_owned().collect();
        let url = request.url.to_string();
        let public_only = request.public_only;
        self.sent.lock().unwrap().push(Sent {
            url: url.clone(),
            headers: request.headers,
            form,
            public_only,
        });
        let reply = self.replies.lock().unwrap().get(&url).cloned();
        let (status, headers, body) = match reply {
            Some(Reply::Answer(status, headers, body)) => (status, headers, body),
            Some(Reply::NotSent) => return Err(TransportError::NotSent("refused".to_owned())),
            Some(Reply::Lost) => return Err(TransportError::Unknown("timed out".to_owned())),
            None => (404, Vec::new(), b"<html>nothing here</html>".to_vec()),
        };
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
        let start: Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
        start.checked_add(Duration::from_secs(*self.now_s.lock().unwrap())).unwrap()
    }

    fn coarse(&self) -> Ticks {
        Ticks::from_millis(*self.now_s.lock().unwrap() * 1000)
    }
}

pub(crate) fn stage() -> (Cx, Arc<Stage>) {
    let stage = Arc::new(Stage::default());
    (Cx::new("acme", stage.clone(), stage.clone()), stage)
}

pub(crate) fn url(text: &str) -> Url {
    text.parse().unwrap()
}

/// Settings with a redirect URI, and no endpoints yet.
pub(crate) fn bare() -> OAuth2Config {
    let base = url("https://api.example.com/v1");
    let mut config = OAuth2Config::new("client-1", Secret::new(SECRET), base);
    config.redirect_uri = Some("https://app.example.com/cb".to_owned());
    config
}

/// Settings that name the endpoints.
pub(crate) fn given() -> OAuth2Config {
    let mut config = bare();
    config.authorization_endpoint = Some(url(AUTHORIZE));
    config.token_endpoint = Some(url(TOKEN));
    config.revocation_endpoint = Some(url(REVOKE));
    config
}

/// Settings that name the issuer.
pub(crate) fn discovering() -> OAuth2Config {
    let mut config = bare();
    config.issuer = Some(ISSUER.to_owned());
    config
}

pub(crate) fn connector(config: OAuth2Config) -> OAuth2 {
    OAuth2::new(config).unwrap()
}

/// The metadata of [`ISSUER`], with `more` members.
pub(crate) fn metadata(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        r#"{{"issuer":"{ISSUER}","authorization_endpoint":"{AUTHORIZE}","token_endpoint":"{TOKEN}",
        "revocation_endpoint":"{REVOKE}","x_unknown":{{"a":[1]}}{comma}{more}}}"#
    )
}

pub(crate) fn held() -> Held {
    let mut held = Held::default();
    held.credential.access_token = Some(Secret::new("old-access"));
    held.credential.refresh_token = Some(Secret::new("old-refresh"));
    held
}

/// Begins a consent; the URL that the browser goes to, and what was begun.
pub(crate) async fn begin(connector: &OAuth2, cx: &Cx) -> Result<(Url, Begun), Error> {
    let ask = ConsentAsk {
        state: Secret::new("state"),
        scopes: ScopeSet::default(),
        inputs: Inputs::default(),
        loopback_port: None,
    };
    let begun = connector.auth(None).unwrap().begin(cx, &ask).await?;
    match &begun.step {
        ConsentStep::Redirect { url } => Ok((url.clone(), begun)),
        step => panic!("{step:?}"),
    }
}

/// A whole consent whose callback has `query`.
pub(crate) async fn complete(connector: &OAuth2, cx: &Cx, query: &str) -> Result<Grant, Error> {
    let (_, begun) = begin(connector, cx).await?;
    let callback = Callback::from_query(query).unwrap();
    let answer = ConsentAnswer {
        callback,
        inputs: Inputs::default(),
        pending: begun.pending,
        requested: begun.requested,
    };
    connector.auth(None).unwrap().complete(cx, &answer).await
}

/// Asks who the grant is for, as the hub does.
pub(crate) async fn identify(
    connector: &OAuth2,
    cx: &Cx,
    stage: &Arc<Stage>,
    grant: &Grant,
) -> Result<Account, Error> {
    let auth: Arc<dyn AuthProvider> = connector.auth(None).unwrap();
    let prepared = auth.prepare(&grant.credential).unwrap();
    let endpoint = connector.endpoint(&Captures::default()).unwrap();
    let session =
        Session::new(stage.clone(), stage.clone(), auth, endpoint, prepared, grant.captures.clone());
    connector.identify(cx, &session, grant).await
}
