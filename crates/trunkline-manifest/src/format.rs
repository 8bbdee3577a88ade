//! The format: what may stand in a manifest, as it is read.
//!
//! Unknown keys are errors everywhere. The comments here are the descriptions of the JSON Schema.

mod after;
mod client_assertion;
mod flow;
mod input;
mod oauth1;
mod oauth2;
mod pagination;
mod permissions;
mod revocation;
mod service;

use std::collections::BTreeMap;

use serde::Deserialize;

pub(crate) use after::{AfterConsent, Choice};
pub(crate) use client_assertion::{ClientAssertion, SigningAlg};
pub(crate) use flow::{ApiKey, Basic, BasicPair, Injection, JwtBearer, SessionLogin, StatementIn};
pub(crate) use input::{Capture, CaptureSource, GivenBy, Input};
pub(crate) use oauth1::{OAuth1, OAuth1Token, RealmCase, Signature};
pub(crate) use oauth2::{
    AuthMethod, Encoding, GrantType, OAuth2, RenewalPolicy, RequestMethod, Reuse, RevocationScope,
    TokenResponse, Unit, Zero,
};
pub(crate) use pagination::{PageStyle, Pagination};
pub(crate) use permissions::{OperationNeed, Permissions};
pub(crate) use revocation::{Revocation, RevocationMethod, RevokedToken};
pub(crate) use service::{
    Api, ErrorMatcher, Identity, MatchedCall, Probe, RateLimit, RequestKind, ResetUnit,
};

use crate::at::At;
use crate::host::HostPattern;
use crate::template::Template;

/// The version of the format that this crate reads.
pub(crate) const VERSION: u32 = 1;

/// Texts by name.
pub(crate) type Templates = BTreeMap<String, At<Template>>;

/// One provider.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Format {
    /// The version of the format: 1.
    pub(crate) manifest: At<u32>,
    /// The provider's name: lower-case letters, digits and `_`.
    pub(crate) name: At<String>,
    /// The service's name as people know it.
    pub(crate) title: At<String>,
    /// Where the service documents the API.
    pub(crate) docs: At<String>,
    /// The name of another manifest, whose keys count where this one has none: tables deeply, lists as a whole.
    #[serde(default)]
    pub(crate) extends: Option<At<String>>,
    /// What the manifest was written from.
    pub(crate) source: Source,
    /// Every host that anything may be sent to. A URL at another host is an error.
    pub(crate) allowed_hosts: Vec<At<HostPattern>>,
    /// How connections are made if nothing else is asked for. Default: the only method, or the first grant type.
    #[serde(default)]
    pub(crate) default_method: Option<At<Method>>,
    /// What must be known before a connection can be made, by name.
    #[serde(default)]
    pub(crate) inputs: BTreeMap<String, At<Input>>,
    /// What the service returns that belongs to the connection, by name.
    #[serde(default)]
    pub(crate) captures: BTreeMap<String, At<Capture>>,
    /// The OAuth 2 grants.
    #[serde(default)]
    pub(crate) oauth2: Option<At<OAuth2>>,
    /// OAuth 1.0a, where a person approves. Beside `oauth1_token` alone.
    #[serde(default)]
    pub(crate) oauth1: Option<At<OAuth1>>,
    /// OAuth 1.0a, with a token that somebody gives. Beside `oauth1` alone.
    #[serde(default)]
    pub(crate) oauth1_token: Option<At<OAuth1Token>>,
    /// A key that a person pastes.
    #[serde(default)]
    pub(crate) api_key: Option<At<ApiKey>>,
    /// A user name and a password, or what takes their place (RFC 7617).
    #[serde(default)]
    pub(crate) basic: Option<At<Basic>>,
    /// A login that gives a session token for a while.
    #[serde(default)]
    pub(crate) session_login: Option<At<SessionLogin>>,
    /// A signed statement that is exchanged for a token (RFC 7523), as service accounts do.
    #[serde(default)]
    pub(crate) jwt_bearer: Option<At<JwtBearer>>,
    /// What is asked after the first token.
    #[serde(default)]
    pub(crate) after_consent: Option<At<AfterConsent>>,
    /// The API.
    pub(crate) api: Api,
    /// Who the service says we are. Without it, the account stays unknown.
    #[serde(default)]
    pub(crate) identity: Option<At<Identity>>,
    /// A cheap request that proves that the grant serves. Default: the identity's request.
    #[serde(default)]
    pub(crate) probe: Option<At<Probe>>,
    /// What the service's answers mean, the first that matches. Where none does, the standards decide.
    #[serde(default)]
    pub(crate) errors: Vec<At<ErrorMatcher>>,
    /// How the service says that it wants a pause, beyond 429 and `Retry-After`.
    #[serde(default)]
    pub(crate) rate_limit: Option<RateLimit>,
    /// How long lists come in pages.
    #[serde(default)]
    pub(crate) pagination: Option<At<Pagination>>,
    /// Which scopes operations need.
    #[serde(default)]
    pub(crate) permissions: Option<At<Permissions>>,
}

