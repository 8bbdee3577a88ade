//! A connector of your own, in one file: to copy, and to change where it says Acme.
//!
//! `cargo run --example custom_connector`
//!
//! Acme is made up. The module `acme` at the end serves it on loopback, in this process, so that the
//! program needs no account and no network. In a crate of its own, a connector needs `trunkline-core`,
//! `trunkline-auth`, `serde` and `serde_json`; the application names it once: `use acme_connector as _;`.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use trunkline::{BrowserSession, Callback, Config, Connect, ConsentStep, KeyRing, MemoryStore, Trunkline};
use trunkline_auth::oauth2::{AuthorizationCode, Client};
use trunkline_core::http::Method;
use trunkline_core::url::Url;
use trunkline_core::{
    Account, AuthProvider, BuildConnector, Call, Captures, Cause, Connector, ConnectorInfo, Cx, Diagnosis,
    Endpoint, Error, Exchange, Grant, Request, Secret, Session, async_trait, register_connector,
};

/// Every body is bounded.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

/// The settings, as they stand below `[connectors.acme]`. A misspelt key is an error, not a default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AcmeConfig {
    base_url: Url,
    client_id: String,
    /// `Secret` takes only a text, and cannot be printed.
    client_secret: Secret,
    redirect_uri: String,
}

// The one place where the provider's name is written. It is what `provider = "acme"` finds.
register_connector!("acme", AcmeConfig);

impl BuildConnector for AcmeConfig {
    const INFO: ConnectorInfo =
        ConnectorInfo { title: "Acme", docs: "https://docs.acme.example", methods: &["authorization_code"] };

    /// Checks the settings; sends nothing.
    fn build(&self, _name: &str) -> Result<Arc<dyn Connector>, Error> {
        // The credential goes to this origin and no other: https, or http on loopback.
        let endpoint = Endpoint::new(self.base_url.clone())?;
        let client = Client::new(&self.client_id, Some(self.client_secret.clone()));
        let authorize = endpoint.join("/oauth/authorize")?;
        let token = endpoint.join("/oauth/token")?;
        // PKCE, state, expiry, renewal, rotation and the errors of RFC 6749 come with it.
        let oauth = AuthorizationCode::builder(client, authorize, token, &self.redirect_uri)
            .scopes(["invoices", "offline_access"])
            .build()?;
        Ok(Arc::new(Acme { endpoint: Arc::new(endpoint), oauth: Arc::new(oauth) }))
    }
}

/// The service, as the hub sees it. It keeps no token, takes no lock, and never retries or sleeps.
#[derive(Debug)]
struct Acme {
    endpoint: Arc<Endpoint>,
    oauth: Arc<AuthorizationCode>,
}

#[async_trait]
impl Connector for Acme {
    fn info(&self) -> &'static ConnectorInfo {
        &AcmeConfig::INFO
    }

    /// Acme knows one way to hold a grant. A stored record names the way it was made.
    fn auth(&self, method: Option<&str>) -> Option<Arc<dyn AuthProvider>> {
        let known = method.is_none_or(|method| method == self.oauth.method());
        known.then(|| Arc::clone(&self.oauth) as Arc<dyn AuthProvider>)
    }

    /// Where requests go. Where each customer has a host of its own, it is read from the captures.
    fn endpoint(&self, _: &Captures) -> Result<Arc<Endpoint>, Error> {
        Ok(Arc::clone(&self.endpoint))
    }

    /// Who we are, by a real call: it proves that the grant works, and pins the account.
    async fn identify(&self, cx: &Cx, session: &Session, _: &Grant) -> Result<Account, Error> {
        let (method, path) = (Method::GET, "/me");
        let request = Request::new(method.clone(), session.endpoint().join(path)?);
        let (head, body) = session.send(request).await?.into_parts();
        let unread = |error| Error::of(Cause::ResponseInvalid).caused_by(error);
        let body = body.collect(MAX_ANSWER_BYTES).await.map_err(unread)?;
        let (status, headers) = (head.status, &head.headers);
        // A parser's own words may quote the body, so they are dropped.
        if let (true, Ok(me)) = (status.is_success(), serde_json::from_slice::<Me>(&body)) {
            return Ok(Account::new(me.company, me.user));
        }
        let exchange = Exchange { call: Call::Api, method: &method, path, status, headers, body: &body };
        let diagnosis = self.diagnose(&exchange).unwrap_or_else(|| Diagnosis::new(Cause::ResponseInvalid));
        Err(diagnosis.during("GET /me", cx.clock().wall()).into())
    }

    /// What a refusal means: the body first, since Acme answers 400 to everything that it refuses.
    fn diagnose(&self, exchange: &Exchange<'_>) -> Option<Diagnosis> {
        let body: Value = serde_json::from_slice(exchange.body).ok()?;
        let code = body["error"]["code"].as_str()?;
        let diagnosis = match code {
            // One renewal decides whether the grant still lives.
            "E_TOKEN" => Diagnosis::new(Cause::AccessTokenRejected),
            // What to do is said in the words of the service's own menus.
            "E_ROLE" => Diagnosis::new(Cause::PermissionMissing)
                .remedy_text("acme.role", &["At Acme, open Team > Role.", "Give the role Bookkeeper."]),
            _ => return None, // nothing to add: the hub goes by the status
        };
        Some(diagnosis.status(exchange.status).code(code))
    }
}

