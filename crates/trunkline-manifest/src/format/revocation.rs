//! How a revocation is asked for, where that is otherwise than in RFC 7009.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{AuthMethod, Encoding, Templates};
use crate::at::At;

/// How a revocation is asked for, where that is otherwise than in RFC 7009.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Revocation {
    /// The method. Default `POST`.
    #[serde(default)]
    pub(crate) method: RevocationMethod,
    /// How the client shows who it is here. Default: as in token requests.
    #[serde(default)]
    pub(crate) auth_method: Option<At<AuthMethod>>,
    /// The client secret stands in `Authorization`, after this word, and the client id in the body.
    #[serde(default)]
    pub(crate) secret_scheme: Option<At<String>>,
    /// Whether the access token is sent as `Authorization: Bearer`, in the place of the client and of `token`. Default
    /// false.
    #[serde(default)]
    pub(crate) bearer: bool,
    /// Which token is sent. Default `refresh_token`, or the access token if there is no other.
    #[serde(default)]
    pub(crate) token: Option<At<RevokedToken>>,
    /// How the request is written: `form` or `json`. Default `form`.
    #[serde(default)]
    pub(crate) encoding: Encoding,
    /// The service's names for `token`, `client_id` and `client_secret` here. Default: as in token requests.
    #[serde(default)]
    pub(crate) parameter_names: BTreeMap<String, At<String>>,
    /// Further parameters. Roots: input.
    #[serde(default)]
    pub(crate) params: Templates,
}

/// The method of a revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum RevocationMethod {
    /// POST.
    #[default]
    #[serde(rename = "POST")]
    Post,
    /// DELETE.
    #[serde(rename = "DELETE")]
    Delete,
}

/// The token that a revocation sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RevokedToken {
    /// The refresh token, or the access token if there is no other.
    #[default]
    RefreshToken,
    /// The access token.
    AccessToken,
}
