//! A plain client of the Salesforce simulator.

use reqwest::{Client, Method, RequestBuilder, StatusCode, redirect};
use serde_json::Value;
use trunkline_sim::salesforce::{App, Builder, Control, Knobs, Salesforce};
use url::Url;

use super::{CALLBACK, CHALLENGE, Tokens, answer, code_grant, parameter, text};

pub(crate) const ACME: &str = "acme";
pub(crate) const VERSION: &str = "v65.0";

pub(crate) struct Harness {
    pub(crate) sim: Salesforce,
    pub(crate) http: Client,
}

/// `name@acme.example`, one of the seeded users.
pub(crate) fn at_acme(name: &str) -> String {
    format!("{name}@acme.example")
}

impl Harness {
    pub(crate) async fn start() -> Self {
        Self::with(Salesforce::builder()).await
    }

    pub(crate) async fn with(builder: Builder) -> Self {
        let http = Client::builder().redirect(redirect::Policy::none()).no_proxy().build().unwrap();
        Self { sim: builder.start().await.unwrap(), http }
    }

    pub(crate) fn control(&self) -> Control {
        self.sim.control()
    }

    pub(crate) fn knobs(&self, change: impl FnOnce(&mut Knobs)) {
        self.control().knobs(change);
    }

    pub(crate) fn app(&self, change: impl FnOnce(&mut App)) {
        self.control().app(self.sim.client_id(), change).unwrap();
    }

    pub(crate) fn login(&self, path: &str) -> Url {
        self.sim.url().join(path).unwrap()
    }

    pub(crate) fn authorize_at(&self, origin: &Url, extra: &[(&str, &str)]) -> Url {
        let mut url = origin.join("/services/oauth2/authorize").unwrap();
        let own = [
            ("response_type", "code"),
            ("client_id", self.sim.client_id()),
            ("redirect_uri", CALLBACK),
            ("state", "st4te"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        let kept = own.iter().filter(|(name, _)| !extra.iter().any(|(other, _)| other == name));
        url.query_pairs_mut().extend_pairs(kept.chain(extra).filter(|(_, value)| !value.is_empty()));
        url
    }

    pub(crate) fn authorize_url(&self, extra: &[(&str, &str)]) -> Url {
        self.authorize_at(&self.sim.url(), extra)
    }

    pub(crate) async fn code_for(&self, username: &str, scope: &str) -> String {
        let url = self.authorize_url(&[("scope", scope)]);
        parameter(&self.sim.approve_as(&url, username).await.unwrap(), "code").unwrap()
    }

    pub(crate) fn token_request(&self, fields: &[(&str, &str)]) -> RequestBuilder {
        let client = [("client_id", self.sim.client_id()), ("client_secret", self.sim.client_secret())];
        let form: Vec<_> = client.iter().chain(fields).copied().collect();
        self.http.post(self.login("/services/oauth2/token")).form(&form)
    }

    pub(crate) async fn token(&self, fields: &[(&str, &str)]) -> (StatusCode, Value) {
        answer(self.token_request(fields)).await
    }

    pub(crate) async fn exchange(&self, code: &str) -> (StatusCode, Value) {
        self.token(&code_grant(code)).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> (StatusCode, Value) {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    pub(crate) async fn connect_with(&self, username: &str, scope: &str) -> Tokens {
        let (status, body) = self.exchange(&self.code_for(username, scope).await).await;
        assert_eq!(status, 200, "{body}");
        Tokens { access: text(&body, "access_token"), refresh: text(&body, "refresh_token") }
    }

    pub(crate) async fn connect_as(&self, name: &str) -> Tokens {
        self.connect_with(&at_acme(name), "api id refresh_token").await
    }

    pub(crate) async fn connect(&self) -> Tokens {
        self.connect_as("integration").await
    }

    pub(crate) fn data(&self, method: Method, tokens: &Tokens, path: &str) -> RequestBuilder {
        let url = self.login(&format!("/services/data/{VERSION}/{path}"));
        self.http.request(method, url).bearer_auth(&tokens.access)
    }

    pub(crate) async fn get(&self, tokens: &Tokens, path: &str) -> (StatusCode, Value) {
        answer(self.data(Method::GET, tokens, path)).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        tokens: &Tokens,
        path: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        answer(self.data(method, tokens, path).json(body)).await
    }

    pub(crate) async fn query(&self, tokens: &Tokens, soql: &str) -> (StatusCode, Value) {
        let request = self.data(Method::GET, tokens, "query");
        answer(request.query(&[("q", soql)])).await
    }

    /// Creates a record and gives back its id.
    pub(crate) async fn create(&self, tokens: &Tokens, object: &str, body: &Value) -> String {
        let (status, answer) = self.send(Method::POST, tokens, &format!("sobjects/{object}"), body).await;
        assert_eq!(status, 201, "{answer}");
        text(&answer, "id")
    }
}

/// Status and `errorCode` of the first error of a list.
pub(crate) fn refusal((status, body): &(StatusCode, Value)) -> (u16, String) {
    (status.as_u16(), text(&body[0], "errorCode"))
}

/// Status, `error` and `error_description` of a token error.
pub(crate) fn oauth_refusal((status, body): &(StatusCode, Value)) -> (u16, String, String) {
    (status.as_u16(), text(body, "error"), text(body, "error_description"))
}

/// What [`oauth_refusal`] gives for `invalid_grant` with this description.
pub(crate) fn invalid_grant(description: &str) -> (u16, String, String) {
    (400, "invalid_grant".to_owned(), description.to_owned())
}
