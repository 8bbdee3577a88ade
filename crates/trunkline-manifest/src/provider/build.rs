//! Makes the ready-made grants of `trunkline-auth` as a manifest says.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use trunkline_auth::jwt::SigningKey;
use trunkline_auth::oauth2::{
    AuthorizationCode, Client, ClientAuth, ClientCredentials, DeviceCode, Introspection, JwtBearer, TimeUnit,
    TokenCodec, TokenEncoding, TokenResponse as Answer, ZeroExpiry,
};
use trunkline_core::http::Method as HttpMethod;
use trunkline_core::jiff::Timestamp;
use trunkline_core::{
    Account, Error, InputSpec, Inputs, NewConsent, RefreshPolicy, Reuse, RevokeScope, Secret,
};

use super::captured;
use super::client::{client, misconfigured};
use super::revocation::revocation;
use crate::config::Operator;
use crate::format::{
    self, Encoding, GrantType, OAuth2, RenewalPolicy, RequestMethod, RevocationScope, StatementIn,
    TokenResponse, Unit, Zero,
};
use crate::judge::judge;
use crate::manifest::Manifest;
use crate::template::{Root, Template};
use crate::values::Values;

/// What the grants are made of, besides the values of one connection.
pub(crate) struct Grants<'a> {
    pub(crate) operator: &'a Operator,
    /// For the judge of answers; `None` while a manifest is only tried.
    pub(crate) manifest: Option<&'a Arc<Manifest>>,
}

/// Settings that the builders have in common; they share their setters, but no trait.
macro_rules! token_requests {
    ($builder:expr, $grants:expr, $values:expr, $response:expr, $separator:expr) => {{
        let mut builder = $builder.codec(codec($response, $separator)).public_only(true);
        if let Some(manifest) = $grants.manifest {
            let own = Arc::clone(manifest);
            builder = builder.judge(move |exchange| judge(&own.format, exchange));
        }
        let reader = captured::reader($values.format, &client_id($grants, $values));
        builder.account_hint(move |answer: &Answer| {
            // The one way in which a grant says more of its answer than the standards name.
            Some(Account { details: reader(answer), ..Account::default() })
        })
    }};
}

macro_rules! oauth2_requests {
    ($builder:expr, $grants:expr, $values:expr, $oauth2:expr) => {{
        let oauth2: &OAuth2 = $oauth2;
        let mut builder =
            token_requests!($builder, $grants, $values, &oauth2.token_response, oauth2.scope_separator)
                .scope_separator(oauth2.scope_separator)
                .scopes(oauth2.scopes.iter().map(|scope| scope.as_str()))
                .scopes(&$grants.operator.scopes)
                .token_method(method(oauth2.token_request_method))
                .token_encoding(encoding(oauth2.token_request_encoding))
                .allow_secrets_in_url(oauth2.token_request_encoding == Encoding::Query);
        for (name, value) in &oauth2.token_params {
            if let Some(value) = $values.text_if_given(value)? {
                builder = builder.token_param(name, value.as_str());
            }
        }
        for (standard, name) in &oauth2.parameter_names {
            builder = builder.rename(standard, name.as_str());
        }
        for name in &oauth2.omitted_params {
            builder = builder.omit(name.as_str());
        }
        if let Some(url) = known(oauth2.revocation_endpoint.as_deref(), $values) {
            builder = builder.revoke_url($values.url(url)?);
        }
        if let Some(asks) = &oauth2.revocation {
            builder = builder.revocation(revocation(asks, $values)?);
        }
        builder
    }};
}

/// Whom an id token has to be meant for: the client, the customer's own where each has one.
fn client_id(grants: &Grants<'_>, values: Values<'_>) -> String {
    let input = values.format.oauth2.as_ref().and_then(|oauth2| oauth2.client_id_input.as_ref());
    let given = input.and_then(|input| values.value(Root::Input, input).ok());
    given.map(|id| id.to_string()).or_else(|| grants.operator.client_id.clone()).unwrap_or_default()
}

