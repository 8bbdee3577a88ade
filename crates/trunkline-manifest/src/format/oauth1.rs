//! OAuth 1.0a (RFC 5849): requests that are signed one by one.

use serde::Deserialize;
use trunkline_auth::oauth1;

use super::{Format, Method, RequestMethod, Templates};
use crate::at::At;
use crate::template::Template;

/// OAuth 1.0a where a person approves at the service (RFC 5849, 2). The settings' client signs.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuth1 {
    /// Where temporary credentials are asked for (2.1); elsewhere the request token URL. Roots: input.
    pub(crate) temporary_credential_endpoint: At<Template>,
    /// Where a person approves (2.2). Roots: input.
    pub(crate) authorization_endpoint: At<Template>,
    /// Where token credentials are asked for (2.3); elsewhere the access token URL. Roots: input.
    pub(crate) token_endpoint: At<Template>,
    /// How requests are signed (3.4).
    pub(crate) signature_method: SignatureMethod,
    /// The realm that signed requests name (3.5.1); it is not signed. Default: none. Roots: input.
    #[serde(default)]
    pub(crate) realm: Option<At<Template>>,
    /// How the realm is written. Default `as_given`.
    #[serde(default)]
    pub(crate) realm_case: RealmCase,
    /// Further parameters of the authorization request. Roots: input.
    #[serde(default)]
    pub(crate) authorization_params: Templates,
    /// The method of requests for credentials. Default `POST`.
    #[serde(default)]
    pub(crate) token_request_method: RequestMethod,
}

/// OAuth 1.0a with a token that somebody made in the service's own settings, and gives.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct OAuth1Token {
    /// The secret input that is the token.
    pub(crate) token_input: At<String>,
    /// The secret input that is the token's secret.
    pub(crate) token_secret_input: At<String>,
    /// The tenant's input that is the client's identifier, elsewhere the consumer key; where each customer has a client
    /// of its own. Default: the settings' `client_id`.
    #[serde(default)]
    pub(crate) client_id_input: Option<At<String>>,
    /// The tenant's secret input that is that client's secret. Default: the settings' `client_secret`.
    #[serde(default)]
    pub(crate) client_secret_input: Option<At<String>>,
    /// How requests are signed (RFC 5849, 3.4).
    pub(crate) signature_method: SignatureMethod,
    /// The realm that requests name (3.5.1); it is not signed. Default: none. Roots: input.
    #[serde(default)]
    pub(crate) realm: Option<At<Template>>,
    /// How the realm is written. Default `as_given`.
    #[serde(default)]
    pub(crate) realm_case: RealmCase,
}

/// How one way to hold a grant signs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signature<'f> {
    pub(crate) method: SignatureMethod,
    pub(crate) realm: Option<&'f At<Template>>,
    pub(crate) case: RealmCase,
}

impl Format {
    /// How requests are signed for `method`; `None` for one that does not sign.
    pub(crate) fn signature(&self, method: Method) -> Option<Signature<'_>> {
        let (method, realm, case) = match method {
            Method::OAuth1 => self.oauth1.as_ref().map(|it| (it.signature_method, &it.realm, it.realm_case)),
            Method::OAuth1Token => {
                self.oauth1_token.as_ref().map(|it| (it.signature_method, &it.realm, it.realm_case))
            }
            _ => None,
        }?;
        Some(Signature { method, realm: realm.as_ref(), case })
    }
}

/// How a request is signed (RFC 5849, 3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) enum SignatureMethod {
    /// HMAC with SHA-1.
    #[serde(rename = "HMAC-SHA1")]
    HmacSha1,
    /// HMAC with SHA-256.
    #[serde(rename = "HMAC-SHA256")]
    HmacSha256,
    /// The two secrets themselves, over TLS.
    #[serde(rename = "PLAINTEXT")]
    Plaintext,
}

impl From<SignatureMethod> for oauth1::SignatureMethod {
    fn from(method: SignatureMethod) -> Self {
        match method {
            SignatureMethod::HmacSha1 => Self::HmacSha1,
            SignatureMethod::HmacSha256 => Self::HmacSha256,
            SignatureMethod::Plaintext => Self::Plaintext,
        }
    }
}

/// How a realm is written, where hosts have the same identifier in another form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum RealmCase {
    /// As it stands.
    #[default]
    AsGiven,
    /// In upper case, with `_` for `-`: `1234567-sb1` is `1234567_SB1`.
    UpperSnake,
}

impl RealmCase {
    /// The realm as requests name it.
    pub(crate) fn write(self, realm: &str) -> String {
        match self {
            Self::AsGiven => realm.to_owned(),
            Self::UpperSnake => realm.to_ascii_uppercase().replace('-', "_"),
        }
    }
}
