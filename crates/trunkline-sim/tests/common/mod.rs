//! Plain clients of the simulators.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::unwrap_used, reason = "test code, which the lint spares only inside test functions")]

pub(crate) mod salesforce;

use reqwest::{Client, RequestBuilder, Response, StatusCode, redirect};
use serde_json::Value;
use tokio::task::JoinSet;
use trunkline_sim::sage_intacct::SageIntacct;
use url::Url;

pub(crate) const CALLBACK: &str = "https://app.example.com/connect/callback";
pub(crate) const VERIFIER: &str = "zWiRBuiUcmnIbPBCoNqA5cWDFuaEZwZ7jLJJGJ4P3NQ";
pub(crate) const CHALLENGE: &str = "manPXpjp75EFeofO-YWtY3gIPp0S6_CJ-ciRJyYIonw";

pub(crate) struct Harness {
    pub(crate) sim: SageIntacct,
    pub(crate) http: Client,
}

pub(crate) struct Tokens {
    pub(crate) access: String,
    pub(crate) refresh: String,
}

impl Harness {
    pub(crate) async fn start() -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { sim: SageIntacct::start().await.unwrap(), http }
    }

    pub(crate) fn api(&self, path: &str) -> Url {
        self.sim.url().join(&format!("/ia/api/v1/{path}")).unwrap()
    }

    pub(crate) fn authorize_url(&self, scope: &str) -> Url {
        let mut url = self.api("oauth2/authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", self.sim.client_id())
            .append_pair("redirect_uri", CALLBACK)
            .append_pair("state", "st4te")
            .append_pair("scope", scope)
            .append_pair("code_challenge", CHALLENGE)
            .append_pair("code_challenge_method", "S256");
        url
    }

    pub(crate) async fn code_for(&self, user: &str) -> String {
        let url = self.authorize_url("offline_access");
        let callback = self.sim.approve_as(&url, user, "acme-corp").await.unwrap();
        parameter(&callback, "code").unwrap()
    }

    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        let client = [("client_id", self.sim.client_id()), ("client_secret", self.sim.client_secret())];
        let form: Vec<_> = client.iter().chain(fields).copied().collect();
        answer(self.http.post(self.api("oauth2/token")).form(&form)).await
    }

    pub(crate) async fn exchange(&self, code: &str) -> (StatusCode, Value) {
        self.token(&code_grant(code)).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub(crate) async fn connect_as(&self, user: &str) -> Tokens {
        let (status, body) = self.exchange(&self.code_for(user).await).await;
        assert_eq!(status, 200, "{body}");
        Tokens { access: text(&body, "access_token"), refresh: text(&body, "refresh_token") }
    }

    pub(crate) async fn connect(&self) -> Tokens {
        self.connect_as(self.sim.user_id()).await
    }

    pub(crate) async fn get(&self, tokens: &Tokens, path: &str) -> (StatusCode, Value) {
        answer(self.http.get(self.api(path)).bearer_auth(&tokens.access)).await
    }

    pub(crate) fn post(&self, tokens: &Tokens, path: &str) -> RequestBuilder {
        self.http.post(self.api(path)).bearer_auth(&tokens.access)
    }

    pub(crate) async fn query(&self, tokens: &Tokens, body: &Value) -> (StatusCode, Value) {
        answer(self.post(tokens, "services/core/query").json(body)).await
    }
}

/// The fields that exchange a code.
pub(crate) fn code_grant(code: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
}

/// Runs a request beside the test.
pub(crate) fn beside(request: RequestBuilder) -> JoinSet<reqwest::Result<Response>> {
    let mut running = JoinSet::new();
    running.spawn(request.send());
    running
}

/// The status of a request that ran beside the test.
pub(crate) async fn status_of(mut running: JoinSet<reqwest::Result<Response>>) -> StatusCode {
    running.join_next().await.unwrap().unwrap().unwrap().status()
}

pub(crate) async fn answer(request: RequestBuilder) -> (StatusCode, Value) {
    let response = request.send().await.unwrap();
    let status = response.status();
    let body = response.text().await.unwrap();
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

pub(crate) fn text(body: &Value, name: &str) -> String {
    body[name].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