/// The authorization code grant.
pub(crate) fn code(
    grants: &Grants<'_>,
    oauth2: &OAuth2,
    values: Values<'_>,
) -> Result<AuthorizationCode, Error> {
    let endpoint = oauth2.authorization_endpoint.as_ref().ok_or_else(misconfigured)?;
    let redirect_uri = grants.operator.redirect_uri.as_deref().ok_or_else(misconfigured)?;
    let client = client(grants, oauth2, values)?;
    let builder = AuthorizationCode::builder(
        client,
        values.url(endpoint)?,
        values.url(&oauth2.token_endpoint)?,
        redirect_uri,
    );
    let mut builder =
        oauth2_requests!(builder, grants, values, oauth2).pkce(oauth2.pkce).policy(policy(&oauth2.renewal));
    for (name, value) in &oauth2.authorization_params {
        if let Some(value) = values.text_if_given(value)? {
            builder = builder.authorize_param(name, value.as_str());
        }
    }
    if let Some(url) = known(oauth2.refresh_endpoint.as_deref(), values) {
        builder = builder.refresh_url(values.url(url)?);
    }
    if let Some(issuer) = &oauth2.issuer {
        builder = builder.issuer(issuer.as_str());
    }
    if let Some(parameter) = &oauth2.callback_hmac {
        builder = builder.callback_hmac(parameter.as_str());
    }
    builder.build()
}

/// The device authorization grant.
pub(crate) fn device(grants: &Grants<'_>, oauth2: &OAuth2, values: Values<'_>) -> Result<DeviceCode, Error> {
    let endpoint = oauth2.device_authorization_endpoint.as_ref().ok_or_else(misconfigured)?;
    let client = client(grants, oauth2, values)?;
    let mut builder = DeviceCode::builder(client, values.url(endpoint)?, values.url(&oauth2.token_endpoint)?);
    if let Some(word) = oauth2.grant_type_names.get(GrantType::DeviceCode.name()) {
        builder = builder.grant_type(word.as_str());
    }
    let mut builder = oauth2_requests!(builder, grants, values, oauth2).policy(policy(&oauth2.renewal));
    if let Some(url) = known(oauth2.refresh_endpoint.as_deref(), values) {
        builder = builder.refresh_url(values.url(url)?);
    }
    builder.build()
}

/// The same for a consent by a code, whose URL needs no token endpoint: only the callback may name that one.
pub(crate) fn consent(
    grants: &Grants<'_>,
    oauth2: &OAuth2,
    values: Values<'_>,
) -> Result<AuthorizationCode, Error> {
    if known(Some(&oauth2.token_endpoint), values).is_some() {
        return code(grants, oauth2, values);
    }
    let mut at_consent = oauth2.clone();
    // Nothing is sent there.
    at_consent.token_endpoint = oauth2.authorization_endpoint.clone().ok_or_else(misconfigured)?;
    code(grants, &at_consent, values)
}

/// The URL, unless it needs a capture that did not come yet: before the first answer nothing is renewed or revoked.
fn known<'t>(url: Option<&'t Template>, values: Values<'_>) -> Option<&'t Template> {
    let is_known = |name: &str| values.captures.is_some_and(|captures| captures.get(name).is_some());
    url.filter(|url| url.expressions().all(|(root, name)| root != Root::Capture || is_known(name)))
}

/// The client credentials grant.
pub(crate) fn credentials(
    grants: &Grants<'_>,
    oauth2: &OAuth2,
    values: Values<'_>,
) -> Result<ClientCredentials, Error> {
    let client = client(grants, oauth2, values)?;
    let mut builder = ClientCredentials::builder(client, values.url(&oauth2.token_endpoint)?);
    if let Some(word) = oauth2.grant_type_names.get(GrantType::ClientCredentials.name()) {
        builder = builder.grant_type(word.as_str());
    }
    oauth2_requests!(builder, grants, values, oauth2).policy(minted(&oauth2.renewal)).build()
}

