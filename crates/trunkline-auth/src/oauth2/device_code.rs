//! The device authorization grant (RFC 8628): a person approves with a code, on whatever device.

use std::time::Duration;

use async_trait::async_trait;
use trunkline_core::{
    AuthProvider, Begun, Cause, ConsentAnswer, ConsentAsk, ConsentKind, ConsentStep, Credential, Cx,
    Diagnosis, Error, Grant, Held, Poll, Prepared, RefreshPolicy, Revoked, ScopeSet, Secret,
};
use url::Url;

use super::client::Client;
use super::device_code_builder::DeviceCodeBuilder;
use super::device_response::DeviceResponse;
use super::exchange::Attempt;
use super::grant::bearer;
use super::purpose::Purpose;
use super::request::Params;
use super::token_endpoint::TokenEndpoint;

/// `grant_type` of a device code (RFC 8628, 3.4).
pub const DEVICE_CODE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

pub(super) const DEVICE_CODE: &str = "device_code";

/// What a poll that came too early is to wait longer, and every later one (RFC 8628, 3.5).
const SLOW_DOWN: Duration = Duration::from_secs(5);

/// A grant that a person gives at the service's own page, by a code that is shown to them.
///
/// Anybody can show such a code to a person, and be let in by them: offer it only where somebody asks for it by
/// name (RFC 8628, 5.4).
///
/// # Cancel safety
///
/// A dropped `poll` or `refresh` may have spent the device code or the refresh token: its outcome is unknown.
#[derive(Debug, Clone)]
pub struct DeviceCode {
    pub(super) endpoint: TokenEndpoint,
    pub(super) device_url: Url,
    pub(super) scopes: ScopeSet,
    pub(super) scope_separator: char,
    pub(super) device_params: Vec<(String, String)>,
    pub(super) grant_type: String,
}

impl DeviceCode {
    /// Starts with what every service needs: `device_url` is its device authorization endpoint.
    #[must_use]
    pub fn builder(client: Client, device_url: Url, token_url: Url) -> DeviceCodeBuilder {
        let mut endpoint = TokenEndpoint::new(client, token_url);
        endpoint.own = &[DEVICE_CODE];
        DeviceCodeBuilder {
            endpoint,
            device_url,
            scopes: ScopeSet::default(),
            scope_separator: ' ',
            device_params: Vec::new(),
            grant_type: DEVICE_CODE_GRANT.to_owned(),
        }
    }

    /// RFC 8628, 3.1.
    async fn authorize(&self, cx: &Cx, scopes: &ScopeSet) -> Result<DeviceResponse, Error> {
        let endpoint = &self.endpoint;
        let mut params = Params::default();
        if !scopes.is_empty() {
            params.plain("scope", &scopes.join(self.scope_separator));
        }
        params.omit(&endpoint.omitted);
        for (name, value) in &self.device_params {
            params.plain(name, value);
        }
        let request = endpoint.request(
            cx,
            &self.device_url,
            endpoint.method.clone(),
            endpoint.encoding,
            &mut params,
        )?;
        let answer = endpoint.send(cx, Purpose::Device, request).await?;
        let defect = match answer.status.is_success() && answer.broken.is_none() {
            true => match DeviceResponse::read(&endpoint.codec, &answer.body, answer.started) {
                Ok(response) => return Ok(response),
                Err(defect) => Some(defect),
            },
            false => endpoint.refusal(&answer),
        };
        Err(endpoint.refused(cx, Purpose::Device, &answer, defect.as_ref(), &params.redactor()))
    }
}

#[async_trait]
impl AuthProvider for DeviceCode {
    fn method(&self) -> &'static str {
        "device_code"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Device
    }

    fn policy(&self) -> RefreshPolicy {
        self.endpoint.policy
    }

    fn client_identity(&self) -> Option<Secret> {
        Some(self.endpoint.client.identity())
    }

    async fn begin(&self, cx: &Cx, ask: &ConsentAsk) -> Result<Begun, Error> {
        let requested = self.scopes.union(&ask.scopes);
        let shown = self.authorize(cx, &requested).await?;
        let step = ConsentStep::Device {
            state: ask.state.clone(),
            user_code: shown.user_code,
            verification_uri: shown.verification_uri,
            verification_uri_complete: shown.verification_uri_complete,
            expires_at: shown.expires_at,
            interval: shown.interval,
        };
        Ok(Begun { step, pending: [(DEVICE_CODE.to_owned(), shown.device_code)].into(), requested })
    }

    /// As [`poll`](Self::poll); where nobody has approved yet, [`Cause::ConsentMissing`].
    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let waiting = match self.poll(cx, answer).await? {
            Poll::Granted(grant) => return Ok(*grant),
            Poll::SlowDown => Diagnosis::new(Cause::ConsentMissing).retry_after(SLOW_DOWN),
            _ => Diagnosis::new(Cause::ConsentMissing),
        };
        Err(waiting.during(Purpose::Poll.name(), cx.clock().wall()).into())
    }

    async fn poll(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Poll, Error> {
        let device_code = answer.pending.get(DEVICE_CODE).filter(|code| !code.is_empty());
        let device_code = device_code.ok_or_else(|| {
            let diagnosis = Diagnosis::new(Cause::ConsentInvalid).message("the consent has no device code");
            Error::from(diagnosis.during(Purpose::Poll.name(), cx.clock().wall()))
        })?;
        let mut params = Params::default();
        params.plain("grant_type", &self.grant_type);
        params.secret(DEVICE_CODE, device_code.expose());
        let refused = match self.endpoint.attempt(cx, Purpose::Poll, params).await? {
            Attempt::Token(token, started) => {
                let grant = self.endpoint.grant(*token, started, &answer.requested, None);
                return Ok(Poll::Granted(Box::new(grant)));
            }
            Attempt::Refused(refused) => refused,
        };
        match refused.code() {
            Some("authorization_pending") => Ok(Poll::Pending),
            Some("slow_down") => Ok(Poll::SlowDown),
            _ => Err(self.endpoint.error(cx, Purpose::Poll, &refused)),
        }
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        self.endpoint.refresh(cx, held).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.endpoint.revoke(cx, &held.credential).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        bearer(credential)
    }
}