#[derive(Deserialize)]
struct Me {
    company: String,
    user: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::select! {
        ended = std::future::IntoFuture::into_future(axum::serve(listener, acme::router())) => Ok(ended?),
        done = application(&url) => done,
    }
}

/// What an application does: of Acme it knows the settings and the API's paths.
async fn application(acme: &str) -> Result<(), Box<dyn std::error::Error>> {
    let settings = format!(
        r#"
        [connectors.acme]
        provider = "acme"
        base_url = "{acme}"
        client_id = "demo"
        client_secret = "made-up"       # in a file that is kept: {{ env = "ACME_CLIENT_SECRET" }}
        redirect_uri = "https://app.example.com/connect/callback"
        "#
    );
    let trunkline = Trunkline::builder()
        .config(Config::from_toml(&settings, "custom_connector")?)
        .store(MemoryStore::new())
        .keys(KeyRing::generate()?.0)
        .build()
        .await?;

    let Connect::NeedsConsent(request) = trunkline.tenant("globex").connect("acme").await? else {
        return Err("nobody has consented yet".into());
    };
    let browser = BrowserSession::random()?;
    let ConsentStep::Redirect { url } = request.begin(&browser).await? else {
        return Err("Acme asks by redirect".into());
    };
    println!("NeedsConsent: send the browser to {}{}?…", url.origin().ascii_serialization(), url.path());
    // The browser: Acme's page approves at once, and sends it back.
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let approved = http.build()?.get(url).send().await?;
    let back: Url = approved.headers().get("location").ok_or("no redirect")?.to_str()?.parse()?;
    let connection = trunkline.complete(Callback::from_url(&back)?, &browser).await?.connection;
    println!("connected as {}", connection.account().await?.ok_or("no account")?);

    let response = connection.get("/invoices").send().await?.error_for_status()?;
    println!("GET /invoices: {}, {}", response.status(), response.text().await?);
    let response = connection.post("/invoices").json(&serde_json::json!({"total": "10.10"})).send().await?;
    println!("POST /invoices: {}", response.status());
    if let Some(diagnosis) = response.diagnosis() {
        println!("   {diagnosis}\n   who acts: {}\n   what to do: {}", diagnosis.actor(), diagnosis.remedy());
    }
    Ok(trunkline.shutdown(std::time::Duration::from_secs(5)).await?)
}

/// Acme itself, as small as it can be: no part of a connector.
mod acme {
    use std::collections::HashMap;

    use axum::http::{HeaderMap, StatusCode};
    use axum::response::Redirect;
    use axum::routing::{get, post};
    use axum::{Form, Json, Router, extract::Query};
    use serde_json::{Value, json};

    type Answer = (StatusCode, Json<Value>);

    pub(super) fn router() -> Router {
        Router::new()
            .route("/oauth/authorize", get(authorize))
            .route("/oauth/token", post(token))
            .route("/me", get(async |headers| api(&headers, json!({"company": "globex-ltd", "user": "ada"}))))
            .route("/invoices", get(async |headers| api(&headers, json!(["INV-1", "INV-2"]))))
            .route("/invoices", post(async || refuse("E_ROLE")))
    }

    async fn authorize(Query(asked): Query<HashMap<String, String>>) -> Redirect {
        let [back, state] = ["redirect_uri", "state"].map(|name| asked.get(name).map_or("", String::as_str));
        Redirect::to(&format!("{back}?code=the-code&state={state}"))
    }

    /// Answers the code of the one client. A real service checks the PKCE verifier, too.
    async fn token(headers: HeaderMap, Form(asked): Form<HashMap<String, String>>) -> Answer {
        let client = headers.get("authorization").is_some_and(|line| line == "Basic ZGVtbzptYWRlLXVw");
        if !client || asked.get("code").is_none_or(|code| code != "the-code") {
            return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
        }
        let tokens = json!({"access_token": "token-1", "refresh_token": "refresh-1", "expires_in": 3600});
        (StatusCode::OK, Json(tokens))
    }

    fn api(headers: &HeaderMap, answer: Value) -> Answer {
        let known = headers.get("authorization").is_some_and(|line| line == "Bearer token-1");
        if known { (StatusCode::OK, Json(answer)) } else { refuse("E_TOKEN") }
    }

    fn refuse(code: &str) -> Answer {
        (StatusCode::BAD_REQUEST, Json(json!({"error": {"code": code}})))
    }
}
