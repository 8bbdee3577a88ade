//! Token answers, in the service's own form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use trunkline_core::jiff::Timestamp;

use super::api::put;
use super::{CLIENT_ID, Mirror};
use crate::format::{CaptureSource, Method, TokenResponse, Unit};
use crate::template::Root;

/// A number that is larger is one of milliseconds, where the size decides.
const LARGEST_SECONDS: u64 = 200_000;

const DAY_S: u64 = 86_400;

/// What a token answer says, in the standard's words.
#[derive(Clone)]
pub struct Token {
    /// The access token.
    pub access_token: String,
    /// The refresh token, if there is one.
    pub refresh_token: Option<String>,
    /// Its type.
    pub token_type: String,
    /// How long it lives, in seconds; `None` where the answer does not say.
    pub expires_in_s: Option<u64>,
    /// The scopes, separated as the request separates them.
    pub scope: Option<String>,
    /// When it was made, by the service's clock.
    pub at: Timestamp,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Mirror {
    /// How token answers of this way are read, and what separates scopes in requests.
    fn response(&self) -> (TokenResponse, char) {
        let format = self.format();
        match self.method {
            Method::SessionLogin => format.session_login.as_ref().map(|login| (login.response.clone(), ' ')),
            Method::JwtBearer => format.jwt_bearer.as_ref().map(|jwt| (jwt.token_response.clone(), ' ')),
            _ => self.oauth2().map(|oauth2| (oauth2.token_response.clone(), oauth2.scope_separator)),
        }
        .unwrap_or_default()
    }

    /// What stands between two scopes in requests.
    #[must_use]
    pub fn scope_separator(&self) -> char {
        self.response().1
    }

    /// Whether the manifest names this member of token answers.
    pub(super) fn names(&self, standard: &str) -> bool {
        self.response().0.members.contains_key(standard)
    }

    /// A token answer for an account, without the members of [`members`](Self::members).
    #[must_use]
    pub fn token_answer(&self, token: &Token, who: usize) -> Value {
        let (response, separator) = self.response();
        let mut answer = json!({});
        let mut say = |standard: &str, value: Option<Value>| {
            let named = response.members.get(standard).map_or(standard, |name| name.as_str());
            value.into_iter().for_each(|value| put(&mut answer, named, value));
        };
        say("access_token", self.session_cookie().is_none().then(|| json!(token.access_token)));
        say("refresh_token", token.refresh_token.as_ref().map(|token| json!(token)));
        let is_login = self.method == Method::SessionLogin;
        if !is_login || self.names("token_type") {
            let other = response.bearer_types.first().filter(|_| token.token_type == "Bearer");
            say("token_type", Some(json!(other.unwrap_or(&token.token_type))));
        }
        if !is_login || self.names("scope") {
            let of_answers = response.scope_separator.unwrap_or(separator).to_string();
            say("scope", token.scope.as_ref().map(|scope| json!(scope.replace(separator, &of_answers))));
        }
        // Which of the members the service has is known where the manifest names one.
        let end = match () {
            () if self.names("expires_at") && !self.names("expires_in") => "expires_at",
            () if self.names("expires") && !self.names("expires_in") => "expires",
            () => "expires_in",
        };
        let life = token.expires_in_s.map(|life| match end {
            "expires_at" => point(token.at.as_second(), life, response.expires_at_unit),
            _ => json!(duration(life, response.expires_in_unit)),
        });
        say(end, life);
        if self.names("refresh_token_expires_in") && token.refresh_token.is_some() {
            say("refresh_token_expires_in", Some(json!(duration(90 * DAY_S, response.expires_in_unit))));
        }
        if self.names("refresh_token_expires_at") && token.refresh_token.is_some() {
            let end = point(token.at.as_second(), 90 * DAY_S, response.expires_at_unit);
            say("refresh_token_expires_at", Some(end));
        }
        if let Some(issued_at) = &response.issued_at {
            put(&mut answer, &issued_at.member, point(token.at.as_second(), 0, issued_at.unit));
        }
        if let Some(member) = &response.grant_expires_in {
            put(&mut answer, member, json!(3_650 * DAY_S));
        }
        self.id_token(who).into_iter().for_each(|token| put(&mut answer, "id_token", json!(token)));
        match &response.within {
            Some(within) => json!({ within.as_str(): answer }),
            None => answer,
        }
    }

    /// The cookie that is the session, if it is one: the token stands in it, and nowhere else.
    #[must_use]
    pub fn session_cookie(&self) -> Option<&str> {
        self.format().session_cookie(self.method)
    }

    /// What else token answers hold: paths, whose dots lead into objects, and texts.
    #[must_use]
    pub fn members(&self) -> Vec<(String, String)> {
        let within = self.response().0.within.map(|within| format!("{within}.")).unwrap_or_default();
        let captures = self.captures(CaptureSource::TokenResponse);
        captures.map(|(name, member)| (format!("{within}{member}"), format!("{{capture.{name}}}"))).collect()
    }

    /// What the callback holds besides the code and the state: names, and texts.
    #[must_use]
    pub fn callback(&self) -> Vec<(String, String)> {
        if !matches!(self.method, Method::AuthorizationCode | Method::OAuth1) {
            return Vec::new();
        }
        let captures = self.captures(CaptureSource::Callback);
        captures.map(|(name, member)| (member.to_owned(), format!("{{capture.{name}}}"))).collect()
    }

    /// The captures from there: their names, and where they stand.
    pub(super) fn captures(&self, from: CaptureSource) -> impl Iterator<Item = (&str, &str)> {
        let captures = self.format().captures.iter().filter(move |(_, capture)| *capture.from == from);
        captures
            .map(|(name, capture)| (name.as_str(), capture.member.as_ref().map_or(name.as_str(), |it| it)))
    }

    /// An id token with the captures that stand in one. Nobody checks its signature: it comes straight from the service.
    fn id_token(&self, who: usize) -> Option<String> {
        let input = self.oauth2().and_then(|oauth2| oauth2.client_id_input.as_ref());
        let client = input.map_or(Some(CLIENT_ID), |input| self.words.get(Root::Input, input, who));
        let mut claims = json!({ "aud": client });
        for (name, member) in self.captures(CaptureSource::IdToken) {
            let value = self.words.get(Root::Capture, name, who).unwrap_or_default();
            put(&mut claims, member, json!(value));
        }
        let has_any = self.captures(CaptureSource::IdToken).next().is_some();
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        has_any.then(|| format!("{}.{payload}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256"}"#)))
    }
}

fn duration(seconds: u64, unit: Unit) -> u64 {
    match unit {
        Unit::Seconds => seconds,
        Unit::Milliseconds => seconds * 1000,
        Unit::ByMagnitude if seconds * 1000 > LARGEST_SECONDS => seconds * 1000,
        Unit::ByMagnitude => seconds,
    }
}

/// A point in time, so many seconds after one that is seconds since 1970.
fn point(from: i64, after: u64, unit: Unit) -> Value {
    let seconds = from.saturating_add_unsigned(after);
    match unit {
        Unit::Seconds => json!(seconds),
        Unit::Milliseconds | Unit::ByMagnitude => json!(seconds.saturating_mul(1000)),
    }
}