/// A login: client credentials of a user, without the standard's words.
pub(crate) fn login(
    grants: &Grants<'_>,
    login: &format::SessionLogin,
    values: Values<'_>,
    specs: &[InputSpec],
) -> Result<ClientCredentials, Error> {
    let client = Client::new(values.format.name.as_str(), None).auth(ClientAuth::Unstated);
    let builder = ClientCredentials::builder(client, values.url(&login.login_endpoint)?);
    let mut builder = token_requests!(builder, grants, values, &login.response, ' ')
        .policy(minted(&login.renewal))
        .token_encoding(match login.encoding {
            Encoding::Json => TokenEncoding::NestedJson,
            other => encoding(other),
        })
        .omit("grant_type")
        .omit("scope");
    if let Some(cookie) = &login.cookie {
        builder = builder.codec(codec(&login.response, ' ').cookie(cookie.as_str()));
    }
    for (name, value) in &login.fixed_params {
        if let Some(value) = values.text_if_given(value)? {
            builder = builder.token_param(name, value.as_str());
        }
    }
    for (param, input) in &login.params {
        let spec = specs.iter().find(|spec| spec.name == input.as_str()).ok_or_else(misconfigured)?;
        builder = builder.input(spec.clone(), param);
    }
    builder.build()
}

/// A signed statement that is exchanged for a token.
pub(crate) fn jwt(
    grants: &Grants<'_>,
    jwt: &format::JwtBearer,
    values: Values<'_>,
) -> Result<JwtBearer, Error> {
    let id = grants.operator.client_id.as_deref().unwrap_or(values.format.name.as_str());
    let client = Client::new(id, None).auth(ClientAuth::Unstated);
    let mut claims = BTreeMap::new();
    for (name, value) in &jwt.claims {
        claims.insert(name.clone(), values.text(value)?.to_string());
    }
    let scopes = jwt
        .scopes
        .iter()
        .map(|scope| scope.as_str())
        .chain(grants.operator.scopes.iter().map(String::as_str));
    let scopes: Vec<&str> = scopes.collect();
    if jwt.scope_claim && !scopes.is_empty() {
        claims.insert("scope".to_owned(), scopes.join(" "));
    }
    let key_id = jwt.key_id.as_ref().map(|key_id| values.text(key_id)).transpose()?;
    let statement = Statement {
        claims,
        key_id: key_id.map(|key_id| key_id.to_string()),
        private_key: jwt.private_key.to_string(),
        lifetime_s: jwt.lifetime_s.as_deref().copied().unwrap_or(300),
        backdate_s: jwt.backdate_s.as_deref().copied().unwrap_or(0),
    };
    let assert = move |inputs: &Inputs, now: Timestamp| statement.sign(inputs, now);
    let mut builder = JwtBearer::builder(client, values.url(&jwt.token_endpoint)?, assert);
    if jwt.statement_in == StatementIn::Authorization {
        builder = builder.assertion_in_authorization(true).token_encoding(TokenEncoding::Json);
    }
    let builder =
        token_requests!(builder, grants, values, &jwt.token_response, ' ').policy(minted(&jwt.renewal));
    if jwt.scope_claim { builder.build() } else { builder.scopes(scopes).build() }
}

/// What a statement says, and which input signs it.
struct Statement {
    claims: BTreeMap<String, String>,
    key_id: Option<String>,
    private_key: String,
    lifetime_s: u32,
    backdate_s: u32,
}

impl Statement {
    fn sign(&self, inputs: &Inputs, now: Timestamp) -> Result<Secret, Error> {
        let key = SigningKey::from_pem(inputs.require(&self.private_key)?)
            .map_err(|error| super::client::no_key(&error))?;
        let claims = self.claims.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str())));
        let mut claims: Map<String, Value> = claims.collect();
        let issued = now.as_second().saturating_sub(self.backdate_s.into());
        claims.insert("iat".to_owned(), issued.into());
        claims.insert("exp".to_owned(), issued.saturating_add(self.lifetime_s.into()).into());
        self.key_id.iter().fold(key, |key, key_id| key.key_id(key_id)).sign(&claims)
    }
}