/// What a manifest was written from.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    /// The pages of the vendor's own documentation.
    pub(crate) urls: Vec<At<String>>,
    /// The day they were read, as 2026-11-25.
    pub(crate) checked: At<String>,
}

/// One way to hold a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    AuthorizationCode,
    DeviceCode,
    ClientCredentials,
    ApiKey,
    Basic,
    SessionLogin,
    JwtBearer,
    #[serde(rename = "oauth1")]
    OAuth1,
    #[serde(rename = "oauth1_token")]
    OAuth1Token,
}

impl Method {
    /// All of them.
    const ALL: [Self; 9] = [
        Self::AuthorizationCode,
        Self::DeviceCode,
        Self::ClientCredentials,
        Self::ApiKey,
        Self::Basic,
        Self::SessionLogin,
        Self::JwtBearer,
        Self::OAuth1,
        Self::OAuth1Token,
    ];

    /// The name under which a record remembers it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
            Self::ClientCredentials => "client_credentials",
            Self::ApiKey => "api_key",
            Self::Basic => "basic",
            Self::SessionLogin => "session_login",
            Self::JwtBearer => "jwt_bearer",
            Self::OAuth1 => "oauth1",
            Self::OAuth1Token => "oauth1_token",
        }
    }

    /// The one called `name`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    /// Whether each request is signed, and nothing renews what signs it.
    pub(crate) const fn signs(self) -> bool {
        matches!(self, Self::OAuth1 | Self::OAuth1Token)
    }
}

impl Format {
    /// The ways to hold a grant, in the order of the format.
    pub(crate) fn methods(&self) -> Vec<Method> {
        let grants = self.oauth2.iter().flat_map(|oauth2| oauth2.grant_types.iter());
        let grants = grants.map(|grant| match **grant {
            GrantType::AuthorizationCode => Method::AuthorizationCode,
            GrantType::DeviceCode => Method::DeviceCode,
            GrantType::ClientCredentials => Method::ClientCredentials,
        });
        let others = [
            self.api_key.is_some().then_some(Method::ApiKey),
            self.basic.is_some().then_some(Method::Basic),
            self.session_login.is_some().then_some(Method::SessionLogin),
            self.jwt_bearer.is_some().then_some(Method::JwtBearer),
            self.oauth1.is_some().then_some(Method::OAuth1),
            self.oauth1_token.is_some().then_some(Method::OAuth1Token),
        ];
        grants.chain(others.into_iter().flatten()).collect()
    }

    /// The cookie that the session is, where `method` is a login that gives one.
    pub(crate) fn session_cookie(&self, method: Method) -> Option<&str> {
        let login = self.session_login.as_ref().filter(|_| method == Method::SessionLogin)?;
        login.cookie.as_ref().map(|cookie| cookie.as_str())
    }

    /// Whether requests are signed by OAuth 1.0a, which stands beside no other way.
    pub(crate) const fn is_oauth1(&self) -> bool {
        self.oauth1.is_some() || self.oauth1_token.is_some()
    }
}
