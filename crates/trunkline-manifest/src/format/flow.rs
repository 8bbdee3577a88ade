//! The ways to hold a grant besides OAuth 2, and what requests carry.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Encoding, RenewalPolicy, Templates, TokenResponse};
use crate::at::At;
use crate::template::Template;

/// A key that a person pastes: every secret input of the tenant is asked for.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ApiKey {
    /// The inputs that make up the credential.
    pub(crate) inputs: Vec<At<String>>,
    /// What requests carry.
    pub(crate) injection: At<Injection>,
}

/// HTTP Basic (RFC 7617).
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Basic {
    /// The inputs that make up the credential.
    pub(crate) inputs: Vec<At<String>>,
    /// The user name. Roots: credential.
    pub(crate) username: At<Template>,
    /// The password. Roots: credential.
    pub(crate) password: At<Template>,
}

/// A login that gives a session token for a while: it is made again when the token ends.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionLogin {
    /// Where the login is sent, by POST.
    pub(crate) login_endpoint: At<Template>,
    /// What is sent: the parameter's name, and the input that it holds. In JSON, dots in a name lead into objects.
    pub(crate) params: BTreeMap<String, At<String>>,
    /// Further parameters, the same for every login.
    #[serde(default)]
    pub(crate) fixed_params: Templates,
    /// How the login is written. Default `form`.
    #[serde(default)]
    pub(crate) encoding: Encoding,
    /// How its answer is read.
    #[serde(default)]
    pub(crate) response: TokenResponse,
    /// The cookie that the session is: it is read from `Set-Cookie`, and requests carry it. Default: the answer's body has
    /// the token.
    #[serde(default)]
    pub(crate) cookie: Option<At<String>>,
    /// How the session is kept alive.
    #[serde(default)]
    pub(crate) renewal: RenewalPolicy,
    /// What requests carry. Default: `Authorization: Bearer {credential.access_token}`.
    #[serde(default)]
    pub(crate) injection: Option<At<Injection>>,
}

/// A signed statement that is exchanged for a token (RFC 7523, 2.1).
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct JwtBearer {
    /// Where the statement is exchanged.
    pub(crate) token_endpoint: At<Template>,
    /// The secret input that holds the private key, as PEM. An RSA key signs with RS256, one on P-256 with ES256.
    pub(crate) private_key: At<String>,
    /// Where the statement stands. Default `parameter`.
    #[serde(default)]
    pub(crate) statement_in: StatementIn,
    /// The key's id, for the statement's header. Roots: input.
    #[serde(default)]
    pub(crate) key_id: Option<At<Template>>,
    /// The claims, but for `iat` and `exp`. Roots: input.
    pub(crate) claims: Templates,
    /// Whether the scopes stand in a claim `scope` rather than in a parameter. Default false.
    #[serde(default)]
    pub(crate) scope_claim: bool,
    /// Seconds that a statement is good for. Default 300.
    #[serde(default)]
    pub(crate) lifetime_s: Option<At<u32>>,
    /// Seconds that a statement is dated back, for clocks that are not alike; its life counts from there. Default 0.
    #[serde(default)]
    pub(crate) backdate_s: Option<At<u32>>,
    /// The scopes to ask for.
    #[serde(default)]
    pub(crate) scopes: Vec<At<String>>,
    /// How the answer is read.
    #[serde(default)]
    pub(crate) token_response: TokenResponse,
    /// How the grant is kept alive.
    #[serde(default)]
    pub(crate) renewal: RenewalPolicy,
    /// What requests carry. Default: `Authorization: Bearer {credential.access_token}`.
    #[serde(default)]
    pub(crate) injection: Option<At<Injection>>,
}

/// Where a statement stands in the request that exchanges it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum StatementIn {
    /// In the parameter `assertion`, beside the `grant_type` of RFC 7523; a form.
    #[default]
    Parameter,
    /// In `Authorization: Bearer`, over an empty JSON object.
    Authorization,
}

/// What requests carry. Roots: credential.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Injection {
    /// Headers by name, such as `Authorization = "Bearer {credential.access_token}"`.
    #[serde(default)]
    pub(crate) headers: Templates,
    /// Parameters of the query by name. URLs end up in logs of proxies and servers: headers are better.
    #[serde(default)]
    pub(crate) query: Templates,
    /// HTTP Basic.
    #[serde(default)]
    pub(crate) basic: Option<BasicPair>,
}

/// A user name and a password.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct BasicPair {
    /// The user name.
    pub(crate) username: At<Template>,
    /// The password.
    pub(crate) password: At<Template>,
}
