//! Token introspection (RFC 7662).

use http::Method;
use jiff::Timestamp;
use trunkline_core::{Cx, Error, ScopeSet, Secret};
use url::Url;

use super::client::Client;
use super::codec::members;
use super::expiry::{Life, TimeUnit, Times, ZeroExpiry};
use super::http_date;
use super::json::{Json, Members};
use super::purpose::Purpose;
use super::request::{Params, TokenEncoding};
use super::response::Defect;
use super::token_endpoint::TokenEndpoint;

/// Asks a service what it knows about a token.
#[derive(Debug, Clone)]
pub struct Introspection(TokenEndpoint);

/// What a service knows about a token. `Debug` shows names only.
#[derive(Debug)]
#[non_exhaustive]
pub struct Introspected {
    /// Whether it serves. `false` is a normal answer, and all that is known then.
    pub active: bool,
    /// When it ends, by our clock. Nothing that is concluded from the answer lives longer.
    pub expires_at: Option<Timestamp>,
    /// The scopes it has.
    pub scopes: Option<ScopeSet>,
    members: Members,
}

impl Introspected {
    /// Any member that is a text, number or boolean, such as `sub`, `username` or `client_id`.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Secret> {
        self.members.get(name)?.scalar()
    }
}

impl Introspection {
    /// Asks at `url`, with `client`'s authentication.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ConfigInvalid`](trunkline_core::ErrorKind) as for a token endpoint.
    pub fn new(client: Client, url: Url) -> Result<Self, Error> {
        let endpoint = TokenEndpoint::new(client, url);
        endpoint.check()?;
        Ok(Self(endpoint))
    }

    /// Lets requests go to the public Internet only, as for a token endpoint.
    #[must_use]
    pub fn public_only(mut self, public_only: bool) -> Self {
        self.0.public_only = public_only;
        self
    }

    /// Asks about `token`, with one request.
    ///
    /// # Errors
    ///
    /// [`Cause::ClientCredentialsInvalid`](trunkline_core::Cause) when our own credentials are refused;
    /// otherwise something transient: what is unknown about a token says nothing about it.
    pub async fn ask(&self, cx: &Cx, token: &Secret) -> Result<Introspected, Error> {
        let mut params = Params::default();
        params.secret("token", token.expose());
        let request =
            self.0.request(cx, &self.0.token_url, Method::POST, TokenEncoding::Form, &mut params)?;
        let answer = self.0.send(cx, Purpose::Introspect, request).await?;
        let offset = http_date::offset(&answer.headers, answer.received);
        let defect = match answer.status.is_success() && answer.broken.is_none() {
            true => match read(&answer.body, &self.0.codec.times(answer.started, offset)) {
                Ok(introspected) => return Ok(introspected),
                Err(defect) => Some(defect),
            },
            false => self.0.refusal(&answer),
        };
        Err(self.0.refused(cx, Purpose::Introspect, &answer, defect.as_ref(), &params.redactor()))
    }
}

fn read(body: &[u8], times: &Times) -> Result<Introspected, Defect> {
    let members = members(body)?;
    let active = match members.get("active") {
        Some(Json::Bool(active)) => *active,
        _ => return Err(Defect::Unreadable),
    };
    let times = Times { point_unit: TimeUnit::Seconds, zero: ZeroExpiry::Unknown, ..*times };
    let expires_at = members.get("exp").and_then(|value| match times.point(value) {
        Life::Until(end) => Some(end),
        Life::Unknown | Life::Never => None,
    });
    let scopes = members.get("scope").and_then(Json::text).map(|text| ScopeSet::parse(text, ' '));
    Ok(Introspected { active, expires_at, scopes, members })
}
