//! A client that proves itself with a private key.

use serde::Deserialize;

use super::Templates;
use crate::at::At;
use crate::template::Template;

/// The statement by which the client proves itself, with `token_endpoint_auth_method = "private_key_jwt"` (RFC 7523,
/// 2.2). Its issuer and subject are the client id.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct ClientAssertion {
    /// Whom it is meant for. Default: the token endpoint. Roots: input.
    #[serde(default)]
    pub(crate) audience: Option<At<Template>>,
    /// How the key signs. Default: RS256 with an RSA key, ES256 with one on P-256.
    #[serde(default)]
    pub(crate) signing_alg: Option<At<SigningAlg>>,
    /// Seconds that it is good for. Default 60.
    #[serde(default)]
    pub(crate) lifetime_s: Option<At<u32>>,
    /// Further claims. Roots: input.
    #[serde(default)]
    pub(crate) claims: Templates,
    /// The tenant's secret input that is the private key as PEM; together with `client_id_input`. Default: the
    /// settings' `private_key`.
    #[serde(default)]
    pub(crate) private_key_input: Option<At<String>>,
    /// The tenant's input that is the id of that key. Default: the key has none.
    #[serde(default)]
    pub(crate) key_id_input: Option<At<String>>,
}

/// How a key signs (RFC 7518, 3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum SigningAlg {
    /// RSA with PKCS #1 v1.5.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSA with PSS.
    #[serde(rename = "PS256")]
    Ps256,
    /// ECDSA on P-256.
    #[serde(rename = "ES256")]
    Es256,
}