/// What a service says about a token.
pub(crate) fn introspection(
    grants: &Grants<'_>,
    oauth2: &OAuth2,
    values: Values<'_>,
) -> Result<Option<Introspection>, Error> {
    let Some(url) = &oauth2.introspection_endpoint else { return Ok(None) };
    let client = client(grants, oauth2, values)?;
    Introspection::new(client, values.url(url)?).map(|it| Some(it.public_only(true)))
}

pub(super) fn method(method: RequestMethod) -> HttpMethod {
    match method {
        RequestMethod::Post => HttpMethod::POST,
        RequestMethod::Get => HttpMethod::GET,
    }
}

pub(super) fn encoding(encoding: Encoding) -> TokenEncoding {
    match encoding {
        Encoding::Form => TokenEncoding::Form,
        Encoding::Json => TokenEncoding::Json,
        Encoding::Query => TokenEncoding::Query,
    }
}

fn unit(unit: Unit) -> TimeUnit {
    match unit {
        Unit::Seconds => TimeUnit::Seconds,
        Unit::Milliseconds => TimeUnit::Millis,
        Unit::ByMagnitude => TimeUnit::ByMagnitude,
    }
}

fn codec(response: &TokenResponse, separator: char) -> TokenCodec {
    let mut codec = TokenCodec::new()
        .scope_separator(response.scope_separator.unwrap_or(separator))
        .expires_in_unit(unit(response.expires_in_unit))
        .expires_at_unit(unit(response.expires_at_unit))
        .zero_expiry(match response.zero_expiry {
            Zero::Unknown => ZeroExpiry::Unknown,
            Zero::Never => ZeroExpiry::Never,
        });
    if let Some(member) = &response.within {
        codec = codec.within(member);
    }
    for (standard, name) in &response.members {
        codec = codec.alias(standard, name.as_str());
    }
    if let Some(issued_at) = &response.issued_at {
        codec = codec.issued_at(&issued_at.member, unit(issued_at.unit));
    }
    if let Some(member) = &response.grant_expires_in {
        codec = codec.grant_expires_in(member);
    }
    for name in &response.bearer_types {
        codec = codec.bearer_type(name);
    }
    for (name, standard) in &response.error_codes {
        codec = codec.error_alias(name, standard.as_str());
    }
    codec
}

/// How a grant that a person gave is kept alive.
pub(crate) fn policy(renewal: &RenewalPolicy) -> RefreshPolicy {
    let seconds = |seconds: &crate::at::At<u32>| Duration::from_secs((**seconds).into());
    let mut policy = RefreshPolicy::default();
    if let Some(margin) = &renewal.margin_s {
        policy.margin = seconds(margin);
    }
    policy.default_lifetime = renewal.default_lifetime_s.as_ref().map(seconds);
    policy.idle_limit = renewal.idle_limit_s.as_ref().map(seconds);
    policy.reuse = match renewal.reuse.as_deref().copied().unwrap_or_default() {
        format::Reuse::KillsFamily => Reuse::KillsFamily,
        format::Reuse::RejectSoft => Reuse::RejectSoft,
        format::Reuse::Grace => {
            Reuse::Grace { window: renewal.grace_s.as_ref().map(seconds).unwrap_or_default() }
        }
    };
    policy.revoke_scope = match renewal.revocation_scope {
        RevocationScope::Token => RevokeScope::Token,
        RevocationScope::Grant => RevokeScope::Grant,
        RevocationScope::AccountPool => RevokeScope::AccountPool,
    };
    if renewal.new_consent_ends_earlier {
        policy.new_consent = NewConsent::EndsEarlier;
    }
    policy
}

/// The same for a grant that mints anew each time: nothing is spent, so nothing idles.
pub(crate) fn minted(renewal: &RenewalPolicy) -> RefreshPolicy {
    let mut policy = policy(renewal);
    policy.reuse = Reuse::RejectSoft;
    policy.idle_limit = None;
    policy
}
