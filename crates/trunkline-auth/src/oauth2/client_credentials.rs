//! The client credentials grant (RFC 6749, 4.4): nobody is asked.

use async_trait::async_trait;
use http::Method;
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
use super::token_endpoint::{TokenEndpoint, check_grant_type};

/// `grant_type` of the client's own grant (RFC 6749, 4.4.2).
const GRANT_TYPE: &str = "client_credentials";

/// Where a credential keeps the scopes that were asked for.
const REQUESTED: &str = "requested_scopes";

/// A grant of the application's own: each renewal mints a new access token, none is spent.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    endpoint: TokenEndpoint,
    scopes: ScopeSet,
    scope_separator: char,
    inputs: Vec<(InputSpec, String)>,
    grant_type: String,
}

impl ClientCredentials {
    /// Starts with what every service needs.
    #[must_use]
    pub fn builder(client: Client, token_url: Url) -> ClientCredentialsBuilder {
        let mut endpoint = TokenEndpoint::new(client, token_url);
        // Nothing is spent, so asking again is never punished.
        endpoint.policy.reuse = Reuse::RejectSoft;
        let scopes = ScopeSet::default();
        let grant_type = GRANT_TYPE.to_owned();
        ClientCredentialsBuilder { endpoint, scopes, scope_separator: ' ', inputs: Vec::new(), grant_type }
    }

    async fn mint(
        &self,
        cx: &Cx,
        inputs: &Inputs,
        scopes: &ScopeSet,
        held: Option<&Held>,
    ) -> Result<Grant, Error> {
        let purpose = Purpose::Mint { named: !self.inputs.is_empty(), renewal: held.is_some() };
        let mut params = Params::default();
        params.plain("grant_type", &self.grant_type);
        if !scopes.is_empty() {
            params.plain("scope", &scopes.join(self.scope_separator));
        }
        let is_given = |input: &InputSpec| inputs.get(input.name).is_some_and(|value| !value.is_empty());
        for (input, name) in self.inputs.iter().filter(|(input, _)| !input.optional || is_given(input)) {
            let value = inputs.require(input.name).map_err(|error| {
                error.map_diagnosis(|diagnosis| diagnosis.during(purpose.name(), cx.clock().wall()))
            })?;
            match input.secret {
                true => params.secret(name, value.expose()),
                false => params.plain(name, value.expose()),
            }
        }
        let (mut token, started) = self.endpoint.ask(cx, purpose, params).await?;
        // RFC 6749, 4.4.3: there should be none. A secret that is never used is not kept.
        token.refresh_token = None;
        token.refresh_expires_at = None;
        Ok(self.endpoint.grant(token, started, scopes, held))
    }
}

#[async_trait]
impl AuthProvider for ClientCredentials {
    fn method(&self) -> &'static str {
        "client_credentials"
    }

    fn consent(&self) -> ConsentKind {
        ConsentKind::Unattended
    }

    fn inputs(&self) -> Vec<InputSpec> {
        self.inputs.iter().map(|(input, _)| input.clone()).collect()
    }

    fn policy(&self) -> RefreshPolicy {
        self.endpoint.policy
    }

    fn client_identity(&self) -> Option<Secret> {
        Some(self.endpoint.client.identity())
    }

    async fn begin(&self, _: &Cx, _: &ConsentAsk) -> Result<Begun, Error> {
        Err(Error::new(ErrorKind::Unsupported, "client credentials need no consent"))
    }

    async fn complete(&self, cx: &Cx, answer: &ConsentAnswer) -> Result<Grant, Error> {
        let scopes = self.scopes.union(&answer.requested);
        let mut grant = self.mint(cx, &answer.inputs, &scopes, None).await?;
        // Each renewal asks anew, for what was asked for here; the answer may have named other words.
        grant.credential.other.insert(REQUESTED.to_owned(), Secret::new(scopes.join(' ')));
        Ok(grant)
    }

    async fn refresh(&self, cx: &Cx, held: &Held) -> Result<Grant, Error> {
        let asked = held.credential.other.get(REQUESTED);
        let asked = asked.map(|scopes| ScopeSet::parse(scopes.expose(), ' ')).unwrap_or_default();
        self.mint(cx, &held.inputs, &self.scopes.union(&asked), Some(held)).await
    }

    async fn revoke(&self, cx: &Cx, held: &Held) -> Result<Revoked, Error> {
        self.endpoint.revoke(cx, &held.credential).await
    }

    fn prepare(&self, credential: &Credential) -> Result<Prepared, Error> {
        bearer(credential)
    }
}

/// Collects the settings of a [`ClientCredentials`].
#[derive(Debug, Clone)]
pub struct ClientCredentialsBuilder {
    endpoint: TokenEndpoint,
    scopes: ScopeSet,
    scope_separator: char,
    inputs: Vec<(InputSpec, String)>,
    grant_type: String,
}

impl ClientCredentialsBuilder {
    token_endpoint_setters!();

    /// Needs `input`, unless it is optional, and sends it with each token request as `param`.
    #[must_use]
    pub fn input(mut self, input: InputSpec, param: impl Into<String>) -> Self {
        self.inputs.push((input, param.into()));
        self
    }

    /// The service's own word for the grant (RFC 6749, 4.5), where that is client credentials in all but name.
    /// Default `client_credentials`.
    #[must_use]
    pub fn grant_type(mut self, grant_type: impl Into<String>) -> Self {
        self.grant_type = grant_type.into();
        self
    }

    /// Checks all settings together.
    ///
    /// # Errors
    ///
    /// Always [`ErrorKind::ConfigInvalid`]: as for
    /// [`AuthorizationCodeBuilder::build`](super::AuthorizationCodeBuilder::build), an input that
    /// would set a parameter of the grant, and a word that means another grant.
    pub fn build(self) -> Result<ClientCredentials, Error> {
        let mut endpoint = self.endpoint;
        endpoint.codec.scope_separator.get_or_insert(self.scope_separator);
        endpoint.check()?;
        check_grant_type(&self.grant_type)?;
        let params = endpoint.params.iter().map(|(name, _)| name.as_str());
        endpoint.check_names(params.chain(self.inputs.iter().map(|(_, name)| name.as_str())))?;
        Ok(ClientCredentials {
            endpoint,
            scopes: self.scopes,
            scope_separator: self.scope_separator,
            inputs: self.inputs,
            grant_type: self.grant_type,
        })
    }
}
