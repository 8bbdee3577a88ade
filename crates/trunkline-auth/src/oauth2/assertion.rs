//! An assertion as the grant (RFC 7521, 4.1; RFC 7523, 2.1): nobody is asked.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use jiff::Timestamp;
use trunkline_core::{
    Account, AuthProvider, Begun, ConsentAnswer, ConsentAsk, ConsentKind, Credential, Cx, Diagnosis, Error,
    ErrorKind, Exchange, Grant, Held, InputSpec, Inputs, Prepared, RefreshPolicy, Reuse, Revoked, ScopeSet,
    Secret,
};
use url::Url;

use super::builder::token_endpoint_setters;
use super::client::Client;
use super::codec::TokenCodec;
use super::grant::bearer;
use super::purpose::Purpose;
use super::request::{Params, TokenEncoding};
use super::response::TokenResponse;
use super::token_endpoint::TokenEndpoint;

/// `grant_type` of a JWT (RFC 7523, 2.1).
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Makes the assertion of one token request, from the connection's inputs and the time.
///
/// It is called for each request, so that no assertion is used twice; it neither waits nor sends.
type Assert = Arc<dyn Fn(&Inputs, Timestamp) -> Result<Secret, Error> + Send + Sync>;

/// A grant that a signed statement asks for: each renewal mints a new access token, none is spent.
#[derive(Clone)]
pub struct JwtBearer {
    endpoint: TokenEndpoint,
    scopes: ScopeSet,
    scope_separator: char,
    inputs: Vec<InputSpec>,
    in_authorization: bool,
    assert: Assert,
}

impl JwtBearer {
    /// Starts with what every service needs. With [`ClientAuth::Unstated`](super::ClientAuth) nothing but
    /// the assertion says who the client is.
    #[must_use]
    pub fn builder(
        client: Client,
        token_url: Url,
        assert: impl Fn(&Inputs, Timestamp) -> Result<Secret, Error> + Send + Sync + 'static,
    ) -> JwtBearerBuilder {
        let mut endpoint = TokenEndpoint::new(client, token_url);
        // Nothing is spent, so asking again is never punished.
        endpoint.policy.reuse = Reuse::RejectSoft;
        JwtBearerBuilder {
            endpoint,
            scopes: ScopeSet::default(),
            scope_separator: ' ',
            inputs: Vec::new(),
            in_authorization: false,
            assert: Arc::new(assert),
        }
    }

    async fn mint(&self, cx: &Cx, inputs: &Inputs, held: Option<&Held>) -> Result<Grant, Error> {
        let purpose = Purpose::Mint { named: true, renewal: held.is_some() };
        let now = cx.clock().wall();
        let dated = |error: Error| error.map_diagnosis(|diagnosis| diagnosis.during(purpose.name(), now));
        for input in self.inputs.iter().filter(|input| !input.optional) {
            inputs.require(input.name).map_err(dated)?;
        }
        let assertion = (self.assert)(inputs, now).map_err(dated)?;
        let mut params = Params::default();
        if self.in_authorization {
            params.bearer(&assertion);
        } else {
            params.plain("grant_type", JWT_BEARER);
            params.secret("assertion", assertion.expose());
        }
        if !self.scopes.is_empty() {
            params.plain("scope", &self.scopes.join(self.scope_separator));
        }
        let (mut token, started) = self.endpoint.ask(cx, purpose, params).await?;
        // RFC 7521, 4.1: there should be none. A secret that is never used is not kept.
        token.refresh_token = None;
        token.refresh_expires_at = None;
        Ok(self.endpoint.grant(token, started, &self.scopes, held))
    }
}

#[async_trait]
impl AuthProvider for JwtBearer {
    fn method(&self) -> &'static str {
        "jwt_bearer"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Unattended
    }

    fn inputs(&self) -> Vec<InputSpec> {
        self.inputs.clone()
    }

    fn policy(&self) -> RefreshPolicy {
        self.endpoint.policy
    }

    fn client_identity(&self) -> Option<Secret> {
        Some(self.endpoint.client.identity())
    }

    async fn begin(&self, _: &Cx, _: &ConsentAsk) -> Result<Begun, Error> {
        Err(Error::new(ErrorKind::Unsupported, "an assertion needs no consent"))
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        self.mint(cx, &answer.inputs, None).await
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        self.mint(cx, &held.inputs, Some(held)).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.endpoint.revoke(cx, &held.credential).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        bearer(credential)
    }
}

impl fmt::Debug for JwtBearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBearer").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// Collects the settings of a [`JwtBearer`].
#[derive(Clone)]
pub struct JwtBearerBuilder {
    endpoint: TokenEndpoint,
    scopes: ScopeSet,
    scope_separator: char,
    inputs: Vec<InputSpec>,
    in_authorization: bool,
    assert: Assert,
}

impl JwtBearerBuilder {
    token_endpoint_setters!();

    /// Needs `input`, for the assertion.
    #[must_use]
    pub fn input(mut self, input: InputSpec) -> Self {
        self.inputs.push(input);
        self
    }

    /// Sends the assertion as `Authorization: Bearer`, and no `grant_type`, for services that are asked so for a token.
    /// The client must be [`ClientAuth::Unstated`](super::ClientAuth). Default false.
    #[must_use]
    pub fn assertion_in_authorization(mut self, in_authorization: bool) -> Self {
        self.in_authorization = in_authorization;
        self
    }

    /// Checks all settings together.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::ConfigInvalid`], as for
    /// [`ClientCredentialsBuilder::build`](super::ClientCredentialsBuilder::build).
    pub fn build(self) -> Result<JwtBearer, Error> {
        let mut endpoint = self.endpoint;
        endpoint.codec.scope_separator.get_or_insert(self.scope_separator);
        endpoint.check()?;
        if self.in_authorization && endpoint.client.is_stated() {
            return Err(Error::new(
                ErrorKind::ConfigInvalid,
                "a client that shows who it is leaves no place for the assertion",
            ));
        }
        let params = endpoint.params.iter().map(|(name, _)| name.as_str());
        endpoint.check_names(params.chain(["assertion"]))?;
        Ok(JwtBearer {
            endpoint,
            scopes: self.scopes,
            scope_separator: self.scope_separator,
            inputs: self.inputs,
            in_authorization: self.in_authorization,
            assert: self.assert,
        })
    }
}

impl fmt::Debug for JwtBearerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtBearerBuilder").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
